/** Names of hosts, and the patterns in certificates that stand for them. */
#include "tls/name.h"

#include <string.h>

#include "base/address.h"
#include "base/ascii.h"
#include "base/slice.h"

enum { LABEL_MAX = 63 };

/* Up to the next dot, or the whole rest. */
static struct slimta_slice first_label(struct slimta_slice name)
{
    const char *dot = name.size == 0 ? NULL : memchr(name.data, '.', name.size);

    return sli_slice(
        name.data, dot == NULL ? name.size : (size_t)(dot - name.data));
}

static int is_label(struct slimta_slice label)
{
    if (label.size == 0 || label.size > LABEL_MAX || label.data[0] == '-' ||
        label.data[label.size - 1] == '-') {
        return 0;
    }
    for (size_t i = 0; i < label.size; i++) {
        if (!sli_ascii_is(label.data[i], SLI_ASCII_ALNUM) &&
            label.data[i] != '-' && label.data[i] != '_') {
            return 0;
        }
    }
    return 1;
}

int sli_tls_name_is_host(struct slimta_slice name)
{
    struct slimta_slice rest = name;
    uint8_t ip[4];

    if (name.size == 0 || name.size > SLI_TLS_NAME_MAX ||
        name.data[name.size - 1] == '.' || sli_address_parse_ipv4(name, ip)) {
        return 0;
    }
    while (rest.size > 0) {
        struct slimta_slice label = first_label(rest);

        if (!is_label(label)) {
            return 0;
        }
        rest = sli_slice_skip(
            rest, label.size == rest.size ? label.size : label.size + 1);
    }
    return 1;
}

int sli_tls_name_matches(struct slimta_slice pattern, struct slimta_slice name)
{
    struct slimta_slice label = first_label(name);

    if (pattern.size > 2 && pattern.data[0] == '*' && pattern.data[1] == '.') {
        return label.size > 0 && label.size < name.size &&
            sli_ascii_same(
                sli_slice_skip(pattern, 1), sli_slice_skip(name, label.size));
    }
    return name.size > 0 && sli_ascii_same(pattern, name);
}
