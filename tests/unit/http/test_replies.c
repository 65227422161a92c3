/** Tests of lib/http/replies.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "fail_alloc.h"
#include "http/replies.h"

static struct slimta_alloc alloc;

static void maps_codes(void **state)
{
    static const struct {
        int code;
        const char *text;
        int status;
    } cases[] = {
        {200, "x", 200},
        {250, "2.6.0 Message accepted for delivery", 200},
        {299, "x", 200},
        {354, "x", 200},
        {400, "x", 503},
        {421, "4.3.0 x", 503},
        {451, "4.3.0 x", 503},
        {499, "x", 503},
        {500, "x", 422},
        {530, "5.7.0 x", 401},
        {534, "5.7.9 x", 422},
        {535, "5.7.8 x", 401},
        {550, "5.7.1 x", 422},
        {552, "5.3.4 x", 413},
        {552, "5.2.2 x", 422},
        {552, "x", 422},
        {554, "5.3.4 x", 422},
        {599, "x", 422},
    };
    struct slimta_reply reply;

    (void)state;
    sli_mail_reply_init(&reply, &alloc);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            slimta_reply_set(&reply, cases[i].code, cases[i].text), 0);
        assert_int_equal(sli_http_replies_status(&reply, 422), cases[i].status);
        if (cases[i].status == 422) {
            assert_int_equal(sli_http_replies_status(&reply, 500), 500);
        }
    }
    sli_mail_reply_fini(&reply);
}

static void formats(void **state)
{
    static const struct {
        int code;
        const char *text;
        const char *command;
        const char *value;
    } cases[] = {
        {250, "2.6.0 Message accepted for delivery", NULL,
            "250; message=\"2.6.0 Message accepted for delivery\""},
        {550, "5.7.1 Not you", "RCPT",
            "550; message=\"5.7.1 Not you\"; command=\"RCPT\""},
        {451, "Later", NULL, "451; message=\"4.0.0 Later\""},
        {554, "", NULL, "554; message=\"5.0.0\""},
        {354, "Go on", NULL, "354; message=\" Go on\""},
        {550, "say \"no\" \\o/", NULL, "550; message=\"5.0.0 say 'no' /o/\""},
        {550, "one\r\ntwo\nthree\tfour", NULL,
            "550; message=\"5.0.0 one two three four\""},
        {550, "5.1.1 \xc3\xa9\r", NULL, "550; message=\"5.1.1 \?\?\?\""},
    };
    char value[SLI_HTTP_REPLIES_VALUE_MAX];
    struct slimta_reply reply;

    (void)state;
    sli_mail_reply_init(&reply, &alloc);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            slimta_reply_set(&reply, cases[i].code, cases[i].text), 0);
        assert_int_equal(
            sli_http_replies_format(&reply, cases[i].command, value),
            strlen(cases[i].value));
        assert_string_equal(value, cases[i].value);
    }
    sli_mail_reply_fini(&reply);
}

static void the_longest_fits(void **state)
{
    static char text[2 * SLI_MAIL_REPLY_TEXT_MAX];
    char value[SLI_HTTP_REPLIES_VALUE_MAX];
    struct slimta_reply reply;
    size_t size;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 100; i < sizeof text - 1; i += 100) {
        text[i] = '\n';
    }
    memcpy(text, "5.999.999 ", 10);
    sli_mail_reply_init(&reply, &alloc);
    assert_int_equal(slimta_reply_set(&reply, 599, text), 0);
    size = sli_http_replies_format(&reply, "SMTPUTF8", value);
    assert_true(size > SLI_MAIL_REPLY_TEXT_MAX);
    assert_string_equal(value + size - 11, "=\"SMTPUTF8\"");
    sli_mail_reply_fini(&reply);
}

static void lists_recipients(void **state)
{
    static const char wanted[] =
        "0; 550; message=\"5.1.1 Nobody\", "
        "12; 450; message=\"4.2.1 Later\"";
    struct fail_alloc failing;
    struct slimta_reply reply;
    struct sli_buf list;

    (void)state;
    fail_alloc_init(&failing, 1, FAIL_ALLOC_ONCE);
    sli_buf_init(&list, &failing.table, 4096);
    sli_mail_reply_init(&reply, &alloc);
    assert_int_equal(slimta_reply_set(&reply, 550, "5.1.1 Nobody"), 0);
    assert_int_equal(sli_http_replies_list(&list, 0, &reply), SLIMTA_ENOMEM);
    assert_int_equal(sli_http_replies_list(&list, 0, &reply), 0);
    assert_int_equal(slimta_reply_set(&reply, 450, "4.2.1 Later"), 0);
    assert_int_equal(sli_http_replies_list(&list, 12, &reply), 0);
    assert_int_equal(sli_buf_size(&list), sizeof wanted - 1);
    assert_memory_equal(sli_buf_slice(&list).data, wanted, sizeof wanted - 1);
    sli_mail_reply_fini(&reply);
    sli_buf_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_codes),
        cmocka_unit_test(formats),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(lists_recipients),
    };

    (void)sli_alloc_init(&alloc, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
