/** Tests of mail/received.c. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sample.h"

#define DATE " Sun, 22 Nov 2026 16:21:14 +0000\r\n"

static struct slimta_alloc plain;

static int set_up(void **state)
{
    (void)state;
    return sli_alloc_init(&plain, NULL);
}

static size_t write_received(
    const struct sample *sample, const char *id, char *out, size_t size)
{
    int err;
    struct slimta_envelope *envelope = sample_build(sample, &plain, &err);
    size_t length;

    assert_int_equal(err, 0);
    sli_mail_envelope_seal(envelope, INT64_C(1795364474000));
    length = slimta_envelope_received(envelope, id, out, size);
    slimta_envelope_unref(envelope);
    return length;
}

static void assert_received(
    const struct sample *sample, const char *id, const char *expected)
{
    char out[SLIMTA_RECEIVED_MAX];
    size_t length = write_received(sample, id, out, sizeof out);

    assert_string_equal(out, expected);
    assert_int_equal(length, strlen(expected));
}

/* RFC 5321 section 4.4. */
static void test_full(void **state)
{
    static const char *const one[] = {"\"a b\"@example.com", NULL};
    struct sample sample = sample_make();

    (void)state;
    sample.recipients = one;
    sample.facts.client.reverse_name = "host.example.net";
    assert_received(&sample, "abc123",
        "Received: from client.example.org (host.example.net [192.0.2.1])\r\n"
        " by mx.example.com with ESMTP id abc123\r\n"
        " for <\"a b\"@example.com>;\r\n" DATE);
}

/* RFC 5321 section 7.6. */
static void test_for_needs_one_recipient(void **state)
{
    static const char *const two[] = {"a@b", "c@d", NULL};
    struct sample sample = sample_make();
    const char *expected =
        "Received: from client.example.org ([192.0.2.1])\r\n"
        " by mx.example.com with ESMTP;\r\n" DATE;

    (void)state;
    assert_received(&sample, NULL, expected);
    assert_received(&sample, "", expected);
    sample.recipients = two;
    assert_received(&sample, NULL, expected);
}

static void test_for_non_ascii(void **state)
{
    static const char *const one[] = {"\xC3\xA9@example.com", NULL};
    struct sample sample = sample_make();

    (void)state;
    sample.recipients = one;
    assert_received(&sample, NULL,
        "Received: from client.example.org ([192.0.2.1])\r\n"
        " by mx.example.com with ESMTP;\r\n" DATE);
    sample.params.smtputf8 = 1;
    sample.facts.client.protocol = "UTF8SMTP";
    assert_received(&sample, NULL,
        "Received: from client.example.org ([192.0.2.1])\r\n"
        " by mx.example.com with UTF8SMTP\r\n"
        " for <\xC3\xA9@example.com>;\r\n" DATE);
}

/* A recipient that could break out of its line is never written. */
static void test_for_hostile(void **state)
{
    static const char *const one[] = {"a\r\nEvil: 1@b", NULL};
    struct sample sample = sample_make();

    (void)state;
    sample.recipients = one;
    assert_received(&sample, NULL,
        "Received: from client.example.org ([192.0.2.1])\r\n"
        " by mx.example.com with ESMTP;\r\n" DATE);
}

static void test_addresses(void **state)
{
    static const struct {
        struct slimta_address address;
        const char *ehlo_as;
        const char *reverse;
        const char *from;
    } cases[] = {
        {{.family = SLIMTA_FAMILY_IPV6,
             .ip = {0x20, 0x01, 0x0D, 0xB8, [15] = 1}},
            "x", NULL, "x ([IPv6:2001:db8::1])"},
        {{.family = SLIMTA_FAMILY_IPV6,
             .scope_id = 3,
             .ip = {0xFE, 0x80, [15] = 1}},
            "x", "y.z", "x (y.z [IPv6:fe80::1])"},
        {{.family = SLIMTA_FAMILY_UNIX}, "x", NULL, "x (unix)"},
        {{.family = SLIMTA_FAMILY_UNIX}, "", NULL, "unknown (unix)"},
        {{.family = SLIMTA_FAMILY_NONE}, "x", NULL, "x"},
        {{.family = SLIMTA_FAMILY_NONE}, "", NULL, "unknown"},
        {{.family = SLIMTA_FAMILY_IPV4, .ip = {192, 0, 2, 9}}, "", NULL,
            "[192.0.2.9] ([192.0.2.9])"},
        {{.family = SLIMTA_FAMILY_IPV6, .ip = {[15] = 1}}, "", NULL,
            "[IPv6:::1] ([IPv6:::1])"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_make();
        char expected[SLIMTA_RECEIVED_MAX] = "Received: from ";

        sample.facts.client.address = cases[i].address;
        sample.facts.client.ehlo_as = cases[i].ehlo_as;
        sample.facts.client.reverse_name = cases[i].reverse;
        strcat(expected, cases[i].from);
        strcat(expected, "\r\n by mx.example.com with ESMTP;\r\n" DATE);
        assert_received(&sample, NULL, expected);
    }
}

/* What a client says of itself begins no comment, string, date or line. */
static void test_names(void **state)
{
    static const struct {
        const char *ehlo_as;
        const char *shown;
    } cases[] = {
        {"under_score", "under_score"},
        {"single", "single"},
        {"[192.0.2.1]", "[192.0.2.1]"},
        {"[IPv6:::1]", "[IPv6:::1]"},
        {"[a]b]", "?a?b?"},
        {"[a(b]", "?a?b?"},
        {"[]", "??"},
        {"[", "?"},
        {"a:b", "a?b"},
        {"a(b)c", "a?b?c"},
        {"a;b", "a?b"},
        {"a\"b\\c", "a?b?c"},
        {"a<b>@c,d", "a?b??c?d"},
        {"a b\tc\r\nd", "a?b?c??d"},
        {"a\x7F\xC3\xA9", "a???"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_make();
        char expected[SLIMTA_RECEIVED_MAX] = "Received: from ";

        sample.facts.client.ehlo_as = cases[i].ehlo_as;
        strcat(expected, cases[i].shown);
        strcat(expected,
            " ([192.0.2.1])\r\n by mx.example.com with ESMTP;\r\n" DATE);
        assert_received(&sample, NULL, expected);
    }
}

static void test_ids(void **state)
{
    static const struct {
        const char *id;
        const char *shown;
    } cases[] = {
        {"1700000000.M1P2_3.host", "1700000000.M1P2_3.host"},
        {"a,S=12:2", "\"a,S=12:2\""},
        {"<a@b>", "\"<a@b>\""},
        {"a;b", "\"a;b\""},
        {"a\"b\\", "\"a\\\"b\\\\\""},
        {"a\r\nb\xFF", "\"a??b?\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_make();
        char expected[SLIMTA_RECEIVED_MAX] =
            "Received: from client.example.org ([192.0.2.1])\r\n"
            " by mx.example.com with ESMTP id ";

        strcat(expected, cases[i].shown);
        strcat(expected, ";\r\n" DATE);
        assert_received(&sample, cases[i].id, expected);
    }
}

static void test_unknown_parts(void **state)
{
    struct sample sample = sample_make();

    (void)state;
    sample.facts.receiver = NULL;
    sample.facts.client.protocol = NULL;
    assert_received(&sample, NULL,
        "Received: from client.example.org ([192.0.2.1])\r\n"
        " by unknown;\r\n" DATE);
}

/* RFC 5322 section 2.1.1: no line has more than 998 octets and CRLF. */
static void test_longest_fits(void **state)
{
    static char name[400];
    static char recipient[512];
    static char id[400];
    static const char *recipients[] = {recipient, NULL};
    struct sample sample = sample_make();
    char out[SLIMTA_RECEIVED_MAX];
    size_t length;
    char *line = out;

    (void)state;
    memset(name, 'n', sizeof name - 1);
    memset(recipient, 'r', sizeof recipient - 1);
    recipient[255] = '@';
    sample.facts.client.ehlo_as = name;
    sample.facts.client.reverse_name = name;
    sample.facts.receiver = name;
    sample.facts.client.address =
        (struct slimta_address){.family = SLIMTA_FAMILY_IPV6,
            .ip = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};
    sample.recipients = recipients;
    for (size_t size = 128; size < sizeof id; size += sizeof id - 1 - 128) {
        memset(id, '"', size);
        length = write_received(&sample, id, out, sizeof out);
        assert_in_range(length, 1000, sizeof out - 1);
        assert_non_null(strstr(out, "for <rrr"));
        for (line = out; *line != '\0';) {
            char *end = strstr(line, "\r\n");

            assert_non_null(end);
            assert_true(end - line <= 998);
            line = end + 2;
        }
    }
}

static void test_cut(void **state)
{
    struct sample sample = sample_make();
    char whole[SLIMTA_RECEIVED_MAX];
    size_t length = write_received(&sample, "id", whole, sizeof whole);

    (void)state;
    for (size_t size = 0; size <= length + 1; size++) {
        char *out = malloc(size == 0 ? 1 : size);

        assert_non_null(out);
        assert_int_equal(write_received(&sample, "id", out, size), length);
        if (size > 0) {
            size_t kept = size - 1 < length ? size - 1 : length;

            assert_int_equal(strlen(out), kept);
            assert_memory_equal(out, whole, kept);
        }
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_for_needs_one_recipient),
        cmocka_unit_test(test_for_non_ascii),
        cmocka_unit_test(test_for_hostile),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_unknown_parts),
        cmocka_unit_test(test_longest_fits),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
