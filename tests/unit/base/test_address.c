/** Tests of base/address.c. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/slice.h"
#include "guard.h"

static void test_ipv4(void **state)
{
    static const struct {
        const char *text;
        int is_ip;
        uint8_t ip[4];
    } cases[] = {
        {"0.0.0.0", 1, {0, 0, 0, 0}},
        {"192.0.2.1", 1, {192, 0, 2, 1}},
        {"255.255.255.255", 1, {255, 255, 255, 255}},
        {"", 0, {0}},
        {"1", 0, {0}},
        {"1.2.3", 0, {0}},
        {"1.2.3.", 0, {0}},
        {"1.2.3.4.", 0, {0}},
        {"1.2.3.4.5", 0, {0}},
        {".1.2.3.4", 0, {0}},
        {"1..2.3", 0, {0}},
        {"256.0.0.1", 0, {0}},
        {"1.2.3.256", 0, {0}},
        {"1.2.3.1000", 0, {0}},
        {"01.2.3.4", 0, {0}},
        {"1.2.3.00", 0, {0}},
        {"1.2.3.4 ", 0, {0}},
        {" 1.2.3.4", 0, {0}},
        {"1.2.3.a", 0, {0}},
        {"1.2.3.-4", 0, {0}},
        {"0x1.2.3.4", 0, {0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;
        uint8_t ip[4];
        int is_ip = sli_address_parse_ipv4(
            guard_copy(&guard, sli_slice_text(cases[i].text)), ip);

        if (is_ip != cases[i].is_ip ||
            (is_ip && memcmp(ip, cases[i].ip, 4) != 0)) {
            fail_msg("%s", cases[i].text);
        }
        guard_free(&guard);
    }
}

/* Every text that is read, and how RFC 5952 writes it again. */
static void test_ipv6(void **state)
{
    static const struct {
        const char *text;
        const char *canonical;
    } cases[] = {
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"0:0:1:2:3:4:5:6", "::1:2:3:4:5:6"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"fe80::a:b", "fe80::a:b"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"::1.2.3.4", "::102:304"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;
        struct slimta_address address = {.family = SLIMTA_FAMILY_IPV6};
        char text[SLIMTA_ADDRESS_TEXT_MAX];

        if (!sli_address_parse_ipv6(
                guard_copy(&guard, sli_slice_text(cases[i].text)),
                address.ip)) {
            fail_msg("%s", cases[i].text);
        }
        assert_int_equal(slimta_address_format_ip(&address, text, sizeof text),
            strlen(cases[i].canonical));
        assert_string_equal(text, cases[i].canonical);
        guard_free(&guard);
    }
}

static void test_ipv6_refused(void **state)
{
    static const char *const texts[] = {"", ":", ":::", "1", "1:", ":1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:8:", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2::3", "1:::2",
        "12345::", "::12345", "g::", "::g", "::1 ", " ::1", "::1%eth0", "[::1]",
        "1.2.3.4", "::1.2.3", "::1.2.3.256", "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "::1.2.3.4.",
        "1:2:3:4:5:6:7:8:1.2.3.4", "::01.2.3.4", ".1"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct guard guard;
        uint8_t ip[16];

        if (sli_address_parse_ipv6(
                guard_copy(&guard, sli_slice_text(texts[i])), ip)) {
            fail_msg("%s", texts[i]);
        }
        guard_free(&guard);
    }
}

static void test_unmap(void **state)
{
    struct slimta_address address = {
        .family = SLIMTA_FAMILY_IPV6, .port = 25, .scope_id = 4};
    char text[SLIMTA_ADDRESS_TEXT_MAX];

    (void)state;
    assert_true(
        sli_address_parse_ipv6(SLI_LITERAL("::ffff:192.0.2.1"), address.ip));
    sli_address_unmap(&address);
    slimta_address_format(&address, text, sizeof text);
    assert_string_equal(text, "192.0.2.1:25");
    assert_int_equal(address.scope_id, 0);
    for (size_t i = 4; i < 16; i++) {
        assert_int_equal(address.ip[i], 0);
    }
    sli_address_unmap(&address);
    assert_int_equal(address.family, SLIMTA_FAMILY_IPV4);

    address = (struct slimta_address){.family = SLIMTA_FAMILY_IPV6};
    assert_true(
        sli_address_parse_ipv6(SLI_LITERAL("::fffe:192.0.2.1"), address.ip));
    sli_address_unmap(&address);
    assert_int_equal(address.family, SLIMTA_FAMILY_IPV6);
}

static void test_format(void **state)
{
    static const struct {
        struct slimta_address address;
        const char *ip;
        const char *with_port;
    } cases[] = {
        {{.family = SLIMTA_FAMILY_NONE, .port = 25}, "unknown", "unknown"},
        {{.family = SLIMTA_FAMILY_UNIX}, "unix", "unix"},
        {{.family = SLIMTA_FAMILY_IPV4,
             .port = 65535,
             .ip = {255, 255, 255, 255}},
            "255.255.255.255", "255.255.255.255:65535"},
        {{.family = SLIMTA_FAMILY_IPV4, .ip = {10, 0, 0, 1}}, "10.0.0.1",
            "10.0.0.1:0"},
        {{.family = SLIMTA_FAMILY_IPV6, .port = 25, .ip = {[15] = 1}}, "::1",
            "[::1]:25"},
        {{.family = SLIMTA_FAMILY_IPV6,
             .port = 25,
             .scope_id = UINT32_MAX,
             .ip = {0xFE, 0x80, [15] = 1}},
            "fe80::1%4294967295", "[fe80::1%4294967295]:25"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[SLIMTA_ADDRESS_TEXT_MAX];

        assert_int_equal(
            slimta_address_format_ip(&cases[i].address, text, sizeof text),
            strlen(cases[i].ip));
        assert_string_equal(text, cases[i].ip);
        assert_int_equal(
            slimta_address_format(&cases[i].address, text, sizeof text),
            strlen(cases[i].with_port));
        assert_string_equal(text, cases[i].with_port);
    }
}

static void test_longest_fits(void **state)
{
    struct slimta_address address = {.family = SLIMTA_FAMILY_IPV6,
        .port = UINT16_MAX,
        .scope_id = UINT32_MAX};

    (void)state;
    memset(address.ip, 0xFF, sizeof address.ip);
    assert_in_range(slimta_address_format(&address, NULL, 0), 1,
        SLIMTA_ADDRESS_TEXT_MAX - 1);
}

static void test_cut(void **state)
{
    static const char whole[] = "[2001:db8::1]:25";
    struct slimta_address address = {.family = SLIMTA_FAMILY_IPV6, .port = 25};

    (void)state;
    assert_true(sli_address_parse_ipv6(SLI_LITERAL("2001:db8::1"), address.ip));
    for (size_t size = 0; size <= sizeof whole + 1; size++) {
        char *out = malloc(size == 0 ? 1 : size);
        size_t kept = size < sizeof whole ? size : sizeof whole;

        assert_non_null(out);
        assert_int_equal(
            slimta_address_format(&address, out, size), sizeof whole - 1);
        if (size > 0) {
            assert_int_equal(strlen(out), kept - 1);
            assert_memory_equal(out, whole, kept - 1);
        }
        free(out);
    }
}

static void test_reversed(void **state)
{
    struct slimta_address address = {
        .family = SLIMTA_FAMILY_IPV4, .ip = {192, 0, 2, 255}};
    char out[SLIMTA_ADDRESS_TEXT_MAX];
    struct sli_text text = sli_text_in(out, sizeof out);

    (void)state;
    sli_address_put_reversed(&text, &address);
    assert_string_equal(out, "255.2.0.192");
    address = (struct slimta_address){.family = SLIMTA_FAMILY_IPV6,
        .ip = {0x20, 0x01, 0x0D, 0xB8, [15] = 0x2F}};
    text = sli_text_in(out, sizeof out);
    sli_address_put_reversed(&text, &address);
    assert_string_equal(out,
        "f.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
        "8.b.d.0.1.0.0.2");
    address.family = SLIMTA_FAMILY_UNIX;
    text = sli_text_in(out, sizeof out);
    sli_address_put_reversed(&text, &address);
    assert_string_equal(out, "");
}

static void endpoints(void **state)
{
    static const struct {
        const char *text;
        const char *read; /* NULL: none */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:7"},
        {"192.0.2.1:1", "192.0.2.1:1"},
        {"192.0.2.1:65535", "192.0.2.1:65535"},
        {"192.0.2.1:65536", NULL},
        {"192.0.2.1:0", NULL},
        {"192.0.2.1:", NULL},
        {"192.0.2.1:000025", NULL},
        {"::1", "[::1]:7"},
        {"[::1]", "[::1]:7"},
        {"[::1]:25", "[::1]:25"},
        {"[::ffff:192.0.2.1]:25", "192.0.2.1:25"},
        {"[192.0.2.1]", NULL},
        {"[::1]25", NULL},
        {"[::1", NULL},
        {"[", NULL},
        {"", NULL},
        {"localhost", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_address address;
        char text[SLIMTA_ADDRESS_TEXT_MAX];
        int is_read = sli_address_parse_endpoint(
            sli_slice_text(cases[i].text), 7, &address);

        assert_int_equal(is_read, cases[i].read != NULL);
        if (is_read) {
            (void)slimta_address_format(&address, text, sizeof text);
            assert_string_equal(text, cases[i].read);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints),
        cmocka_unit_test(test_ipv4),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_ipv6_refused),
        cmocka_unit_test(test_unmap),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_longest_fits),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_reversed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
