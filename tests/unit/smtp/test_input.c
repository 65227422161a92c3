/** Tests of lib/smtp/input.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "smtp/input.h"

enum { MAX = 10 };

static const struct sli_smtp_input_limits limits = {.max = MAX};

struct fixture {
    struct fail_alloc alloc;
    struct sli_smtp_input input;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fail_alloc_init(&fixture.alloc, 0, FAIL_ALLOC_ONCE);
    sli_smtp_input_init(&fixture.input, &fixture.alloc.table);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    sli_smtp_input_fini(&fixture->input);
    return (int)atomic_load(&fixture->alloc.live);
}

static void expect_line(struct sli_smtp_input *input, const char *wanted)
{
    struct slimta_slice line;

    assert_int_equal(
        sli_smtp_input_line(input, &limits, &line), SLI_SMTP_INPUT_LINE);
    assert_int_equal(line.size, strlen(wanted));
    assert_memory_equal(line.data, wanted, line.size);
    sli_input_consume(&input->octets, line.size);
}

static void expect(
    struct sli_smtp_input *input, enum sli_smtp_input_result wanted)
{
    struct slimta_slice line;

    assert_int_equal(sli_smtp_input_line(input, &limits, &line), wanted);
}

static void feed(struct fixture *fixture, const char *text)
{
    assert_int_equal(
        sli_input_feed(&fixture->input.octets, sli_slice_text(text)), 0);
}

static void lends_whole_lines_without_memory(void **state)
{
    struct fixture *fixture = *state;
    const char *text = "one\r\ntwo\r\n\r\n";
    struct slimta_slice line;

    feed(fixture, text);
    assert_int_equal(sli_smtp_input_line(&fixture->input, &limits, &line),
        SLI_SMTP_INPUT_LINE);
    assert_ptr_equal(line.data, text);
    expect_line(&fixture->input, "one\r\n");
    expect_line(&fixture->input, "two\r\n");
    expect_line(&fixture->input, "\r\n");
    expect(&fixture->input, SLI_SMTP_INPUT_MORE);
    assert_int_equal(sli_input_park(&fixture->input.octets), 0);
    assert_int_equal(atomic_load(&fixture->alloc.asked), 0);
}

/* Memory goes as soon as nothing is kept. */
static void keeps_only_the_rest(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, "one\r\ntw");
    expect_line(&fixture->input, "one\r\n");
    expect(&fixture->input, SLI_SMTP_INPUT_MORE);
    assert_int_equal(sli_input_park(&fixture->input.octets), 0);
    assert_int_equal(atomic_load(&fixture->alloc.live), 1);
    feed(fixture, "o\r\nthree\r\n");
    expect_line(&fixture->input, "two\r\n");
    assert_int_equal(fixture->input.octets.fed.size, 7);
    expect_line(&fixture->input, "three\r\n");
    assert_int_equal(sli_input_park(&fixture->input.octets), 0);
    assert_int_equal(atomic_load(&fixture->alloc.live), 0);
}

/* RFC 5321 section 2.3.8. */
static void ends_lines_at_crlf_only(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, "a\nb\rc\r");
    expect(&fixture->input, SLI_SMTP_INPUT_MORE);
    assert_int_equal(sli_input_park(&fixture->input.octets), 0);
    feed(fixture, "\nd");
    expect_line(&fixture->input, "a\nb\rc\r\n");
    expect(&fixture->input, SLI_SMTP_INPUT_MORE);
}

static void takes_lines_up_to_the_limit(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, "12345678\r\n123456789\r\n12345678901234\r\nok\r\n");
    expect_line(&fixture->input, "12345678\r\n");
    expect(&fixture->input, SLI_SMTP_INPUT_TOO_LONG);
    expect(&fixture->input, SLI_SMTP_INPUT_TOO_LONG);
    expect_line(&fixture->input, "ok\r\n");
}

/* However long it is, no more of a line than the limit is kept. */
static void says_too_long_once_and_keeps_nothing(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < MAX - 1; i++) {
        feed(fixture, "x");
        expect(&fixture->input, SLI_SMTP_INPUT_MORE);
        assert_int_equal(sli_input_park(&fixture->input.octets), 0);
    }
    feed(fixture, "x\nyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    expect(&fixture->input, SLI_SMTP_INPUT_TOO_LONG);
    for (int i = 0; i < 1000; i++) {
        expect(&fixture->input, SLI_SMTP_INPUT_MORE);
        assert_int_equal(sli_input_park(&fixture->input.octets), 0);
        assert_int_equal(atomic_load(&fixture->alloc.live), 0);
        feed(fixture, "y\ny\r");
    }
    expect(&fixture->input, SLI_SMTP_INPUT_MORE);
    feed(fixture, "\nok\r\n");
    expect_line(&fixture->input, "ok\r\n");
}

/* Lines that begin with a word have a limit of their own, however they come. */
static void takes_lines_with_a_word_up_to_theirs(void **state)
{
    static const struct {
        const char *text;
        enum sli_smtp_input_result wanted;
    } cases[] = {
        {"12345678\r\n", SLI_SMTP_INPUT_LINE},
        {"123456789\r\n", SLI_SMTP_INPUT_TOO_LONG},
        {"Word 12345678\r\n", SLI_SMTP_INPUT_LINE},
        {"word 123456789\r\n", SLI_SMTP_INPUT_WORD_TOO_LONG},
        {"words12345678\r\n", SLI_SMTP_INPUT_TOO_LONG},
        {"wor\r\n", SLI_SMTP_INPUT_LINE},
    };
    static const struct sli_smtp_input_limits both = {
        .max = 10, .word = {"WORD ", 5}, .word_max = 15};
    struct fixture *fixture = *state;
    struct sli_smtp_input *input = &fixture->input;
    struct slimta_slice line;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = strlen(cases[i].text);

        for (size_t cut = 0; cut < size; cut++) {
            enum sli_smtp_input_result result;

            assert_int_equal(
                sli_input_feed(&input->octets, sli_slice(cases[i].text, cut)),
                0);
            result = sli_smtp_input_line(input, &both, &line);
            assert_int_equal(sli_input_park(&input->octets), 0);
            feed(fixture, cases[i].text + cut);
            if (result == SLI_SMTP_INPUT_MORE) {
                result = sli_smtp_input_line(input, &both, &line);
            }
            assert_int_equal(result, cases[i].wanted);
            if (result == SLI_SMTP_INPUT_LINE) {
                assert_int_equal(line.size, size);
                sli_smtp_input_wipe(input, line.size);
            }
            assert_int_equal(
                sli_smtp_input_line(input, &both, &line), SLI_SMTP_INPUT_MORE);
            assert_int_equal(sli_smtp_input_discard(input), 0);
        }
    }
}

static void wipes_what_it_has_kept(void **state)
{
    struct fixture *fixture = *state;
    struct sli_smtp_input *input = &fixture->input;
    const char *data;

    feed(fixture, "secret\r\nmore");
    assert_int_equal(sli_input_park(&input->octets), 0);
    data = sli_input_front(&input->octets).data;
    sli_smtp_input_wipe(input, 8);
    assert_memory_equal(data, "\0\0\0\0\0\0\0\0more", 12);
    feed(fixture, "12345");
    assert_int_equal(sli_smtp_input_discard(input), 9);
    assert_int_equal(sli_input_front(&input->octets).size, 0);
    assert_int_equal(atomic_load(&fixture->alloc.live), 0);
}

static void says_when_there_is_no_memory(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, "abc");
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_input_park(&fixture->input.octets), SLIMTA_ENOMEM);
    assert_int_equal(sli_input_park(&fixture->input.octets), 0);
    feed(fixture, "\r\n");
    expect_line(&fixture->input, "abc\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            lends_whole_lines_without_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_only_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            ends_lines_at_crlf_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            takes_lines_up_to_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            says_too_long_once_and_keeps_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            takes_lines_with_a_word_up_to_theirs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            wipes_what_it_has_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            says_when_there_is_no_memory, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("smtp/input", tests, NULL, NULL);
}
