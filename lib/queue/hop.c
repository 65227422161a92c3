/** The next hops of a queue, as options name them. */
#include "queue/hop.h"

#include <string.h>

#include "base/address.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/text.h"
#include "tls/name.h"

/* Room for "https://" and the longest name with a port, or "unix:" and the
 * longest path. */
enum { TEXT_MAX = 320, BLOCK = 1024, SAID_MAX = 80 };

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

/* One list while it is read. */
struct reading {
    struct sli_queue_hops *hops;
    const char *option;
    uint16_t port;
    struct slimta_error *error;
};

static int no_memory(const struct reading *reading)
{
    return sli_error_set(reading->error, SLIMTA_ENOMEM, "out of memory");
}

static int refuse(
    const struct reading *reading, struct slimta_slice word, const char *what)
{
    return sli_error_set(reading->error, SLIMTA_EINVAL, "%s: '%.*s' %s",
        reading->option, word.size > SAID_MAX ? SAID_MAX : (int)word.size,
        word.data, what);
}

/* Hosts */

/* "192.0.2.256" is a slip, and no name that could exist. */
static int ends_in_number(struct slimta_slice name)
{
    size_t at = name.size;

    while (at > 0 && sli_ascii_is(name.data[at - 1], SLI_ASCII_DIGIT)) {
        at--;
    }
    return at < name.size && (at == 0 || name.data[at - 1] == '.');
}

/* "name", "name:25". The name is kept as TLS and the resolver want it: in lower
 * case, without a final dot. */
static int read_name(struct sli_queue_hop *hop, struct slimta_slice word,
    char name[SLI_TLS_NAME_MAX + 1])
{
    struct slimta_slice port = word;
    struct slimta_slice text = sli_slice_take_until(&port, ':');

    if (text.size < word.size &&
        !sli_address_parse_port(port, &hop->target.address.port)) {
        return 0;
    }
    if (text.size > 1 && text.data[text.size - 1] == '.') {
        text.size--;
    }
    if (text.size > SLI_TLS_NAME_MAX || !sli_tls_name_is_host(text) ||
        ends_in_number(text)) {
        return 0;
    }
    for (size_t i = 0; i < text.size; i++) {
        name[i] = sli_ascii_lower(text.data[i]);
    }
    name[text.size] = '\0';
    return 1;
}

/* An address or a name, with a port or without: into `hop`, all but its texts;
 * `name` is "" for an address. */
static int read_endpoint(struct sli_queue_hop *hop, struct slimta_slice word,
    uint16_t port, char name[SLI_TLS_NAME_MAX + 1])
{
    name[0] = '\0';
    if (sli_address_parse_endpoint(word, port, &hop->target.address)) {
        return 1;
    }
    hop->target.address =
        (struct slimta_address){.family = SLIMTA_FAMILY_NONE, .port = port};
    return read_name(hop, word, name);
}

/* "mx.example.org:25", "[::1]:24"; without the port when it is `hidden`. */
static void put_endpoint(struct sli_text *text, const struct sli_queue_hop *hop,
    const char *name, uint16_t hidden)
{
    const struct slimta_address *address = &hop->target.address;
    char ip[SLIMTA_ADDRESS_TEXT_MAX];
    int is_ipv6 = address->family == SLIMTA_FAMILY_IPV6;

    if (address->family != SLIMTA_FAMILY_NONE) {
        (void)slimta_address_format_ip(address, ip, sizeof ip);
        name = ip;
    }
    sli_text_put_string(text, is_ipv6 ? "[" : "");
    sli_text_put_string(text, name);
    sli_text_put_string(text, is_ipv6 ? "]" : "");
    if (address->port != hidden) {
        sli_text_put(text, ':');
        sli_text_put_number(text, address->port);
    }
}

/* Gives the hop its texts. */
static int keep_texts(const struct reading *reading, struct sli_queue_hop *hop,
    const char *text, const char *name)
{
    struct sli_arena *texts = &reading->hops->texts;

    hop->text = sli_arena_text(texts, sli_slice_text(text));
    if (name[0] != '\0') {
        hop->name = sli_arena_text(texts, sli_slice_text(name));
        hop->target.name = hop->name;
    }
    return hop->text == NULL || (name[0] != '\0' && hop->name == NULL)
        ? no_memory(reading)
        : 0;
}

static int read_path(const struct reading *reading, struct sli_queue_hop *hop,
    struct slimta_slice word, struct slimta_slice path)
{
    if (path.size == 0 || path.data[0] != '/' ||
        path.size > SLI_QUEUE_HOP_PATH_MAX) {
        return refuse(reading, word, "is no absolute path of a socket");
    }
    hop->target.address.family = SLIMTA_FAMILY_UNIX;
    hop->text = sli_arena_text(&reading->hops->texts, word);
    if (hop->text == NULL) {
        return no_memory(reading);
    }
    hop->target.name = hop->text + (word.size - path.size);
    return 0;
}

static int read_host(const struct reading *reading, struct sli_queue_hop *hop,
    struct slimta_slice word)
{
    struct slimta_slice prefix = SLI_LITERAL("unix:");
    char room[TEXT_MAX];
    char name[SLI_TLS_NAME_MAX + 1];
    struct sli_text text = sli_text_in(room, sizeof room);

    if (word.size >= prefix.size &&
        sli_slice_is(sli_slice(word.data, prefix.size), prefix)) {
        return read_path(reading, hop, word, sli_slice_skip(word, prefix.size));
    }
    if (!read_endpoint(hop, word, reading->port, name)) {
        return refuse(reading, word, "is no host, address or socket");
    }
    put_endpoint(&text, hop, name, 0);
    return keep_texts(reading, hop, room, name);
}

/* URLs */

/* RFC 3986 sections 3.3 and 3.4: a path and a query. */
static int is_path(struct slimta_slice text)
{
    static const char marks[] = "-._~!$&'()*+,;=:@/?";

    for (size_t i = 0; i < text.size; i++) {
        char octet = text.data[i];

        if (octet == '%') {
            if (text.size - i < 3 ||
                !sli_ascii_all(
                    sli_slice(text.data + i + 1, 2), SLI_ASCII_HEX)) {
                return 0;
            }
        } else if (!sli_ascii_is(octet, SLI_ASCII_ALNUM) &&
            memchr(marks, octet, sizeof marks - 1) == NULL) {
            return 0;
        }
    }
    return 1;
}

/* Takes the scheme and the slashes off the front. */
static int take_scheme(struct sli_queue_hop *hop, struct slimta_slice *word)
{
    static const struct {
        const char *text;
        int is_https;
    } schemes[] = {{"http://", 0}, {"https://", 1}};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct slimta_slice text = sli_slice_text(schemes[i].text);

        if (word->size > text.size &&
            sli_ascii_same(sli_slice(word->data, text.size), text)) {
            hop->is_https = schemes[i].is_https;
            *word = sli_slice_skip(*word, text.size);
            return 1;
        }
    }
    return 0;
}

/* Takes what stands before the path off the front. */
static struct slimta_slice take_authority(struct slimta_slice *word)
{
    struct slimta_slice part = *word;
    size_t size = 0;

    while (size < word->size && word->data[size] != '/' &&
        word->data[size] != '?' && word->data[size] != '#') {
        size++;
    }
    part.size = size;
    *word = sli_slice_skip(*word, size);
    return part;
}

static int keep_path(const struct reading *reading, struct sli_queue_hop *hop,
    struct slimta_slice path)
{
    struct sli_arena *texts = &reading->hops->texts;
    size_t slash = path.size == 0 || path.data[0] != '/';
    char *kept = sli_arena_get(texts, slash + path.size + 1);

    if (kept == NULL) {
        return no_memory(reading);
    }
    kept[0] = '/';
    if (path.size > 0) {
        memcpy(kept + slash, path.data, path.size);
    }
    hop->path = sli_slice(kept, slash + path.size);
    return 0;
}

/* The authority as Host wants it, and the same behind the scheme as text. */
static int keep_url(const struct reading *reading, struct sli_queue_hop *hop,
    const char *name, struct slimta_slice path)
{
    const char *scheme = hop->is_https ? "https://" : "http://";
    char room[TEXT_MAX];
    struct sli_text text = sli_text_in(room, sizeof room);
    int err;

    sli_text_put_string(&text, scheme);
    put_endpoint(&text, hop, name, hop->is_https ? HTTPS_PORT : HTTP_PORT);
    err = keep_texts(reading, hop, room, name);
    if (err == 0) {
        hop->authority =
            sli_slice_skip(sli_slice_text(hop->text), strlen(scheme));
        err = keep_path(reading, hop, path);
    }
    return err;
}

static int read_url(const struct reading *reading, struct sli_queue_hop *hop,
    struct slimta_slice word)
{
    struct slimta_slice rest = word;
    struct slimta_slice authority;
    char name[SLI_TLS_NAME_MAX + 1];

    if (!take_scheme(hop, &rest)) {
        return refuse(reading, word, "does not begin with http:// or https://");
    }
    authority = take_authority(&rest);
    if (memchr(authority.data, '@', authority.size) != NULL) {
        /* Perhaps with a password. */
        return sli_error_set(reading->error, SLIMTA_EINVAL,
            "%s: a URL has no room for a user", reading->option);
    }
    /* RFC 3986 section 3.2.2: an IPv6 address stands in brackets. */
    if (!read_endpoint(
            hop, authority, hop->is_https ? HTTPS_PORT : HTTP_PORT, name) ||
        (hop->target.address.family == SLIMTA_FAMILY_IPV6 &&
            authority.data[0] != '[')) {
        return refuse(reading, word, "has no host");
    }
    if (!is_path(rest)) {
        return refuse(reading, word, "has octets that a URL may not have");
    }
    return keep_url(reading, hop, name, rest);
}

/* Lists */

static int is_space(char octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

static struct slimta_slice trim(struct slimta_slice text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text = sli_slice_skip(text, 1);
    }
    while (text.size > 0 && is_space(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

/* Cuts the next word off a trimmed list. */
static struct slimta_slice take_word(
    struct slimta_slice *list, int (*is_end)(char octet))
{
    struct slimta_slice word = *list;
    size_t size = 0;

    while (size < list->size && !is_end(list->data[size])) {
        size++;
    }
    word.size = size;
    *list = sli_slice_skip(*list, size);
    return word;
}

static int is_comma(char octet)
{
    return octet == ',';
}

static int add(const struct reading *reading, struct slimta_slice word,
    int (*read)(const struct reading *reading, struct sli_queue_hop *hop,
        struct slimta_slice word))
{
    struct sli_queue_hops *hops = reading->hops;
    int err;

    if (hops->count == SLI_QUEUE_HOPS_MAX) {
        return sli_error_set(reading->error, SLIMTA_EINVAL,
            "%s: there are more than %d", reading->option, SLI_QUEUE_HOPS_MAX);
    }
    hops->items[hops->count] = (struct sli_queue_hop){.is_https = 0};
    err = read(reading, &hops->items[hops->count], word);
    hops->count += err == 0;
    return err;
}

static int read_all_hosts(
    const struct reading *reading, struct slimta_slice list)
{
    int err;

    for (;;) {
        err = add(reading, trim(take_word(&list, is_comma)), read_host);
        if (err != 0 || list.size == 0) {
            return err;
        }
        list = sli_slice_skip(list, 1);
    }
}

static int read_all_urls(
    const struct reading *reading, struct slimta_slice list)
{
    int err;

    do {
        err = add(reading, take_word(&list, is_space), read_url);
        list = trim(list);
    } while (err == 0 && list.size > 0);
    return err;
}

static int read_list(const struct reading *reading,
    const struct slimta_alloc *alloc, const char *text,
    int (*read)(const struct reading *reading, struct slimta_slice list))
{
    struct slimta_slice list = trim(sli_slice_text(text));
    int err;

    *reading->hops = (struct sli_queue_hops){.count = 0};
    sli_arena_init(&reading->hops->texts, alloc, BLOCK);
    if (list.size == 0) {
        return sli_error_set(reading->error, SLIMTA_EINVAL, "%s: there is none",
            reading->option);
    }
    err = read(reading, list);
    if (err != 0) {
        sli_queue_hop_fini(reading->hops);
    }
    return err;
}

int sli_queue_hop_read_hosts(struct sli_queue_hops *out,
    const struct slimta_alloc *alloc, const char *text, uint16_t port,
    const char *option, struct slimta_error *error)
{
    const struct reading reading = {out, option, port, error};

    return read_list(&reading, alloc, text, read_all_hosts);
}

int sli_queue_hop_read_urls(struct sli_queue_hops *out,
    const struct slimta_alloc *alloc, const char *text, const char *option,
    struct slimta_error *error)
{
    const struct reading reading = {out, option, 0, error};

    return read_list(&reading, alloc, text, read_all_urls);
}

void sli_queue_hop_fini(struct sli_queue_hops *hops)
{
    sli_arena_fini(&hops->texts);
    hops->count = 0;
}
