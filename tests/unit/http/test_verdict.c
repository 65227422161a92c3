/** Tests of lib/http/verdict.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "guard.h"
#include "http/replies.h"
#include "http/verdict.h"
#include "mail/reply.h"

static const struct {
    int status;
    const char *value; /* of X-Smtp-Reply; NULL: none */
    int code;
    const char *enhanced;
    const char *text;
} rows[] = {
    {200, "250; message=\"2.6.0 Message accepted for delivery\"", 250, "2.6.0",
        "Message accepted for delivery"},
    {204, NULL, 250, "2.6.0", "Next hop says 204 No Content"},
    {299, NULL, 250, "2.6.0", "Next hop says 299"},
    {200, "550; message=\"5.1.1 No\"", 250, "2.6.0", "Next hop says 200 OK"},
    {500, "550; message=\"5.1.1 No\"", 550, "5.1.1", "No"},
    {500, "550; message=\"5.1.1 No\"; command=\"RCPT\"", 550, "5.1.1", "No"},
    {500, "550; command=\"RCPT\"; message=\"5.1.1 No\"", 550, "5.1.1", "No"},
    {500, "550 ;  MESSAGE = \"5.1.1 No\"", 550, "5.1.1", "No"},
    {500, "550;message=\"5.1.1 No\"", 550, "5.1.1", "No"},
    {500, "550; message=\"1\"; message=\"2\"", 550, "", "2"},
    {500, "550; message=\"a\tb\xc3\xa4\"", 550, "", "a\tb??"},
    {500, "550;", 550, "", "Refused by next hop"},
    {500, "550; message=\"\"", 550, "", "Refused by next hop"},
    {500, "550; message=\"4.1.1 No\"", 550, "", "Refused by next hop"},
    {500, "550; message=\"cut", 550, "", "Refused by next hop"},
    {503, "450; message=\"4.2.0 Later\"", 450, "4.2.0", "Later"},
    {404, "450; message=\"4.2.0 Later\"", 450, "4.2.0", "Later"},
    {503, "421; message=\"4.3.2 Down\"", 451, "4.3.2", "Down"},
    /* What is no such reply leaves it to the status. */
    {500, "\"550\"; message=\"x\"", 451, "4.4.0",
        "Next hop says 500 Internal Server Error"},
    {500, "550", 451, "4.4.0", "Next hop says 500 Internal Server Error"},
    {500, "250; message=\"2.0.0 Ok\"", 451, "4.4.0",
        "Next hop says 500 Internal Server Error"},
    {400, "650; message=\"x\"", 550, "5.0.0", "Next hop says 400 Bad Request"},
    {400, "5500; message=\"x\"", 550, "5.0.0", "Next hop says 400 Bad Request"},
    {404, NULL, 550, "5.0.0", "Next hop says 404 Not Found"},
    {499, NULL, 550, "5.0.0", "Next hop says 499"},
    {301, NULL, 451, "4.4.0", "Next hop says 301"},
    {502, NULL, 451, "4.4.0", "Next hop says 502"},
    {408, NULL, 451, "4.4.2", "Next hop says 408 Request Timeout"},
    {413, NULL, 552, "5.3.4", "Next hop says 413 Content Too Large"},
    {429, NULL, 451, "4.4.5", "Next hop says 429"},
};

static void judge(struct slimta_reply *reply, size_t row)
{
    const struct sli_http_field fields[] = {
        {SLI_LITERAL("Date"), SLI_LITERAL("now")},
        {SLI_LITERAL("x-smtp-reply"), sli_slice_text(rows[row].value)},
    };

    sli_http_verdict_read(
        reply, rows[row].status, fields, rows[row].value == NULL ? 1 : 2);
}

static void judges(void **state)
{
    struct fail_alloc alloc;
    struct slimta_reply reply;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_mail_reply_init(&reply, &alloc.table);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        judge(&reply, i);
        assert_int_equal(slimta_reply_code(&reply), rows[i].code);
        assert_string_equal(slimta_reply_enhanced(&reply), rows[i].enhanced);
        assert_string_equal(slimta_reply_text(&reply), rows[i].text);
    }
    sli_mail_reply_fini(&reply);
}

/* Yes stays yes and no no without the memory for its words. */
static void bears_no_memory(void **state)
{
    struct fail_alloc alloc;
    struct slimta_reply reply;

    (void)state;
    fail_alloc_init(&alloc, 1, FAIL_ALLOC_ONWARD);
    sli_mail_reply_init(&reply, &alloc.table);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        judge(&reply, i);
        assert_int_equal(slimta_reply_code(&reply), rows[i].code);
        assert_true(*slimta_reply_text(&reply) != '\0');
    }
    sli_mail_reply_fini(&reply);
}

/* What our own edge writes of recipients is what is read. */
static void reads_lists_of_our_own(void **state)
{
    struct fail_alloc alloc;
    struct slimta_reply reply;
    struct sli_buf list;
    struct slimta_slice left;
    uint64_t index = 0;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_mail_reply_init(&reply, &alloc.table);
    sli_buf_init(&list, &alloc.table, SIZE_MAX);
    assert_int_equal(
        slimta_reply_set(&reply, 550, "5.1.1 No, \"never\";\nor 7; 250"), 0);
    assert_int_equal(sli_http_replies_list(&list, 1, &reply), 0);
    assert_int_equal(slimta_reply_set(&reply, 452, "4.2.2 Full"), 0);
    assert_int_equal(sli_http_replies_list(&list, 12, &reply), 0);
    left = sli_buf_slice(&list);
    assert_true(sli_http_verdict_next(&left, &index, &reply));
    assert_int_equal(index, 1);
    assert_int_equal(slimta_reply_code(&reply), 550);
    assert_string_equal(slimta_reply_enhanced(&reply), "5.1.1");
    assert_string_equal(slimta_reply_text(&reply), "No, 'never'; or 7; 250");
    assert_true(sli_http_verdict_next(&left, &index, &reply));
    assert_int_equal(index, 12);
    assert_int_equal(slimta_reply_code(&reply), 452);
    assert_false(sli_http_verdict_next(&left, &index, &reply));
    sli_buf_fini(&list);
    sli_mail_reply_fini(&reply);
    assert_int_equal(atomic_load(&alloc.live), 0);
}

static void refuses_other_lists(void **state)
{
    static const char *const lists[] = {"", ";", "x", "1", "1; 550", "1; 550;",
        "1; 250; message=\"x\"", "1; 650; message=\"x\"", "-1; 550; a=\"b\"",
        "1, 550; a=\"b\"", "1; 550; a=b", "1; 550; a=\"b",
        "111111111111111111111; 550; message=\"x\""};
    struct fail_alloc alloc;
    struct slimta_reply reply;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_mail_reply_init(&reply, &alloc.table);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct guard guard;
        struct slimta_slice list = guard_copy(&guard, sli_slice_text(lists[i]));
        uint64_t index = 0;

        assert_false(sli_http_verdict_next(&list, &index, &reply));
        guard_free(&guard);
    }
    sli_mail_reply_fini(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges),
        cmocka_unit_test(bears_no_memory),
        cmocka_unit_test(reads_lists_of_our_own),
        cmocka_unit_test(refuses_other_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
