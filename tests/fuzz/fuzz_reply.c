/** Feeds sli_mail_reply_set: an octet that picks the code, then the text. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "mail/reply.h"

enum { LINE_MAX_OCTETS = 512 };

/* What may go to a client, in lines that fit. */
static void check_text(const struct slimta_reply *reply)
{
    const char *text = slimta_reply_text(reply);
    size_t enhanced = strlen(slimta_reply_enhanced(reply));
    size_t column = 4 + (enhanced == 0 ? 0 : enhanced + 1) + 2;
    size_t length = column;

    demand(strlen(text) == sli_buf_size(&reply->text));
    demand(strlen(text) <= SLI_MAIL_REPLY_TEXT_MAX);
    for (; *text != '\0'; text++) {
        demand(*text == '\n' || *text == '\t' ||
            sli_ascii_is(*text, SLI_ASCII_PRINT));
        length = *text == '\n' ? column : length + 1;
        demand(length <= LINE_MAX_OCTETS);
    }
}

static void check_enhanced(const struct slimta_reply *reply)
{
    struct slimta_slice enhanced = sli_slice_text(slimta_reply_enhanced(reply));

    demand(enhanced.size == 0 ||
        (sli_mail_reply_enhanced_length(enhanced) == enhanced.size &&
            enhanced.data[0] - '0' == slimta_reply_code(reply) / 100));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_alloc alloc;
    struct slimta_reply reply;
    int code;

    if (size == 0 || sli_alloc_init(&alloc, NULL) != 0) {
        return 0;
    }
    /* 200 to 550, and some that are no codes. */
    code = 190 + data[0] % 42 * 10;
    sli_mail_reply_init(&reply, &alloc);
    if (sli_mail_reply_set(&reply, code, sli_slice(data + 1, size - 1)) == 0) {
        demand(slimta_reply_code(&reply) == code);
        check_enhanced(&reply);
        check_text(&reply);
        /* Clean text stays as it is when it is set again. */
        demand(slimta_reply_set(&reply, code, NULL) == 0);
        check_text(&reply);
    } else {
        demand(slimta_reply_code(&reply) == 0);
    }
    sli_mail_reply_fini(&reply);
    return 0;
}
