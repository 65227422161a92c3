/** XCLIENT and XFORWARD: what a trusted peer says of a client of its own. */
#include "smtp/cmd_xclient.h"

#include <string.h>

#include "base/address.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "smtp/machine.h"
#include "smtp/words.h"
#include "smtp/xtext.h"

enum {
    VALUE_MAX = 255, /* decoded; Postfix's XFORWARD_README */
    PORT_DIGITS = 5
};

/* Reads a value, which is terminated; 0 when it is not a right one. */
typedef int (*read_function)(const char *text, struct sli_smtp_peer *peer);

static int read_ip(const char *text, struct slimta_address *address)
{
    struct slimta_slice slice = sli_slice_text(text);
    const struct slimta_slice prefix = SLI_LITERAL("IPV6:");
    uint16_t port = address->port;
    uint8_t ip[16] = {0};

    if (sli_address_parse_ipv4(slice, ip)) {
        *address =
            (struct slimta_address){.family = SLIMTA_FAMILY_IPV4, .port = port};
    } else {
        if (slice.size <= prefix.size ||
            !sli_ascii_same(sli_slice(slice.data, prefix.size), prefix) ||
            !sli_address_parse_ipv6(sli_slice_skip(slice, prefix.size), ip)) {
            return 0;
        }
        *address =
            (struct slimta_address){.family = SLIMTA_FAMILY_IPV6, .port = port};
    }
    memcpy(address->ip, ip, sizeof ip);
    sli_address_unmap(address);
    return 1;
}

static int read_port(const char *text, uint16_t *port)
{
    uint64_t number = 0;

    if (!sli_ascii_number(sli_slice_text(text), PORT_DIGITS, &number) ||
        number > UINT16_MAX) {
        return 0;
    }
    *port = (uint16_t)number;
    return 1;
}

static int read_addr(const char *text, struct sli_smtp_peer *peer)
{
    peer->address_text = text;
    return read_ip(text, &peer->client);
}

static int read_client_port(const char *text, struct sli_smtp_peer *peer)
{
    return read_port(text, &peer->client.port);
}

static int read_destaddr(const char *text, struct sli_smtp_peer *peer)
{
    return read_ip(text, &peer->local);
}

static int read_destport(const char *text, struct sli_smtp_peer *peer)
{
    return read_port(text, &peer->local.port);
}

static int read_name(const char *text, struct sli_smtp_peer *peer)
{
    peer->name = text;
    return 1;
}

static int read_helo(const char *text, struct sli_smtp_peer *peer)
{
    peer->helo = text;
    return 1;
}

static int read_login(const char *text, struct sli_smtp_peer *peer)
{
    peer->login = text;
    return 1;
}

static int read_proto(const char *text, struct sli_smtp_peer *peer)
{
    struct slimta_slice word = sli_slice_text(text);

    (void)peer;
    return sli_ascii_same(word, SLI_LITERAL("SMTP")) ||
        sli_ascii_same(word, SLI_LITERAL("ESMTP"));
}

static int read_source(const char *text, struct sli_smtp_peer *peer)
{
    struct slimta_slice word = sli_slice_text(text);

    (void)peer;
    return sli_ascii_same(word, SLI_LITERAL("LOCAL")) ||
        sli_ascii_same(word, SLI_LITERAL("REMOTE"));
}

static int read_ident(const char *text, struct sli_smtp_peer *peer)
{
    (void)text;
    (void)peer;
    return 1;
}

struct attribute {
    struct slimta_slice name;
    read_function read;
    unsigned said; /* the bit that tells of it */
};

static const struct attribute of_xclient[] = {
    {{"NAME", 4}, read_name, SLI_SMTP_PEER_NAME},
    {{"ADDR", 4}, read_addr, SLI_SMTP_PEER_ADDR},
    {{"PORT", 4}, read_client_port, SLI_SMTP_PEER_PORT},
    {{"PROTO", 5}, read_proto, SLI_SMTP_PEER_PROTO},
    {{"HELO", 4}, read_helo, SLI_SMTP_PEER_HELO},
    {{"LOGIN", 5}, read_login, SLI_SMTP_PEER_LOGIN},
    {{"DESTADDR", 8}, read_destaddr, SLI_SMTP_PEER_DESTADDR},
    {{"DESTPORT", 8}, read_destport, SLI_SMTP_PEER_DESTPORT},
};

static const struct attribute of_xforward[] = {
    {{"NAME", 4}, read_name, SLI_SMTP_PEER_NAME},
    {{"ADDR", 4}, read_addr, SLI_SMTP_PEER_ADDR},
    {{"PORT", 4}, read_client_port, SLI_SMTP_PEER_PORT},
    {{"PROTO", 5}, read_proto, SLI_SMTP_PEER_PROTO},
    {{"HELO", 4}, read_helo, SLI_SMTP_PEER_HELO},
    {{"IDENT", 5}, read_ident, SLI_SMTP_PEER_IDENT},
    {{"SOURCE", 6}, read_source, SLI_SMTP_PEER_SOURCE},
};

/* Decodes a value to the end of `decoded`, which has room for all of the line.
 * 0 when it is not xtext for a name that is ASCII and without controls. */
static int decode(
    struct sli_buf *decoded, struct slimta_slice value, const char **text)
{
    char *room = sli_buf_reserve(decoded, value.size + 1);
    size_t size = 0;

    if (room == NULL || !sli_smtp_xtext_decode(value, room, &size) ||
        size == 0 || size > VALUE_MAX ||
        !sli_ascii_all(sli_slice(room, size), SLI_ASCII_PRINT)) {
        return 0;
    }
    room[size] = '\0';
    sli_buf_added(decoded, size + 1);
    *text = room;
    return 1;
}

/* What the peer does not know is said, and there is no value. */
static int is_unknown(const char *text)
{
    return strcmp(text, "[UNAVAILABLE]") == 0 ||
        strcmp(text, "[TEMPUNAVAIL]") == 0;
}

static int read_one(struct sli_buf *decoded, struct slimta_slice word,
    const struct attribute *known, size_t count, struct sli_smtp_peer *peer)
{
    struct slimta_slice name = sli_slice_take_until(&word, '=');
    const char *text = NULL;
    size_t i = 0;

    while (i < count && !sli_ascii_same(known[i].name, name)) {
        i++;
    }
    if (i == count || (peer->said & known[i].said) != 0 ||
        !decode(decoded, word, &text)) {
        return 0;
    }
    peer->said |= known[i].said;
    return is_unknown(text) || known[i].read(text, peer);
}

static enum sli_smtp_reply_id read_all(struct sli_smtp_server *server,
    struct slimta_slice argument, const struct attribute *known, size_t count,
    struct sli_smtp_peer *peer)
{
    struct sli_buf *decoded = &server->decoded;
    struct slimta_slice word;

    *peer = (struct sli_smtp_peer){0};
    sli_buf_clear(decoded);
    /* All at once, so that no value moves. */
    if (sli_buf_reserve(decoded, argument.size + 1) == NULL) {
        return SLI_SMTP_REPLY_SYSTEM_ERROR;
    }
    while (sli_smtp_words_next(&argument, &word)) {
        if (!read_one(decoded, word, known, count, peer)) {
            return SLI_SMTP_REPLY_BAD_ARGUMENT;
        }
    }
    return peer->said == 0 ? SLI_SMTP_REPLY_BAD_ARGUMENT : SLI_SMTP_REPLY_NONE;
}

enum sli_smtp_reply_id sli_smtp_cmd_xclient_check(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event)
{
    enum sli_smtp_reply_id id = read_all(server, argument, of_xclient,
        sizeof of_xclient / sizeof *of_xclient, &event->peer);

    if (id == SLI_SMTP_REPLY_NONE) {
        server->has_login = event->peer.login != NULL;
        event->type = SLI_SMTP_EVENT_XCLIENT;
    }
    return id;
}

enum sli_smtp_reply_id sli_smtp_cmd_xclient_check_forward(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event)
{
    enum sli_smtp_reply_id id = read_all(server, argument, of_xforward,
        sizeof of_xforward / sizeof *of_xforward, &event->peer);

    if (id == SLI_SMTP_REPLY_NONE) {
        event->type = SLI_SMTP_EVENT_XFORWARD;
    }
    return id;
}

void sli_smtp_cmd_xclient_proceed(struct sli_smtp_server *server)
{
    sli_smtp_machine_reset(server);
    server->is_extended = 0;
    server->auth.is_done = server->has_login;
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_START);
}
