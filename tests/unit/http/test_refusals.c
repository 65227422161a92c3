/** Tests of lib/http/refusals.c. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "http/refusals.h"
#include "mail/reply.h"

/* A client that relays mail reads the code and a message without a quote in
 * it; the enhanced code is of the code's class (RFC 2034 section 4). */
static void each_says_what_a_relay_can_read(void **state)
{
    (void)state;
    for (int i = 1; i < SLI_HTTP_REFUSAL_COUNT; i++) {
        const struct sli_http_refusal_reply *reply =
            sli_http_refusals_get((enum sli_http_refusal)i);
        char wanted[128];

        assert_in_range(reply->status, 400, 505);
        assert_true(
            sli_mail_reply_enhanced_length(sli_slice_text(reply->text)) > 0);
        assert_int_equal(reply->text[0] - '0', reply->code / 100);
        assert_null(strpbrk(reply->text, "\"\\\r\n"));
        (void)snprintf(wanted, sizeof wanted, "%d; message=\"%s\"", reply->code,
            reply->text);
        assert_int_equal(reply->smtp_reply.size, strlen(wanted));
        assert_memory_equal(
            reply->smtp_reply.data, wanted, reply->smtp_reply.size);
    }
}

/* A wrong way and an overload pass: such a mail is tried again. */
static void what_may_pass_is_temporary(void **state)
{
    (void)state;
    for (int i = 1; i < SLI_HTTP_REFUSAL_COUNT; i++) {
        const struct sli_http_refusal_reply *reply =
            sli_http_refusals_get((enum sli_http_refusal)i);
        int is_temporary = reply->status == 404 || reply->status == 405 ||
            reply->status == 408 || reply->status == 409 ||
            reply->status == 431 || reply->status == 500 ||
            reply->status == 503;

        assert_int_equal(reply->code / 100, is_temporary ? 4 : 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_says_what_a_relay_can_read),
        cmocka_unit_test(what_may_pass_is_temporary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
