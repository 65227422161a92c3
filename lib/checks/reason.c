/** The reason in a refusal: foreign text, made fit for a reply. */
#include "checks/reason.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"

static const char place[] = "{reason}";

size_t sli_checks_reason_clean(
    struct slimta_slice text, char out[SLI_CHECKS_REASON_MAX + 1])
{
    size_t size =
        text.size < SLI_CHECKS_REASON_MAX ? text.size : SLI_CHECKS_REASON_MAX;

    for (size_t i = 0; i < size; i++) {
        out[i] =
            sli_ascii_is(text.data[i], SLI_ASCII_PRINT) ? text.data[i] : '?';
    }
    out[size] = '\0';
    return size;
}

int sli_checks_reason_is_wanted(const char *text)
{
    return strstr(text, place) != NULL;
}

/* RFC 3463 section 2, as far as a text can be mistaken for one. */
static int has_enhanced(const char *text)
{
    return sli_ascii_is(text[0], SLI_ASCII_DIGIT) && text[1] == '.' &&
        sli_ascii_is(text[2], SLI_ASCII_DIGIT);
}

int sli_checks_reason_fits(const char *text, int code)
{
    return !has_enhanced(text) || text[0] - '0' == code / 100;
}

/* The reason may look like an enhanced code: in a refusal one of ours comes
 * first always. */
void sli_checks_reason_fill(const char *text, int code, const char *reason,
    char out[SLI_CHECKS_TEXT_SIZE])
{
    struct sli_text filled = sli_text_in(out, SLI_CHECKS_TEXT_SIZE);
    const char *at;

    if (code >= 400 && !has_enhanced(text)) {
        sli_text_put_number(&filled, (uint64_t)code / 100);
        sli_text_put_string(&filled, ".7.1 ");
    }
    while ((at = strstr(text, place)) != NULL) {
        sli_text_put_slice(&filled, sli_slice(text, (size_t)(at - text)));
        sli_text_put_string(&filled, reason);
        text = at + sizeof place - 1;
    }
    sli_text_put_string(&filled, text);
}
