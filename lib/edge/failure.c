/** Why a message is refused, kept until its end has come. */
#include "edge/failure.h"

#include "mail/reply.h"

void sli_edge_failure_set(
    struct sli_edge_failure *failure, const struct sli_edge_fixed *why)
{
    failure->fixed = *why;
}

void sli_edge_failure_set_words(struct sli_edge_failure *failure,
    const struct slimta_alloc *alloc, const struct slimta_reply *why,
    const struct sli_edge_fixed *instead)
{
    failure->fixed = *instead;
    failure->words = sli_mail_reply_clone(alloc, why);
}

void sli_edge_failure_clear(
    struct sli_edge_failure *failure, const struct slimta_alloc *alloc)
{
    sli_mail_reply_free(alloc, failure->words);
    *failure = (struct sli_edge_failure){0};
}
