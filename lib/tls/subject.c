/** Whom a certificate is for, as text. */
#include "tls/subject.h"

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"

static int put_hex(struct sli_buf *out, const char *before, unsigned char octet)
{
    static const char digits[] = "0123456789ABCDEF";
    const char pair[] = {digits[octet >> 4], digits[octet & 15]};
    int err = sli_buf_append_text(out, before);

    return err == 0 ? sli_buf_append(out, sli_slice(pair, sizeof pair)) : err;
}

/* RFC 4514 section 2.4: these have a meaning in the text, some of them at an
 * end of the value only. */
static int is_special(struct slimta_slice value, size_t at)
{
    switch (value.data[at]) {
    case '"':
    case '+':
    case ',':
    case ';':
    case '<':
    case '>':
    case '\\':
    case '=':
        return 1;
    case '#':
        return at == 0;
    case ' ':
        return at == 0 || at + 1 == value.size;
    default:
        return 0;
    }
}

static int put_value(struct sli_buf *out, struct slimta_slice value)
{
    int is_utf8 = sli_ascii_is_utf8(value);
    int err = 0;

    for (size_t i = 0; i < value.size && err == 0; i++) {
        char octet = value.data[i];

        if (sli_ascii_is(octet, SLI_ASCII_CONTROL) ||
            (!is_utf8 && sli_ascii_is(octet, SLI_ASCII_HIGH))) {
            err = put_hex(out, "\\", (unsigned char)octet);
        } else {
            if (is_special(value, i)) {
                err = sli_buf_append_text(out, "\\");
            }
            if (err == 0) {
                err = sli_buf_append(out, sli_slice(&octet, 1));
            }
        }
    }
    return err;
}

/* Section 2.4: a value that has no text is `#` and its encoding. Values are
 * shorter than 256 octets: mbedTLS refuses longer ones. */
static int put_encoding(struct sli_buf *out, const mbedtls_x509_buf *value)
{
    int err = put_hex(out, "#", (unsigned char)value->tag);

    if (err == 0 && value->len > 127) {
        err = put_hex(out, "", 0x81);
    }
    if (err == 0) {
        err = put_hex(out, "", (unsigned char)value->len);
    }
    for (size_t i = 0; i < value->len && err == 0; i++) {
        err = put_hex(out, "", value->p[i]);
    }
    return err;
}

static int is_text(const mbedtls_x509_buf *value)
{
    return value->tag == MBEDTLS_ASN1_UTF8_STRING ||
        value->tag == MBEDTLS_ASN1_PRINTABLE_STRING ||
        value->tag == MBEDTLS_ASN1_IA5_STRING ||
        value->tag == MBEDTLS_ASN1_T61_STRING;
}

/* Section 2.3: a short name that is known, or the number, whose value is never
 * text. */
static int put_attribute(
    struct sli_buf *out, const mbedtls_x509_name *attribute)
{
    const char *name = NULL;
    char number[128];
    int is_known = mbedtls_oid_get_attr_short_name(&attribute->oid, &name) == 0;
    int err;

    if (!is_known &&
        mbedtls_oid_get_numeric_string(number, sizeof number, &attribute->oid) <
            0) {
        return SLIMTA_EINVAL;
    }
    err = sli_buf_append_text(out, is_known ? name : number);
    if (err == 0) {
        err = sli_buf_append_text(out, "=");
    }
    if (err != 0) {
        return err;
    }
    return is_known && is_text(&attribute->val)
        ? put_value(out, sli_slice(attribute->val.p, attribute->val.len))
        : put_encoding(out, &attribute->val);
}

/* The last attribute of the RDN that begins with `first`. */
static const mbedtls_x509_name *last_of_rdn(const mbedtls_x509_name *first)
{
    while (sli_tls_compat_is_merged(first) && first->next != NULL) {
        first = first->next;
    }
    return first;
}

static int put_rdn(struct sli_buf *out, const mbedtls_x509_name *first)
{
    const mbedtls_x509_name *last = last_of_rdn(first);
    int err = put_attribute(out, first);

    while (err == 0 && first != last) {
        first = first->next;
        err = sli_buf_append_text(out, "+");
        if (err == 0) {
            err = put_attribute(out, first);
        }
    }
    return err;
}

/* The first attribute of the RDN before the one that begins with `rdn`; NULL:
 * before the end. */
static const mbedtls_x509_name *rdn_before(
    const mbedtls_x509_name *name, const mbedtls_x509_name *rdn)
{
    for (;;) {
        const mbedtls_x509_name *next = last_of_rdn(name)->next;

        if (next == rdn) {
            return name;
        }
        name = next;
    }
}

/* Section 2.1: the last RDN comes first. */
int sli_tls_subject_write(struct sli_buf *out, const mbedtls_x509_name *name)
{
    const mbedtls_x509_name *rdn = NULL;
    int err = 0;

    if (name->oid.p == NULL) {
        return 0; /* an empty name */
    }
    while (err == 0 && rdn != name) {
        if (rdn != NULL) {
            err = sli_buf_append_text(out, ",");
        }
        rdn = rdn_before(name, rdn);
        if (err == 0) {
            err = put_rdn(out, rdn);
        }
    }
    return err;
}

/* RFC 5280 section 4.2.1.6: rfc822Name is what its tag says it is. */
enum { TAG_VALUE = 0x1F, RFC822_NAME = 1 };

static const mbedtls_x509_buf *first_rfc822_name(
    const mbedtls_x509_crt *certificate)
{
    for (const mbedtls_x509_sequence *name = &certificate->subject_alt_names;
         name != NULL; name = name->next) {
        if (name->buf.p != NULL && (name->buf.tag & TAG_VALUE) == RFC822_NAME) {
            return &name->buf;
        }
    }
    return NULL;
}

/* The last one: names go from the widest to the narrowest. */
static const mbedtls_x509_buf *last_common_name(
    const mbedtls_x509_crt *certificate)
{
    const mbedtls_x509_buf *found = NULL;

    for (const mbedtls_x509_name *name = &certificate->subject; name != NULL;
         name = name->next) {
        if (name->oid.p != NULL &&
            MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0) {
            found = &name->val;
        }
    }
    return found != NULL && is_text(found) ? found : NULL;
}

/* A name that is half of one, or no text, would be somebody else's. */
static int is_name(struct slimta_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (sli_ascii_is(name.data[i], SLI_ASCII_CONTROL)) {
            return 0;
        }
    }
    return sli_ascii_is_utf8(name);
}

struct slimta_slice sli_tls_subject_name(const mbedtls_x509_crt *certificate)
{
    const mbedtls_x509_buf *found = first_rfc822_name(certificate);
    struct slimta_slice name;

    if (found == NULL) {
        found = last_common_name(certificate);
    }
    name = found == NULL ? sli_slice("", 0) : sli_slice(found->p, found->len);
    return is_name(name) ? name : sli_slice("", 0);
}
