/** An SMTP reply as HTTP says it: a status and the value of X-Smtp-Reply. */
#include "http/replies.h"

#include <assert.h>
#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"

int sli_http_replies_status(const struct slimta_reply *reply, int permanent)
{
    int code = slimta_reply_code(reply);

    if (code < 400) {
        return 200;
    }
    if (code < 500) {
        return 503;
    }
    if (code == 530 || code == 535) {
        return 401;
    }
    if (code == 552 && strcmp(slimta_reply_enhanced(reply), "5.3.4") == 0) {
        return 413;
    }
    return permanent;
}

/* RFC 2034 section 4: as on the wire, but for the 3xx that are not said here.
 */
static void put_enhanced(
    struct sli_text *text, const struct slimta_reply *reply)
{
    const char *enhanced = slimta_reply_enhanced(reply);
    char digit = (char)('0' + slimta_reply_code(reply) / 100);

    if (enhanced[0] == digit) {
        sli_text_put_string(text, enhanced);
    } else if (digit != '3') {
        sli_text_put(text, digit);
        sli_text_put_string(text, ".0.0");
    }
}

static char plain(char octet)
{
    switch (octet) {
    case '"':
        return '\'';
    case '\\':
        return '/';
    case '\n':
    case '\t':
        return ' ';
    default:
        return sli_ascii_is(octet, SLI_ASCII_PRINT) ? octet : '?';
    }
}

size_t sli_http_replies_format(
    const struct slimta_reply *reply, const char *command, char *out)
{
    struct sli_text text = sli_text_in(out, SLI_HTTP_REPLIES_VALUE_MAX);
    struct slimta_slice words = sli_mail_reply_text(reply);

    sli_text_put_number(&text, (uint64_t)slimta_reply_code(reply));
    sli_text_put_string(&text, "; message=\"");
    put_enhanced(&text, reply);
    if (words.size > 0) {
        sli_text_put(&text, ' ');
    }
    for (size_t i = 0; i < words.size; i++) {
        sli_text_put(&text, plain(words.data[i]));
    }
    sli_text_put(&text, '"');
    if (command != NULL) {
        sli_text_put_string(&text, "; command=\"");
        sli_text_put_string(&text, command);
        sli_text_put(&text, '"');
    }
    assert(text.length < SLI_HTTP_REPLIES_VALUE_MAX);
    return text.length;
}

int sli_http_replies_list(
    struct sli_buf *list, uint64_t index, const struct slimta_reply *reply)
{
    char entry[sizeof ", " + SLI_ASCII_NUMBER_MAX + sizeof "; " +
        SLI_HTTP_REPLIES_VALUE_MAX];
    struct sli_text text = sli_text_in(entry, sizeof entry);

    if (sli_buf_size(list) > 0) {
        sli_text_put_string(&text, ", ");
    }
    sli_text_put_number(&text, index);
    sli_text_put_string(&text, "; ");
    return sli_buf_append(list,
        sli_slice(entry,
            text.length +
                sli_http_replies_format(reply, NULL, entry + text.length)));
}
