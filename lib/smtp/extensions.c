/** What the reply to EHLO offers. */
#include "smtp/extensions.h"

#include "base/ascii.h"
#include "base/slice.h"
#include "smtp/output.h"

/* Writes what stands behind the keyword, with its space; returns the length.
 */
typedef size_t (*argument_function)(
    const struct sli_smtp_config *config, char *out);

/* RFC 1870 section 3: no number means that there is no fixed limit. */
static size_t write_size(const struct sli_smtp_config *config, char *out)
{
    if (config->max_message_bytes == SLIMTA_UNLIMITED) {
        return 0;
    }
    out[0] = ' ';
    return 1 + sli_ascii_format_number(config->max_message_bytes, out + 1);
}

static const struct {
    struct slimta_slice keyword;
    argument_function argument; /* NULL: none */
} extensions[] = {
    {{"PIPELINING", 10}, NULL},
    {{"SIZE", 4}, write_size},
    {{"8BITMIME", 8}, NULL},
    {{"ENHANCEDSTATUSCODES", 19}, NULL},
    {{"SMTPUTF8", 8}, NULL},
};

int sli_smtp_extensions_write(
    struct sli_buf *output, const struct sli_smtp_config *config)
{
    const size_t count = sizeof extensions / sizeof *extensions;
    int err = 0;

    for (size_t i = 0; i < count && err == 0; i++) {
        char argument[1 + SLI_ASCII_NUMBER_MAX];
        struct sli_smtp_output_text text = {.before = extensions[i].keyword};

        if (extensions[i].argument != NULL) {
            text.after =
                sli_slice(argument, extensions[i].argument(config, argument));
        }
        err = sli_smtp_output_line(output, 250,
            i + 1 < count ? SLI_SMTP_OUTPUT_MORE : SLI_SMTP_OUTPUT_LAST, &text);
    }
    return err;
}
