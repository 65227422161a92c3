/** Tests of lib/http/answer.c. */
#include "test.h"

#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "http/answer.h"

static const struct sli_http_rules rules = {
    .method = {"POST", 4},
    .permanent = 500,
    .challenges = {{"Basic", 5}, {"Bearer", 6}},
    .retry_after = {"60", 2},
};

/* The fields as they are on the wire. */
static void expect_fields(
    const struct sli_http_answer *answer, int status, const char *wanted)
{
    char text[1024];
    size_t size = 0;

    assert_int_equal(answer->response.status, status);
    for (size_t i = 0; i < answer->response.field_count; i++) {
        const struct sli_http_field *field = &answer->response.fields[i];

        memcpy(text + size, field->name.data, field->name.size);
        size += field->name.size;
        text[size++] = ':';
        memcpy(text + size, field->value.data, field->value.size);
        size += field->value.size;
        text[size++] = '\n';
    }
    text[size] = '\0';
    assert_string_equal(text, wanted);
}

#define DATE "Date:Sun, 06 Nov 1994 08:49:37 GMT\n"
#define NOW (INT64_C(784111777) * 1000)
#define EMPTY "Content-Length:0\n"

static void has_what_each_status_needs(void **state)
{
    struct sli_http_answer answer;

    (void)state;
    sli_http_answer_init(&answer, &rules, NOW, 200, SLI_LITERAL("four"));
    sli_http_answer_add(&answer, SLI_LITERAL("A"), SLI_LITERAL("b"));
    expect_fields(&answer, 200, DATE "Content-Length:4\nA:b\n");
    assert_int_equal(answer.response.body.size, 4);
    sli_http_answer_init(&answer, &rules, NOW, 204, SLI_LITERAL(""));
    expect_fields(&answer, 204, DATE "Allow:POST\n");
    sli_http_answer_init(&answer, &rules, NOW, 503, SLI_LITERAL(""));
    expect_fields(&answer, 503, DATE EMPTY "Retry-After:60\n");
}

static void refuses(void **state)
{
    static const struct {
        enum sli_http_refusal refusal;
        int status;
        const char *fields;
    } cases[] = {
        {SLI_HTTP_REFUSAL_NO_RECIPIENTS, 400,
            DATE EMPTY "X-Smtp-Reply:501; message=\"5.5.4 No recipients\"\n"},
        {SLI_HTTP_REFUSAL_BAD_METHOD, 405,
            DATE EMPTY "Allow:POST\nX-Smtp-Reply:451; message=\"4.3.5 No mail "
                       "is taken with this method\"\n"},
        {SLI_HTTP_REFUSAL_BAD_CREDENTIALS, 401,
            DATE EMPTY "WWW-Authenticate:Basic\nWWW-Authenticate:Bearer\n"
                       "X-Smtp-Reply:535; message=\"5.7.8 Authentication "
                       "credentials invalid\"\n"},
        {SLI_HTTP_REFUSAL_BAD_ENCODING, 415,
            DATE EMPTY "X-Smtp-Reply:554; message=\"5.6.1 Content-Encoding is "
                       "not supported\"\nAccept-Encoding:identity\n"},
        {SLI_HTTP_REFUSAL_TOO_MANY_RECIPIENTS, 503,
            DATE EMPTY "Retry-After:60\nX-Smtp-Reply:452; message=\"4.5.3 Too "
                       "many recipients\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_http_answer answer;

        sli_http_answer_refuse(&answer, &rules, NOW, cases[i].refusal);
        expect_fields(&answer, cases[i].status, cases[i].fields);
    }
}

static void says_replies(void **state)
{
    struct slimta_alloc alloc;
    struct slimta_reply reply;
    struct sli_http_answer answer;

    (void)state;
    (void)sli_alloc_init(&alloc, NULL);
    sli_mail_reply_init(&reply, &alloc);
    assert_int_equal(
        slimta_reply_set(&reply, 250, "2.6.0 Message accepted for delivery"),
        0);
    sli_http_answer_reply(&answer, &rules, NOW, &reply, NULL);
    expect_fields(&answer, 200,
        DATE EMPTY
        "X-Smtp-Reply:250; message=\"2.6.0 Message accepted for "
        "delivery\"\n");
    assert_int_equal(slimta_reply_set(&reply, 550, "5.7.1 \"No\""), 0);
    sli_http_answer_reply(&answer, &rules, NOW, &reply, "RCPT");
    expect_fields(&answer, 500,
        DATE EMPTY
        "X-Smtp-Reply:550; message=\"5.7.1 'No'\"; "
        "command=\"RCPT\"\n");
    sli_mail_reply_fini(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_what_each_status_needs),
        cmocka_unit_test(refuses),
        cmocka_unit_test(says_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
