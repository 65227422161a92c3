/** Many small pieces of memory that are freed together. */
#include "base/arena.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

struct sli_arena_block {
    struct sli_arena_block *next;
    size_t size;
    max_align_t octets[];
};

void sli_arena_init(struct sli_arena *arena, const struct slimta_alloc *alloc,
    size_t block_size)
{
    *arena = (struct sli_arena){.alloc = alloc, .block_size = block_size};
}

void sli_arena_fini(struct sli_arena *arena)
{
    struct sli_arena_block *block = arena->blocks;

    while (block != NULL) {
        struct sli_arena_block *next = block->next;

        sli_free(arena->alloc, block);
        block = next;
    }
    arena->blocks = NULL;
    arena->used = 0;
}

static struct sli_arena_block *add_block(struct sli_arena *arena, size_t size)
{
    size_t capacity = size > arena->block_size ? size : arena->block_size;
    struct sli_arena_block *block =
        sli_alloc(arena->alloc, sizeof *block + capacity);

    if (block != NULL) {
        block->size = capacity;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = 0;
    }
    return block;
}

void *sli_arena_get(struct sli_arena *arena, size_t size)
{
    const size_t align = sizeof(max_align_t);
    struct sli_arena_block *block = arena->blocks;
    char *piece;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + align - 1) / align * align;
    if (block == NULL || size > block->size - arena->used) {
        block = add_block(arena, size);
    }
    if (block == NULL) {
        return NULL;
    }
    piece = (char *)block->octets + arena->used;
    arena->used += size;
    memset(piece, 0, size);
    return piece;
}

char *sli_arena_text(struct sli_arena *arena, struct slimta_slice text)
{
    char *copy = NULL;

    if (text.size < SIZE_MAX / 2) {
        copy = sli_arena_get(arena, text.size + 1);
    }
    if (copy != NULL && text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    return copy;
}
