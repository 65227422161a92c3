/** Tests of the putting together of events. */
#include "test.h"

#include "edge/event.h"

#include "base/slice.h"

struct seen {
    unsigned count;
    struct slimta_event event;
    struct slimta_event_field fields[SLI_EDGE_EVENT_FIELDS_MAX];
};

static void look(const struct slimta_event *event, void *user)
{
    struct seen *seen = user;

    seen->count++;
    seen->event = *event;
    memcpy(seen->fields, event->fields,
        event->field_count * sizeof *event->fields);
}

static void nobody_listens(void **state)
{
    const struct sli_edge_event_sink sink = {.hostname = "mx"};
    struct sli_edge_event event;

    (void)state;
    assert_int_equal(
        sli_edge_event_begin(&event, &sink, SLIMTA_EVENT_STOPPED, 1), 0);
}

static void is_told_whole(void **state)
{
    struct seen seen = {0};
    const struct sli_edge_event_sink sink = {
        .tell = look, .user = &seen, .hostname = "mx"};
    struct sli_edge_event event;

    (void)state;
    assert_int_equal(
        sli_edge_event_begin(&event, &sink, SLIMTA_EVENT_RCPT, 7), 1);
    sli_edge_event_text(&event, "text", SLI_LITERAL("a\0b"));
    sli_edge_event_number(&event, "number", 42);
    sli_edge_event_flag(&event, "flag", 8);
    assert_int_equal(seen.count, 0);
    sli_edge_event_send(&event);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.event.size, sizeof seen.event);
    assert_int_equal(seen.event.type, SLIMTA_EVENT_RCPT);
    assert_string_equal(seen.event.name, "rcpt");
    assert_string_equal(seen.event.hostname, "mx");
    assert_int_equal(seen.event.session_id, 7);
    assert_true(seen.event.timestamp_ms > INT64_C(1600000000000));
    assert_int_equal(seen.event.field_count, 3);
    assert_int_equal(seen.fields[0].type, SLIMTA_FIELD_TEXT);
    assert_int_equal(seen.fields[0].text.size, 3);
    assert_int_equal(seen.fields[1].type, SLIMTA_FIELD_NUMBER);
    assert_int_equal(seen.fields[1].number, 42);
    assert_int_equal(seen.fields[2].type, SLIMTA_FIELD_FLAG);
    assert_int_equal(seen.fields[2].number, 1);
}

static void numbers_end_at_the_largest(void **state)
{
    const struct sli_edge_event_sink sink = {.tell = look};
    struct sli_edge_event event;

    (void)state;
    assert_int_equal(
        sli_edge_event_begin(&event, &sink, SLIMTA_EVENT_LIMIT, 0), 1);
    sli_edge_event_number(&event, "a", INT64_MAX);
    sli_edge_event_number(&event, "b", UINT64_MAX);
    assert_true(event.fields[0].number == INT64_MAX);
    assert_true(event.fields[1].number == INT64_MAX);
}

static void holds_the_most_fields(void **state)
{
    struct seen seen = {0};
    const struct sli_edge_event_sink sink = {.tell = look, .user = &seen};
    struct sli_edge_event event;

    (void)state;
    assert_int_equal(
        sli_edge_event_begin(&event, &sink, SLIMTA_EVENT_MESSAGE, 1), 1);
    for (unsigned i = 0; i < SLI_EDGE_EVENT_FIELDS_MAX; i++) {
        sli_edge_event_number(&event, "n", i);
    }
    sli_edge_event_send(&event);
    assert_int_equal(seen.event.field_count, SLI_EDGE_EVENT_FIELDS_MAX);
    assert_int_equal(seen.fields[SLI_EDGE_EVENT_FIELDS_MAX - 1].number,
        SLI_EDGE_EVENT_FIELDS_MAX - 1);
}

static void finds_fields(void **state)
{
    const struct slimta_event_field fields[] = {
        {.name = "a", .type = SLIMTA_FIELD_NUMBER, .number = 1},
        {.name = "ab", .type = SLIMTA_FIELD_NUMBER, .number = 2},
    };
    const struct slimta_event event = {
        .size = sizeof event, .field_count = 2, .fields = fields};
    const struct slimta_event none = {.size = sizeof none};

    (void)state;
    assert_ptr_equal(slimta_event_find(&event, "a"), &fields[0]);
    assert_ptr_equal(slimta_event_find(&event, "ab"), &fields[1]);
    assert_null(slimta_event_find(&event, "abc"));
    assert_null(slimta_event_find(&event, ""));
    assert_null(slimta_event_find(&none, "a"));
}

static void every_type_has_its_name(void **state)
{
    static const char *const names[] = {
#define NAME(name, text, fields) text,
        SLIMTA_EVENT_MAP(NAME)
#undef NAME
    };
    struct seen seen = {0};
    const struct sli_edge_event_sink sink = {.tell = look, .user = &seen};

    (void)state;
    for (unsigned type = 0; type < SLIMTA_EVENT_TYPES; type++) {
        struct sli_edge_event event;

        assert_int_equal(sli_edge_event_begin(
                             &event, &sink, (enum slimta_event_type)type, 0),
            1);
        sli_edge_event_send(&event);
        assert_string_equal(seen.event.name, names[type]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(is_told_whole),
        cmocka_unit_test(numbers_end_at_the_largest),
        cmocka_unit_test(holds_the_most_fields),
        cmocka_unit_test(finds_fields),
        cmocka_unit_test(every_type_has_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
