/** What all exchanges of an edge share. */
#ifndef SASL_SASL_H
#define SASL_SASL_H

#include <slimta/alloc.h>

/**
 * libgsasl's handle and the key that the salts of users without stored keys are
 * made from, so that unknown users get a salt as stable as anybody's. Read by
 * any thread once it is made.
 */
struct sli_sasl;

/** Copies `salt_key`; NULL or "": a random one. SLIMTA_ENOMEM,
 * SLIMTA_ESYSTEM. */
int sli_sasl_new(struct sli_sasl **out, const struct slimta_alloc *alloc,
    const char *salt_key);

/** After the last exchange. NULL is accepted. */
void sli_sasl_free(struct sli_sasl *sasl);

#endif
