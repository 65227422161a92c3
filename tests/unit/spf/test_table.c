/** Tests of lib/spf/table.c. */
#include "test.h"

#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "fail_alloc.h"
#include "spf/table.h"

static void finds_what_was_added(void **state)
{
    struct fail_alloc alloc;
    struct sli_spf_table table;
    struct sli_spf_answer *answer;
    const struct sli_spf_answer *found;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_spf_table_init(&table, &alloc.table);
    answer = sli_spf_table_add(
        &table, SLI_LITERAL("Mx.example.com."), SLI_SPF_TYPE_MX, SLI_SPF_FOUND);
    assert_non_null(sli_spf_table_add_value(&table, answer, SLI_LITERAL("a")));
    assert_non_null(sli_spf_table_add_value(&table, answer, SLI_LITERAL("b")));
    assert_non_null(sli_spf_table_add(
        &table, SLI_LITERAL("x.example.com"), SLI_SPF_TYPE_A, SLI_SPF_VOID));
    found = sli_spf_table_find(
        &table, SLI_LITERAL("mX.example.COM"), SLI_SPF_TYPE_MX);
    assert_ptr_equal(found, answer);
    assert_int_equal(found->count, 2);
    assert_string_equal(found->values->text.data, "a");
    assert_string_equal(found->values->next->text.data, "b");
    assert_null(sli_spf_table_find(
        &table, SLI_LITERAL("mx.example.com"), SLI_SPF_TYPE_A));
    assert_null(sli_spf_table_find(
        &table, SLI_LITERAL("x.example.co"), SLI_SPF_TYPE_A));
    sli_spf_table_fini(&table);
    assert_int_equal(alloc.live, 0);
}

/* What does not fit makes the whole answer unknown, never a shorter one. */
static void keeps_its_limit(void **state)
{
    static char text[SLI_SPF_TABLE_MAX];
    const size_t most = SLI_SPF_TABLE_MAX - sizeof(struct sli_spf_value);

    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t size = most - 1; size <= most + 1; size++) {
        struct slimta_alloc alloc;
        struct sli_spf_table table;
        struct sli_spf_answer *answer;

        assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
        sli_spf_table_init(&table, &alloc);
        answer = sli_spf_table_add(
            &table, SLI_LITERAL("a.b"), SLI_SPF_TYPE_TXT, SLI_SPF_FOUND);
        (void)sli_spf_table_add_value(&table, answer, sli_slice(text, size));
        assert_int_equal(
            answer->status, size <= most ? SLI_SPF_FOUND : SLI_SPF_UNKNOWN);
        assert_int_equal(answer->count, size <= most);
        assert_null(sli_spf_table_add_value(
            &table, answer, sli_slice(text, sizeof text)));
        assert_int_equal(answer->status, SLI_SPF_UNKNOWN);
        assert_null(answer->values);
        sli_spf_table_fini(&table);
    }
}

static void add(struct fail_alloc *alloc, void *user)
{
    struct sli_spf_table table;
    struct sli_spf_answer *answer;

    (void)user;
    sli_spf_table_init(&table, &alloc->table);
    answer = sli_spf_table_add(
        &table, SLI_LITERAL("a.b"), SLI_SPF_TYPE_TXT, SLI_SPF_FOUND);
    for (int i = 0; i < 3 && answer != NULL; i++) {
        static char text[5000];

        memset(text, 'a', sizeof text);
        if (sli_spf_table_add_value(
                &table, answer, sli_slice(text, sizeof text)) == NULL) {
            assert_int_equal(answer->status, SLI_SPF_UNKNOWN);
            break;
        }
    }
    sli_spf_table_fini(&table);
}

static void survives_without_memory(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(add, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added),
        cmocka_unit_test(keeps_its_limit),
        cmocka_unit_test(survives_without_memory),
    };

    return cmocka_run_group_tests_name("spf/table", tests, NULL, NULL);
}
