/** slimta-httpd: mail over HTTP, a server over the public headers of
 * slimta-edge. */
#include <regex.h>
#include <stddef.h>

#include "server/server.h"
#include "server/values.h"

enum { LONGEST_RETRY_S = 86400 };

/** What its command line says. */
struct httpd {
    struct settings common;
    struct http_edge_options edge; /**< what no other server has */
    int needs_sender;
    int names_id;
    int closes;
    int permanent_is_422;
};

/* const char *: a POSIX extended expression. */
static int read_pattern(const char *text, void *out)
{
    regex_t pattern;

    if (regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB) != 0) {
        return 0;
    }
    regfree(&pattern);
    return value_text(text, out);
}

/* const char *: a path. */
static int read_path(const char *text, void *out)
{
    return text[0] == '/' && value_text(text, out);
}

/* unsigned: seconds. */
static int read_retry(const char *text, void *out)
{
    uint64_t number;

    if (!value_number(text, 1, LONGEST_RETRY_S, &number)) {
        return 0;
    }
    *(unsigned *)out = (unsigned)number;
    return 1;
}

#define AT(member) offsetof(struct httpd, member)

static const char whole_seconds[] = "a whole number of seconds, at least 1";

static const struct flag flags[] = {
    {"--uri-pattern", "REGEX",
        "a POSIX extended expression that paths begin with;\n"
        "others get 404 [every path]",
        "a POSIX extended regular expression", read_pattern,
        AT(edge.uri_pattern)},
    {"--head-timeout", "SECONDS", "for the head of a request [30]",
        whole_seconds, value_seconds, AT(edge.head_timeout_ms)},
    {"--body-timeout", "SECONDS", "for its body [600]", whole_seconds,
        value_seconds, AT(edge.body_timeout_ms)},
    {"--idle-timeout", "SECONDS", "between two requests [60]", whole_seconds,
        value_seconds, AT(edge.idle_timeout_ms)},
    {"--health-path", "PATH", "GET of it: 200, or 503 when told to stop [none]",
        "a path, which begins with a slash", read_path, AT(edge.health_path)},
    {"--idempotency-keys", "N", "remember N answers to Idempotency-Key [0]",
        "a whole number of at least 1", value_count, AT(edge.idempotency_keys)},
    {"--require-sender", NULL,
        "400 without X-Envelope-Sender [the null sender]", NULL, value_switch,
        AT(needs_sender)},
    {"--name-id", NULL, "say the queue's id in the reply", NULL, value_switch,
        AT(names_id)},
    {"--permanent-422", NULL, "422, not 500, for a permanent refusal", NULL,
        value_switch, AT(permanent_is_422)},
    {"--retry-after", "SECONDS", "say Retry-After in each 503 [not said]",
        "a whole number of seconds from 1 to 86400", read_retry,
        AT(edge.retry_after_s)},
    {"--close", NULL, "close the connection after each reply", NULL,
        value_switch, AT(closes)},
};

static const char *find_flaw(const struct settings *settings)
{
    return settings->requires_auth && settings->users == NULL
        ? "--require-auth needs --users"
        : NULL;
}

static unsigned flags_of(const struct httpd *httpd)
{
    return (httpd->needs_sender ? SLIMTA_HTTP_NEEDS_SENDER : 0) |
        (httpd->names_id ? SLIMTA_HTTP_NAMES_ID : 0) |
        (httpd->closes ? SLIMTA_HTTP_CLOSES : 0);
}

static struct http_edge_options options_of(struct httpd *httpd)
{
    struct http_edge_options options = httpd->edge;

    SETTINGS_APPLY(&options, &httpd->common);
    options.flags = flags_of(httpd);
    options.permanent = httpd->permanent_is_422 ? SLIMTA_HTTP_PERMANENT_422
                                                : SLIMTA_HTTP_PERMANENT_500;
    return options;
}

static int make(void **edge, struct settings *settings,
    struct slimta_queue *queue, struct slimta_tls *tls,
    struct slimta_error *error)
{
    /* The common settings are the first member. */
    struct http_edge_options options = options_of((struct httpd *)settings);
    struct http_edge *made = NULL;
    int err;

    options.tls = tls;
    err = http_edge_new(&made, &options, queue, error);
    *edge = made;
    return err;
}

int main(int argc, char **argv)
{
    static const struct program program = {
        .usage =
            {
                .name = "slimta-httpd",
                .purpose = "Receives mail over HTTP and puts it into a queue.",
                .address = "127.0.0.1:8025",
                .own = {"HTTP", flags, sizeof flags / sizeof *flags},
                .flaw = find_flaw,
            },
        .methods = &door_http,
        .make = make,
    };
    static struct httpd httpd;

    return server_main(&program, &httpd.common, argc, argv);
}
