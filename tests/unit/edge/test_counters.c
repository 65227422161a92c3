/** Tests of counters: counting, summing, and Prometheus' text. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "edge/counters.h"

#include "base/slice.h"

static void counts_and_sums(void **state)
{
    static struct sli_edge_counters one, other;
    struct slimta_counters sum = {.size = sizeof sum};

    (void)state;
    sli_edge_count(&one, SLI_EDGE_COUNT_BYTES_IN, 5);
    sli_edge_count(&one, SLI_EDGE_COUNT_BYTES_IN, 6);
    sli_edge_count(&other, SLI_EDGE_COUNT_BYTES_IN, 100);
    sli_edge_count(&other, SLI_EDGE_COUNT_OPS_OPEN, 3);
    sli_edge_uncount(&other, SLI_EDGE_COUNT_OPS_OPEN, 1);
    sli_edge_count(&other, SLI_EDGE_COUNT_MEMORY_FAILURES, UINT64_C(1) << 60);
    sli_edge_counters_add(&sum, &one);
    sli_edge_counters_add(&sum, &other);
    assert_int_equal(sum.bytes_in, 111);
    assert_int_equal(sum.ops_open, 2);
    assert_true(sum.memory_failures == UINT64_C(1) << 60);
    assert_int_equal(sum.connections_open, 0);
    assert_int_equal(sum.size, sizeof sum);
}

static void each_has_a_member_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SLI_EDGE_COUNTS; i++) {
        struct sli_edge_counters counters = {{0}};
        struct slimta_counters sum = {.size = sizeof sum};
        uint64_t values[SLI_EDGE_COUNTS];

        sli_edge_count(&counters, (enum sli_edge_count)i, 9);
        sli_edge_counters_add(&sum, &counters);
        memcpy(values, &sum.connections_open, sizeof values);
        for (unsigned k = 0; k < SLI_EDGE_COUNTS; k++) {
            assert_int_equal(values[k], k == i ? 9 : 0);
        }
    }
}

/* A caller of an older or a newer version: `size` octets are its own. */
static void give_to(size_t size)
{
    union {
        struct slimta_counters counters;
        unsigned char octets[sizeof(struct slimta_counters) + 16];
    } to;
    struct slimta_counters from = {.size = sizeof from};
    size_t begin = offsetof(struct slimta_counters, connections_open);
    size_t end = size < sizeof from ? size : sizeof from;

    memset((char *)&from + begin, 0x11, sizeof from - begin);
    memset(&to, 0xEE, sizeof to);
    to.counters.size = size;
    sli_edge_counters_give(&to.counters, &from);
    assert_int_equal(to.counters.size, size);
    for (size_t i = begin; i < sizeof to; i++) {
        size_t whole = begin + (i - begin) / 8 * 8 + 8;

        assert_int_equal(to.octets[i], whole <= end ? 0x11 : 0xEE);
    }
}

static void gives_what_both_know(void **state)
{
    (void)state;
    for (size_t size = 0; size <= sizeof(struct slimta_counters) + 16; size++) {
        give_to(size);
    }
}

static int is_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!((text[i] >= 'a' && text[i] <= 'z') || text[i] == '_')) {
            return 0;
        }
    }
    return size > 0;
}

static const char *past(const char *at, const char *text)
{
    assert_int_equal(strncmp(at, text, strlen(text)), 0);
    return at + strlen(text);
}

/* Reads the three lines of one metric, strictly, and returns what follows. */
static const char *read_metric(
    const char *at, const char *labels, char name[64], uint64_t *value)
{
    size_t size;
    const char *end;
    int is_counter;

    at = past(at, "# HELP ");
    size = strcspn(at, " ");
    assert_true(size < 64 && is_name(at, size));
    memcpy(name, at, size);
    name[size] = '\0';
    end = strchr(at, '\n');
    assert_non_null(end);
    assert_true(end - at > (long)size + 1);
    assert_null(memchr(at, '\\', (size_t)(end - at)));
    at = past(past(past(end + 1, "# TYPE "), name), " ");
    is_counter = at[0] == 'c';
    at = past(at, is_counter ? "counter\n" : "gauge\n");
    assert_int_equal(
        is_counter, strcmp(name + size - strlen("_total"), "_total") == 0);
    at = past(past(past(at, name), labels), " ");
    *value = 0;
    assert_in_range(*at, '0', '9');
    while (*at >= '0' && *at <= '9') {
        *value = *value * 10 + (uint64_t)(*at++ - '0');
    }
    return past(at, "\n");
}

static struct slimta_counters sample(void)
{
    struct slimta_counters counters = {.size = sizeof counters};
    uint64_t values[SLI_EDGE_COUNTS];

    for (unsigned i = 0; i < SLI_EDGE_COUNTS; i++) {
        values[i] = 1000 + i;
    }
    values[SLI_EDGE_COUNTS - 1] = UINT64_MAX;
    memcpy(&counters.connections_open, values, sizeof values);
    return counters;
}

static void read_all(const char *labels, const char *shown)
{
    struct slimta_counters counters = sample();
    char names[SLI_EDGE_COUNTS][64];
    char out[8192];
    const char *at = out;
    size_t length;
    uint64_t value;

    length = slimta_counters_format(&counters, labels, out, sizeof out);
    assert_int_equal(length, strlen(out));
    for (unsigned i = 0; i < SLI_EDGE_COUNTS; i++) {
        at = read_metric(at, shown, names[i], &value);
        assert_true(value ==
            (i == SLI_EDGE_COUNTS - 1 ? UINT64_MAX : (uint64_t)1000 + i));
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(names[k], names[i]);
        }
    }
    assert_string_equal(at, "");
    assert_string_equal(names[0], "slimta_connections_open");
    assert_string_equal(names[3], "slimta_connections_total");
}

static void is_what_prometheus_reads(void **state)
{
    (void)state;
    read_all(NULL, "");
    read_all("", "");
    read_all("edge=\"mx\"", "{edge=\"mx\"}");
}

static void is_cut_and_terminated(void **state)
{
    struct slimta_counters counters = sample();
    char whole[8192];
    char out[8192];
    size_t length = slimta_counters_format(&counters, NULL, whole, 8192);

    (void)state;
    for (size_t size = 0; size <= length + 2; size++) {
        size_t kept = size <= length ? size - 1 : length;

        memset(out, '#', sizeof out);
        assert_int_equal(
            slimta_counters_format(&counters, NULL, out, size), length);
        if (size > 0) {
            assert_memory_equal(out, whole, kept);
            assert_int_equal(out[kept], '\0');
        }
        assert_int_equal(out[size], '#');
    }
}

static void prints_what_the_struct_has(void **state)
{
    struct slimta_counters counters = sample();
    char out[8192];
    char name[64];
    uint64_t value;

    (void)state;
    counters.size = offsetof(struct slimta_counters, ops_open);
    (void)slimta_counters_format(&counters, NULL, out, sizeof out);
    assert_string_equal(read_metric(out, "", name, &value), "");
    counters.size = 0;
    assert_int_equal(slimta_counters_format(&counters, NULL, out, 10), 0);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_sums),
        cmocka_unit_test(each_has_a_member_of_its_own),
        cmocka_unit_test(gives_what_both_know),
        cmocka_unit_test(is_what_prometheus_reads),
        cmocka_unit_test(is_cut_and_terminated),
        cmocka_unit_test(prints_what_the_struct_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
