/** Tests of lib/smtp/data_writer.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "smtp/data_reader.h"
#include "smtp/data_writer.h"

enum { ROOM = 8192, LONGEST = 7 };

struct result {
    char octets[ROOM];
    size_t size;
    size_t runs;
};

static void put(struct result *result, struct slimta_slice octets)
{
    assert_true(octets.size > 0 && octets.size <= ROOM - result->size);
    memcpy(result->octets + result->size, octets.data, octets.size);
    result->size += octets.size;
    result->runs++;
}

static void write_cut(
    struct result *result, struct slimta_slice input, size_t piece)
{
    struct sli_smtp_data_writer writer;
    struct slimta_slice run;

    *result = (struct result){.size = 0};
    sli_smtp_data_writer_init(&writer);
    while (input.size > 0) {
        size_t size = piece < input.size ? piece : input.size;
        struct guard guard;
        struct slimta_slice part =
            guard_copy(&guard, sli_slice(input.data, size));

        while (sli_smtp_data_writer_next(&writer, &part, &run)) {
            put(result, run);
        }
        assert_int_equal(part.size, 0);
        guard_free(&guard);
        input = sli_slice_skip(input, size);
    }
    put(result, sli_smtp_data_writer_end(&writer));
}

/* The same, one octet at a time and without cleverness. */
static size_t naive(struct slimta_slice input, char *out)
{
    size_t size = 0;
    int at_start = 1;

    for (size_t i = 0; i < input.size; i++) {
        char octet = input.data[i];

        if (octet == '\r' || octet == '\n') {
            i += octet == '\r' && i + 1 < input.size &&
                input.data[i + 1] == '\n';
            out[size++] = '\r';
            out[size++] = '\n';
            at_start = 1;
            continue;
        }
        if (octet == '.' && at_start) {
            out[size++] = '.';
        }
        out[size++] = octet;
        at_start = 0;
    }
    if (!at_start) {
        out[size++] = '\r';
        out[size++] = '\n';
    }
    memcpy(out + size, ".\r\n", 3);
    return size + 3;
}

/* What any reader, strict or lenient, takes for the end stands at the end. */
static void check_ends(const struct result *result)
{
    for (size_t i = 0; i < result->size; i++) {
        if (result->octets[i] == '\r') {
            assert_true(i + 1 < result->size && result->octets[i + 1] == '\n');
        }
        if (result->octets[i] == '\n') {
            assert_true(i > 0 && result->octets[i - 1] == '\r');
            assert_false(i + 3 < result->size &&
                memcmp(result->octets + i + 1, ".\r\n", 3) == 0 &&
                i + 4 < result->size);
        }
    }
}

/* Every text of these octets up to a length, cut everywhere. */
static void writes_every_short_text(void **state)
{
    static const char octets[] = {'\r', '\n', '.', 'a'};
    static struct result result;
    char wanted[ROOM];

    (void)state;
    for (size_t length = 0; length <= LONGEST; length++) {
        for (size_t number = 0; number < (size_t)1 << (2 * length); number++) {
            char text[LONGEST + 1];
            struct slimta_slice input = sli_slice(text, length);
            size_t size;

            for (size_t i = 0; i < length; i++) {
                text[i] = octets[number >> (2 * i) & 3];
            }
            size = naive(input, wanted);
            for (size_t piece = 1; piece <= (length > 0 ? length : 1);
                 piece += length > 5 ? 2 : 1) {
                write_cut(&result, input, piece);
                assert_int_equal(result.size, size);
                assert_memory_equal(result.octets, wanted, size);
            }
            check_ends(&result);
        }
    }
}

/* What needs nothing is lent as it stands, in one run. */
static void lends_what_is_plain(void **state)
{
    static struct result result;
    static char text[4000];

    (void)state;
    for (size_t i = 0; i < sizeof text; i += 80) {
        memset(text + i, 'x', 78);
        memcpy(text + i + 78, "\r\n", 2);
    }
    write_cut(&result, sli_slice(text, sizeof text), sizeof text);
    assert_int_equal(result.runs, 2);
    assert_int_equal(result.size, sizeof text + 3);
    text[80] = '.';
    write_cut(&result, sli_slice(text, sizeof text), sizeof text);
    assert_int_equal(result.runs, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_short_text),
        cmocka_unit_test(lends_what_is_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
