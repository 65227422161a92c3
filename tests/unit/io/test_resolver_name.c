/** Names of the DNS as text. */
#include "test.h"

#include <string.h>

#include "io/resolver_name.h"

static void names_are_read(void **state)
{
    char out[SLI_IO_RESOLVER_NAME_SIZE];

    (void)state;
    assert_int_equal(sli_io_resolver_name_read("Mx.Example.ORG.", out), 14);
    assert_string_equal(out, "mx.example.org");
    assert_int_equal(sli_io_resolver_name_read("_spf.a+b!", out), 9);
    assert_string_equal(out, "_spf.a+b!");
}

static void no_names(void **state)
{
    static const char *const bad[] = {
        "", ".", "..", "a..b", ".a", "a b", "a\tb", "\xC3\xA4.org", "a.."};
    char out[SLI_IO_RESOLVER_NAME_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(sli_io_resolver_name_read(bad[i], out), 0);
    }
}

static void a_label_has_63_octets(void **state)
{
    char name[80];
    char out[SLI_IO_RESOLVER_NAME_SIZE];

    (void)state;
    memset(name, 'a', sizeof name);
    name[64] = '\0';
    assert_int_equal(sli_io_resolver_name_read(name, out), 0);
    name[63] = '\0';
    assert_int_equal(sli_io_resolver_name_read(name, out), 63);
}

static void a_name_has_253_octets(void **state)
{
    char name[300];
    char out[SLI_IO_RESOLVER_NAME_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = i % 50 == 49 ? '.' : 'a';
    }
    memcpy(name + 253, ".\0", 2);
    assert_int_equal(sli_io_resolver_name_read(name, out), 253);
    memcpy(name + 253, "a\0", 2);
    assert_int_equal(sli_io_resolver_name_read(name, out), 0);
}

static void addresses_are_turned_round(void **state)
{
    struct slimta_address address = {
        .family = SLIMTA_FAMILY_IPV4, .ip = {192, 0, 2, 1}};
    char out[SLI_IO_RESOLVER_NAME_SIZE];

    (void)state;
    assert_int_equal(sli_io_resolver_name_reverse(&address, out), 22);
    assert_string_equal(out, "1.2.0.192.in-addr.arpa");
    address = (struct slimta_address){.family = SLIMTA_FAMILY_IPV6,
        .ip = {0x20, 0x01, 0x0D, 0xB8, [15] = 0x2F}};
    assert_int_equal(sli_io_resolver_name_reverse(&address, out), 72);
    assert_string_equal(out,
        "f.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
        "8.b.d.0.1.0.0.2.ip6.arpa");
    address.family = SLIMTA_FAMILY_UNIX;
    assert_int_equal(sli_io_resolver_name_reverse(&address, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read),
        cmocka_unit_test(no_names),
        cmocka_unit_test(a_label_has_63_octets),
        cmocka_unit_test(a_name_has_253_octets),
        cmocka_unit_test(addresses_are_turned_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
