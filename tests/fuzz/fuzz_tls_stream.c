/** Feeds what a peer might send to a stream of a server, or of a client, before
 * and after the handshake. */
#include "fuzz.h"

#include <string.h>

#include <slimta/tls.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "tls/context.h"
#include "tls/stream.h"
#include "tls_stream_pem.h"

enum { WAY_SIZE = 1 << 16, KEPT_SIZE = 512 };

struct way {
    char octets[WAY_SIZE];
    size_t start;
    size_t end;
};

struct end {
    struct sli_tls_stream *stream;
    struct way out;
    enum sli_tls_status status;
};

static struct slimta_alloc memory;
static struct slimta_tls *tls;

static void prepare(void)
{
    const struct slimta_tls_options options = {
        .size = sizeof options,
        .verify = SLIMTA_TLS_VERIFY_OPTIONAL,
        .alpn = "h2,http/1.1",
        .ca_pem = {certificate, sizeof certificate - 1},
    };
    const struct slimta_tls_certificate pair = {
        .size = sizeof pair,
        .certificate_pem = {certificate, sizeof certificate - 1},
        .key_pem = {key, sizeof key - 1},
    };

    if (tls == NULL) {
        demand(sli_alloc_init(&memory, NULL) == 0);
        demand(slimta_tls_new(&tls, &options, NULL) == 0);
        demand(slimta_tls_add_certificate(tls, &pair, NULL) == 0);
        demand(sli_tls_context_use_as_client(tls, NULL) == 0);
    }
}

/* What does not fit any more is dropped: it is not what is looked at. */
static int take(void *user, struct slimta_slice records)
{
    struct way *way = user;

    if (records.size <= WAY_SIZE - way->end) {
        memcpy(way->octets + way->end, records.data, records.size);
        way->end += records.size;
    }
    return 0;
}

static void open_end(struct end *end, enum sli_tls_role role)
{
    const struct sli_tls_sink sink = {take, &end->out};

    end->out.start = 0;
    end->out.end = 0;
    end->status = SLI_TLS_WANTS_INPUT;
    demand(sli_tls_stream_new(&end->stream, &memory, tls, role,
               role == SLI_TLS_CLIENT ? "mx.example.com" : NULL) == 0);
    sli_tls_stream_set_sink(end->stream, &sink);
}

static void check_failed(const struct end *end)
{
    const char *error = sli_tls_stream_error(end->stream);

    demand((error[0] != '\0') == (end->status == SLI_TLS_FAILED));
    demand(sli_ascii_all(sli_slice_text(error), SLI_ASCII_PRINT));
}

/* On with the handshake, then with reading, as far as the octets go. */
static void feed(struct end *end, struct slimta_slice octets)
{
    char out[KEPT_SIZE];
    size_t got;

    sli_tls_stream_feed(end->stream, octets);
    end->status = sli_tls_stream_handshake_lightly(end->stream);
    if (end->status == SLI_TLS_WANTS_TIME) {
        end->status = sli_tls_stream_handshake(end->stream);
        demand(end->status != SLI_TLS_WANTS_TIME);
    }
    while (end->status == SLI_TLS_DONE) {
        got = 0;
        end->status = sli_tls_stream_read(end->stream, out, sizeof out, &got);
        demand((got > 0) == (end->status == SLI_TLS_DONE));
        demand(got <= sizeof out);
    }
    check_failed(end);
}

static int exchange(struct end *end, struct end *other)
{
    struct slimta_slice records =
        sli_slice(other->out.octets + other->out.start,
            other->out.end - other->out.start);

    other->out.start = other->out.end;
    feed(end, records);
    return records.size > 0;
}

/* A whole handshake, or the first `steps` of its turns. */
static void shake(struct end *client, struct end *server, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        struct end *end = i % 2 == 0 ? client : server;

        if (!exchange(end, end == client ? server : client) && i > 0) {
            return;
        }
    }
}

static void ask(const struct end *end)
{
    const struct slimta_tls_info *info = sli_tls_stream_info(end->stream);
    unsigned char exported[SLI_TLS_EXPORTER_SIZE];

    (void)sli_tls_stream_exporter(end->stream, exported);
    if (info != NULL && info->peer_subject != NULL) {
        demand(sli_ascii_is_utf8(sli_slice_text(info->peer_subject)));
    }
    if (info != NULL) {
        (void)sli_tls_stream_write(end->stream, SLI_LITERAL("250 Ok\r\n"));
    }
    sli_tls_stream_end(end->stream);
}

/* The first octet says how far the handshake is and who gets the rest, the
 * second in what pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct end ends[2]; /* the client, the server */
    struct slimta_slice rest;
    struct end *end;
    size_t most;

    if (size < 2) {
        return 0;
    }
    prepare();
    open_end(&ends[0], SLI_TLS_CLIENT);
    open_end(&ends[1], SLI_TLS_SERVER);
    end = &ends[(data[0] & 1) == 0];
    shake(&ends[0], &ends[1], data[0] >> 1 & 7);
    most = data[1] == 0 ? size : data[1];
    rest = sli_slice(data + 2, size - 2);
    while (rest.size > 0 && end->status == SLI_TLS_WANTS_INPUT) {
        size_t part = rest.size < most ? rest.size : most;

        feed(end, sli_slice(rest.data, part));
        rest = sli_slice_skip(rest, part);
    }
    ask(end);
    sli_tls_stream_free(ends[0].stream);
    sli_tls_stream_free(ends[1].stream);
    return 0;
}
