/** What the reply to EHLO offers: the engine's own list, or one of the host's.
 */
#include "smtp/extensions.h"

#include <string.h>

#include <slimta/error.h>
#include <slimta/queue.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"
#include "mail/date.h"
#include "smtp/output.h"
#include "smtp/params.h"
#include "smtp/server.h"
#include "smtp/words.h"

enum {
    PARAMS_MAX = 96,   /* of a row of ours, NUL included */
    LIMIT_MAX = 999999 /* RFC 9422 section 4: six digits */
};

/* RFC 1870 section 3: no number means that there is no fixed limit. */
static struct slimta_slice size_params(
    const struct sli_smtp_server *server, char room[PARAMS_MAX])
{
    uint64_t max = server->config->max_message_bytes;

    return max == SLIMTA_UNLIMITED
        ? sli_slice("", 0)
        : sli_slice(room, sli_ascii_format_number(max, room));
}

static struct slimta_slice auth_params(
    const struct sli_smtp_server *server, char room[PARAMS_MAX])
{
    (void)room;
    return sli_slice_text(server->auth.mechanisms);
}

/* RFC 3207 section 4.2: not once TLS is on. */
static int offers_starttls(const struct sli_smtp_server *server)
{
    return !server->is_secure &&
        (server->config->tls == SLI_SMTP_TLS_OFFERED ||
            server->config->tls == SLI_SMTP_TLS_REQUIRED);
}

/* RFC 4954 section 3: where there is something that can be used now. */
static int offers_auth(const struct sli_smtp_server *server)
{
    return sli_slice_text(server->auth.mechanisms).size > 0;
}

static int can(const struct sli_smtp_server *server, uint64_t capability)
{
    return (server->capabilities & capability) != 0;
}

/* RFC 3461 section 5.2, and so on: what the queue cannot honour is not offered.
 */
static int offers_binarymime(const struct sli_smtp_server *server)
{
    return can(server, SLIMTA_CAN_BINARYMIME);
}

static int offers_dsn(const struct sli_smtp_server *server)
{
    return can(server, SLIMTA_CAN_DSN);
}

/* RFC 8689 section 2. */
static int offers_requiretls(const struct sli_smtp_server *server)
{
    return server->is_secure && can(server, SLIMTA_CAN_REQUIRETLS);
}

static int offers_deliverby(const struct sli_smtp_server *server)
{
    return can(server, SLIMTA_CAN_DELIVERBY);
}

static int offers_mt_priority(const struct sli_smtp_server *server)
{
    return can(server, SLIMTA_CAN_MT_PRIORITY);
}

/* RFC 4865 is for submission: where clients authenticate. */
static int offers_futurerelease(const struct sli_smtp_server *server)
{
    return can(server, SLIMTA_CAN_FUTURERELEASE) &&
        (server->auth.is_done || offers_auth(server));
}

static int offers_xclient(const struct sli_smtp_server *server)
{
    return server->trusts_peer;
}

static struct slimta_slice xclient_params(
    const struct sli_smtp_server *server, char room[PARAMS_MAX])
{
    (void)server;
    (void)room;
    return SLI_LITERAL("NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT");
}

static struct slimta_slice xforward_params(
    const struct sli_smtp_server *server, char room[PARAMS_MAX])
{
    (void)server;
    (void)room;
    return SLI_LITERAL("NAME ADDR PORT PROTO HELO IDENT SOURCE");
}

static int offers_limits(const struct sli_smtp_server *server)
{
    return server->config->max_recipients <= LIMIT_MAX;
}

/* RFC 2852 section 3. */
static struct slimta_slice deliverby_params(
    const struct sli_smtp_server *server, char room[PARAMS_MAX])
{
    uint64_t min = server->config->min_by_seconds;

    return min == 0 ? sli_slice("", 0)
                    : sli_slice(room, sli_ascii_format_number(min, room));
}

/* RFC 4865 section 3: the longest interval, and the date it comes to. */
static struct slimta_slice futurerelease_params(
    const struct sli_smtp_server *server, char room[PARAMS_MAX])
{
    uint64_t max = server->config->max_hold_seconds;
    size_t size = sli_ascii_format_number(max, room);

    room[size++] = ' ';
    size += sli_mail_date_format_internet(
        server->now_ms + (int64_t)max * 1000, room + size);
    return sli_slice(room, size);
}

/* RFC 9422 section 4. There is no limit of messages in a session. */
static struct slimta_slice limits_params(
    const struct sli_smtp_server *server, char room[PARAMS_MAX])
{
    struct sli_text text = sli_text_in(room, PARAMS_MAX);

    sli_text_put_string(&text, "RCPTMAX=");
    sli_text_put_number(&text, server->config->max_recipients);
    return sli_slice(room, text.length);
}

/* The last row is always there: it ends the reply. */
static const struct {
    struct slimta_slice keyword;
    /* What stands behind it, in `room` or elsewhere; NULL: nothing. */
    struct slimta_slice (*params)(
        const struct sli_smtp_server *server, char *room);
    unsigned extension; /* what commands look at */
    /* Whether it is there now; NULL: always. */
    int (*is_offered)(const struct sli_smtp_server *server);
} known[] = {
    {{"PIPELINING", 10}, NULL, 0, NULL},
    {{"SIZE", 4}, size_params, SLI_SMTP_EXTENSION_SIZE, NULL},
    {{"8BITMIME", 8}, NULL, SLI_SMTP_EXTENSION_8BITMIME, NULL},
    {{"ENHANCEDSTATUSCODES", 19}, NULL, 0, NULL},
    {{"STARTTLS", 8}, NULL, SLI_SMTP_EXTENSION_STARTTLS, offers_starttls},
    {{"AUTH", 4}, auth_params, SLI_SMTP_EXTENSION_AUTH, offers_auth},
    {{"CHUNKING", 8}, NULL, SLI_SMTP_EXTENSION_CHUNKING, NULL},
    {{"BINARYMIME", 10}, NULL, SLI_SMTP_EXTENSION_BINARYMIME,
        offers_binarymime},
    {{"DSN", 3}, NULL, SLI_SMTP_EXTENSION_DSN, offers_dsn},
    {{"REQUIRETLS", 10}, NULL, SLI_SMTP_EXTENSION_REQUIRETLS,
        offers_requiretls},
    {{"DELIVERBY", 9}, deliverby_params, SLI_SMTP_EXTENSION_DELIVERBY,
        offers_deliverby},
    {{"MT-PRIORITY", 11}, NULL, SLI_SMTP_EXTENSION_MT_PRIORITY,
        offers_mt_priority},
    {{"FUTURERELEASE", 13}, futurerelease_params,
        SLI_SMTP_EXTENSION_FUTURERELEASE, offers_futurerelease},
    {{"LIMITS", 6}, limits_params, 0, offers_limits},
    {{"XCLIENT", 7}, xclient_params, SLI_SMTP_EXTENSION_XCLIENT,
        offers_xclient},
    {{"XFORWARD", 8}, xforward_params, SLI_SMTP_EXTENSION_XFORWARD,
        offers_xclient},
    {{"SMTPUTF8", 8}, NULL, SLI_SMTP_EXTENSION_SMTPUTF8, NULL},
};

enum { KNOWN = sizeof known / sizeof *known };

static int is_offered(size_t row, const struct sli_smtp_server *server)
{
    return known[row].is_offered == NULL || known[row].is_offered(server);
}

/* Entries, each a keyword and its parameters, each of these ended with NUL. */
struct slimta_extensions {
    struct slimta_alloc alloc; /* a copy: its taker may outlive the edge */
    struct sli_buf entries;
};

/* One entry where it stands in the list. */
struct entry {
    size_t offset;
    size_t size; /* both NULs included */
    struct slimta_slice keyword;
    struct slimta_slice params;
};

/* The entry at `offset`; 0 past the last. */
static int entry_at(const struct slimta_extensions *extensions, size_t offset,
    struct entry *entry)
{
    struct slimta_slice all = sli_buf_slice(&extensions->entries);

    if (offset >= all.size) {
        return 0;
    }
    entry->offset = offset;
    entry->keyword = sli_slice_text(all.data + offset);
    entry->params =
        sli_slice_text(entry->keyword.data + entry->keyword.size + 1);
    entry->size = entry->keyword.size + entry->params.size + 2;
    return 1;
}

static int find(const struct slimta_extensions *extensions,
    struct slimta_slice keyword, struct entry *entry)
{
    size_t offset = 0;

    while (entry_at(extensions, offset, entry)) {
        if (sli_ascii_same(entry->keyword, keyword)) {
            return 1;
        }
        offset += entry->size;
    }
    return 0;
}

static void take_out(
    struct slimta_extensions *extensions, const struct entry *entry)
{
    struct sli_buf *entries = &extensions->entries;
    char *at = entries->data + entries->start + entry->offset;
    size_t rest = sli_buf_size(entries) - entry->offset - entry->size;

    memmove(at, at + entry->size, rest);
    entries->end -= entry->size;
}

static int append(struct slimta_extensions *extensions,
    struct slimta_slice keyword, struct slimta_slice params)
{
    char *room =
        sli_buf_reserve(&extensions->entries, keyword.size + params.size + 2);

    if (room == NULL) {
        return SLIMTA_ENOMEM;
    }
    (void)sli_slice_put_text(&room, keyword);
    (void)sli_slice_put_text(&room, params);
    sli_buf_added(&extensions->entries, keyword.size + params.size + 2);
    return 0;
}

/* The parameters of a row as the edge offers it. */
static struct slimta_slice own_params(
    size_t row, const struct sli_smtp_server *server, char *room)
{
    return known[row].params == NULL ? sli_slice("", 0)
                                     : known[row].params(server, room);
}

int sli_smtp_extensions_new(struct slimta_extensions **out,
    const struct slimta_alloc *alloc, const struct sli_smtp_server *server)
{
    struct slimta_extensions *extensions =
        sli_alloc_zero(alloc, sizeof *extensions);
    int err = extensions == NULL ? SLIMTA_ENOMEM : 0;

    if (err == 0) {
        extensions->alloc = *alloc;
        sli_buf_init(
            &extensions->entries, &extensions->alloc, SLI_SMTP_EXTENSIONS_MAX);
    }
    for (size_t row = 0; row < KNOWN && err == 0; row++) {
        char room[PARAMS_MAX];

        if (is_offered(row, server)) {
            err = append(
                extensions, known[row].keyword, own_params(row, server, room));
        }
    }
    if (err == 0) {
        *out = extensions;
    } else {
        sli_smtp_extensions_free(extensions);
    }
    return err;
}

void sli_smtp_extensions_free(struct slimta_extensions *extensions)
{
    if (extensions != NULL) {
        struct slimta_alloc alloc = extensions->alloc;

        sli_buf_fini(&extensions->entries);
        sli_free(&alloc, extensions);
    }
}

unsigned sli_smtp_extensions_offered(const struct slimta_extensions *extensions)
{
    unsigned offered = extensions == NULL ? SLI_SMTP_EXTENSIONS_ALL : 0;
    struct entry entry;

    for (size_t row = 0; row < KNOWN && extensions != NULL; row++) {
        if (find(extensions, known[row].keyword, &entry)) {
            offered |= known[row].extension;
        }
    }
    return offered;
}

unsigned sli_smtp_extensions_known(const struct sli_smtp_server *server)
{
    unsigned there = 0;

    for (size_t row = 0; row < KNOWN; row++) {
        there |= is_offered(row, server) ? known[row].extension : 0;
    }
    there &= server->offered;
    /* RFC 3030 section 3: binary content comes in chunks. */
    return (there & SLI_SMTP_EXTENSION_CHUNKING) != 0
        ? there
        : there & ~(unsigned)SLI_SMTP_EXTENSION_BINARYMIME;
}

uint32_t sli_smtp_extensions_mechanisms_off(
    const struct slimta_extensions *extensions, const char *mechanisms)
{
    struct slimta_slice words = sli_slice_text(mechanisms);
    struct slimta_slice word;
    struct entry entry;
    uint32_t off = 0;

    if (extensions == NULL || !find(extensions, SLI_LITERAL("AUTH"), &entry)) {
        return 0;
    }
    for (int i = 0; i < 32 && sli_smtp_words_next(&words, &word); i++) {
        if (sli_smtp_words_find(entry.params, word) < 0) {
            off |= UINT32_C(1) << i;
        }
    }
    return off;
}

int sli_smtp_extensions_is_empty(const struct slimta_extensions *extensions)
{
    return extensions != NULL && sli_buf_size(&extensions->entries) == 0;
}

static int write_line(struct sli_buf *output, struct slimta_slice keyword,
    struct slimta_slice params, int is_last)
{
    struct sli_smtp_output_text text = {
        keyword, sli_slice(" ", params.size > 0 ? 1 : 0), params};

    return sli_smtp_output_line(output, 250,
        is_last ? SLI_SMTP_OUTPUT_LAST : SLI_SMTP_OUTPUT_MORE, &text);
}

static int write_own(
    struct sli_buf *output, const struct sli_smtp_server *server)
{
    int err = 0;

    for (size_t row = 0; row < KNOWN && err == 0; row++) {
        char room[PARAMS_MAX];

        if (is_offered(row, server)) {
            err = write_line(output, known[row].keyword,
                own_params(row, server, room), row + 1 == KNOWN);
        }
    }
    return err;
}

int sli_smtp_extensions_write(struct sli_buf *output,
    const struct sli_smtp_server *server,
    const struct slimta_extensions *extensions)
{
    struct entry entry;
    size_t offset = 0;
    int err = 0;

    if (extensions == NULL) {
        return write_own(output, server);
    }
    while (err == 0 && entry_at(extensions, offset, &entry)) {
        offset += entry.size;
        err = write_line(output, entry.keyword, entry.params,
            offset == sli_buf_size(&extensions->entries));
    }
    return err;
}

/* RFC 5321 section 4.1.1.1, ehlo-param; several are parted by spaces. */
static int are_params(struct slimta_slice keyword, struct slimta_slice params)
{
    return keyword.size + params.size + 1 <= SLI_SMTP_OUTPUT_TEXT_MAX &&
        sli_ascii_all(params, SLI_ASCII_PRINT);
}

int slimta_extensions_set(struct slimta_extensions *extensions,
    const char *keyword, const char *params)
{
    struct slimta_slice name = sli_slice_text(keyword);
    struct slimta_slice value = sli_slice_text(params == NULL ? "" : params);
    struct entry entry;
    int err;

    if (!sli_smtp_params_is_keyword(name) || !are_params(name, value)) {
        return SLIMTA_EINVAL;
    }
    err = append(extensions, name, value);
    /* The old one stands before the new one, so it is what find finds. */
    if (err == 0 && find(extensions, name, &entry) &&
        entry.offset + entry.size < sli_buf_size(&extensions->entries)) {
        take_out(extensions, &entry);
    }
    return err;
}

int slimta_extensions_remove(
    struct slimta_extensions *extensions, const char *keyword)
{
    struct entry entry;

    if (!find(extensions, sli_slice_text(keyword), &entry)) {
        return 0;
    }
    take_out(extensions, &entry);
    return 1;
}

const char *slimta_extensions_params(
    const struct slimta_extensions *extensions, const char *keyword)
{
    struct entry entry;

    return find(extensions, sli_slice_text(keyword), &entry) ? entry.params.data
                                                             : NULL;
}
