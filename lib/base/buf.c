/** Octets that grow up to a stated maximum. */
#include "base/buf.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/slice.h"

enum { FIRST_CAPACITY = 128 };

void sli_buf_init(
    struct sli_buf *buf, const struct slimta_alloc *alloc, size_t max)
{
    *buf = (struct sli_buf){.alloc = alloc, .max = max};
}

static void give_back(struct sli_buf *buf)
{
    if (buf->is_secret) {
        sli_secret_wipe(buf->data, buf->capacity);
    }
    sli_free(buf->alloc, buf->data);
}

void sli_buf_fini(struct sli_buf *buf)
{
    int is_secret = buf->is_secret;

    give_back(buf);
    sli_buf_init(buf, buf->alloc, buf->max);
    buf->is_secret = is_secret;
}

/* Doubles, so that appending stays linear in all, but never past the maximum.
 */
static size_t next_capacity(const struct sli_buf *buf, size_t needed)
{
    size_t capacity =
        buf->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buf->capacity;

    while (capacity < needed && capacity <= buf->max / 2) {
        capacity *= 2;
    }
    if (capacity < needed || capacity > buf->max) {
        capacity = buf->max;
    }
    return capacity;
}

static void move_to_front(struct sli_buf *buf)
{
    size_t size = sli_buf_size(buf);

    if (buf->start > 0 && size > 0) {
        memmove(buf->data, buf->data + buf->start, size);
    }
    if (buf->is_secret && buf->start > 0) {
        sli_secret_wipe(buf->data + size, buf->end - size);
    }
    buf->start = 0;
    buf->end = size;
}

/* What realloc does, but nothing stays where it was. */
static char *move(struct sli_buf *buf, size_t capacity)
{
    char *data = sli_alloc(buf->alloc, capacity);

    if (data != NULL && buf->data != NULL) {
        memcpy(data, buf->data, buf->end);
        give_back(buf);
    }
    return data;
}

char *sli_buf_reserve(struct sli_buf *buf, size_t size)
{
    size_t used = sli_buf_size(buf);

    if (size > buf->max || used > buf->max - size) {
        return NULL;
    }
    if (size > buf->capacity - buf->end) {
        move_to_front(buf);
    }
    if (size > buf->capacity - buf->end || buf->data == NULL) {
        size_t capacity = next_capacity(buf, used + size);
        char *data = buf->is_secret
            ? move(buf, capacity)
            : sli_realloc(buf->alloc, buf->data, capacity);

        if (data == NULL) {
            return NULL;
        }
        buf->data = data;
        buf->capacity = capacity;
    }
    return buf->data + buf->end;
}

int sli_buf_append(struct sli_buf *buf, struct slimta_slice octets)
{
    char *room;

    if (octets.size == 0) {
        return 0;
    }
    room = sli_buf_reserve(buf, octets.size);
    if (room == NULL) {
        return octets.size > buf->max ||
                sli_buf_size(buf) > buf->max - octets.size
            ? SLIMTA_ELIMIT
            : SLIMTA_ENOMEM;
    }
    memcpy(room, octets.data, octets.size);
    sli_buf_added(buf, octets.size);
    return 0;
}

int sli_buf_append_text(struct sli_buf *buf, const char *text)
{
    return sli_buf_append(buf, sli_slice_text(text));
}

void sli_buf_consume(struct sli_buf *buf, size_t size)
{
    buf->start += size;
    if (buf->start == buf->end) {
        sli_buf_clear(buf);
    }
}
