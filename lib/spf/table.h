/** What is known of the DNS while one check runs. */
#ifndef SPF_TABLE_H
#define SPF_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/slice.h>

#include "base/arena.h"

/** The most that a table holds of answers, in octets. */
#define SLI_SPF_TABLE_MAX 262144

/** With the numbers of the protocol. */
enum sli_spf_type {
    SLI_SPF_TYPE_A = 1,
    SLI_SPF_TYPE_PTR = 12,
    SLI_SPF_TYPE_MX = 15,
    SLI_SPF_TYPE_TXT = 16,
    SLI_SPF_TYPE_AAAA = 28
};

enum sli_spf_status {
    SLI_SPF_FOUND,
    SLI_SPF_VOID,   /**< no such name, or nothing of the type there */
    SLI_SPF_UNKNOWN /**< no answer, or one that could not be kept */
};

/** One record: an address, or a text (TXT, the name of MX and PTR). */
struct sli_spf_value {
    struct sli_spf_value *next;
    struct slimta_slice text; /* terminated too */
    uint8_t ip[16];           /* IPv4 in the first four octets */
    unsigned preference;      /* of an MX */
};

/** What was answered to one question; lives as long as the table. */
struct sli_spf_answer {
    struct sli_spf_answer *next;
    struct slimta_slice name; /* terminated too */
    enum sli_spf_type type;
    enum sli_spf_status status;
    struct sli_spf_value *values; /* in the order in which they came */
    struct sli_spf_value *last;
    size_t count;
};

struct sli_spf_table {
    struct sli_arena arena;
    struct sli_spf_answer *answers;
    size_t count;  /* of answers */
    size_t octets; /* that the answers take */
};

void sli_spf_table_init(
    struct sli_spf_table *table, const struct slimta_alloc *alloc);
void sli_spf_table_fini(struct sli_spf_table *table);

/** The answer to a question; NULL when it is not known. Case and a final dot do
 * not matter. */
const struct sli_spf_answer *sli_spf_table_find(
    const struct sli_spf_table *table, struct slimta_slice name,
    enum sli_spf_type type);

/** Adds an answer without records; the name is copied. NULL when there is no
 * memory. */
struct sli_spf_answer *sli_spf_table_add(struct sli_spf_table *table,
    struct slimta_slice name, enum sli_spf_type type,
    enum sli_spf_status status);

/**
 * Adds a record, empty but for a copy of `text`. When that passes
 * SLI_SPF_TABLE_MAX, or there is no memory, the answer becomes
 * SLI_SPF_UNKNOWN, and NULL is returned.
 */
struct sli_spf_value *sli_spf_table_add_value(struct sli_spf_table *table,
    struct sli_spf_answer *answer, struct slimta_slice text);

#endif
