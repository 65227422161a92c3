/** Macro strings (RFC 7208 section 7): their grammar, piece by piece. */
#ifndef SPF_MACRO_H
#define SPF_MACRO_H

#include <stddef.h>

#include <slimta/slice.h>

/** One piece: octets that stand for themselves, or a macro. */
struct sli_spf_piece {
    struct slimta_slice literal; /* octets; unless `letter` is set */
    char letter;                 /* in lower case; 0: no macro */
    int is_macro;                /* written with a percent sign */
    int is_escaped;              /* an upper-case letter: for URLs */
    int is_reversed;
    size_t parts; /* how many from the right; 0: all */
    struct slimta_slice delimiters;
};

/** Cuts the next piece off `rest`. 1, 0 when nothing is left, or SLIMTA_EINVAL
 * for what is no macro string. Spaces are taken, as in explanations; terms have
 * none. */
int sli_spf_macro_next(struct slimta_slice *rest, struct sli_spf_piece *piece);

/** Where a macro string stands decides which letters it may have. */
enum sli_spf_macro_place {
    SLI_SPF_MACRO_TERM,
    SLI_SPF_MACRO_EXPLANATION /**< c, r and t too: section 7.2 */
};

int sli_spf_macro_is_string(
    struct slimta_slice text, enum sli_spf_macro_place place);

/** A domain-spec: a macro string that ends in a macro or in a top label. */
int sli_spf_macro_is_domain(struct slimta_slice text);

#endif
