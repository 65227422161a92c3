/** The counters' sum, and their text in the format of Prometheus. */
#include "edge/counters.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

enum kind { GAUGE, COUNTER };

struct counter {
    const char *name;
    const char *help;
    size_t offset; /* in struct slimta_counters */
    enum kind kind;
};

static const struct counter counters_known[SLI_EDGE_COUNTS] = {
#define COUNTER_ROW(name, member, kind, help) \
    [SLI_EDGE_COUNT_##name] = { \
        #member, help, offsetof(struct slimta_counters, member), kind},
    SLI_EDGE_COUNT_MAP(COUNTER_ROW)
#undef COUNTER_ROW
};

static_assert(sizeof(struct slimta_counters) ==
        offsetof(struct slimta_counters, connections_open) +
            SLI_EDGE_COUNTS * sizeof(uint64_t),
    "every member has a row");

static uint64_t value_of(
    const struct slimta_counters *counters, const struct counter *counter)
{
    uint64_t value;

    memcpy(&value, (const char *)counters + counter->offset, sizeof value);
    return value;
}

void sli_edge_counters_add(
    struct slimta_counters *sum, const struct sli_edge_counters *counters)
{
    for (size_t i = 0; i < SLI_EDGE_COUNTS; i++) {
        const struct counter *counter = &counters_known[i];
        uint64_t value = value_of(sum, counter) +
            atomic_load_explicit(&counters->values[i], memory_order_relaxed);

        memcpy((char *)sum + counter->offset, &value, sizeof value);
    }
}

void sli_edge_counters_give(
    struct slimta_counters *to, const struct slimta_counters *from)
{
    size_t begin = offsetof(struct slimta_counters, connections_open);
    size_t end = to->size < sizeof *from ? to->size : sizeof *from;

    if (end > begin) {
        end -= (end - begin) % sizeof(uint64_t); /* no half numbers */
        memcpy((char *)to + begin, (const char *)from + begin, end - begin);
    }
}

static void put_name(struct sli_text *text, const struct counter *counter)
{
    sli_text_put_string(text, "slimta_");
    sli_text_put_string(text, counter->name);
    if (counter->kind == COUNTER) {
        sli_text_put_string(text, "_total");
    }
}

static void put_counter(struct sli_text *text, const struct counter *counter,
    uint64_t value, const char *labels)
{
    sli_text_put_string(text, "# HELP ");
    put_name(text, counter);
    sli_text_put(text, ' ');
    sli_text_put_string(text, counter->help);
    sli_text_put_string(text, "\n# TYPE ");
    put_name(text, counter);
    sli_text_put_string(
        text, counter->kind == COUNTER ? " counter\n" : " gauge\n");
    put_name(text, counter);
    if (labels != NULL && labels[0] != '\0') {
        sli_text_put(text, '{');
        sli_text_put_string(text, labels);
        sli_text_put(text, '}');
    }
    sli_text_put(text, ' ');
    sli_text_put_number(text, value);
    sli_text_put(text, '\n');
}

size_t slimta_counters_format(const struct slimta_counters *counters,
    const char *labels, char *out, size_t size)
{
    struct sli_text text = sli_text_in(out, size);

    for (size_t i = 0; i < SLI_EDGE_COUNTS; i++) {
        const struct counter *counter = &counters_known[i];

        if (counter->offset + sizeof(uint64_t) <= counters->size) {
            put_counter(&text, counter, value_of(counters, counter), labels);
        }
    }
    return text.length;
}
