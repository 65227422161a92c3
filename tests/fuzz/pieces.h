/** What the targets of engines share: an input that comes in pieces, and what
 * was told, to be compared. */
#ifndef FUZZ_PIECES_H
#define FUZZ_PIECES_H

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/slice.h"
#include "fuzz.h"

struct pieces {
    struct slimta_slice rest; /* what has not come yet */
    size_t size;              /* octets of a piece */
    char *held;               /* the piece that the engine may read */
};

/** The next piece, or 0. It has memory of its own, so that the address
 * sanitizer sees who reads it later. */
static inline int take_piece(struct pieces *pieces, struct slimta_slice *piece)
{
    size_t size =
        pieces->rest.size < pieces->size ? pieces->rest.size : pieces->size;

    if (size == 0) {
        return 0;
    }
    pieces->held = malloc(size);
    demand(pieces->held != NULL);
    memcpy(pieces->held, pieces->rest.data, size);
    *piece = sli_slice(pieces->held, size);
    pieces->rest = sli_slice_skip(pieces->rest, size);
    return 1;
}

static inline void drop_piece(struct pieces *pieces)
{
    free(pieces->held);
    pieces->held = NULL;
}

static inline void put(struct sli_buf *told, struct slimta_slice octets)
{
    demand(sli_buf_append(told, octets) == 0);
}

static inline void put_number(struct sli_buf *told, uint64_t number)
{
    put(told, sli_slice(&number, sizeof number));
}

static inline void demand_same(
    const struct sli_buf *one, const struct sli_buf *other)
{
    demand(sli_slice_is(sli_buf_slice(one), sli_buf_slice(other)));
}

#endif
