/** Tests of base/base64.c. */
#include "test.h"

#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include "guard.h"

static const struct {
    const char *octets;
    const char *text;
} vectors[] = {
    /* RFC 4648 section 10. */
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbe", "+/++"},
};

static void test_encodes_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char text[SLI_BASE64_ENCODED_SIZE(8)];
        size_t size =
            sli_base64_encode(sli_slice_text(vectors[i].octets), text);

        assert_int_equal(size, strlen(vectors[i].text));
        assert_memory_equal(text, vectors[i].text, size);
        assert_int_equal(
            size, SLI_BASE64_ENCODED_SIZE(strlen(vectors[i].octets)));
    }
}

static int decode(
    const char *text, enum sli_base64_padding padding, char *out, size_t *size)
{
    struct guard guard;
    struct slimta_slice guarded = guard_copy(&guard, sli_slice_text(text));
    int good = sli_base64_decode(guarded, padding, out, size);

    guard_free(&guard);
    return good;
}

static void test_decodes_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char out[SLI_BASE64_DECODED_MAX(8)];
        size_t size;

        assert_true(decode(vectors[i].text, SLI_BASE64_PADDED, out, &size));
        assert_int_equal(size, strlen(vectors[i].octets));
        assert_memory_equal(out, vectors[i].octets, size);
    }
}

static void test_decodes_where_it_stands(void **state)
{
    char text[] = "AGFsaWNlAHNlY3JldA==";
    size_t size;

    (void)state;
    assert_true(sli_base64_decode(
        sli_slice_text(text), SLI_BASE64_PADDED, text, &size));
    assert_int_equal(size, 13);
    assert_memory_equal(text, "\0alice\0secret", 13);
}

static void test_refuses_what_is_no_base64(void **state)
{
    static const char *const wrong[] = {"Z", "Zg", "Zg=", "Zm8",
        "Zg==Zg==", "=", "==", "====", "Z===", "Zm9v=", "Zm9v====", "Zm 9",
        "Zm9v\n", "Zm-_", "Z\xc3\xa9g=", "Zh==", "Zm9=", "=Zm9"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char out[16];
        size_t size;

        assert_false(decode(wrong[i], SLI_BASE64_PADDED, out, &size));
    }
}

static void test_padding_may_be_optional(void **state)
{
    static const struct {
        const char *text;
        int good;
        size_t size;
    } cases[] = {{"Zg", 1, 1}, {"Zm8", 1, 2}, {"Zg==", 1, 1}, {"Zm8=", 1, 2},
        {"", 1, 0}, {"Zg=", 0, 0}, {"Z", 0, 0}, {"Zm9vZ", 0, 0}, {"Zh", 0, 0},
        {"Zm9", 0, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[16];
        size_t size;

        assert_int_equal(decode(cases[i].text, SLI_BASE64_OPTIONAL, out, &size),
            cases[i].good);
        if (cases[i].good) {
            assert_int_equal(size, cases[i].size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodes_vectors),
        cmocka_unit_test(test_decodes_vectors),
        cmocka_unit_test(test_decodes_where_it_stands),
        cmocka_unit_test(test_refuses_what_is_no_base64),
        cmocka_unit_test(test_padding_may_be_optional),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
