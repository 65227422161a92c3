/** What a queue says to one message, gathered part by part. */
#ifndef EDGE_RESULTS_H
#define EDGE_RESULTS_H

#include <slimta/alloc.h>
#include <slimta/results.h>

#include "mail/reply.h"

/** The most of a queue's id that is kept. */
#define SLI_EDGE_ID_MAX 128

/** One slimta_op_queued or slimta_op_refused. */
struct sli_edge_part {
    struct slimta_envelope *envelope; /* one reference, or NULL */
    int is_accepted;
    char id[SLI_EDGE_ID_MAX + 1]; /* "" when refused or without a name */
    struct slimta_reply refusal;  /* code 0 when accepted */
};

/** LMTP: what is said of one recipient. */
struct sli_edge_recipient_reply {
    const struct sli_edge_part *part; /* NULL: the queue named none of it */
    struct slimta_reply reply;
};

/** Any one thread at a time; may be freed on another than it was made on. */
struct slimta_results {
    struct slimta_alloc alloc;        /* a copy: may outlive its edge */
    struct slimta_envelope *envelope; /* that was asked about: one reference */
    unsigned accepted;                /* also those that are not listed */
    size_t count;                     /* of the parts that are listed */
    struct sli_edge_part first;
    struct sli_edge_part *more;               /* all others */
    size_t capacity;                          /* of `more` */
    struct sli_edge_recipient_reply *replies; /* LMTP's, or NULL */
    size_t reply_count;
};

/** An empty list; NULL when there is no memory. */
struct slimta_results *sli_edge_results_new(const struct slimta_alloc *alloc);

/** Frees the list and its references. NULL is accepted. */
void sli_edge_results_free(struct slimta_results *results);

/** Empties it, its references given back; the first part stays free of cost.
 */
void sli_edge_results_clear(struct slimta_results *results);

/** Which envelope the queue is asked about, of an empty list; takes a reference
 * of its own. */
void sli_edge_results_ask(
    struct slimta_results *results, struct slimta_envelope *envelope);

/** A part that was accepted under the name `id` (copied; NULL: none). With a
 * NULL envelope it is about the one that was asked about. SLIMTA_ENOMEM, never
 * for the first part: it counts, but is not listed. */
int sli_edge_results_accept(struct slimta_results *results,
    struct slimta_envelope *envelope, const char *id);

/** A part that was refused; `code` is 400..599, another becomes 451.
 * SLIMTA_ENOMEM: the first part is refused without the text, a later one is not
 * listed. */
int sli_edge_results_refuse(struct slimta_results *results,
    struct slimta_envelope *envelope, int code, const char *text);

/** The envelope that was asked about, refused with a copy of `why`, whose code
 * is 400..599. For an empty list: cannot fail, but may lose the text. */
void sli_edge_results_refuse_all(
    struct slimta_results *results, const struct slimta_reply *why);

/** The name of the first part that was accepted, or "". Lives until the list is
 * changed. */
const char *sli_edge_results_name(const struct slimta_results *results);

/** What one reply can say of all parts: NULL is yes, as soon as any part was
 * accepted; else the first refusal. Not for an empty list. Lives until the list
 * is changed. */
const struct slimta_reply *sli_edge_results_verdict(
    const struct slimta_results *results);

/** LMTP: makes a reply for each recipient of the envelope that was asked about;
 * no part is added after that. SLIMTA_ENOMEM: there are none then. */
int sli_edge_results_part_replies(struct slimta_results *results);

/** What recipient number `index` hears; NULL for a success in no words of its
 * own. `otherwise` is for one of whom the queue has said nothing. */
const struct slimta_reply *sli_edge_results_reply_of(
    const struct slimta_results *results, size_t index,
    const struct slimta_reply *otherwise);

#endif
