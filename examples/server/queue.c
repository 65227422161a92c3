/** The queues that --queue names: a row for each scheme. */
#include "queue.h"

#include <stdio.h>
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

/* All that hand on: where to. */
static int read_hop(struct queue_settings *queue, const char *query)
{
    return *queue->target != '\0' && query == NULL;
}

static struct slimta_smtp_queue_options hop_options(struct settings *settings)
{
    return (struct slimta_smtp_queue_options){
        .size = sizeof(struct slimta_smtp_queue_options),
        .hosts = settings->queue.target,
        .servers = settings->dns_servers,
        .ehlo_name = settings->hostname,
        .event = log_event,
        .event_user = &settings->log,
    };
}

/* smtp://HOST:PORT */
static int make_smtp(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    const struct slimta_smtp_queue_options options = hop_options(settings);

    return slimta_smtp_queue_new(out, &options, error);
}

/* smtps://HOST:PORT */
static int make_smtps(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    struct slimta_smtp_queue_options options = hop_options(settings);

    options.tls_policy = SLIMTA_HOP_TLS_IMMEDIATE;
    return slimta_smtp_queue_new(out, &options, error);
}

/* lmtp://HOST:PORT */
static int make_lmtp(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    const struct slimta_smtp_queue_options options = hop_options(settings);

    return slimta_lmtp_queue_new(out, &options, error);
}

enum { HOP_MAX = sizeof "https://" + QUEUE_TARGET_MAX };

static void put_together(
    char room[HOP_MAX], const char *begin, const struct settings *settings)
{
    (void)snprintf(room, HOP_MAX, "%s%s", begin, settings->queue.target);
}

/* lmtp:unix:PATH */
static int make_lmtp_unix(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    struct slimta_smtp_queue_options options = hop_options(settings);
    char hop[HOP_MAX];

    put_together(hop, "unix:", settings);
    options.hosts = hop;
    return slimta_lmtp_queue_new(out, &options, error);
}

/* http://HOST:PORT/PATH, https://HOST:PORT/PATH */
static int make_http(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error)
{
    char url[HOP_MAX];
    const struct slimta_http_queue_options options = {
        .size = sizeof options,
        .urls = url,
        .servers = settings->dns_servers,
        .event = log_event,
        .event_user = &settings->log,
    };

    put_together(url, settings->queue.scheme->name, settings);
    return slimta_http_queue_new(out, &options, error);
}

static const struct queue_scheme schemes[] = {
    {"maildir:", read_maildir, make_maildir},
    {"discard:", read_discard, make_discard},
    {"smtp://", read_hop, make_smtp},
    {"smtps://", read_hop, make_smtps},
    {"lmtp://", read_hop, make_lmtp},
    {"lmtp:unix:", read_hop, make_lmtp_unix},
    {"http://", read_hop, make_http},
    {"https://", read_hop, make_http},
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

    *out = (struct queue_settings){.scheme = scheme};
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
