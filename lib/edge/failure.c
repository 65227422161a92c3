/** Why a message is refused, kept until its end has come. */
#include "edge/failure.h"

#include "base/alloc.h"
#include "mail/reply.h"

static void free_words(
    struct slimta_reply *words, const struct slimta_alloc *alloc)
{
    if (words != NULL) {
        sli_mail_reply_fini(words);
        sli_free(alloc, words);
    }
}

void sli_edge_failure_set(
    struct sli_edge_failure *failure, const struct sli_edge_fixed *why)
{
    failure->fixed = *why;
}

void sli_edge_failure_set_words(struct sli_edge_failure *failure,
    const struct slimta_alloc *alloc, const struct slimta_reply *why,
    const struct sli_edge_fixed *instead)
{
    struct slimta_reply *copy = sli_alloc_zero(alloc, sizeof *copy);

    failure->fixed = *instead;
    if (copy == NULL) {
        return;
    }
    sli_mail_reply_init(copy, alloc);
    if (sli_mail_reply_copy(copy, why) == 0) {
        failure->words = copy;
    } else {
        free_words(copy, alloc);
    }
}

void sli_edge_failure_clear(
    struct sli_edge_failure *failure, const struct slimta_alloc *alloc)
{
    free_words(failure->words, alloc);
    *failure = (struct sli_edge_failure){0};
}
