/** What a `secret` validator has said: a user's secret, wiped after use. */
#ifndef EDGE_SECRET_H
#define EDGE_SECRET_H

#include "sasl/exchange.h"

/** Held by value; zero: nobody has said anything. */
struct sli_edge_secret {
    enum sli_sasl_secret_kind kind;
    char *text;     /* NULL without one */
    int has_failed; /* one was given, but there was no memory for it */
};

/** Puts a copy of `text` in the place of what was there. SLIMTA_ENOMEM: it is
 * remembered that it has failed. */
int sli_edge_secret_set(struct sli_edge_secret *secret,
    const struct slimta_alloc *alloc, enum sli_sasl_secret_kind kind,
    const char *text);

/** Wipes and frees the text; nobody has said anything. */
void sli_edge_secret_drop(
    struct sli_edge_secret *secret, const struct slimta_alloc *alloc);

/** Gives the secret to `to`, which has none. */
static inline void sli_edge_secret_move(
    struct sli_edge_secret *to, struct sli_edge_secret *from)
{
    *to = *from;
    *from = (struct sli_edge_secret){.text = NULL};
}

/** Whether somebody has said something. */
static inline int sli_edge_secret_is_given(const struct sli_edge_secret *secret)
{
    return secret->text != NULL || secret->has_failed;
}

#endif
