/** Tests of lib/spf/result.c. */
#include "test.h"

#include <slimta/spf.h>

static void names_every_result(void **state)
{
    (void)state;
    assert_string_equal(slimta_spf_result_name(SLIMTA_SPF_PASS), "pass");
    assert_string_equal(
        slimta_spf_result_name(SLIMTA_SPF_PERMERROR), "permerror");
    assert_string_equal(
        slimta_spf_result_name(SLIMTA_SPF_PERMERROR + 1), "unchecked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_result),
    };

    return cmocka_run_group_tests_name("spf/result", tests, NULL, NULL);
}
