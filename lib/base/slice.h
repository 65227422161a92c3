/** Small verbs on slices. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <string.h>

#include <slimta/slice.h>

/** A slice of a string literal. */
#define SLI_LITERAL(text) ((struct slimta_slice){(text), sizeof(text) - 1})

static inline struct slimta_slice sli_slice(const void *data, size_t size)
{
    return (struct slimta_slice){(const char *)data, size};
}

/** The slice of a terminated string; empty for NULL. */
static inline struct slimta_slice sli_slice_text(const char *text)
{
    return (struct slimta_slice){text, text == NULL ? 0 : strlen(text)};
}

/** What is left after the first `count` octets; `count` is at most its size.
 */
static inline struct slimta_slice sli_slice_skip(
    struct slimta_slice slice, size_t count)
{
    return (struct slimta_slice){
        count == 0 ? slice.data : slice.data + count, slice.size - count};
}

/** Takes the part before the first `at` off the front of `rest`, and that octet
 * with it: all of it when there is none. */
static inline struct slimta_slice sli_slice_take_until(
    struct slimta_slice *rest, char at)
{
    struct slimta_slice part = *rest;
    const char *found = rest->size == 0
        ? NULL
        : (const char *)memchr(rest->data, at, rest->size);

    if (found == NULL) {
        *rest = sli_slice_skip(*rest, rest->size);
        return part;
    }
    part.size = (size_t)(found - part.data);
    *rest = sli_slice_skip(*rest, part.size + 1);
    return part;
}

/** Copies the octets to `*at` and ends them with NUL; `*at` moves behind it.
 * Returns where they stand. */
static inline const char *sli_slice_put_text(
    char **at, struct slimta_slice text)
{
    char *start = *at;

    if (text.size > 0) {
        memcpy(start, text.data, text.size);
    }
    start[text.size] = '\0';
    *at = start + text.size + 1;
    return start;
}

/** Octet for octet the same. */
static inline int sli_slice_is(struct slimta_slice a, struct slimta_slice b)
{
    return a.size == b.size &&
        (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#endif
