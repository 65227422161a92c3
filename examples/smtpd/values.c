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

/* The library knows best what it takes. */
int value_servers(const char *text)
{
    const struct slimta_resolver_options options = {
        .size = sizeof options, .servers = text};
    struct slimta_resolver *resolver = NULL;
    struct slimta_loop *loop = NULL;
    int is_good = *text != '\0' && slimta_loop_new(&loop, NULL, NULL) == 0 &&
        slimta_resolver_new(&resolver, loop, &options, NULL) == 0;

    slimta_resolver_free(resolver);
    slimta_loop_free(loop);
    return is_good;
}

int value_zone(const char *text)
{
    const struct slimta_dnsbl_zone zone = {.size = sizeof zone, .name = text};
    struct slimta_dnsbl *dnsbl = NULL;
    int is_good = slimta_dnsbl_new(&dnsbl, NULL, NULL) == 0 &&
        slimta_dnsbl_add_zone(dnsbl, &zone, NULL) == 0;

    slimta_dnsbl_free(dnsbl);
    return is_good;
}

/* Whether a check takes the rule. */
static int is_spf_rule(const struct spf_rule *rule)
{
    struct slimta_spf *spf = NULL;
    int is_good = slimta_spf_new(&spf, NULL, NULL) == 0 &&
        slimta_spf_add_rule(spf, rule->result, rule->code, rule->text, NULL) ==
            0;

    slimta_spf_free(spf);
    return is_good;
}

int value_spf_rule(const char *text, struct spf_rule *out)
{
    size_t name = strcspn(text, "=");
    size_t digits = text[name] == '\0' ? 0 : strcspn(text + name + 1, ":");
    char code[4] = "";
    uint64_t number;
    int result = SLIMTA_SPF_NONE;

    while (result <= SLIMTA_SPF_PERMERROR &&
        (strlen(slimta_spf_result_name(result)) != name ||
            memcmp(slimta_spf_result_name(result), text, name) != 0)) {
        result++;
    }
    if (digits != 3) {
        return 0;
    }
    memcpy(code, text + name + 1, digits);
    text += name + 1 + digits;
    if (!value_number(code, 200, 599, &number)) {
        return 0;
    }
    *out = (struct spf_rule){.result = (enum slimta_spf_result)result,
        .code = (int)number,
        .text = *text == ':' ? text + 1 : NULL};
    return is_spf_rule(out);
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
