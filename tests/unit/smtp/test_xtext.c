/** Tests of lib/smtp/xtext.c. */
#include "test.h"

#include "base/slice.h"
#include "guard.h"
#include "smtp/xtext.h"

/* RFC 3461 section 4. */
static void decodes_strictly(void **state)
{
    static const struct {
        const char *text;
        const char *wanted; /* NULL: it is none */
    } cases[] = {
        {"", ""},
        {"user@example.com", "user@example.com"},
        {"!~\"<>,;", "!~\"<>,;"},
        {"+2B+3D+20+C3+BC", "+= \xc3\xbc"},
        {"+41+4A+4f", NULL},
        {"+4a", NULL},
        {"+", NULL},
        {"a+4", NULL},
        {"+4G", NULL},
        {"++2B", NULL},
        {"+ 4", NULL},
        {"a=b", NULL},
        {"a b", NULL},
        {"\t", NULL},
        {"\x7f", NULL},
        {"\xc3\xbc", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_slice text = sli_slice_text(cases[i].text);
        char out[32];
        struct guard guard;
        size_t size = 0;
        int is_good =
            sli_smtp_xtext_decode(guard_copy(&guard, text), out, &size);

        assert_int_equal(is_good, cases[i].wanted != NULL);
        if (is_good) {
            assert_true(sli_slice_is(
                sli_slice(out, size), sli_slice_text(cases[i].wanted)));
        }
        guard_free(&guard);
    }
}

static void decodes_where_it_stands(void **state)
{
    char text[] = "a+00b+41";
    size_t size = 0;

    (void)state;
    assert_true(
        sli_smtp_xtext_decode(sli_slice(text, sizeof text - 1), text, &size));
    assert_int_equal(size, 4);
    assert_memory_equal(text, "a\0bA", 4);
}

/* Every octet, there and back. */
static void encodes_what_it_decodes(void **state)
{
    char octets[256];
    char text[SLI_SMTP_XTEXT_ENCODED_MAX(sizeof octets)];
    char back[sizeof text];
    size_t size = 0;

    (void)state;
    for (size_t i = 0; i < sizeof octets; i++) {
        octets[i] = (char)i;
    }
    size = sli_smtp_xtext_encode(sli_slice(octets, sizeof octets), text);
    assert_true(size <= sizeof text);
    assert_true(sli_smtp_xtext_decode(sli_slice(text, size), back, &size));
    assert_int_equal(size, sizeof octets);
    assert_memory_equal(back, octets, size);
    size = sli_smtp_xtext_encode(SLI_LITERAL("a+b=c d\xfc"), text);
    assert_true(
        sli_slice_is(sli_slice(text, size), SLI_LITERAL("a+2Bb+3Dc+20d+FC")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_strictly),
        cmocka_unit_test(encodes_what_it_decodes),
        cmocka_unit_test(decodes_where_it_stands),
    };

    return cmocka_run_group_tests_name("smtp/xtext", tests, NULL, NULL);
}
