/** What a queue says to one message, gathered part by part. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "edge/results.h"
#include "fail_alloc.h"
#include "mail/envelope.h"

static struct slimta_envelope *make_envelope(const struct slimta_alloc *alloc)
{
    const struct sli_mail_facts facts = {
        .client = {.ehlo_as = "client", .protocol = "ESMTP"}, .receiver = "mx"};
    const struct slimta_mail_params params = {.size = sizeof params};
    struct slimta_envelope *envelope = NULL;

    assert_int_equal(sli_mail_envelope_new(
                         &envelope, alloc, &facts, SLI_LITERAL("a@b"), &params),
        0);
    return envelope;
}

struct fixture {
    struct fail_alloc memory;
    struct slimta_envelope *whole;
    struct slimta_envelope *part;
    struct slimta_results *results;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;

    fail_alloc_init(&f->memory, 0, FAIL_ALLOC_ONCE);
    f->whole = make_envelope(&f->memory.table);
    f->part = make_envelope(&f->memory.table);
    f->results = sli_edge_results_new(&f->memory.table);
    assert_non_null(f->results);
    sli_edge_results_ask(f->results, f->whole);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    slimta_envelope_unref(f->whole);
    slimta_envelope_unref(f->part);
    sli_edge_results_free(f->results);
    assert_int_equal(atomic_load(&f->memory.live), 0);
    return 0;
}

static void lists_the_parts_in_their_order(void **state)
{
    struct fixture *f = *state;
    struct slimta_results *results = f->results;

    assert_int_equal(
        sli_edge_results_refuse(results, f->part, 550, "5.1.1 nobody"), 0);
    assert_int_equal(sli_edge_results_accept(results, NULL, "one"), 0);
    assert_int_equal(sli_edge_results_accept(results, f->part, NULL), 0);
    assert_int_equal(
        sli_edge_results_refuse(results, NULL, 452, "4.2.2 full"), 0);
    assert_int_equal(slimta_results_count(results), 4);
    assert_ptr_equal(slimta_results_envelope(results, 0), f->part);
    assert_ptr_equal(slimta_results_envelope(results, 1), f->whole);
    assert_ptr_equal(slimta_results_envelope(results, 2), f->part);
    assert_ptr_equal(slimta_results_envelope(results, 3), f->whole);
    assert_null(slimta_results_id(results, 0));
    assert_string_equal(slimta_results_id(results, 1), "one");
    assert_string_equal(slimta_results_id(results, 2), "");
    assert_null(slimta_results_id(results, 3));
    assert_int_equal(slimta_results_refusal(results, 0)->code, 550);
    assert_null(slimta_results_refusal(results, 1));
    assert_null(slimta_results_refusal(results, 2));
    assert_string_equal(
        slimta_reply_text(slimta_results_refusal(results, 3)), "full");
}

static void has_nothing_past_the_last(void **state)
{
    static const size_t past[] = {1, 2, SIZE_MAX};
    struct fixture *f = *state;

    assert_int_equal(sli_edge_results_accept(f->results, NULL, "one"), 0);
    for (size_t i = 0; i < sizeof past / sizeof *past; i++) {
        assert_null(slimta_results_envelope(f->results, past[i]));
        assert_null(slimta_results_id(f->results, past[i]));
        assert_null(slimta_results_refusal(f->results, past[i]));
    }
}

static void holds_what_it_lists(void **state)
{
    struct fixture *f = *state;
    struct slimta_envelope *part = f->part;

    assert_int_equal(sli_edge_results_accept(f->results, part, "one"), 0);
    slimta_envelope_unref(f->part);
    slimta_envelope_unref(f->whole);
    f->part = NULL;
    f->whole = NULL;
    assert_string_equal(
        slimta_envelope_sender(slimta_results_envelope(f->results, 0)), "a@b");
    assert_string_equal(slimta_envelope_sender(f->results->envelope), "a@b");
}

/* One reply answers for all: a yes as soon as there is one. */
static void folds_to_one_reply(void **state)
{
    struct fixture *f = *state;
    struct slimta_results *results = f->results;

    assert_int_equal(sli_edge_results_refuse(results, NULL, 450, "1st"), 0);
    assert_int_equal(sli_edge_results_refuse(results, NULL, 550, "2nd"), 0);
    assert_int_equal(sli_edge_results_verdict(results)->code, 450);
    assert_string_equal(sli_edge_results_name(results), "");
    assert_int_equal(sli_edge_results_accept(results, NULL, "3rd"), 0);
    assert_int_equal(sli_edge_results_accept(results, NULL, "4th"), 0);
    assert_null(sli_edge_results_verdict(results));
    assert_string_equal(sli_edge_results_name(results), "3rd");
}

static void can_be_used_again(void **state)
{
    struct fixture *f = *state;
    struct slimta_results *results = f->results;

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++) {
            assert_int_equal(sli_edge_results_accept(results, NULL, "old"), 0);
            assert_int_equal(
                sli_edge_results_refuse(results, f->part, 554, "old"), 0);
        }
        assert_int_equal(slimta_results_count(results), 40);
        sli_edge_results_clear(results);
        assert_int_equal(slimta_results_count(results), 0);
        assert_int_equal(results->accepted, 0);
        sli_edge_results_ask(results, f->part);
    }
    assert_int_equal(sli_edge_results_refuse(results, NULL, 451, NULL), 0);
    assert_string_equal(
        slimta_reply_text(slimta_results_refusal(results, 0)), "");
    assert_ptr_equal(slimta_results_envelope(results, 0), f->part);
}

static void the_first_yes_needs_no_memory(void **state)
{
    struct fixture *f = *state;

    fail_alloc_arm(&f->memory, 1, FAIL_ALLOC_ONWARD);
    assert_int_equal(sli_edge_results_accept(f->results, NULL, "one"), 0);
    assert_string_equal(slimta_results_id(f->results, 0), "one");
    /* A later one counts, but cannot be listed. */
    assert_int_equal(
        sli_edge_results_accept(f->results, f->part, "two"), SLIMTA_ENOMEM);
    assert_int_equal(
        sli_edge_results_refuse(f->results, f->part, 550, "no"), SLIMTA_ENOMEM);
    assert_int_equal(slimta_results_count(f->results), 1);
    assert_int_equal(f->results->accepted, 2);
    assert_null(sli_edge_results_verdict(f->results));
    fail_alloc_arm(&f->memory, 0, FAIL_ALLOC_ONCE);
}

static void a_yes_that_is_not_listed_is_one(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(sli_edge_results_refuse(f->results, NULL, 550, "no"), 0);
    fail_alloc_arm(&f->memory, 1, FAIL_ALLOC_ONWARD);
    assert_int_equal(
        sli_edge_results_accept(f->results, NULL, "two"), SLIMTA_ENOMEM);
    assert_null(sli_edge_results_verdict(f->results));
    assert_string_equal(sli_edge_results_name(f->results), "");
    fail_alloc_arm(&f->memory, 0, FAIL_ALLOC_ONCE);
}

static void the_first_no_keeps_its_code_without_memory(void **state)
{
    struct slimta_reply why;
    struct fixture *f = *state;

    sli_mail_reply_init(&why, &f->memory.table);
    assert_int_equal(slimta_reply_set(&why, 552, "5.2.2 full"), 0);
    fail_alloc_arm(&f->memory, 1, FAIL_ALLOC_ONWARD);
    assert_int_equal(
        sli_edge_results_refuse(f->results, NULL, 550, "no"), SLIMTA_ENOMEM);
    assert_int_equal(slimta_results_refusal(f->results, 0)->code, 550);
    sli_edge_results_clear(f->results);
    sli_edge_results_refuse_all(f->results, &why);
    assert_int_equal(slimta_results_refusal(f->results, 0)->code, 552);
    fail_alloc_arm(&f->memory, 0, FAIL_ALLOC_ONCE);
    sli_edge_results_clear(f->results);
    sli_edge_results_refuse_all(f->results, &why);
    assert_string_equal(
        slimta_reply_text(slimta_results_refusal(f->results, 0)), "full");
    sli_mail_reply_fini(&why);
}

static void grow(struct fail_alloc *memory, void *user)
{
    struct slimta_results *results = sli_edge_results_new(&memory->table);

    (void)user;
    if (results == NULL) {
        return;
    }
    for (unsigned i = 0; i < 12; i++) {
        size_t before = slimta_results_count(results);
        int err = i % 2 == 0
            ? sli_edge_results_accept(results, NULL, "id")
            : sli_edge_results_refuse(results, NULL, 550, "no");

        assert_true(err == 0 || err == SLIMTA_ENOMEM);
        assert_true(err != 0 || slimta_results_count(results) == before + 1);
    }
    assert_int_equal(results->accepted, 6);
    assert_null(sli_edge_results_verdict(results));
    sli_edge_results_free(results);
}

static void survives_each_failing_allocation(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(grow, NULL), 0);
}

static void nothing_can_be_freed(void **state)
{
    (void)state;
    sli_edge_results_free(NULL);
}

/* RFC 2033 section 4.2: of each recipient what the queue has said of it, also
 * where that came out of order or twice. */
static void parts_the_replies(void **state)
{
    struct fixture *f = *state;
    const struct slimta_recipient params = {.size = sizeof params};
    struct slimta_envelope *parts[3];
    struct slimta_reply otherwise;

    sli_mail_reply_init(&otherwise, &f->memory.table);
    assert_int_equal(slimta_reply_set(&otherwise, 451, "4.3.0 Unsaid"), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sli_mail_envelope_add_recipient(
                             f->whole, SLI_LITERAL("r@b"), &params),
            0);
    }
    sli_mail_envelope_seal(f->whole, 0);
    assert_int_equal(slimta_envelope_split(&parts[0], f->whole, 3, 2), 0);
    assert_int_equal(slimta_envelope_split(&parts[1], parts[0], 1, 1), 0);
    assert_int_equal(slimta_envelope_split(&parts[2], f->whole, 0, 2), 0);
    assert_int_equal(
        sli_edge_results_refuse(f->results, parts[0], 550, "5.1.1 No"), 0);
    assert_int_equal(sli_edge_results_accept(f->results, parts[1], "x"), 0);
    assert_int_equal(sli_edge_results_accept(f->results, parts[2], NULL), 0);
    assert_int_equal(sli_edge_results_accept(f->results, f->part, "y"), 0);
    assert_null(slimta_results_recipient_reply(f->results, 0));
    for (int has_words = 0; has_words < 2; has_words++) {
        static const int codes[] = {0, 0, 451, 550, 0};

        for (size_t i = 0; i < 5; i++) {
            const struct slimta_reply *reply =
                sli_edge_results_reply_of(f->results, i, &otherwise);

            assert_int_equal(reply == NULL ? 250 : slimta_reply_code(reply),
                codes[i] == 0 ? 250 : codes[i]);
            assert_int_equal(reply == NULL, codes[i] == 0 && !has_words);
        }
        if (!has_words) {
            assert_int_equal(sli_edge_results_part_replies(f->results), 0);
        }
    }
    assert_string_equal(
        slimta_reply_text(slimta_results_recipient_reply(f->results, 4)),
        "Message queued as x");
    assert_null(slimta_results_recipient_reply(f->results, 5));
    /* A yes may become a no, and not the other way. */
    assert_int_equal(
        slimta_reply_set(
            slimta_results_recipient_reply(f->results, 0), 552, "5.2.2 Full"),
        0);
    assert_int_equal(
        slimta_reply_set(
            slimta_results_recipient_reply(f->results, 3), 250, "2.0.0 Fine"),
        0);
    assert_int_equal(
        slimta_reply_code(sli_edge_results_reply_of(f->results, 0, &otherwise)),
        552);
    assert_int_equal(
        slimta_reply_code(sli_edge_results_reply_of(f->results, 3, &otherwise)),
        550);
    for (int i = 0; i < 3; i++) {
        slimta_envelope_unref(parts[i]);
    }
    sli_mail_reply_fini(&otherwise);
}

#define RESULTS_TEST(name) \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESULTS_TEST(lists_the_parts_in_their_order),
        RESULTS_TEST(has_nothing_past_the_last),
        RESULTS_TEST(holds_what_it_lists),
        RESULTS_TEST(folds_to_one_reply),
        RESULTS_TEST(can_be_used_again),
        RESULTS_TEST(the_first_yes_needs_no_memory),
        RESULTS_TEST(a_yes_that_is_not_listed_is_one),
        RESULTS_TEST(parts_the_replies),
        RESULTS_TEST(the_first_no_keeps_its_code_without_memory),
        cmocka_unit_test(survives_each_failing_allocation),
        cmocka_unit_test(nothing_can_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
