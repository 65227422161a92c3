/** Names of the DNS as an SPF check meets them. */
#include "spf/name.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"

enum { LABEL_MAX = 63 };

struct slimta_slice sli_spf_name_trim(struct slimta_slice name)
{
    if (name.size > 0 && name.data[name.size - 1] == '.') {
        name.size--;
    }
    return name;
}

/* Cuts the first label off; what is left of a name that has no more is NULL. */
static struct slimta_slice take_label(struct slimta_slice *name)
{
    const char *dot = memchr(name->data, '.', name->size);
    size_t size = dot == NULL ? name->size : (size_t)(dot - name->data);
    struct slimta_slice label = sli_slice(name->data, size);

    *name = dot == NULL ? (struct slimta_slice){NULL, 0}
                        : sli_slice_skip(*name, size + 1);
    return label;
}

int sli_spf_name_can_be_asked(struct slimta_slice name)
{
    struct slimta_slice rest = sli_spf_name_trim(name);

    if (rest.size == 0 || rest.size > SLI_SPF_NAME_MAX ||
        !sli_ascii_all(rest, SLI_ASCII_PRINT) ||
        memchr(rest.data, '\\', rest.size) != NULL) {
        return 0;
    }
    while (rest.data != NULL) {
        struct slimta_slice label = take_label(&rest);

        if (label.size == 0 || label.size > LABEL_MAX) {
            return 0;
        }
    }
    return 1;
}

static int is_plain(struct slimta_slice label)
{
    for (size_t i = 0; i < label.size; i++) {
        if (!sli_ascii_is(label.data[i], SLI_ASCII_ALNUM) &&
            label.data[i] != '-' && label.data[i] != '_') {
            return 0;
        }
    }
    return 1;
}

int sli_spf_name_is_domain(struct slimta_slice name)
{
    struct slimta_slice rest = sli_spf_name_trim(name);
    struct slimta_slice label = {NULL, 0};
    size_t labels = 0;

    if (!sli_spf_name_can_be_asked(name)) {
        return 0;
    }
    while (rest.data != NULL) {
        label = take_label(&rest);
        labels++;
        if (!is_plain(label)) {
            return 0;
        }
    }
    /* A last label of digits alone: that is an address. */
    return labels > 1 && !sli_ascii_all(label, SLI_ASCII_DIGIT);
}

int sli_spf_name_is_in(struct slimta_slice name, struct slimta_slice domain)
{
    size_t before;

    name = sli_spf_name_trim(name);
    domain = sli_spf_name_trim(domain);
    if (name.size < domain.size) {
        return 0;
    }
    before = name.size - domain.size;
    return sli_ascii_same(sli_slice_skip(name, before), domain) &&
        (before == 0 || name.data[before - 1] == '.');
}
