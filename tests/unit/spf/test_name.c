/** Tests of lib/spf/name.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "spf/name.h"

enum { ASKED = 1, DOMAIN = 2 };

static int kind_of(struct slimta_slice name)
{
    struct guard guard;
    struct slimta_slice copy = guard_copy(&guard, name);
    int kind = (sli_spf_name_can_be_asked(copy) ? ASKED : 0) |
        (sli_spf_name_is_domain(copy) ? DOMAIN : 0);

    guard_free(&guard);
    return kind;
}

/* RFC 7208 section 4.3. */
static void tells_names_from_others(void **state)
{
    static const struct {
        const char *name;
        int kind;
    } cases[] = {
        {"", 0},
        {".", 0},
        {"..", 0},
        {".example.com", 0},
        {"example..com", 0},
        {"example.com..", 0},
        {"example", ASKED},
        {"example.com", ASKED | DOMAIN},
        {"example.com.", ASKED | DOMAIN},
        {"_spf.ex-ample.c0m", ASKED | DOMAIN},
        {"192.0.2.1", ASKED},
        {"[192.0.2.1]", ASKED},
        {"foo:bar/baz.example.com", ASKED},
        {"a b.example.com", ASKED},
        {"a\\.example.com", 0},
        {"a\x01.example.com", 0},
        {"\xc3\xbc.example.com", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(kind_of(sli_slice_text(cases[i].name)), cases[i].kind);
    }
    assert_int_equal(kind_of(sli_slice("a.\0b", 4)), 0);
}

/* RFC 1035 section 2.3.4. */
static void keeps_the_lengths(void **state)
{
    char label[70];
    char name[300];

    (void)state;
    memset(label, 'a', sizeof label);
    memcpy(label + 62, ".b", 3);
    assert_int_equal(kind_of(sli_slice_text(label)), ASKED | DOMAIN);
    memcpy(label + 62, "a.b", 4);
    assert_int_equal(kind_of(sli_slice_text(label)), ASKED | DOMAIN);
    memcpy(label + 62, "aa.b", 5);
    assert_int_equal(kind_of(sli_slice_text(label)), 0);
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = i % 50 == 49 ? '.' : 'a';
    }
    assert_int_equal(kind_of(sli_slice(name, 252)), ASKED | DOMAIN);
    assert_int_equal(kind_of(sli_slice(name, 253)), ASKED | DOMAIN);
    assert_int_equal(kind_of(sli_slice(name, 254)), 0);
    name[253] = '.';
    assert_int_equal(kind_of(sli_slice(name, 254)), ASKED | DOMAIN);
}

static int is_in(const char *name, const char *domain)
{
    return sli_spf_name_is_in(sli_slice_text(name), sli_slice_text(domain));
}

static void knows_what_is_below(void **state)
{
    (void)state;
    assert_true(is_in("example.com", "example.com"));
    assert_true(is_in("Example.com.", "exAmple.com"));
    assert_true(is_in("a.example.com", "example.com."));
    assert_false(is_in("aexample.com", "example.com"));
    assert_false(is_in("com", "example.com"));
    assert_false(is_in("example.com.org", "example.com"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_names_from_others),
        cmocka_unit_test(keeps_the_lengths),
        cmocka_unit_test(knows_what_is_below),
    };

    return cmocka_run_group_tests_name("spf/name", tests, NULL, NULL);
}
