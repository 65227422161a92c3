/** What an engine was fed and has not consumed. */
#ifndef BASE_INPUT_H
#define BASE_INPUT_H

#include <slimta/slice.h>

#include "base/buf.h"

struct sli_input {
    struct slimta_slice fed; /* borrowed, the unread rest of it */
    struct sli_buf rest;     /* copied, stands before `fed` */
};

void sli_input_init(struct sli_input *input, const struct slimta_alloc *alloc);

/** Secrets may stand in it: nothing of what is copied stays behind in memory.
 */
static inline void sli_input_keep_secret(struct sli_input *input)
{
    sli_buf_keep_secret(&input->rest);
}

/** Forgets everything and frees the memory. */
void sli_input_fini(struct sli_input *input);

/** Lends the engine `octets`, behind what is there. SLIMTA_ENOMEM. */
int sli_input_feed(struct sli_input *input, struct slimta_slice octets);

/** Copies what is still borrowed. SLIMTA_ENOMEM. */
int sli_input_park(struct sli_input *input);

/** Frees the memory if nothing is in it. */
void sli_input_release(struct sli_input *input);

/** Makes the first `size` octets, no more than there are, stand together at
 * the front. SLIMTA_ENOMEM. */
int sli_input_gather(struct sli_input *input, size_t size);

/** How many octets are there. */
static inline size_t sli_input_size(const struct sli_input *input)
{
    return sli_buf_size(&input->rest) + input->fed.size;
}

/** The octets from `offset` on that stand together, empty at the end; at most
 * one more run follows them. */
struct slimta_slice sli_input_at(const struct sli_input *input, size_t offset);

/** The first run of octets that stand together; more may follow it. */
static inline struct slimta_slice sli_input_front(const struct sli_input *input)
{
    return sli_buf_size(&input->rest) > 0 ? sli_buf_slice(&input->rest)
                                          : input->fed;
}

/** Takes `size` octets off the front, no more than its run has. They may still
 * be read until the next call of feed, park, gather or release. */
void sli_input_consume(struct sli_input *input, size_t size);

#endif
