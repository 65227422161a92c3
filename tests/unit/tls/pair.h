/** A server's stream and a client's, and the two ways between them. */
#ifndef TEST_TLS_PAIR_H
#define TEST_TLS_PAIR_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "tls/stream.h"

/** What a way has room for: it does not move, since streams borrow from it. */
enum { WAY_SIZE = 1 << 20 };

/** Records on their way. */
struct way {
    char *octets;
    size_t start; /* the first that was not fed */
    size_t end;
    int code; /* what the sink says instead of taking more */
};

static inline int way_take(void *user, struct slimta_slice records)
{
    struct way *way = user;

    if (way->code != 0) {
        return way->code;
    }
    if (way->octets == NULL) {
        way->octets = malloc(WAY_SIZE);
    }
    if (way->octets == NULL || records.size > WAY_SIZE - way->end) {
        abort();
    }
    memcpy(way->octets + way->end, records.data, records.size);
    way->end += records.size;
    return 0;
}

static inline void way_clear(struct way *way)
{
    free(way->octets);
    *way = (struct way){NULL, 0, 0, 0};
}

static inline size_t way_left(const struct way *way)
{
    return way->end - way->start;
}

/** Lends up to `most` octets. */
static inline struct slimta_slice way_next(struct way *way, size_t most)
{
    size_t size = way_left(way) > most ? most : way_left(way);

    if (size == 0) {
        return (struct slimta_slice){NULL, 0};
    }
    way->start += size;
    return sli_slice(way->octets + way->start - size, size);
}

/** One end. `status` is what its handshake or its reading said last: with
 * WANTS_INPUT nothing is borrowed. */
struct end {
    struct sli_tls_stream *stream;
    struct way out;
    enum sli_tls_status status;
    unsigned heavy; /* how often it has wanted time */
};

static inline void end_attach(struct end *end)
{
    const struct sli_tls_sink sink = {way_take, &end->out};

    sli_tls_stream_set_sink(end->stream, &sink);
    end->status = SLI_TLS_WANTS_INPUT;
    end->heavy = 0;
}

static inline void end_free(struct end *end)
{
    sli_tls_stream_free(end->stream);
    way_clear(&end->out);
    end->stream = NULL;
    end->status = SLI_TLS_WANTS_INPUT;
}

/** As far as the input goes: what is light first. */
static inline void end_get_on(struct end *end)
{
    end->status = sli_tls_stream_handshake_lightly(end->stream);
    if (end->status == SLI_TLS_WANTS_TIME) {
        end->heavy++;
        end->status = sli_tls_stream_handshake(end->stream);
    }
}

/* A step of one end's handshake with what the other has sent. */
static inline int end_shake(struct end *end, struct end *other, size_t most)
{
    size_t said = end->out.end;
    struct slimta_slice records = way_next(&other->out, most);

    sli_tls_stream_feed(end->stream, records);
    end_get_on(end);
    return records.size > 0 || end->out.end != said;
}

/** Both shake hands, at most `most` octets at once, until both have done or
 * nothing moves any more. */
static inline void pair_shake(
    struct end *client, struct end *server, size_t most)
{
    int is_moving = 1;

    while (is_moving) {
        is_moving = 0;
        if (client->status == SLI_TLS_WANTS_INPUT) {
            is_moving = end_shake(client, server, most);
        }
        if (server->status == SLI_TLS_WANTS_INPUT) {
            is_moving = end_shake(server, client, most) || is_moving;
        }
    }
}

/** Reads all there is from `other`, at most `most` octets at once. Returns how
 * many octets came to `out`, which has room for `size`. */
static inline size_t end_read(
    struct end *end, struct end *other, char *out, size_t size, size_t most)
{
    size_t all = 0;

    for (;;) {
        size_t got = 0;

        end->status =
            sli_tls_stream_read(end->stream, out + all, size - all, &got);
        if (end->status == SLI_TLS_DONE) {
            all += got;
            if (all == size) {
                return all;
            }
        } else if (end->status == SLI_TLS_WANTS_INPUT &&
            way_left(&other->out) > 0) {
            sli_tls_stream_feed(end->stream, way_next(&other->out, most));
        } else {
            return all;
        }
    }
}

#endif
