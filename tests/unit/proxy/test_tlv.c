/** Tests of proxy/tlv.c. */
#include "test.h"

#include "base/slice.h"
#include "guard.h"
#include "proxy/tlv.h"

static void takes_one_after_the_other(void **state)
{
    struct slimta_slice rest = SLI_LITERAL("\x01\x00\x02hi\x02\x00\x00\xFF");
    struct sli_proxy_tlv tlv;

    (void)state;
    assert_true(sli_proxy_tlv_next(&rest, &tlv));
    assert_int_equal(tlv.type, 1);
    assert_true(sli_slice_is(tlv.value, SLI_LITERAL("hi")));
    assert_true(sli_proxy_tlv_next(&rest, &tlv));
    assert_int_equal(tlv.type, 2);
    assert_int_equal(tlv.value.size, 0);
    assert_false(sli_proxy_tlv_next(&rest, &tlv));
    assert_int_equal(rest.size, 1);
}

static void finds_the_first(void **state)
{
    struct slimta_slice tlvs =
        SLI_LITERAL("\x01\x00\x01x\x02\x00\x01y\x02\x00\x01z");
    struct slimta_slice value = {NULL, 0};

    (void)state;
    assert_true(sli_proxy_tlv_find(tlvs, 2, &value));
    assert_true(sli_slice_is(value, SLI_LITERAL("y")));
    assert_false(sli_proxy_tlv_find(tlvs, 3, &value));
    assert_true(sli_slice_is(value, SLI_LITERAL("y")));
}

/* Each length at, below and above what there is, at the end of memory. */
static void bears_every_cut(void **state)
{
    static const struct slimta_slice whole = {"\x01\x00\x02hi\x02\x00\x00", 8};

    (void)state;
    for (size_t size = 0; size <= whole.size; size++) {
        struct guard guard;
        struct slimta_slice tlvs =
            guard_copy(&guard, sli_slice(whole.data, size));

        assert_int_equal(
            sli_proxy_tlv_is_whole(tlvs), size == 0 || size == 5 || size == 8);
        guard_free(&guard);
    }
    assert_false(sli_proxy_tlv_is_whole(SLI_LITERAL("\x01\x01\x02hi")));
    assert_false(sli_proxy_tlv_is_whole(SLI_LITERAL("\x01\xFF\xFFhi")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_one_after_the_other),
        cmocka_unit_test(finds_the_first),
        cmocka_unit_test(bears_every_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
