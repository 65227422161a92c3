/** The values of the command line's options, from text. */
#include "values.h"

#include <string.h>

#include "settings.h"

enum { LONGEST_NAME = 255, LONGEST_TIME_S = 1000000000, MOST_THREADS = 256 };

int value_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;

    if (*text == '\0') {
        return 0;
    }
    for (; *text != '\0'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (*text < '0' || *text > '9' || digit > max ||
            value > (max - digit) / 10) {
            return 0;
        }
        value = value * 10 + digit;
    }
    *number = value;
    return value >= min && value <= max;
}

int value_switch(const char *text, void *out)
{
    (void)text;
    *(int *)out = 1;
    return 1;
}

int value_text(const char *text, void *out)
{
    *(const char **)out = text;
    return *text != '\0';
}

int value_texts(const char *text, void *out)
{
    struct texts *texts = out;

    return texts->count < MAX_VALUES &&
        value_text(text, &texts->items[texts->count++]);
}

/* UINT64_MAX would be SLIMTA_UNLIMITED: one less is as good. */
int value_count(const char *text, void *out)
{
    return value_number(text, 1, SLIMTA_UNLIMITED - 1, out);
}

static int milliseconds(const char *text, uint64_t min, uint64_t *out)
{
    if (!value_number(text, min, LONGEST_TIME_S, out)) {
        return 0;
    }
    *out *= 1000;
    return 1;
}

int value_seconds(const char *text, void *out)
{
    return milliseconds(text, 1, out);
}

int value_seconds_or_none(const char *text, void *out)
{
    return milliseconds(text, 0, out);
}

int value_threads(const char *text, void *out)
{
    uint64_t number;

    if (!value_number(text, 1, MOST_THREADS, &number)) {
        return 0;
    }
    *(unsigned *)out = (unsigned)number;
    return 1;
}

int value_name(const char *text, void *out)
{
    size_t length = 0;

    for (; text[length] != '\0'; length++) {
        if (text[length] <= ' ' || text[length] > '~') {
            return 0;
        }
    }
    *(const char **)out = text;
    return length >= 1 && length <= LONGEST_NAME;
}

int value_proxy(const char *text, void *out)
{
    static const char *const names[] = {
        [SLIMTA_PROXY_AUTO] = "auto",
        [SLIMTA_PROXY_V1] = "v1",
        [SLIMTA_PROXY_V2] = "v2",
    };

    for (int i = SLIMTA_PROXY_AUTO; i <= SLIMTA_PROXY_V2; i++) {
        if (strcmp(text, names[i]) == 0) {
            *(struct slimta_proxy_options *)out = (struct slimta_proxy_options){
                .size = sizeof(struct slimta_proxy_options),
                .version = (enum slimta_proxy_version)i};
            return 1;
        }
    }
    return 0;
}

int value_queue(const char *text, void *out)
{
    return queue_read(text, out);
}

int value_log_level(const char *text, void *out)
{
    return log_level_of(text, out);
}

int value_log_format(const char *text, void *out)
{
    return log_format_of(text, out);
}

/* The library knows best what it takes. */
int value_servers(const char *text, void *out)
{
    const struct slimta_resolver_options options = {
        .size = sizeof options, .servers = text};
    struct slimta_resolver *resolver = NULL;
    struct slimta_loop *loop = NULL;
    int is_good = value_text(text, out) &&
        slimta_loop_new(&loop, NULL, NULL) == 0 &&
        slimta_resolver_new(&resolver, loop, &options, NULL) == 0;

    slimta_resolver_free(resolver);
    slimta_loop_free(loop);
    return is_good;
}

/* The rest of `text` behind `prefix`, or NULL. */
static const char *after(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);

    return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

static int copy_text(char *out, size_t size, const char *text, size_t length)
{
    if (length >= size) {
        return 0;
    }
    memcpy(out, text, length);
    out[length] = '\0';
    return 1;
}

static int listen_tcp(const char *text, struct listen_at *out)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - text);
    uint64_t port;

    if (colon == NULL || !value_number(colon + 1, 0, 65535, &port)) {
        return 0;
    }
    if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    } else if (memchr(text, ':', length) != NULL) {
        return 0; /* an IPv6 address wants its brackets */
    }
    if (length == 1 && *text == '*') {
        length = 0;
    }
    out->kind = LISTEN_TCP;
    out->port = (uint16_t)port;
    return copy_text(out->host, sizeof out->host, text, length);
}

static int listen_fd(const char *text, struct listen_at *out)
{
    uint64_t fd;

    if (!value_number(text, 0, INT32_MAX, &fd)) {
        return 0;
    }
    out->kind = LISTEN_FD;
    out->fd = (int)fd;
    return 1;
}

static int listen_at(const char *text, struct listen_at *out)
{
    const char *rest;

    *out = (struct listen_at){0};
    if (strcmp(text, "systemd") == 0) {
        out->kind = LISTEN_SYSTEMD;
        return 1;
    }
    rest = after(text, "unix:");
    if (rest != NULL) {
        out->kind = LISTEN_UNIX;
        out->path = rest;
        return *rest != '\0';
    }
    rest = after(text, "fd:");
    return rest != NULL ? listen_fd(rest, out) : listen_tcp(text, out);
}

int value_listen(const char *text, void *out)
{
    struct listeners *listeners = out;

    return listeners->count < MAX_VALUES &&
        listen_at(text, &listeners->items[listeners->count++]);
}

int value_metrics(const char *text, void *out)
{
    struct listeners *listeners = out;
    struct listen_at *at = &listeners->items[0];

    listeners->count = 1;
    return listen_at(text, at) &&
        (at->kind == LISTEN_TCP || at->kind == LISTEN_UNIX);
}
