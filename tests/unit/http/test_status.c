/** Tests of lib/http/status.c. */
#include "test.h"

#include "http/refusals.h"
#include "http/status.h"

static void knows_reasons(void **state)
{
    (void)state;
    assert_string_equal(sli_http_status_reason(200), "OK");
    assert_string_equal(sli_http_status_reason(405), "Method Not Allowed");
    assert_string_equal(sli_http_status_reason(299), "");
    assert_string_equal(sli_http_status_reason(-1), "");
}

static void every_refusal_has_one(void **state)
{
    (void)state;
    for (int i = 1; i < SLI_HTTP_REFUSAL_COUNT; i++) {
        int status = sli_http_refusals_get((enum sli_http_refusal)i)->status;

        assert_string_not_equal(sli_http_status_reason(status), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_reasons),
        cmocka_unit_test(every_refusal_has_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
