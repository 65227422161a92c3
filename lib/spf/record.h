/** SPF records (RFC 7208 sections 4.5, 4.6.1, 5, 6), read term by term. */
#ifndef SPF_RECORD_H
#define SPF_RECORD_H

#include <stdint.h>

#include <slimta/slice.h>
#include <slimta/spf.h>

/** The longest record that is evaluated, and the longest explanation that is
 * expanded. */
#define SLI_SPF_RECORD_MAX 8192

/** The longest domain-spec that is taken. */
#define SLI_SPF_SPEC_MAX 1024

enum sli_spf_term_type {
    SLI_SPF_TERM_ALL,
    SLI_SPF_TERM_INCLUDE,
    SLI_SPF_TERM_A,
    SLI_SPF_TERM_MX,
    SLI_SPF_TERM_PTR,
    SLI_SPF_TERM_IP4,
    SLI_SPF_TERM_IP6,
    SLI_SPF_TERM_EXISTS,
    SLI_SPF_TERM_REDIRECT,
    SLI_SPF_TERM_EXP,
    SLI_SPF_TERM_OTHER /**< a modifier that is not known: means nothing */
};

struct sli_spf_term {
    enum sli_spf_term_type type;
    enum slimta_spf_result result; /* of a mechanism that matches */
    struct slimta_slice domain;    /* a domain-spec; empty: none */
    uint8_t ip[16];                /* IPv4 in the first four octets */
    unsigned prefix4;              /* how many bits of an address count */
    unsigned prefix6;
};

/** A whole record, found to be in order; the slices stand in what was read. */
struct sli_spf_record {
    struct slimta_slice terms;
    struct slimta_slice redirect; /* a domain-spec; empty: none */
    struct slimta_slice exp;      /* the same */
};

/** Whether the text is an SPF record: its version says so. */
int sli_spf_record_is_one(struct slimta_slice text);

/** Reads a text for which sli_spf_record_is_one is true. 0, or SLIMTA_EINVAL
 * for a wrong syntax anywhere in it (section 4.6), SLIMTA_ELIMIT past
 * SLI_SPF_RECORD_MAX. */
int sli_spf_record_read(
    struct slimta_slice text, struct sli_spf_record *record);

/** Cuts the next term off `terms`. 1, 0 when there is none, or SLIMTA_EINVAL.
 */
int sli_spf_record_next(struct slimta_slice *terms, struct sli_spf_term *term);

#endif
