/** Many small pieces of memory that are freed together. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <slimta/alloc.h>
#include <slimta/slice.h>

struct sli_arena_block;

/** Its memory is a chain of blocks; nothing is held before the first piece. */
struct sli_arena {
    const struct slimta_alloc *alloc; /* borrowed: outlives the arena */
    struct sli_arena_block *blocks;   /* the newest first */
    size_t used;                      /* octets in use of the newest block */
    size_t block_size;
};

/** `block_size` is what a block has room for; a larger piece gets a block of
 * its own. */
void sli_arena_init(struct sli_arena *arena, const struct slimta_alloc *alloc,
    size_t block_size);

/** Frees every piece. */
void sli_arena_fini(struct sli_arena *arena);

/** A piece, aligned for anything, all zero. NULL when there is no memory. */
void *sli_arena_get(struct sli_arena *arena, size_t size);

/** A terminated copy. NULL when there is no memory. */
char *sli_arena_text(struct sli_arena *arena, struct slimta_slice text);

#endif
