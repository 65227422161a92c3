/** Tests of mail/reply.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "fail_alloc.h"
#include "guard.h"
#include "mail/reply.h"

static struct slimta_alloc plain;

static int set_up(void **state)
{
    (void)state;
    return sli_alloc_init(&plain, NULL);
}

static void test_enhanced_length(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"", 0},
        {"2", 0},
        {"2.", 0},
        {"2.1", 0},
        {"2.1.", 0},
        {"2.1.0", 5},
        {"2.1.0 Ok", 5},
        {"4.0.0", 5},
        {"5.999.999 x", 9},
        {"5.1000.1", 0},
        {"5.1.1000", 0},
        {"5.01.1", 0},
        {"5.1.00", 0},
        {"5.0.0 ", 5},
        {"5.7.1Not", 0},
        {"5.7.1\tNot", 0},
        {"5.7.1.2 Not", 0},
        {"5..1 x", 0},
        {".7.1 x", 0},
        {"1.7.1 x", 0},
        {"3.7.1 x", 0},
        {"6.7.1 x", 0},
        {" 5.7.1 x", 0},
        {"55.7.1 x", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;
        struct slimta_slice text =
            guard_copy(&guard, sli_slice_text(cases[i].text));

        if (sli_mail_reply_enhanced_length(text) != cases[i].length) {
            fail_msg("enhanced length of \"%s\"", cases[i].text);
        }
        guard_free(&guard);
    }
}

static void test_set(void **state)
{
    static const struct {
        int code;
        const char *text;
        const char *enhanced;
        const char *shown;
    } cases[] = {
        {250, "Ok", "", "Ok"},
        {250, "2.1.0 Ok", "2.1.0", "Ok"},
        {250, "2.1.0", "2.1.0", ""},
        {250, "2.1.0  Ok", "2.1.0", " Ok"},
        {250, "", "", ""},
        {451, "4.3.0 Later", "4.3.0", "Later"},
        {550, "5.7.1 Not\nyou", "5.7.1", "Not\nyou"},
        {550, "5.7.1 Not\r\nyou", "5.7.1", "Not\nyou"},
        {550, "Not\ryou", "", "Not?you"},
        {550, "Not\r\r\nyou", "", "Not?\nyou"},
        {550, "Not\r", "", "Not?"},
        {550, "one\n\ntwo", "", "one\n\ntwo"},
        {550, "one\n", "", "one"},
        {550, "one\r\n", "", "one"},
        {550, "\n", "", ""},
        {550,
            "a\x01"
            "b\x1F"
            "c\x7F"
            "d\x80"
            "e\xFF",
            "", "a?b?c?d?e?"},
        {550, "tab\tand tilde ~", "", "tab\tand tilde ~"},
        {550, "5.7.1Not", "", "5.7.1Not"},
        /* RFC 2034 section 4: no enhanced code on 3xx, and 3 is no class. */
        {354, "Start mail input", "", "Start mail input"},
        {334, "3.1.1 x", "", "3.1.1 x"},
        {200, "lowest", "", "lowest"},
        {599, "highest", "", "highest"},
    };
    struct slimta_reply reply;

    (void)state;
    sli_mail_reply_init(&reply, &plain);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            slimta_reply_set(&reply, cases[i].code, cases[i].text), 0);
        assert_int_equal(slimta_reply_code(&reply), cases[i].code);
        assert_string_equal(slimta_reply_enhanced(&reply), cases[i].enhanced);
        assert_string_equal(slimta_reply_text(&reply), cases[i].shown);
        assert_int_equal(sli_buf_size(&reply.text), strlen(cases[i].shown));
    }
    sli_mail_reply_fini(&reply);
}

static void assert_is(const struct slimta_reply *reply, int code,
    const char *enhanced, const char *text)
{
    assert_int_equal(slimta_reply_code(reply), code);
    assert_string_equal(slimta_reply_enhanced(reply), enhanced);
    assert_string_equal(slimta_reply_text(reply), text);
}

static void test_fault_refuses(void **state)
{
    static const struct {
        int code;
        const char *text;
    } cases[] = {
        {199, "x"},
        {600, "x"},
        {0, "x"},
        {-250, "x"},
        {250, "5.7.1 x"},
        {550, "2.0.0 x"},
        {550, "4.0.0 x"},
        {451, "5.0.0"},
        {354, "2.0.0 Go"},
        {199, NULL},
        {600, NULL},
    };
    struct slimta_reply reply;

    (void)state;
    sli_mail_reply_init(&reply, &plain);
    assert_int_equal(slimta_reply_set(&reply, 250, "2.1.5 Fine"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(slimta_reply_set(&reply, cases[i].code, cases[i].text),
            SLIMTA_EINVAL);
        assert_is(&reply, 451, "4.3.0", "Unhandled system error");
    }
    sli_mail_reply_fini(&reply);
}

static void test_null_keeps_text(void **state)
{
    struct slimta_reply reply;

    (void)state;
    sli_mail_reply_init(&reply, &plain);
    assert_string_equal(slimta_reply_text(&reply), "");
    assert_int_equal(slimta_reply_set(&reply, 250, "2.1.5 Fine"), 0);
    assert_int_equal(slimta_reply_set(&reply, 251, NULL), 0);
    assert_is(&reply, 251, "2.1.5", "Fine");
    assert_int_equal(slimta_reply_set(&reply, 550, NULL), 0);
    assert_is(&reply, 550, "", "Fine");
    sli_mail_reply_fini(&reply);
}

/* RFC 5321 section 4.5.3.1.5: "250 " + "2.0.0 " + text + CRLF is 512 octets.
 */
static void test_line_limit(void **state)
{
    enum { ROOM = 512 - 4 - 6 - 2 };
    char text[3 * 512 + 1];
    struct slimta_reply reply;

    (void)state;
    sli_mail_reply_init(&reply, &plain);
    for (size_t size = ROOM - 1; size <= ROOM + 1; size++) {
        memset(text, 'a', size);
        text[size] = '\0';
        assert_int_equal(slimta_reply_set(&reply, 250, text), 0);
        assert_int_equal(sli_buf_size(&reply.text), size < ROOM ? size : ROOM);
    }
    /* Each line is cut for itself, and a longer enhanced code takes more. */
    memset(text, 'b', sizeof text);
    memcpy(text, "5.100.200 ", 10);
    text[10 + 600] = '\n';
    text[10 + 601 + 500] = '\0';
    assert_int_equal(slimta_reply_set(&reply, 550, text), 0);
    assert_int_equal(sli_buf_size(&reply.text), 2 * (ROOM - 4) + 1);
    assert_int_equal(slimta_reply_text(&reply)[ROOM - 4], '\n');
    sli_mail_reply_fini(&reply);
}

static void test_text_limit(void **state)
{
    static char text[SLI_MAIL_REPLY_TEXT_MAX + 2];
    struct slimta_reply reply;

    (void)state;
    sli_mail_reply_init(&reply, &plain);
    for (size_t size = SLI_MAIL_REPLY_TEXT_MAX - 1;
         size <= SLI_MAIL_REPLY_TEXT_MAX + 1; size++) {
        for (size_t i = 0; i < size; i++) {
            text[i] = i % 64 == 63 ? '\n' : 'a';
        }
        text[size] = '\0';
        text[size - 1] = 'z';
        assert_int_equal(slimta_reply_set(&reply, 250, text), 0);
        assert_int_equal(sli_buf_size(&reply.text),
            size < SLI_MAIL_REPLY_TEXT_MAX ? size : SLI_MAIL_REPLY_TEXT_MAX);
    }
    sli_mail_reply_fini(&reply);
}

static void test_slice_with_nul_and_end(void **state)
{
    struct guard guard;
    struct slimta_reply reply;
    struct slimta_slice text =
        guard_copy(&guard, sli_slice("5.1.1 a\0b\r", 10));

    (void)state;
    sli_mail_reply_init(&reply, &plain);
    assert_int_equal(sli_mail_reply_set(&reply, 550, text), 0);
    assert_is(&reply, 550, "5.1.1", "a?b?");
    assert_int_equal(
        sli_mail_reply_set(&reply, 550, (struct slimta_slice){NULL, 0}), 0);
    assert_is(&reply, 550, "", "");
    sli_mail_reply_fini(&reply);
    guard_free(&guard);
}

static void test_own_text(void **state)
{
    struct slimta_reply reply;

    (void)state;
    sli_mail_reply_init(&reply, &plain);
    assert_int_equal(slimta_reply_set(&reply, 250, "2.1.0 5.7.1 One\nTwo"), 0);
    assert_is(&reply, 250, "2.1.0", "5.7.1 One\nTwo");
    assert_int_equal(
        slimta_reply_set(&reply, 550, slimta_reply_text(&reply)), 0);
    assert_is(&reply, 550, "5.7.1", "One\nTwo");
    assert_int_equal(
        slimta_reply_set(&reply, 550, slimta_reply_text(&reply) + 4), 0);
    assert_is(&reply, 550, "", "Two");
    sli_mail_reply_fini(&reply);
}

static void test_warm_allocates_nothing(void **state)
{
    struct fail_alloc alloc;
    struct slimta_reply reply;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_mail_reply_init(&reply, &alloc.table);
    assert_int_equal(slimta_reply_set(&reply, 250, "A first text"), 0);
    fail_alloc_arm(&alloc, 1, FAIL_ALLOC_ONWARD);
    assert_int_equal(slimta_reply_set(&reply, 550, "5.0.0 Another"), 0);
    assert_int_equal(slimta_reply_set(&reply, 250, ""), 0);
    assert_false(fail_alloc_has_failed(&alloc));
    sli_mail_reply_fini(&reply);
    assert_int_equal(alloc.live, 0);
}

static void test_no_memory_refuses(void **state)
{
    char text[1001];
    struct fail_alloc alloc;
    struct slimta_reply reply;
    struct slimta_reply other;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_mail_reply_init(&reply, &alloc.table);
    sli_mail_reply_init(&other, &plain);
    assert_int_equal(slimta_reply_set(&other, 451, text), 0);
    assert_int_equal(slimta_reply_set(&reply, 250, "2.1.5 Fine"), 0);
    fail_alloc_arm(&alloc, 1, FAIL_ALLOC_ONWARD);
    assert_int_equal(slimta_reply_set(&reply, 250, text), SLIMTA_ENOMEM);
    assert_is(&reply, 250, "2.1.5", "Fine");
    assert_int_equal(sli_mail_reply_copy(&reply, &other), SLIMTA_ENOMEM);
    assert_is(&reply, 250, "2.1.5", "Fine");
    memcpy(text, "5.7.1 ", 6);
    assert_int_equal(slimta_reply_set(&reply, 550, text), SLIMTA_ENOMEM);
    assert_is(&reply, 550, "5.7.1", "Refused");
    assert_int_equal(slimta_reply_set(&reply, 250, "2.1.5 Fine"), 0);
    assert_is(&reply, 250, "2.1.5", "Fine");
    sli_mail_reply_fini(&reply);
    sli_mail_reply_fini(&other);
    assert_int_equal(alloc.live, 0);
}

static void test_copy(void **state)
{
    struct slimta_reply from;
    struct slimta_reply to;

    (void)state;
    sli_mail_reply_init(&from, &plain);
    sli_mail_reply_init(&to, &plain);
    assert_int_equal(slimta_reply_set(&to, 250, "2.0.0 Something else"), 0);
    assert_int_equal(slimta_reply_set(&from, 550, "5.1.2 No\nNever"), 0);
    assert_int_equal(sli_mail_reply_copy(&to, &from), 0);
    assert_is(&to, 550, "5.1.2", "No\nNever");
    assert_int_equal(sli_mail_reply_copy(&to, &to), 0);
    assert_is(&to, 550, "5.1.2", "No\nNever");
    /* One that was never set has no text. */
    sli_mail_reply_fini(&from);
    assert_int_equal(sli_mail_reply_copy(&to, &from), 0);
    assert_is(&to, 0, "", "");
    sli_mail_reply_fini(&from);
    sli_mail_reply_fini(&to);
}

static void clone(struct fail_alloc *alloc, void *user)
{
    struct slimta_reply *copy = sli_mail_reply_clone(&alloc->table, user);

    assert_int_equal(copy == NULL, fail_alloc_has_failed(alloc));
    if (copy != NULL) {
        assert_is(copy, 550, "5.1.2", "No\nNever");
    }
    sli_mail_reply_free(&alloc->table, copy);
}

static void test_clone(void **state)
{
    struct slimta_reply from;

    (void)state;
    sli_mail_reply_init(&from, &plain);
    assert_int_equal(slimta_reply_set(&from, 550, "5.1.2 No\nNever"), 0);
    assert_int_equal(fail_alloc_sweep(clone, &from), 0);
    sli_mail_reply_fini(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enhanced_length),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_fault_refuses),
        cmocka_unit_test(test_null_keeps_text),
        cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_text_limit),
        cmocka_unit_test(test_slice_with_nul_and_end),
        cmocka_unit_test(test_own_text),
        cmocka_unit_test(test_warm_allocates_nothing),
        cmocka_unit_test(test_no_memory_refuses),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_clone),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
