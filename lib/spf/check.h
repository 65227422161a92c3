/** One evaluation of check_host (RFC 7208 section 4) over known look-ups. */
#ifndef SPF_CHECK_H
#define SPF_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/address.h>
#include <slimta/slice.h>
#include <slimta/spf.h>

#include "spf/name.h"
#include "spf/record.h"
#include "spf/table.h"

/* RFC 7208 section 4.6.4: terms that ask, those of them that find nothing, and
 * the names that one mx or the client's reverse names may lead to. */
#define SLI_SPF_TERMS_MAX 10
#define SLI_SPF_VOIDS_MAX 2
#define SLI_SPF_NAMES_MAX 10

/** The most look-ups that a check can need: the record, ten terms of which each
 * is an mx with ten names, and for an explanation its text and the client's
 * reverse names. */
#define SLI_SPF_LOOKUPS_MAX \
    (1 + SLI_SPF_TERMS_MAX * (1 + SLI_SPF_NAMES_MAX) + 1 + 1 + \
        SLI_SPF_NAMES_MAX)

#define SLI_SPF_EXPLANATION_MAX 256
#define SLI_SPF_PART_MAX 255 /* of a local part, a domain, a HELO name */

/** What a check is about. */
struct sli_spf_question {
    struct slimta_address client;
    struct slimta_slice helo;
    struct slimta_slice sender;   /* "" for the null sender */
    struct slimta_slice receiver; /* our name, for %{r}; may be empty */
    uint64_t time_s;              /* since 1970, for %{t} */
};

/** A short text that the struct itself holds. */
struct sli_spf_part {
    char data[SLI_SPF_PART_MAX + 1]; /* terminated */
    size_t size;
};

/** A run of check_host: the first one, and one for each include. */
struct sli_spf_frame {
    struct sli_spf_part domain;
    int is_read; /* the record was found */
    struct sli_spf_record record;
    struct slimta_slice terms; /* those that are still to be tried */
    /* What an include that is being evaluated makes of a pass. */
    enum slimta_spf_result result;
};

enum sli_spf_stage {
    SLI_SPF_EVALUATING,
    SLI_SPF_EXPLAINING, /* a fail, whose explanation is wanted */
    SLI_SPF_DONE
};

/**
 * Holds everything that it needs: running it takes no memory. What the table
 * does not know ends a run, and the next one goes on with the same term. So a
 * record is read twice for each term that leads to it, and a term once more for
 * each of its look-ups; docs/limits.md has the sum.
 */
struct sli_spf_check {
    const struct sli_spf_table *table; /* borrowed */

    struct slimta_address client;
    struct sli_spf_part helo;
    struct sli_spf_part local;
    struct sli_spf_part sender_domain;
    struct sli_spf_part receiver;
    uint64_t time_s;

    enum sli_spf_stage stage;
    struct sli_spf_frame frames[SLI_SPF_TERMS_MAX + 1];
    size_t depth;
    unsigned terms;
    unsigned voids;
    int has_asked_names; /* the client's reverse names were counted */
    int has_begun;       /* the term at hand was counted */
    int has_target;      /* and its domain-spec expanded */
    struct sli_spf_part target;
    int has_client_name; /* %{p} of the term at hand is known */
    struct sli_spf_part client_name;

    /* The look-up that is wanted. */
    struct sli_spf_part need_name;
    enum sli_spf_type need_type;

    /* What it has come to. */
    enum slimta_spf_result result;
    const char *problem; /* what an error was about; static; else NULL */
    char explanation[SLI_SPF_EXPLANATION_MAX + 1]; /* "": there is none */
};

enum sli_spf_run {
    SLI_SPF_RUN_DONE,
    SLI_SPF_RUN_NEEDS /* the look-up `need_name`, `need_type` */
};

/** Everything is copied but the table, which may be filled while this lives.
 * RFC 7208 sections 2.4 and 4.3: the null sender becomes postmaster at the HELO
 * name, an empty local part becomes postmaster. */
void sli_spf_check_init(struct sli_spf_check *check,
    const struct sli_spf_question *question, const struct sli_spf_table *table);

/** Goes on as far as the table leads. After SLI_SPF_RUN_NEEDS the caller adds
 * that answer and runs it again, at most SLI_SPF_LOOKUPS_MAX times. */
enum sli_spf_run sli_spf_check_run(struct sli_spf_check *check);

/** The domain that the check is about. */
static inline struct slimta_slice sli_spf_check_domain(
    const struct sli_spf_check *check)
{
    return (struct slimta_slice){
        check->sender_domain.data, check->sender_domain.size};
}

#endif
