/** The client's messages of SCRAM (RFC 5802 section 7), read strictly. */
#include "sasl/scram_message.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"

/* Takes one octet if it is the next. */
static int take(struct slimta_slice *rest, char octet)
{
    if (rest->size == 0 || rest->data[0] != octet) {
        return 0;
    }
    *rest = sli_slice_skip(*rest, 1);
    return 1;
}

/* Takes what stands before the next comma, or all. */
static struct slimta_slice take_value(struct slimta_slice *rest)
{
    const char *comma =
        rest->size == 0 ? NULL : memchr(rest->data, ',', rest->size);
    size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->data);
    struct slimta_slice value = sli_slice(rest->data, size);

    *rest = sli_slice_skip(*rest, size);
    return value;
}

/* attr-val with a value that is not empty; what must follow it is the caller's.
 */
static int take_attribute(
    struct slimta_slice *rest, char attribute, struct slimta_slice *value)
{
    if (!take(rest, attribute) || !take(rest, '=')) {
        return 0;
    }
    *value = take_value(rest);
    return value->size > 0;
}

/* cb-name = 1*(ALPHA / DIGIT / "." / "-") */
static int is_binding_name(struct slimta_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!sli_ascii_is(name.data[i], SLI_ASCII_ALNUM) &&
            name.data[i] != '.' && name.data[i] != '-') {
            return 0;
        }
    }
    return name.size > 0;
}

/* printable = %x21-2B / %x2D-7E; a comma has ended it already. */
static int is_nonce(struct slimta_slice nonce)
{
    return sli_ascii_all(nonce, SLI_ASCII_PRINT) &&
        memchr(nonce.data, ' ', nonce.size) == NULL;
}

/* 1*value-char: UTF-8 without NUL. */
static int is_value(struct slimta_slice value)
{
    return value.size > 0 && memchr(value.data, '\0', value.size) == NULL &&
        sli_ascii_is_utf8(value);
}

/* Extensions that may be ignored, each with a comma before it. `end` is the
 * attribute that is none of them; the letters that RFC 5802 section 5.1 has
 * given away are none either. */
static int skip_extensions(struct slimta_slice *rest, char end)
{
    while (rest->size > 1 && rest->data[0] == ',' && rest->data[1] != end) {
        struct slimta_slice value;
        char attribute = rest->data[1];

        if (!sli_ascii_is(attribute, SLI_ASCII_ALPHA) ||
            strchr("anmrcsipve", attribute) != NULL) {
            return 0;
        }
        *rest = sli_slice_skip(*rest, 1);
        if (!take_attribute(rest, attribute, &value) || !is_value(value)) {
            return 0;
        }
    }
    return 1;
}

/* gs2-header = gs2-cbind-flag "," [ authzid ] "," */
static int take_header(
    struct sli_sasl_scram_first *first, struct slimta_slice *rest)
{
    if (rest->size == 0 || strchr("nyp", rest->data[0]) == NULL ||
        rest->data[0] == '\0') {
        return 0;
    }
    first->flag = rest->data[0];
    if (first->flag == 'p') {
        if (!take_attribute(rest, 'p', &first->binding) ||
            !is_binding_name(first->binding)) {
            return 0;
        }
    } else {
        *rest = sli_slice_skip(*rest, 1);
    }
    if (!take(rest, ',')) {
        return 0;
    }
    if (rest->size > 0 && rest->data[0] != ',' &&
        !take_attribute(rest, 'a', &first->authzid)) {
        return 0;
    }
    return take(rest, ',');
}

int sli_sasl_scram_message_first(
    struct sli_sasl_scram_first *first, struct slimta_slice message)
{
    struct slimta_slice rest = message;

    *first = (struct sli_sasl_scram_first){0};
    if (!take_header(first, &rest)) {
        return 0;
    }
    first->gs2_size = message.size - rest.size;
    return take_attribute(&rest, 'n', &first->name) && take(&rest, ',') &&
        take_attribute(&rest, 'r', &first->nonce) && is_nonce(first->nonce) &&
        skip_extensions(&rest, '\0') && rest.size == 0;
}

int sli_sasl_scram_message_final(
    struct sli_sasl_scram_final *final, struct slimta_slice message)
{
    struct slimta_slice rest = message;

    *final = (struct sli_sasl_scram_final){0};
    return take_attribute(&rest, 'c', &final->binding) && take(&rest, ',') &&
        take_attribute(&rest, 'r', &final->nonce) && is_nonce(final->nonce) &&
        skip_extensions(&rest, 'p') && take(&rest, ',') &&
        take_attribute(&rest, 'p', &final->proof) && rest.size == 0;
}

size_t sli_sasl_scram_message_name(char *out, struct slimta_slice name)
{
    size_t size = 0;

    for (size_t i = 0; i < name.size; i++) {
        struct slimta_slice rest = sli_slice_skip(name, i);

        if (rest.data[0] != '=') {
            out[size++] = rest.data[0];
            continue;
        }
        if (rest.size < 3 ||
            (memcmp(rest.data, "=2C", 3) != 0 &&
                memcmp(rest.data, "=3D", 3) != 0)) {
            return 0;
        }
        out[size++] = rest.data[1] == '2' ? ',' : '=';
        i += 2;
    }
    return size;
}
