/** Tests of lib/smtp/data_reader.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "naive_data.h"
#include "smtp/data_reader.h"

enum { ROOM = 4096 };

/* What the reader makes of an input. */
struct result {
    char content[ROOM];
    size_t size;
    size_t used;
    size_t runs;
    struct sli_smtp_data_reader reader;
};

static void collect(struct result *result, struct slimta_slice piece)
{
    struct guard guard;
    struct slimta_slice input = guard_copy(&guard, piece);
    struct slimta_slice content;

    while (result->reader.state != SLI_SMTP_DATA_DONE &&
        sli_smtp_data_reader_next(&result->reader, &input, &content)) {
        assert_true(content.size <= ROOM - result->size);
        memcpy(result->content + result->size, content.data, content.size);
        result->size += content.size;
        result->runs += content.size > 0;
    }
    assert_true(input.size == 0 || result->reader.state == SLI_SMTP_DATA_DONE);
    result->used += piece.size - input.size;
    guard_free(&guard);
}

static void read_cut(struct result *result, struct slimta_slice input,
    size_t piece, enum slimta_bare_newlines policy)
{
    memset(result, 0, sizeof *result);
    sli_smtp_data_reader_init(&result->reader, policy);
    while (input.size > 0 && result->reader.state != SLI_SMTP_DATA_DONE) {
        size_t size = piece < input.size ? piece : input.size;

        collect(result, sli_slice(input.data, size));
        input = sli_slice_skip(input, size);
    }
}

static void check(
    struct slimta_slice input, size_t piece, enum slimta_bare_newlines policy)
{
    static struct result result;
    char content[ROOM];
    struct naive_data wanted = {.content = content};

    naive_data_read(&wanted, input, policy);
    read_cut(&result, input, piece, policy);
    assert_int_equal(result.reader.state == SLI_SMTP_DATA_DONE, wanted.is_done);
    assert_int_equal(result.used, wanted.used);
    assert_int_equal(result.reader.has_bare, wanted.has_bare);
    assert_int_equal(result.size, wanted.size);
    assert_memory_equal(result.content, content, wanted.size);
}

static void check_all(struct slimta_slice input)
{
    static const enum slimta_bare_newlines policies[] = {
        SLIMTA_BARE_REFUSE, SLIMTA_BARE_NORMALISE, SLIMTA_BARE_PASS};

    for (size_t i = 0; i < 3; i++) {
        check(input, ROOM, policies[i]);
        check(input, 1, policies[i]);
        check(input, 1 + input.size / 3, policies[i]);
        check(input, 64, policies[i]);
    }
}

/* Every input of up to seven octets out of those that matter. */
static void agrees_on_every_short_input(void **state)
{
    static const char octets[] = {'\r', '\n', '.', 'x'};
    char input[7];

    (void)state;
    for (size_t size = 1; size <= sizeof input; size++) {
        for (size_t n = 0; n < (size_t)1 << (2 * size); n++) {
            for (size_t i = 0; i < size; i++) {
                input[i] = octets[n >> (2 * i) & 3];
            }
            check(sli_slice(input, size), ROOM, (int)(n % 3));
            check(sli_slice(input, size), 1, (int)(n % 3));
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return *seed >> 16;
}

static void agrees_on_many_messages(void **state)
{
    static const char *const parts[] = {"\r\n", "\r\n.", "\r\n..", "\r", "\n",
        ".", "\r\n.\r", "\r\n.\n", "some text that goes on for a while", "x",
        "a line\r\n", "another, longer line of text\r\n", "\r\n.\r\n"};
    uint32_t seed = 7;
    char input[ROOM / 2];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t count = 1 + next_random(&seed) % 40;
        int is_odd = round % 4 == 0;
        size_t size = 0;

        for (size_t i = 0; i < count; i++) {
            size_t pick =
                next_random(&seed) % (is_odd ? 12 : 4) + (is_odd ? 0 : 8);

            memcpy(input + size, parts[pick], strlen(parts[pick]));
            size += strlen(parts[pick]);
        }
        memcpy(input + size, "\r\n.\r\nQUIT\r\n", 11);
        check_all(sli_slice(input, size + 11));
    }
}

/* RFC 5321 section 4.5.2: many lines are one run; a dot that is taken away
 * parts two. */
static void lends_runs_as_long_as_can_be(void **state)
{
    static struct result result;

    (void)state;
    read_cut(&result, SLI_LITERAL("a\r\nb.\r\n\r\nc\r\n.\r\n"), ROOM,
        SLIMTA_BARE_REFUSE);
    assert_int_equal(result.runs, 1);
    read_cut(&result, SLI_LITERAL("a\r\n..b\r\nc\r\n.\r\n"), ROOM,
        SLIMTA_BARE_REFUSE);
    assert_int_equal(result.runs, 2);
}

/* RFC 5321 section 4.1.1.4: only CRLF.CRLF ends a message. */
static void ends_at_nothing_else(void **state)
{
    static const char *const inputs[] = {"\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n",
        "\r\n.\n", "\r\n.\r", "\r\n.\rx\r\n", "\r\n.x\r\n", "x.\r\n",
        "\r\n.\r\r\n", "\r\r.\r\n", "\n\r.\r\n"};
    static struct result result;

    (void)state;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        read_cut(&result, sli_slice_text(inputs[i]), ROOM, SLIMTA_BARE_PASS);
        assert_int_not_equal(result.reader.state, SLI_SMTP_DATA_DONE);
    }
    read_cut(&result, SLI_LITERAL("\r\r\n.\r\n"), 1, SLIMTA_BARE_PASS);
    assert_int_equal(result.reader.state, SLI_SMTP_DATA_DONE);
    read_cut(&result, SLI_LITERAL(".\r\n"), 1, SLIMTA_BARE_PASS);
    assert_int_equal(result.reader.state, SLI_SMTP_DATA_DONE);
}

static void says_nothing_more_when_done(void **state)
{
    struct sli_smtp_data_reader reader;
    struct slimta_slice input = SLI_LITERAL(".\r\nNOOP\r\n");
    struct slimta_slice content;

    (void)state;
    sli_smtp_data_reader_init(&reader, SLIMTA_BARE_REFUSE);
    assert_int_equal(sli_smtp_data_reader_next(&reader, &input, &content), 1);
    assert_int_equal(content.size, 0);
    assert_int_equal(reader.state, SLI_SMTP_DATA_DONE);
    assert_true(sli_slice_is(input, SLI_LITERAL("NOOP\r\n")));
    assert_int_equal(sli_smtp_data_reader_next(&reader, &input, &content), 0);
    assert_int_equal(input.size, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_every_short_input),
        cmocka_unit_test(agrees_on_many_messages),
        cmocka_unit_test(lends_runs_as_long_as_can_be),
        cmocka_unit_test(ends_at_nothing_else),
        cmocka_unit_test(says_nothing_more_when_done),
    };

    return cmocka_run_group_tests_name("smtp/data_reader", tests, NULL, NULL);
}
