/** Header fields, and the lists in their values. */
#include "http/fields.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"

void sli_http_fields_init(
    struct sli_http_fields *fields, const struct slimta_alloc *alloc)
{
    *fields = (struct sli_http_fields){.alloc = alloc};
}

void sli_http_fields_fini(struct sli_http_fields *fields)
{
    sli_free(fields->alloc, fields->items);
    sli_http_fields_init(fields, fields->alloc);
}

int sli_http_fields_reserve(struct sli_http_fields *fields, size_t count)
{
    struct sli_http_field *items;

    if (count <= fields->capacity) {
        return 0;
    }
    items = sli_alloc_array(fields->alloc, count, sizeof *items);
    if (items == NULL) {
        return SLIMTA_ENOMEM;
    }
    sli_free(fields->alloc, fields->items);
    fields->items = items;
    fields->capacity = count;
    return 0;
}

const struct sli_http_field *sli_http_fields_next(
    const struct sli_http_field *fields, size_t count, struct slimta_slice name,
    size_t *index)
{
    while (*index < count) {
        const struct sli_http_field *field = &fields[(*index)++];

        if (sli_ascii_same(field->name, name)) {
            return field;
        }
    }
    return NULL;
}

static int is_space(char octet)
{
    return octet == ' ' || octet == '\t';
}

struct slimta_slice sli_http_fields_trim(struct slimta_slice text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text = sli_slice_skip(text, 1);
    }
    while (text.size > 0 && is_space(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

int sli_http_fields_member(struct slimta_slice *list,
    struct slimta_slice separators, struct slimta_slice *member)
{
    size_t size = 0;

    if (list->data == NULL) {
        return 0;
    }
    while (size < list->size &&
        memchr(separators.data, list->data[size], separators.size) == NULL) {
        size++;
    }
    *member = sli_http_fields_trim(sli_slice(list->data, size));
    *list = size == list->size ? sli_slice(NULL, 0)
                               : sli_slice_skip(*list, size + 1);
    return 1;
}

int sli_http_fields_has_word(struct slimta_slice list, struct slimta_slice word)
{
    struct slimta_slice member;

    while (sli_http_fields_member(&list, SLI_LITERAL(","), &member)) {
        if (sli_ascii_same(member, word)) {
            return 1;
        }
    }
    return 0;
}
