/** Tests of lib/http/target.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "http/target.h"

static void expect_text(struct slimta_slice got, const char *wanted)
{
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
}

static void reads_each_form(void **state)
{
    static const struct {
        const char *text;
        enum sli_http_target_form form;
        const char *authority;
        const char *path;
    } cases[] = {
        {"/", SLI_HTTP_TARGET_ORIGIN, "", "/"},
        {"/a/b?c?d", SLI_HTTP_TARGET_ORIGIN, "", "/a/b"},
        {"//a?", SLI_HTTP_TARGET_ORIGIN, "", "//a"},
        {"/http://a/b", SLI_HTTP_TARGET_ORIGIN, "", "/http://a/b"},
        {"*", SLI_HTTP_TARGET_ASTERISK, "", "*"},
        {"http://a", SLI_HTTP_TARGET_ABSOLUTE, "a", "/"},
        {"HTTPS://a.b:443/c/d?e", SLI_HTTP_TARGET_ABSOLUTE, "a.b:443", "/c/d"},
        {"http://[2001:db8::1]:80?x", SLI_HTTP_TARGET_ABSOLUTE,
            "[2001:db8::1]:80", "/"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_http_target target;

        assert_int_equal(
            sli_http_target_read(sli_slice_text(cases[i].text), &target), 1);
        assert_int_equal(target.form, cases[i].form);
        expect_text(target.authority, cases[i].authority);
        expect_text(target.path, cases[i].path);
    }
}

static void refuses_other_forms(void **state)
{
    static const char *const cases[] = {"", "a", "a:1", "**", "*/", "http:/a",
        "http://", "http:///a", "http://?a", "http://:80/", "http://a@b/",
        "http://a:x/", "http://[::1/", "http://[1.2.3.4]/", "ws://a/", "?a"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_http_target target;

        assert_int_equal(
            sli_http_target_read(sli_slice_text(cases[i]), &target), 0);
    }
}

static void knows_hosts(void **state)
{
    static const struct {
        const char *text;
        int is_host;
    } cases[] = {{"", 1}, {"a", 1}, {"a.example.", 1}, {"a_b", 1}, {"a:", 1},
        {"a:25", 1}, {":25", 1}, {"192.0.2.1:80", 1}, {"[::1]", 1},
        {"[::1]:80", 1}, {"%41", 1}, {"!$&'()*+,;=", 1}, {"a b", 0}, {"a/b", 0},
        {"a@b", 0}, {"a:b", 0}, {"a:1:2", 0}, {"a:-1", 0}, {"[::1", 0},
        {"[]", 0}, {"[::1]a", 0}, {"::1", 0}, {"%4", 0}, {"%", 0}, {"%4g", 0},
        {"\xc3\xa9", 0}, {"a?", 0}, {"a\"", 0}, {"[v1.a]", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (sli_http_target_is_host(sli_slice_text(cases[i].text)) !=
            cases[i].is_host) {
            fail_msg("%s", cases[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_form),
        cmocka_unit_test(refuses_other_forms),
        cmocka_unit_test(knows_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
