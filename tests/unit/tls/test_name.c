/** Tests of tls/name.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "tls/name.h"

static void knows_host_names(void **state)
{
    static const char *const good[] = {"mx", "mx.example.com", "a_b.example",
        "xn--bcher-kva.example", "1.example", "999.1.1.1", "EXAMPLE"};
    static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "-a", "a-",
        "a.-b.c", "a b", "a\tb", "a\xC3\xBC", "192.0.2.1", "::1", "[::1]",
        "*.example.com", "a/b", "a:25"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sli_tls_name_is_host(sli_slice_text(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(sli_tls_name_is_host(sli_slice_text(bad[i])));
    }
    assert_false(sli_tls_name_is_host(SLI_LITERAL("a\0b")));
}

/* RFC 1035 section 2.3.4: 63 octets a label, 253 in all as text. */
static void keeps_to_lengths(void **state)
{
    char name[SLI_TLS_NAME_MAX + 1];

    (void)state;
    memset(name, 'a', sizeof name);
    assert_true(sli_tls_name_is_host(sli_slice(name, 62)));
    assert_true(sli_tls_name_is_host(sli_slice(name, 63)));
    assert_false(sli_tls_name_is_host(sli_slice(name, 64)));
    for (size_t i = 50; i < sizeof name; i += 50) {
        name[i] = '.';
    }
    assert_true(sli_tls_name_is_host(sli_slice(name, SLI_TLS_NAME_MAX - 1)));
    assert_true(sli_tls_name_is_host(sli_slice(name, SLI_TLS_NAME_MAX)));
    assert_false(sli_tls_name_is_host(sli_slice(name, SLI_TLS_NAME_MAX + 1)));
}

static int matches(const char *pattern, const char *name)
{
    return sli_tls_name_matches(sli_slice_text(pattern), sli_slice_text(name));
}

static void matches_patterns(void **state)
{
    (void)state;
    assert_true(matches("mx.example.com", "MX.Example.com"));
    assert_false(matches("mx.example.com", "mx.example.org"));
    assert_false(matches("mx.example.com", "mx.example.co"));
    assert_true(matches("*.example.com", "mx.EXAMPLE.com"));
    assert_false(matches("*.example.com", "example.com"));
    assert_false(matches("*.example.com", "a.mx.example.com"));
    assert_false(matches("*.example.com", ".example.com"));
    assert_false(matches("*", "mx"));
    assert_false(matches("*.", "mx."));
    assert_false(matches("m*.example.com", "mx.example.com"));
    assert_false(matches("", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_host_names),
        cmocka_unit_test(keeps_to_lengths),
        cmocka_unit_test(matches_patterns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
