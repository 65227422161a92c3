/** The target of a request, and the hosts in it and in Host. */
#include "http/target.h"

#include <string.h>

#include "base/address.h"
#include "base/ascii.h"
#include "base/slice.h"

/* The part before the first octet of `ends`; `text` becomes what is behind. */
static struct slimta_slice cut_before(
    struct slimta_slice *text, struct slimta_slice ends)
{
    struct slimta_slice part = *text;
    size_t size = 0;

    while (size < text->size &&
        memchr(ends.data, text->data[size], ends.size) == NULL) {
        size++;
    }
    part.size = size;
    *text = sli_slice_skip(*text, size);
    return part;
}

/* RFC 3986 section 3.2.2, reg-name; the scan has seen to the digits behind a
 * '%' in a target, a Host is looked at for the first time here. */
static int is_name(struct slimta_slice text)
{
    static const char marks[] = "-._~!$&'()*+,;=";

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '%') {
            if (text.size - i < 3 ||
                !sli_ascii_all(
                    sli_slice(text.data + i + 1, 2), SLI_ASCII_HEX)) {
                return 0;
            }
        } else if (!sli_ascii_is(text.data[i], SLI_ASCII_ALNUM) &&
            memchr(marks, text.data[i], sizeof marks - 1) == NULL) {
            return 0;
        }
    }
    return 1;
}

/* "[" IPv6 "]" at the front is taken off; 0 when it is none. */
static int take_literal(struct slimta_slice *text)
{
    struct slimta_slice inside = sli_slice_skip(*text, 1);
    struct slimta_slice ip = cut_before(&inside, SLI_LITERAL("]"));
    uint8_t octets[16];

    if (inside.size == 0 || !sli_address_parse_ipv6(ip, octets)) {
        return 0;
    }
    *text = sli_slice_skip(inside, 1);
    return 1;
}

int sli_http_target_is_host(struct slimta_slice text)
{
    if (text.size > 0 && text.data[0] == '[') {
        if (!take_literal(&text)) {
            return 0;
        }
    } else if (!is_name(cut_before(&text, SLI_LITERAL(":")))) {
        return 0;
    }
    return text.size == 0 ||
        (text.data[0] == ':' &&
            sli_ascii_all(sli_slice_skip(text, 1), SLI_ASCII_DIGIT));
}

static int take_prefix(struct slimta_slice *text, struct slimta_slice prefix)
{
    if (text->size < prefix.size ||
        !sli_ascii_same(sli_slice(text->data, prefix.size), prefix)) {
        return 0;
    }
    *text = sli_slice_skip(*text, prefix.size);
    return 1;
}

/* RFC 9110 section 4.2.1: an http URI has a host. Section 4.2.4: no user
 * information, which is_host does not know. */
static int read_absolute(
    struct slimta_slice text, struct sli_http_target *target)
{
    target->form = SLI_HTTP_TARGET_ABSOLUTE;
    target->authority = cut_before(&text, SLI_LITERAL("/?"));
    target->path = cut_before(&text, SLI_LITERAL("?"));
    if (target->path.size == 0) {
        target->path = SLI_LITERAL("/");
    }
    return target->authority.size > 0 && target->authority.data[0] != ':' &&
        sli_http_target_is_host(target->authority);
}

int sli_http_target_read(
    struct slimta_slice text, struct sli_http_target *target)
{
    *target = (struct sli_http_target){.authority = {"", 0}, .path = text};
    if (sli_slice_is(text, SLI_LITERAL("*"))) {
        target->form = SLI_HTTP_TARGET_ASTERISK;
        return 1;
    }
    if (text.size > 0 && text.data[0] == '/') {
        target->form = SLI_HTTP_TARGET_ORIGIN;
        target->path = cut_before(&text, SLI_LITERAL("?"));
        return 1;
    }
    return (take_prefix(&text, SLI_LITERAL("http://")) ||
               take_prefix(&text, SLI_LITERAL("https://"))) &&
        read_absolute(text, target);
}
