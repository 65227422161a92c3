/** The octets of one message: blocks in memory, then a file. */
#include "mail/content.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include <slimta/envelope.h>
#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"

enum {
    /* The first block when nothing is known of the message's size. */
    BLOCK_UNKNOWN = 8192,
    /* Capacities are multiples of this: a client that declares a little less
     * than it sends costs no second block. */
    BLOCK_STEP = 512,
    /* Blocks of the tail that need no memory for their list. */
    TAIL_INLINE = 4
};

struct block {
    size_t size; /* octets in it */
    size_t capacity;
    struct block *outgrown; /* see grow_head */
    char octets[];
};

/*
 * The first SLIMTA_HEAD_BYTES stand in one block, so that every header field
 * can be lent as one slice; what was spilled follows in the file, and then
 * come the blocks of the tail.
 */
struct slimta_content {
    struct slimta_alloc alloc;
    atomic_size_t references;
    uint64_t expected; /* the declared size, 0: unknown */
    uint64_t size;
    struct block *head;
    const struct sli_mail_store *store; /* NULL: never spilled */
    uint64_t file_size;
    int fd;
    size_t tail_count;
    size_t tail_capacity;
    struct block **tail; /* `few` as long as these suffice */
    struct block *few[TAIL_INLINE];
};

int sli_mail_content_new(struct slimta_content **out,
    const struct slimta_alloc *alloc, uint64_t expected)
{
    struct slimta_content *content = sli_alloc_zero(alloc, sizeof *content);

    if (content == NULL) {
        return SLIMTA_ENOMEM;
    }
    content->alloc = *alloc;
    content->expected = expected;
    content->tail = content->few;
    content->tail_capacity = TAIL_INLINE;
    atomic_init(&content->references, 1);
    *out = content;
    return 0;
}

struct slimta_content *sli_mail_content_ref(struct slimta_content *content)
{
    atomic_fetch_add_explicit(&content->references, 1, memory_order_relaxed);
    return content;
}

static void free_tail(struct slimta_content *content)
{
    for (size_t i = 0; i < content->tail_count; i++) {
        sli_free(&content->alloc, content->tail[i]);
    }
    if (content->tail != content->few) {
        sli_free(&content->alloc, content->tail);
    }
    content->tail = content->few;
    content->tail_capacity = TAIL_INLINE;
    content->tail_count = 0;
}

static void free_head(struct slimta_content *content)
{
    while (content->head != NULL) {
        struct block *outgrown = content->head->outgrown;

        sli_free(&content->alloc, content->head);
        content->head = outgrown;
    }
}

void sli_mail_content_unref(struct slimta_content *content)
{
    struct slimta_alloc alloc;

    if (content == NULL ||
        atomic_fetch_sub_explicit(
            &content->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (content->store != NULL) {
        content->store->close(content->fd);
    }
    free_tail(content);
    free_head(content);
    alloc = content->alloc;
    sli_free(&alloc, content);
}

static size_t clamp(uint64_t value, size_t low, size_t high)
{
    if (value > high) {
        return high;
    }
    return value < low ? low : (size_t)value;
}

/* The capacity of the block after one of `previous` octets: what is still
 * expected, or else twice as much as before. */
static size_t next_capacity(
    const struct slimta_content *content, size_t previous)
{
    uint64_t wanted = previous == 0 ? BLOCK_UNKNOWN : (uint64_t)previous * 2;

    if (content->expected > content->size) {
        wanted = content->expected - content->size;
    }
    wanted =
        clamp(wanted, SLI_MAIL_CONTENT_BLOCK_MIN, SLI_MAIL_CONTENT_BLOCK_MAX);
    return (size_t)((wanted + BLOCK_STEP - 1) / BLOCK_STEP * BLOCK_STEP);
}

static struct block *new_block(
    const struct slimta_content *content, size_t capacity)
{
    struct block *block = sli_alloc(&content->alloc, sizeof *block + capacity);

    if (block != NULL) {
        block->size = 0;
        block->capacity = capacity;
        block->outgrown = NULL;
    }
    return block;
}

/* The head stays in one piece: one that turns out too small is copied into one
 * of full size. The small one is kept, since header fields may have been lent
 * from it for as long as the envelope lives. */
static struct block *grow_head(struct slimta_content *content)
{
    struct block *old = content->head;
    size_t capacity = SLIMTA_HEAD_BYTES;
    struct block *head;

    if (old == NULL) {
        capacity = clamp(next_capacity(content, 0), 1, SLIMTA_HEAD_BYTES);
    }
    head = new_block(content, capacity);
    if (head != NULL && old != NULL) {
        memcpy(head->octets, old->octets, old->size);
        head->size = old->size;
        head->outgrown = old;
    }
    if (head != NULL) {
        content->head = head;
    }
    return head;
}

static int grow_tail_list(struct slimta_content *content)
{
    size_t capacity = content->tail_capacity * 2;
    struct block **tail =
        sli_alloc_array(&content->alloc, capacity, sizeof *tail);

    if (tail == NULL) {
        return SLIMTA_ENOMEM;
    }
    memcpy(tail, content->tail, content->tail_count * sizeof *tail);
    if (content->tail != content->few) {
        sli_free(&content->alloc, content->tail);
    }
    content->tail = tail;
    content->tail_capacity = capacity;
    return 0;
}

static struct block *add_tail(struct slimta_content *content, size_t previous)
{
    struct block *block;

    if (content->tail_count == content->tail_capacity &&
        grow_tail_list(content) != 0) {
        return NULL;
    }
    block = new_block(content, next_capacity(content, previous));
    if (block != NULL) {
        content->tail[content->tail_count++] = block;
    }
    return block;
}

/* A block with room for at least one octet more; NULL: no memory. */
static struct block *block_with_room(struct slimta_content *content)
{
    struct block *last = content->head;

    if (last == NULL || last->size < SLIMTA_HEAD_BYTES) {
        return last != NULL && last->size < last->capacity ? last
                                                           : grow_head(content);
    }
    if (content->tail_count > 0) {
        last = content->tail[content->tail_count - 1];
        if (last->size < last->capacity) {
            return last;
        }
    }
    return add_tail(content, last->capacity);
}

int sli_mail_content_append(
    struct slimta_content *content, struct slimta_slice octets)
{
    while (octets.size > 0) {
        struct block *block = block_with_room(content);
        size_t count;

        if (block == NULL) {
            return SLIMTA_ENOMEM;
        }
        count = block->capacity - block->size;
        count = octets.size < count ? octets.size : count;
        memcpy(block->octets + block->size, octets.data, count);
        block->size += count;
        content->size += count;
        octets = sli_slice_skip(octets, count);
    }
    return 0;
}

uint64_t sli_mail_content_spillable(const struct slimta_content *content)
{
    size_t head = content->head == NULL ? 0 : content->head->size;

    return content->size - content->file_size - head;
}

static int open_file(struct slimta_content *content,
    const struct sli_mail_store *store, const char *directory)
{
    int err = 0;

    if (content->store == NULL) {
        err = store->open(&content->alloc, directory, &content->fd);
    }
    if (err == 0) {
        content->store = store;
    }
    return err;
}

int sli_mail_content_spill(struct slimta_content *content,
    const struct sli_mail_store *store, const char *directory)
{
    int err = 0;

    if (content->tail_count == 0) {
        return 0;
    }
    err = open_file(content, store, directory);
    for (size_t i = 0; err == 0 && i < content->tail_count; i++) {
        const struct block *block = content->tail[i];

        err = store->write(content->fd, content->file_size,
            sli_slice(block->octets, block->size));
        content->file_size += err == 0 ? block->size : 0;
    }
    if (err == 0) {
        free_tail(content);
    }
    return err;
}

uint64_t slimta_content_size(const struct slimta_content *content)
{
    return content->size;
}

int slimta_content_is_spilled(const struct slimta_content *content)
{
    return content->store != NULL;
}

/* What stands in one piece from `offset` on, at most `size` octets. */
struct piece {
    struct slimta_slice memory; /* empty: it stands in the file */
    uint64_t file_offset;
    size_t size;
};

static struct piece piece_of_block(
    const struct block *block, uint64_t offset, size_t size)
{
    size_t left = block->size - (size_t)offset;

    size = size < left ? size : left;
    return (struct piece){
        .memory = sli_slice(block->octets + offset, size), .size = size};
}

static struct piece piece_at(
    const struct slimta_content *content, uint64_t offset, size_t size)
{
    if (offset < content->head->size) {
        return piece_of_block(content->head, offset, size);
    }
    offset -= content->head->size;
    if (offset < content->file_size) {
        uint64_t left = content->file_size - offset;

        return (struct piece){
            .file_offset = offset, .size = clamp(left, 0, size)};
    }
    offset -= content->file_size;
    for (size_t i = 0; i < content->tail_count; i++) {
        const struct block *block = content->tail[i];

        if (offset < block->size) {
            return piece_of_block(block, offset, size);
        }
        offset -= block->size;
    }
    assert(0 && "an offset below the size is in some block");
    return (struct piece){0};
}

int slimta_content_read(const struct slimta_content *content, uint64_t offset,
    void *out, size_t size, size_t *got)
{
    char *to = out;
    int err = 0;

    *got = 0;
    while (err == 0 && *got < size && offset < content->size) {
        struct piece piece = piece_at(content, offset, size - *got);

        if (piece.memory.size > 0) {
            memcpy(to + *got, piece.memory.data, piece.size);
        } else {
            err = content->store->read(
                content->fd, piece.file_offset, to + *got, piece.size);
        }
        if (err == 0) {
            *got += piece.size;
            offset += piece.size;
        }
    }
    return err;
}

int sli_mail_content_head(const struct slimta_content *content, size_t index,
    struct slimta_slice *block)
{
    if (index > 0 || content->head == NULL) {
        return 0;
    }
    *block = sli_slice(content->head->octets, content->head->size);
    return 1;
}

int slimta_content_block(const struct slimta_content *content, size_t index,
    struct slimta_slice *block)
{
    const struct block *lent;

    if (content->store != NULL || index > content->tail_count) {
        return 0;
    }
    if (index == 0) {
        return sli_mail_content_head(content, 0, block);
    }
    lent = content->tail[index - 1];
    *block = sli_slice(lent->octets, lent->size);
    return 1;
}
