/** Octets that grow up to a stated maximum. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <slimta/alloc.h>
#include <slimta/slice.h>

/** What is in it stands at `data + start`; no memory is held before the first
 * octet comes. */
struct sli_buf {
    const struct slimta_alloc *alloc; /* borrowed: outlives the buffer */
    char *data;
    size_t start;    /* first octet that was not consumed */
    size_t end;      /* one past the last octet */
    size_t capacity; /* what `data` has room for */
    size_t max;      /* the most that it may hold */
    int is_secret;   /* memory is wiped before it is given back */
};

void sli_buf_init(
    struct sli_buf *buf, const struct slimta_alloc *alloc, size_t max);

/** From now on no octet stays behind in memory that the buffer has left: not
 * where it has grown out of, nor behind its end, nor where it was freed. What
 * is consumed stays until then. */
static inline void sli_buf_keep_secret(struct sli_buf *buf)
{
    buf->is_secret = 1;
}

/** Frees the memory; the buffer is empty and can be used again. */
void sli_buf_fini(struct sli_buf *buf);

static inline size_t sli_buf_size(const struct sli_buf *buf)
{
    return buf->end - buf->start;
}

/** What is in it; lives until the next call that changes the buffer. */
static inline struct slimta_slice sli_buf_slice(const struct sli_buf *buf)
{
    return (struct slimta_slice){
        buf->data == NULL ? "" : buf->data + buf->start, buf->end - buf->start};
}

/**
 * Makes room for `size` more octets and lends it; follow with sli_buf_added.
 * NULL when that passes the maximum or there is no memory; the buffer is as it
 * was.
 */
char *sli_buf_reserve(struct sli_buf *buf, size_t size);

/** `size` of the octets that were reserved are written. */
static inline void sli_buf_added(struct sli_buf *buf, size_t size)
{
    buf->end += size;
}

/** Copies octets to the end. SLIMTA_ELIMIT past the maximum, SLIMTA_ENOMEM:
 * nothing was added. */
int sli_buf_append(struct sli_buf *buf, struct slimta_slice octets);

/** The same with a terminated string. */
int sli_buf_append_text(struct sli_buf *buf, const char *text);

/** Takes `size` octets, at most all, off the front. Memory is kept. */
void sli_buf_consume(struct sli_buf *buf, size_t size);

/** Takes everything out. Memory is kept. */
static inline void sli_buf_clear(struct sli_buf *buf)
{
    buf->start = 0;
    buf->end = 0;
}

#endif
