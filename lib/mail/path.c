/** The grammar of mailboxes and paths (RFC 5321 section 4.1.2, RFC 6531). */
#include "mail/path.h"

#include "base/address.h"
#include "base/ascii.h"
#include "base/slice.h"

/* RFC 6531 section 3.3 adds UTF-8 wherever atext and the letters of a
 * sub-domain stand; that it is well-formed is checked on the whole part. */
enum {
    ATEXT_UTF8 = SLI_ASCII_ATEXT | SLI_ASCII_HIGH,
    LABEL_UTF8 = SLI_ASCII_ALNUM | SLI_ASCII_HIGH,
    QTEXT_UTF8 = SLI_ASCII_PRINT | SLI_ASCII_HIGH
};

/* An A-label has four octets, "xn--", and at least one for each character. */
enum { LABEL_CHARACTERS_MAX = SLI_MAIL_LABEL_MAX - 4 };

/* What is being read, and how far. */
struct cursor {
    struct slimta_slice text;
    size_t at;
};

static int is_next(const struct cursor *cursor, char octet)
{
    return cursor->at < cursor->text.size &&
        cursor->text.data[cursor->at] == octet;
}

static int is_next_in(const struct cursor *cursor, unsigned classes)
{
    return cursor->at < cursor->text.size &&
        sli_ascii_is(cursor->text.data[cursor->at], classes);
}

static int take(struct cursor *cursor, char octet)
{
    int is_there = is_next(cursor, octet);

    cursor->at += (size_t)is_there;
    return is_there;
}

static int take_in(struct cursor *cursor, unsigned classes)
{
    int is_there = is_next_in(cursor, classes);

    cursor->at += (size_t)is_there;
    return is_there;
}

/* What was read since `first`. */
static struct slimta_slice since(const struct cursor *cursor, size_t first)
{
    return sli_slice(cursor->text.data + first, cursor->at - first);
}

/* What counts of two: a path that is wrong in several ways is a wrong path
 * first of all, whatever its length. */
static enum sli_mail_path_result worse(
    enum sli_mail_path_result first, enum sli_mail_path_result second)
{
    return first == SLI_MAIL_PATH_OK || second == SLI_MAIL_PATH_SYNTAX ? second
                                                                       : first;
}

/* Dot-string = Atom *("." Atom) */
static int read_dot_string(struct cursor *cursor)
{
    do {
        if (!take_in(cursor, ATEXT_UTF8)) {
            return 0;
        }
        while (take_in(cursor, ATEXT_UTF8)) {
        }
    } while (take(cursor, '.'));
    return 1;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE; a backslash takes the next
 * octet of 32 to 126 as it is. */
static int read_quoted_string(struct cursor *cursor)
{
    if (!take(cursor, '"')) {
        return 0;
    }
    while (!take(cursor, '"')) {
        unsigned classes =
            take(cursor, '\\') ? (unsigned)SLI_ASCII_PRINT : QTEXT_UTF8;

        if (!take_in(cursor, classes)) {
            return 0;
        }
    }
    return 1;
}

static enum sli_mail_path_result read_local(
    struct cursor *cursor, struct slimta_slice *local)
{
    size_t first = cursor->at;
    int is_read = is_next(cursor, '"') ? read_quoted_string(cursor)
                                       : read_dot_string(cursor);

    if (!is_read) {
        return SLI_MAIL_PATH_SYNTAX;
    }
    *local = since(cursor, first);
    if (!sli_ascii_is_utf8(*local)) {
        return SLI_MAIL_PATH_NOT_UTF8;
    }
    return local->size > SLI_MAIL_LOCAL_MAX ? SLI_MAIL_PATH_TOO_LONG
                                            : SLI_MAIL_PATH_OK;
}

/* A label in UTF-8 has more octets than its A-label, which the limit of the
 * DNS is about; there it is the characters that count. */
static int is_label_too_long(struct slimta_slice label)
{
    size_t characters = 0;
    size_t high = 0;

    for (size_t i = 0; i < label.size; i++) {
        unsigned char octet = (unsigned char)label.data[i];

        characters += (octet & 0xC0) != 0x80;
        high += octet >= 0x80;
    }
    return high == 0 ? label.size > SLI_MAIL_LABEL_MAX
                     : characters > LABEL_CHARACTERS_MAX;
}

/* sub-domain = Let-dig [Ldh-str]; the underscore is in no grammar, but in
 * names that send mail. */
static enum sli_mail_path_result read_label(struct cursor *cursor)
{
    size_t first = cursor->at;
    struct slimta_slice label;

    while (
        take_in(cursor, LABEL_UTF8) || take(cursor, '-') || take(cursor, '_')) {
    }
    label = since(cursor, first);
    if (label.size == 0 || label.data[0] == '-' ||
        label.data[label.size - 1] == '-') {
        return SLI_MAIL_PATH_SYNTAX;
    }
    return is_label_too_long(label) ? SLI_MAIL_PATH_TOO_LONG : SLI_MAIL_PATH_OK;
}

/* Domain = sub-domain *("." sub-domain) */
static enum sli_mail_path_result read_name(
    struct cursor *cursor, struct slimta_slice *domain)
{
    enum sli_mail_path_result result = SLI_MAIL_PATH_OK;
    size_t first = cursor->at;

    do {
        result = worse(result, read_label(cursor));
    } while (result != SLI_MAIL_PATH_SYNTAX && take(cursor, '.'));
    if (result == SLI_MAIL_PATH_SYNTAX) {
        return result;
    }
    *domain = since(cursor, first);
    if (!sli_ascii_is_utf8(*domain)) {
        return SLI_MAIL_PATH_NOT_UTF8;
    }
    return domain->size > SLI_MAIL_DOMAIN_MAX ? SLI_MAIL_PATH_TOO_LONG : result;
}

/* Standardized-tag ":" 1*dcontent, where the tag is an Ldh-str. */
static int is_tagged(struct slimta_slice content)
{
    struct cursor cursor = {content, 0};

    while (take_in(&cursor, SLI_ASCII_ALNUM) || take(&cursor, '-')) {
    }
    return cursor.at > 0 && content.data[cursor.at - 1] != '-' &&
        take(&cursor, ':') && cursor.at < content.size;
}

/* RFC 5321 section 4.1.3. `content` is what stands between the brackets. */
static enum sli_mail_path_result read_literal_content(
    struct slimta_slice content, enum sli_mail_domain_type *type)
{
    const struct slimta_slice ipv6 = SLI_LITERAL("IPv6:");
    uint8_t ip[16];

    if (sli_address_parse_ipv4(content, ip)) {
        *type = SLI_MAIL_DOMAIN_IPV4;
        return SLI_MAIL_PATH_OK;
    }
    if (content.size >= ipv6.size &&
        sli_ascii_same(sli_slice(content.data, ipv6.size), ipv6)) {
        *type = SLI_MAIL_DOMAIN_IPV6;
        return sli_address_parse_ipv6(sli_slice_skip(content, ipv6.size), ip)
            ? SLI_MAIL_PATH_OK
            : SLI_MAIL_PATH_SYNTAX;
    }
    *type = SLI_MAIL_DOMAIN_TAGGED;
    return is_tagged(content) ? SLI_MAIL_PATH_TAG : SLI_MAIL_PATH_SYNTAX;
}

/* dcontent is 33 to 90 and 94 to 126. */
static int take_dcontent(struct cursor *cursor)
{
    return !is_next(cursor, ' ') && !is_next(cursor, '[') &&
        !is_next(cursor, '\\') && !is_next(cursor, ']') &&
        take_in(cursor, SLI_ASCII_PRINT);
}

static enum sli_mail_path_result read_literal(
    struct cursor *cursor, struct sli_mail_path *path)
{
    size_t first = cursor->at;
    enum sli_mail_path_result result;

    if (!take(cursor, '[')) {
        return SLI_MAIL_PATH_SYNTAX;
    }
    while (take_dcontent(cursor)) {
    }
    result = read_literal_content(since(cursor, first + 1), &path->domain_type);
    if (!take(cursor, ']')) {
        return SLI_MAIL_PATH_SYNTAX;
    }
    path->domain = since(cursor, first);
    if (result != SLI_MAIL_PATH_SYNTAX &&
        path->domain.size > SLI_MAIL_DOMAIN_MAX) {
        return SLI_MAIL_PATH_TOO_LONG;
    }
    return result;
}

static enum sli_mail_path_result read_domain(
    struct cursor *cursor, struct sli_mail_path *path)
{
    if (is_next(cursor, '[')) {
        return read_literal(cursor, path);
    }
    path->domain_type = SLI_MAIL_DOMAIN_NAME;
    return read_name(cursor, &path->domain);
}

/* <Postmaster> is in no other place than this (RFC 5321 section 4.1.1.3). */
static int is_postmaster(
    const struct cursor *cursor, const struct sli_mail_path *path)
{
    return is_next(cursor, '>') &&
        sli_ascii_same(path->local, SLI_LITERAL("Postmaster"));
}

/* Mailbox = Local-part "@" ( Domain / address-literal ). Without a domain it
 * ends at the local part when `may_be_short` allows that. */
static enum sli_mail_path_result read_mailbox(
    struct cursor *cursor, int may_be_short, struct sli_mail_path *path)
{
    size_t first = cursor->at;
    enum sli_mail_path_result result = read_local(cursor, &path->local);

    if (result == SLI_MAIL_PATH_SYNTAX) {
        return result;
    }
    if (!may_be_short || !is_postmaster(cursor, path)) {
        if (!take(cursor, '@')) {
            return SLI_MAIL_PATH_SYNTAX;
        }
        result = worse(result, read_domain(cursor, path));
    }
    path->mailbox = since(cursor, first);
    path->has_utf8 =
        !sli_ascii_all(path->mailbox, SLI_ASCII_PRINT | SLI_ASCII_CONTROL);
    return result;
}

/* A-d-l ":", RFC 5321 section 4.1.2: checked, then forgotten (appendix C). */
static enum sli_mail_path_result read_source_route(struct cursor *cursor)
{
    enum sli_mail_path_result result = SLI_MAIL_PATH_OK;
    struct slimta_slice domain;

    do {
        result = worse(result,
            take(cursor, '@') ? read_name(cursor, &domain)
                              : SLI_MAIL_PATH_SYNTAX);
    } while (result != SLI_MAIL_PATH_SYNTAX && take(cursor, ','));
    return take(cursor, ':') ? result : SLI_MAIL_PATH_SYNTAX;
}

/* What stands between the angle brackets. */
static enum sli_mail_path_result read_path(struct cursor *cursor,
    enum sli_mail_path_kind kind, struct sli_mail_path *path)
{
    enum sli_mail_path_result result = SLI_MAIL_PATH_OK;
    int has_route = is_next(cursor, '@');

    if (kind == SLI_MAIL_PATH_REVERSE && is_next(cursor, '>')) {
        path->mailbox = path->local = path->domain = since(cursor, cursor->at);
        return SLI_MAIL_PATH_OK;
    }
    if (has_route) {
        result = read_source_route(cursor);
    }
    if (result != SLI_MAIL_PATH_SYNTAX) {
        result = worse(result,
            read_mailbox(
                cursor, kind == SLI_MAIL_PATH_FORWARD && !has_route, path));
    }
    return result;
}

enum sli_mail_path_result sli_mail_path_parse(struct slimta_slice text,
    enum sli_mail_path_kind kind, struct sli_mail_path *path, size_t *used)
{
    struct cursor cursor = {text, 0};
    enum sli_mail_path_result result = SLI_MAIL_PATH_SYNTAX;

    *path = (struct sli_mail_path){0};
    *used = 0;
    if (take(&cursor, '<')) {
        result = read_path(&cursor, kind, path);
    }
    if (result != SLI_MAIL_PATH_SYNTAX && !take(&cursor, '>')) {
        result = SLI_MAIL_PATH_SYNTAX;
    }
    *used = cursor.at;
    return result;
}

enum sli_mail_path_result sli_mail_path_parse_mailbox(
    struct slimta_slice text, struct sli_mail_path *path)
{
    struct cursor cursor = {text, 0};
    enum sli_mail_path_result result;

    *path = (struct sli_mail_path){0};
    result = read_mailbox(&cursor, 0, path);
    return result != SLI_MAIL_PATH_SYNTAX && cursor.at != text.size
        ? SLI_MAIL_PATH_SYNTAX
        : result;
}
