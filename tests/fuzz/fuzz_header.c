/** Feeds slimta_envelope_header and slimta_envelope_prepend: a line with a
 * field name, then a message; the same octets serve as a value to prepend. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "mail/content.h"
#include "mail/envelope.h"

enum { NAME_MAX_OCTETS = 64, LOOKUPS_MAX = 16 };

static int is_space(char octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

/* Takes the first line off as a field name. */
static void take_name(struct slimta_slice *input, char *name)
{
    size_t length = 0;

    while (length < input->size && length < NAME_MAX_OCTETS - 1 &&
        input->data[length] != '\n') {
        name[length] = input->data[length];
        length++;
    }
    name[length] = '\0';
    if (length < input->size) {
        length++;
    }
    *input = sli_slice_skip(*input, length);
}

static void look_up(const struct slimta_envelope *envelope, const char *name)
{
    struct slimta_slice value;

    for (size_t i = 0;
         i < LOOKUPS_MAX && slimta_envelope_header(envelope, name, i, &value);
         i++) {
        demand(value.size <= SLIMTA_HEAD_BYTES);
        demand(value.size == 0 ||
            (!is_space(value.data[0]) &&
                !is_space(value.data[value.size - 1])));
    }
}

/* What could be prepended is one field, and it is the first one found. */
static void prepend(
    struct slimta_envelope *envelope, const char *name, const char *value)
{
    struct slimta_slice found;

    if (slimta_envelope_prepend(envelope, name, value) == 0) {
        struct slimta_slice fields = slimta_envelope_prepended(envelope);

        demand(fields.size == strlen(name) + strlen(value) + 4);
        demand(slimta_envelope_header(envelope, name, 0, &found) == 1);
        demand(found.size <= strlen(value));
        look_up(envelope, name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sli_mail_facts facts = {.client = {.protocol = "SMTP"}};
    const struct slimta_mail_params params = {.size = sizeof params};
    struct slimta_slice input = sli_slice(data, size);
    struct slimta_envelope *envelope = NULL;
    struct slimta_alloc alloc;
    char name[NAME_MAX_OCTETS];
    char *value;

    if (sli_alloc_init(&alloc, NULL) != 0 ||
        sli_mail_envelope_new(
            &envelope, &alloc, &facts, SLI_LITERAL(""), &params) != 0) {
        return 0;
    }
    take_name(&input, name);
    value = sli_alloc_text(&alloc, input);
    if (value != NULL &&
        sli_mail_content_append(slimta_envelope_content(envelope), input) ==
            0) {
        look_up(envelope, name);
        look_up(envelope, "Received");
        prepend(envelope, name, value);
    }
    sli_free(&alloc, value);
    slimta_envelope_unref(envelope);
    return 0;
}
