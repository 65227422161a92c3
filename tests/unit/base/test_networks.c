/** Tests of base/networks.c. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/networks.h"
#include "base/slice.h"
#include "counting.h"

/* "" is an unknown one. */
static struct slimta_address address_of(const char *text)
{
    struct slimta_address address = {.port = 25};

    if (strcmp(text, "unix") == 0) {
        address.family = SLIMTA_FAMILY_UNIX;
    } else if (sli_address_parse_ipv4(sli_slice_text(text), address.ip)) {
        address.family = SLIMTA_FAMILY_IPV4;
    } else if (sli_address_parse_ipv6(sli_slice_text(text), address.ip)) {
        address.family = SLIMTA_FAMILY_IPV6;
        address.scope_id = 7;
    }
    return address;
}

static void finds_addresses(void **state)
{
    static const struct {
        const char *list;
        const char *address;
        int is_in;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", 1},
        {"192.0.2.1", "192.0.2.2", 0},
        {"192.0.2.1/32", "192.0.2.1", 1},
        {"192.0.2.1/32", "192.0.2.0", 0},
        {"192.0.2.0/31", "192.0.2.1", 1},
        {"192.0.2.0/31", "192.0.2.2", 0},
        {"10.0.0.0/8", "10.255.255.255", 1},
        {"10.0.0.0/8", "11.0.0.0", 0},
        {"10.0.0.0/9", "10.127.255.255", 1},
        {"10.0.0.0/9", "10.128.0.0", 0},
        {"10.128.0.0/9", "10.128.0.0", 1},
        {"10.128.0.0/9", "10.127.255.255", 0},
        {"0.0.0.0/0", "255.255.255.255", 1},
        {"0.0.0.0/0", "::1", 0},
        {"0.0.0.0/0", "unix", 0},
        {"0.0.0.0/0,::/0", "", 0},
        {"::1", "::1", 1},
        {"::1", "::2", 0},
        {"2001:db8::/32", "2001:db8:ffff::1", 1},
        {"2001:db8::/32", "2001:db9::1", 0},
        {"2001:DB8::/33", "2001:db8:7fff::1", 1},
        {"2001:db8::/33", "2001:db8:8000::1", 0},
        {"::/0", "fe80::1", 1},
        {"::/0", "10.0.0.1", 0},
        {"::/0", "::ffff:10.0.0.1", 0},
        {"::ffff:10.0.0.0/104", "10.1.2.3", 1},
        {"::ffff:10.0.0.0/104", "11.1.2.3", 0},
        {"::ffff:0:0/96", "1.2.3.4", 1},
        {"::ffff:10.0.0.1", "10.0.0.1", 1},
        {"10.0.0.1", "::ffff:10.0.0.1", 1},
        {"unix", "unix", 1},
        {"unix", "0.0.0.0", 0},
        {"10.0.0.0/8,::1,unix", "10.0.0.1", 1},
        {"10.0.0.0/8,::1,unix", "::1", 1},
        {"10.0.0.0/8,::1,unix", "unix", 1},
        {"10.0.0.0/8,::1,unix", "::2", 0},
        {"", "10.0.0.1", 0},
        {"", "unix", 0},
        {NULL, "unix", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_address address = address_of(cases[i].address);
        struct slimta_address before = address;
        struct sli_networks networks;
        struct slimta_error error = {0};

        assert_int_equal(sli_networks_init(&networks, &counting.table,
                             "trusted", cases[i].list, &error),
            0);
        if (sli_networks_has(&networks, &address) != cases[i].is_in) {
            fail_msg("%s in %s", cases[i].address, cases[i].list);
        }
        assert_memory_equal(&address, &before, sizeof address);
        sli_networks_fini(&networks);
        assert_false(sli_networks_has(&networks, &address));
        sli_networks_fini(&networks);
    }
}

static void names_the_bad_member(void **state)
{
    static const struct {
        const char *list;
        const char *member;
    } cases[] = {
        {",", ""},
        {"::1,", ""},
        {",::1", ""},
        {"::1,,::2", ""},
        {"::1, ::2", " ::2"},
        {"::1 ", "::1 "},
        {"localhost", "localhost"},
        {"UNIX", "UNIX"},
        {"unix/0", "unix/0"},
        {"[::1]", "[::1]"},
        {"fe80::1%eth0", "fe80::1%eth0"},
        {"1.2.3.4:25", "1.2.3.4:25"},
        {"10/8", "10/8"},
        {"::1,10.0.0.0/33,::2", "10.0.0.0/33"},
        {"10.0.0.0/", "10.0.0.0/"},
        {"10.0.0.0/08", "10.0.0.0/08"},
        {"10.0.0.0/-1", "10.0.0.0/-1"},
        {"10.0.0.0/8/8", "10.0.0.0/8/8"},
        {"10.0.0.0/1000", "10.0.0.0/1000"},
        {"10.0.0.0/255.0.0.0", "10.0.0.0/255.0.0.0"},
        {"/8", "/8"},
        {"10.0.0.1/8", "10.0.0.1/8"},
        {"10.0.0.1/31", "10.0.0.1/31"},
        {"0.0.0.1/0", "0.0.0.1/0"},
        {"::/129", "::/129"},
        {"::1/127", "::1/127"},
        {"::ffff:0:0/80", "::ffff:0:0/80"},
        {"::ffff:10.0.0.1/95", "::ffff:10.0.0.1/95"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_networks networks;
        struct slimta_error error = {0};
        char wanted[200];

        (void)snprintf(wanted, sizeof wanted,
            "trusted: \"%s\" is not an address, a network or \"unix\"",
            cases[i].member);
        assert_int_equal(sli_networks_init(&networks, &counting.table,
                             "trusted", cases[i].list, &error),
            SLIMTA_EINVAL);
        assert_int_equal(error.code, SLIMTA_EINVAL);
        assert_string_equal(error.text, wanted);
        assert_int_equal(networks.count, 0);
        assert_int_equal(counting.live, 0);
    }
}

static void cuts_a_long_member(void **state)
{
    struct sli_networks networks;
    struct slimta_error error = {0};
    char list[300];

    (void)state;
    memset(list, 'x', sizeof list - 1);
    list[sizeof list - 1] = '\0';
    assert_int_equal(
        sli_networks_init(&networks, &counting.table, "trusted", list, &error),
        SLIMTA_EINVAL);
    assert_non_null(strstr(error.text, "x\" is not an address"));
    assert_int_equal(
        sli_networks_init(&networks, &counting.table, "trusted", list, NULL),
        SLIMTA_EINVAL);
}

static void takes_a_thousand(void **state)
{
    static char list[16 * 1000];
    struct slimta_address last = address_of("10.0.3.231");
    struct slimta_address next = address_of("10.0.3.232");
    struct sli_networks networks;
    size_t size = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        size += (size_t)snprintf(list + size, sizeof list - size,
            "%s10.0.%d.%d", i == 0 ? "" : ",", i / 256, i % 256);
    }
    assert_int_equal(
        sli_networks_init(&networks, &counting.table, "trusted", list, NULL),
        0);
    assert_true(sli_networks_has(&networks, &last));
    assert_false(sli_networks_has(&networks, &next));
    sli_networks_fini(&networks);
}

static void bears_no_memory(void **state)
{
    struct sli_networks networks;
    struct slimta_error error = {0};

    (void)state;
    fail_alloc_init(&counting, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_networks_init(&networks, &counting.table, "trusted", "::1", &error),
        SLIMTA_ENOMEM);
    assert_int_equal(error.code, SLIMTA_ENOMEM);
    assert_int_equal(networks.count, 0);
    sli_networks_fini(&networks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COUNTED(finds_addresses),
        COUNTED(names_the_bad_member),
        COUNTED(cuts_a_long_member),
        COUNTED(takes_a_thousand),
        COUNTED(bears_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
