/** Which zones there can be, which answers count, and who is asked about. */
#include "test.h"

#include <string.h>

#include "base/address.h"
#include "base/alloc.h"
#include "base/slice.h"
#include "checks/dnsbl_zone.h"
#include "io/resolver_answer.h"

static int read_zone(struct sli_checks_dnsbl_zone *zone, const char *name,
    const char *listed, const char *ignored)
{
    const struct slimta_dnsbl_zone given = {.size = sizeof given,
        .name = name,
        .listed = listed,
        .ignored = ignored};

    memset(zone, 0, sizeof *zone);
    return sli_checks_dnsbl_zone_read(zone, &given, NULL);
}

static struct slimta_address address_of(const char *text)
{
    struct slimta_address address = {.family = SLIMTA_FAMILY_IPV4};

    if (!sli_address_parse_ipv4(sli_slice_text(text), address.ip)) {
        address.family = SLIMTA_FAMILY_IPV6;
        assert_true(sli_address_parse_ipv6(sli_slice_text(text), address.ip));
    }
    return address;
}

static void names(void **state)
{
    static const char *const bad[] = {NULL, "", ".", "a..b", ".a", "a b", "a/b",
        "zen.example.org..", "\xC3\xA4.org"};
    struct sli_checks_dnsbl_zone zone;
    char name[SLI_CHECKS_DNSBL_ZONE_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_zone(&zone, bad[i], NULL, NULL), SLIMTA_EINVAL);
    }
    assert_int_equal(read_zone(&zone, "zen.example.org.", NULL, NULL), 0);
    assert_string_equal(zone.name, "zen.example.org");
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = i % 50 == 49 ? '.' : 'a';
    }
    name[SLI_CHECKS_DNSBL_ZONE_MAX + 1] = '\0';
    assert_int_equal(read_zone(&zone, name, NULL, NULL), SLIMTA_EINVAL);
    name[SLI_CHECKS_DNSBL_ZONE_MAX] = '\0';
    assert_int_equal(read_zone(&zone, name, NULL, NULL), 0);
    name[SLI_CHECKS_DNSBL_ZONE_MAX - 1] = '\0';
    assert_int_equal(read_zone(&zone, name, NULL, NULL), 0);
    memset(name, 'a', 64);
    name[64] = '\0';
    assert_int_equal(read_zone(&zone, name, NULL, NULL), SLIMTA_EINVAL);
    name[63] = '\0';
    assert_int_equal(read_zone(&zone, name, NULL, NULL), 0);
}

static void code_lists(void **state)
{
    static const char *const bad[] = {",", "127.0.0.2,", "x", "128.0.0.1",
        "126.255.255.255", "127.0.0.2-1", "127.0.0.2-256", "127.0.0.2-",
        "-127.0.0.2", "127.0.0.2-x", "127.0.0.2 ", "127.0.0.2-128.0.0.0",
        "127.0.0.2,,127.0.0.3"};
    static const char *const good[] = {"", "127.0.0.2", "127.0.0.2-2",
        "127.0.0.2-11,127.0.1.0-127.0.2.255", "127.0.0.0-127.255.255.255"};
    struct sli_checks_dnsbl_zone zone;
    char list[(SLI_CHECKS_DNSBL_RANGES_MAX + 1) * 10] = "";

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (read_zone(&zone, "a", bad[i], NULL) != SLIMTA_EINVAL ||
            read_zone(&zone, "a", NULL, bad[i]) != SLIMTA_EINVAL) {
            fail_msg("'%s' was read", bad[i]);
        }
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(read_zone(&zone, "a", good[i], good[i]), 0);
    }
    for (int i = 0; i < SLI_CHECKS_DNSBL_RANGES_MAX - 1; i++) {
        strcat(list, "127.0.0.2,");
    }
    strcat(list, "127.0.0.2");
    assert_int_equal(read_zone(&zone, "a", list, NULL), 0);
    strcat(list, ",127.0.0.2");
    assert_int_equal(read_zone(&zone, "a", list, NULL), SLIMTA_EINVAL);
}

/* What one record, or two, come to. */
static enum sli_checks_dnsbl_verdict judge(
    const struct sli_checks_dnsbl_zone *zone, const char *one,
    const char *other)
{
    char message[12 + 5 + 2 * 16] = {
        0, 1, (char)0x81, (char)0x80, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1};
    struct sli_io_resolver_answer *body = NULL;
    struct slimta_alloc alloc;
    struct slimta_answer answer = {0};
    enum sli_checks_dnsbl_verdict verdict;
    size_t size = sizeof message - (other == NULL ? 16 : 0);

    message[7] = other == NULL ? 1 : 2;
    for (size_t i = 0; i < 2; i++) {
        char *record = message + 17 + i * 16;
        const char *text = i == 0 ? one : other;

        record[0] = (char)0xC0;
        record[1] = 12;
        record[3] = 1;
        record[5] = 1;
        record[11] = 4;
        if (text != NULL) {
            struct slimta_address address = address_of(text);

            memcpy(record + 12, address.ip, 4);
        }
    }
    assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
    assert_int_equal(sli_io_resolver_answer_read(
                         &body, &alloc, SLIMTA_DNS_A, sli_slice(message, size)),
        0);
    answer.body = body;
    verdict = sli_checks_dnsbl_zone_judge(zone, &answer);
    sli_io_resolver_answer_unref(body);
    return verdict;
}

static void answers(void **state)
{
    static const struct {
        const char *listed;
        const char *ignored;
        const char *one;
        const char *other;
        enum sli_checks_dnsbl_verdict verdict;
    } cases[] = {
        {NULL, NULL, "127.0.0.2", NULL, SLI_CHECKS_DNSBL_LISTED},
        {NULL, NULL, "127.0.0.0", NULL, SLI_CHECKS_DNSBL_LISTED},
        {NULL, NULL, "127.255.254.255", NULL, SLI_CHECKS_DNSBL_LISTED},
        /* only 127.0.0.0/8 counts */
        {NULL, NULL, "126.255.255.255", NULL, SLI_CHECKS_DNSBL_NOT_LISTED},
        {NULL, NULL, "128.0.0.0", NULL, SLI_CHECKS_DNSBL_NOT_LISTED},
        {NULL, NULL, "192.0.2.1", NULL, SLI_CHECKS_DNSBL_NOT_LISTED},
        {NULL, NULL, "192.0.2.1", "127.0.0.2", SLI_CHECKS_DNSBL_LISTED},
        /* what a zone says in place of an answer */
        {NULL, NULL, "127.0.0.1", NULL, SLI_CHECKS_DNSBL_ERROR},
        {NULL, NULL, "127.255.255.0", NULL, SLI_CHECKS_DNSBL_ERROR},
        {NULL, NULL, "127.255.255.255", NULL, SLI_CHECKS_DNSBL_ERROR},
        {NULL, NULL, "127.0.0.2", "127.255.255.254", SLI_CHECKS_DNSBL_ERROR},
        {"127.0.0.0-255", NULL, "127.0.0.1", NULL, SLI_CHECKS_DNSBL_ERROR},
        {NULL, "127.0.0.1", "127.0.0.1", NULL, SLI_CHECKS_DNSBL_ERROR},
        /* ranges: at, one below, one above */
        {"127.0.0.4-6", NULL, "127.0.0.3", NULL, SLI_CHECKS_DNSBL_NOT_LISTED},
        {"127.0.0.4-6", NULL, "127.0.0.4", NULL, SLI_CHECKS_DNSBL_LISTED},
        {"127.0.0.4-6", NULL, "127.0.0.6", NULL, SLI_CHECKS_DNSBL_LISTED},
        {"127.0.0.4-6", NULL, "127.0.0.7", NULL, SLI_CHECKS_DNSBL_NOT_LISTED},
        {"127.0.0.2,127.0.1.0-127.0.2.9", NULL, "127.0.2.9", NULL,
            SLI_CHECKS_DNSBL_LISTED},
        /* ignored ones */
        {NULL, "127.0.0.10-11", "127.0.0.10", NULL,
            SLI_CHECKS_DNSBL_NOT_LISTED},
        {NULL, "127.0.0.10-11", "127.0.0.10", "127.0.0.2",
            SLI_CHECKS_DNSBL_LISTED},
        {"127.0.0.2-11", "127.0.0.4", "127.0.0.4", NULL,
            SLI_CHECKS_DNSBL_NOT_LISTED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_checks_dnsbl_zone zone;

        assert_int_equal(
            read_zone(&zone, "a", cases[i].listed, cases[i].ignored), 0);
        if (judge(&zone, cases[i].one, cases[i].other) != cases[i].verdict) {
            fail_msg("case %zu: %s", i, cases[i].one);
        }
    }
}

/* RFC 5782 sections 2.1 and 2.4 */
static void names_of_addresses(void **state)
{
    struct sli_checks_dnsbl_zone zone;
    struct slimta_address address = address_of("192.0.2.99");
    char name[SLI_CHECKS_DNSBL_NAME_SIZE];

    (void)state;
    assert_int_equal(read_zone(&zone, "bad.example.com", NULL, NULL), 0);
    sli_checks_dnsbl_zone_name(&zone, &address, name);
    assert_string_equal(name, "99.2.0.192.bad.example.com");
    address = sli_checks_dnsbl_zone_never_listed(&address);
    sli_checks_dnsbl_zone_name(&zone, &address, name);
    assert_string_equal(name, "1.0.0.127.bad.example.com");
    assert_int_equal(read_zone(&zone, "ugly.example.com", NULL, NULL), 0);
    address = address_of("2001:db8:1:2:3:4:567:89ab");
    sli_checks_dnsbl_zone_name(&zone, &address, name);
    assert_string_equal(name,
        "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0."
        "8.b.d.0.1.0.0.2.ugly.example.com");
    address = sli_checks_dnsbl_zone_never_listed(&address);
    sli_checks_dnsbl_zone_name(&zone, &address, name);
    assert_string_equal(name,
        "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0."
        "0.0.0.0.0.0.0.0.ugly.example.com");
}

static void who_is_asked_about(void **state)
{
    static const char *const not_public[] = {"0.0.0.0", "10.255.255.255",
        "100.64.0.0", "100.127.255.255", "127.0.0.1", "169.254.0.1",
        "172.16.0.0", "172.31.255.255", "192.168.0.1", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fc00::1",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1",
        "febf:ffff::", "ff02::1"};
    static const char *const is_public[] = {"1.1.1.1", "9.255.255.255",
        "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.0.0.1", "128.0.0.1",
        "172.15.255.255", "172.32.0.0", "192.0.2.1", "192.167.255.255",
        "192.169.0.0", "223.255.255.255", "::2", "2001:db8::1", "fbff::1",
        "fec0::1"};
    struct slimta_address address;

    (void)state;
    for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++) {
        address = address_of(not_public[i]);
        if (sli_checks_dnsbl_zone_is_public(&address)) {
            fail_msg("%s", not_public[i]);
        }
    }
    for (size_t i = 0; i < sizeof is_public / sizeof *is_public; i++) {
        address = address_of(is_public[i]);
        if (!sli_checks_dnsbl_zone_is_public(&address)) {
            fail_msg("%s", is_public[i]);
        }
    }
    address.family = SLIMTA_FAMILY_UNIX;
    assert_false(sli_checks_dnsbl_zone_is_public(&address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(code_lists),
        cmocka_unit_test(answers),
        cmocka_unit_test(names_of_addresses),
        cmocka_unit_test(who_is_asked_about),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
