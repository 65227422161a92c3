/** Header fields, and the lists in their values. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <slimta/alloc.h>
#include <slimta/slice.h>

/** A header field; its octets are somebody else's. */
struct sli_http_field {
    struct slimta_slice name; /**< case does not matter */
    struct slimta_slice value;
};

/** Room for the fields of a head, used again for the next one. The engines of
 * one loop share it: what stands in it lives until the next head is read. */
struct sli_http_fields {
    const struct slimta_alloc *alloc; /* borrowed: outlives this */
    struct sli_http_field *items;
    size_t capacity;
};

void sli_http_fields_init(
    struct sli_http_fields *fields, const struct slimta_alloc *alloc);

void sli_http_fields_fini(struct sli_http_fields *fields);

/** Makes room for `count` fields. SLIMTA_ENOMEM. */
int sli_http_fields_reserve(struct sli_http_fields *fields, size_t count);

/** The first field of that name at `*index` or behind it, NULL when there is
 * none; `index` becomes the one behind it. */
const struct sli_http_field *sli_http_fields_next(
    const struct sli_http_field *fields, size_t count, struct slimta_slice name,
    size_t *index);

/** Without the spaces and tabs around it (RFC 9110 section 5.6.3). */
struct slimta_slice sli_http_fields_trim(struct slimta_slice text);

/** Cuts the next member, trimmed, off a list whose members are parted by any
 * octet of `separators` (RFC 9110 section 5.6.1); it may be empty. 0 when the
 * list is used up: `list->data` is NULL then. */
int sli_http_fields_member(struct slimta_slice *list,
    struct slimta_slice separators, struct slimta_slice *member);

/** Whether `word`, in any case, is a member of the list. */
int sli_http_fields_has_word(
    struct slimta_slice list, struct slimta_slice word);

#endif
