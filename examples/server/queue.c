/** The queues that --queue names: a row for each scheme. */
#include "queue.h"

#include <string.h>

#include "settings.h"

/** A scheme: what a URI begins with, what stands behind it, what it makes. */
struct queue_scheme {
    const char *name;
    /** Reads what `target` and `query` (NULL: none) say beyond themselves. */
    int (*read)(struct queue_settings *queue, const char *query);
    int (*make)(struct slimta_queue **out, struct settings *settings,
        struct slimta_error *error);
};

/* maildir:DIR[?newlines=lf|crlf] */
static int read_maildir(struct queue_settings *queue, const char *query)
{
    if (query != NULL && strcmp(query, "newlines=lf") == 0) {
        queue->newlines = SLIMTA_NEWLINES_LF;
    } else if (query != NULL && strcmp(query, "newlines=crlf") != 0) {
        return 0;
    }
    return *queue->target != '\0';
}

static int make_maildir(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    const struct slimta_maildir_options options = {
        .size = sizeof options,
        .directory = settings->queue.target,
        .newlines = settings->queue.newlines,
    };

    return slimta_maildir_queue_new(out, &options, error);
}

/* discard: */
static int read_discard(struct queue_settings *queue, const char *query)
{
    return *queue->target == '\0' && query == NULL;
}

static int make_discard(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    (void)settings;
    return slimta_discard_queue_new(out, NULL, error);
}

/* HOST:PORT, several of them parted by commas */
static int read_hosts(struct queue_settings *queue, const char *query)
{
    return *queue->target != '\0' && strchr(queue->target, '/') == NULL &&
        query == NULL;
}

static struct slimta_smtp_queue_options hand_on_options(
    struct settings *settings, enum slimta_hop_tls policy)
{
    return (struct slimta_smtp_queue_options){
        .size = sizeof(struct slimta_smtp_queue_options),
        .hosts = settings->queue.target,
        .servers = settings->dns_servers,
        .ehlo_name = settings->hostname,
        .tls_policy = policy,
        .event = log_event,
        .event_user = &settings->log,
    };
}

/* smtp://HOST:PORT */
static int make_smtp(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    const struct slimta_smtp_queue_options options =
        hand_on_options(settings, SLIMTA_HOP_TLS_OFFERED);

    return slimta_smtp_queue_new(out, &options, error);
}

/* smtps://HOST:PORT */
static int make_smtps(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    const struct slimta_smtp_queue_options options =
        hand_on_options(settings, SLIMTA_HOP_TLS_IMMEDIATE);

    return slimta_smtp_queue_new(out, &options, error);
}

/* lmtp://HOST:PORT and lmtp:unix:PATH */
static int make_lmtp(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    const struct slimta_smtp_queue_options options =
        hand_on_options(settings, SLIMTA_HOP_TLS_OFFERED);

    return slimta_lmtp_queue_new(out, &options, error);
}

static int read_socket(struct queue_settings *queue, const char *query)
{
    return strncmp(queue->target, "unix:/", 6) == 0 && query == NULL;
}

/* http://HOST:PORT/PATH and https:// */
static int read_url(struct queue_settings *queue, const char *query)
{
    (void)query;
    return *queue->target != '\0';
}

static int make_http(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    const struct slimta_http_queue_options options = {
        .size = sizeof options,
        .urls = settings->queue.uri,
        .servers = settings->dns_servers,
        .event = log_event,
        .event_user = &settings->log,
    };

    return slimta_http_queue_new(out, &options, error);
}

/* One that is the beginning of another stands behind it. */
static const struct queue_scheme schemes[] = {
    {"maildir:", read_maildir, make_maildir},
    {"discard:", read_discard, make_discard},
    {"smtp://", read_hosts, make_smtp},
    {"smtps://", read_hosts, make_smtps},
    {"lmtp://", read_hosts, make_lmtp},
    {"lmtp:", read_socket, make_lmtp},
    {"http://", read_url, make_http},
    {"https://", read_url, make_http},
};

static const struct queue_scheme *find_scheme(const char *text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strncmp(text, schemes[i].name, strlen(schemes[i].name)) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

int queue_read(const char *text, struct queue_settings *out)
{
    const struct queue_scheme *scheme = find_scheme(text);
    size_t length;

    *out = (struct queue_settings){.scheme = scheme, .uri = text};
    if (scheme == NULL) {
        return 0;
    }
    text += strlen(scheme->name);
    length = strcspn(text, "?");
    if (length >= sizeof out->target) {
        return 0;
    }
    memcpy(out->target, text, length);
    return scheme->read(out, text[length] == '?' ? text + length + 1 : NULL);
}

int queue_make(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    return settings->queue.scheme->make(out, settings, error);
}
