/** The values of the command line's options, from text. */
#include "values.h"

#include <string.h>

enum { LONGEST_NAME = 255 };

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

int value_name(const char *text)
{
    size_t length = 0;

    for (; text[length] != '\0'; length++) {
        if (text[length] <= ' ' || text[length] > '~') {
            return 0;
        }
    }
    return length >= 1 && length <= LONGEST_NAME;
}

int value_proxy_version(const char *text, enum slimta_proxy_version *out)
{
    static const char *const names[] = {
        [SLIMTA_PROXY_AUTO] = "auto",
        [SLIMTA_PROXY_V1] = "v1",
        [SLIMTA_PROXY_V2] = "v2",
    };

    for (int i = SLIMTA_PROXY_AUTO; i <= SLIMTA_PROXY_V2; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum slimta_proxy_version)i;
            return 1;
        }
    }
    return 0;
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

int value_listen(const char *text, struct listen_at *out)
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

/* `query` is what stands behind the "?" of a maildir: or NULL. */
static int maildir_query(const char *query, enum slimta_newlines *out)
{
    *out = SLIMTA_NEWLINES_CRLF;
    if (query != NULL && strcmp(query, "newlines=lf") == 0) {
        *out = SLIMTA_NEWLINES_LF;
        return 1;
    }
    return query == NULL || strcmp(query, "newlines=crlf") == 0;
}

static int queue_maildir(const char *text, struct settings *out)
{
    const char *mark = strchr(text, '?');
    size_t length = mark == NULL ? strlen(text) : (size_t)(mark - text);

    out->queue = QUEUE_MAILDIR;
    return length > 0 &&
        copy_text(out->directory, sizeof out->directory, text, length) &&
        maildir_query(mark == NULL ? NULL : mark + 1, &out->newlines);
}

int value_queue(const char *text, struct settings *out)
{
    const char *rest = after(text, "maildir:");

    if (rest != NULL) {
        return queue_maildir(rest, out);
    }
    out->queue = QUEUE_DISCARD;
    return strcmp(text, "discard:") == 0;
}
