/** Tests of tls/subject.c: whom a certificate names. Its subject as text is
 * tested with whole handshakes, in test_stream.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "tls/subject.h"

enum { RFC822 = 0x81, DNS = 0x82 };

/* One part of a certificate: `tag` and octets. */
struct part {
    int tag;
    struct slimta_slice octets;
};

#define PART(tag, literal) \
    { \
        tag, \
        { \
            literal, sizeof(literal) - 1 \
        } \
    }

static mbedtls_x509_buf buf_of(struct part part)
{
    return (mbedtls_x509_buf){
        .tag = part.tag,
        .p = (unsigned char *)(uintptr_t)part.octets.data,
        .len = part.octets.size,
    };
}

/* Of a certificate with these alternative names, and a subject of these common
 * names behind an organisation. */
static struct slimta_slice name_of(const struct part *names, size_t name_count,
    const struct part *commons, size_t common_count)
{
    static const struct part cn = PART(MBEDTLS_ASN1_OID, MBEDTLS_OID_AT_CN);
    static const struct part organisation =
        PART(MBEDTLS_ASN1_OID, MBEDTLS_OID_AT_ORGANIZATION);
    static const struct part value =
        PART(MBEDTLS_ASN1_UTF8_STRING, "Somebody else");
    mbedtls_x509_crt certificate = {0};
    mbedtls_x509_sequence more[4] = {{{0}, NULL}};
    mbedtls_x509_name after[4] = {{{0}, {0}, NULL, 0}};
    mbedtls_x509_sequence *name = &certificate.subject_alt_names;
    mbedtls_x509_name *common = &certificate.subject;

    for (size_t i = 0; i < name_count; i++) {
        name->buf = buf_of(names[i]);
        if (i + 1 < name_count) {
            name->next = &more[i];
            name = name->next;
        }
    }
    common->oid = buf_of(organisation);
    common->val = buf_of(value);
    for (size_t i = 0; i < common_count; i++) {
        common->next = &after[i];
        common = common->next;
        common->oid = buf_of(cn);
        common->val = buf_of(commons[i]);
    }
    return sli_tls_subject_name(&certificate);
}

static void assert_is(struct slimta_slice name, const char *wanted)
{
    assert_int_equal(name.size, strlen(wanted));
    assert_memory_equal(name.data, wanted, name.size);
}

static void takes_the_first_mail_address(void **state)
{
    static const struct part names[] = {
        PART(DNS, "mx.example.com"),
        PART(RFC822, "alice@example.com"),
        PART(RFC822, "bob@example.com"),
    };
    static const struct part common = PART(MBEDTLS_ASN1_UTF8_STRING, "carol");

    (void)state;
    assert_is(name_of(names, 3, &common, 1), "alice@example.com");
    assert_is(name_of(names, 3, NULL, 0), "alice@example.com");
    assert_is(name_of(names, 1, &common, 1), "carol");
    assert_is(name_of(names, 1, NULL, 0), "");
}

static void takes_the_narrowest_common_name(void **state)
{
    static const struct part commons[] = {
        PART(MBEDTLS_ASN1_PRINTABLE_STRING, "people"),
        PART(MBEDTLS_ASN1_UTF8_STRING, "Zo\xc3\xab"),
    };

    (void)state;
    assert_is(name_of(NULL, 0, commons, 2), "Zo\xc3\xab");
    assert_is(name_of(NULL, 0, commons, 1), "people");
    assert_is(name_of(NULL, 0, NULL, 0), "");
}

/* Not even the other one: who gave a certificate such a name meant it. */
static void takes_no_half_of_a_name(void **state)
{
    static const struct part bad_names[] = {
        PART(RFC822, ""),
        PART(RFC822, "admin\0@example.com"),
        PART(RFC822, "admin\r\n"),
        PART(RFC822, "admin\x7f"),
        PART(RFC822, "\xff"),
    };
    static const struct part bad_commons[] = {
        PART(MBEDTLS_ASN1_BMP_STRING, "\0a"),
        PART(MBEDTLS_ASN1_UTF8_STRING, "admin\0"),
        PART(MBEDTLS_ASN1_T61_STRING, "Zo\xeb"),
        PART(MBEDTLS_ASN1_UTF8_STRING, "\xed\xa0\x80"),
    };
    static const struct part good = PART(MBEDTLS_ASN1_UTF8_STRING, "carol");

    (void)state;
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
        assert_is(name_of(&bad_names[i], 1, &good, 1), "");
    }
    for (size_t i = 0; i < sizeof bad_commons / sizeof *bad_commons; i++) {
        assert_is(name_of(NULL, 0, &bad_commons[i], 1), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_first_mail_address),
        cmocka_unit_test(takes_the_narrowest_common_name),
        cmocka_unit_test(takes_no_half_of_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
