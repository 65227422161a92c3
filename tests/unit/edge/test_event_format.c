/** Tests of events as lines of text and of JSON. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <slimta/events.h>

#include "base/slice.h"
#include "guard.h"
#include "json.h"

static const struct slimta_event_field fields[] = {
    {.name = "client",
        .type = SLIMTA_FIELD_TEXT,
        .text = {"192.0.2.1:4711", 14}},
    {.name = "reason", .type = SLIMTA_FIELD_TEXT, .text = {"a \"b\"\n\xFF", 7}},
    {.name = "took_ms", .type = SLIMTA_FIELD_NUMBER, .number = -5},
    {.name = "is_late", .type = SLIMTA_FIELD_FLAG, .number = 1},
    {.name = "empty", .type = SLIMTA_FIELD_TEXT},
};

static const struct slimta_event sample = {
    .size = sizeof sample,
    .type = SLIMTA_EVENT_CLOSED,
    .name = "closed",
    .hostname = "mx.example.net",
    .session_id = 7,
    .timestamp_ms = INT64_C(1700000000123),
    .field_count = 5,
    .fields = fields,
};

static const char sample_text[] =
    "closed session=7 client=192.0.2.1:4711 reason=\"a \\\"b\\\"\\n\\xff\" "
    "took_ms=-5 is_late=1 empty=\"\"";

static const char sample_json[] =
    "{\"event\":\"closed\",\"timestamp_ms\":1700000000123,"
    "\"hostname\":\"mx.example.net\",\"session\":7,"
    "\"client\":\"192.0.2.1:4711\",\"reason\":\"a \\\"b\\\"\\n\\\\xff\","
    "\"took_ms\":-5,\"is_late\":true,\"empty\":\"\"}";

static void text_is(void **state)
{
    char out[512];

    (void)state;
    assert_int_equal(
        slimta_event_format(&sample, SLIMTA_LOG_TEXT, out, sizeof out),
        sizeof sample_text - 1);
    assert_string_equal(out, sample_text);
}

static void json_is(void **state)
{
    char out[512];

    (void)state;
    assert_int_equal(
        slimta_event_format(&sample, SLIMTA_LOG_JSON, out, sizeof out),
        sizeof sample_json - 1);
    assert_string_equal(out, sample_json);
}

static void cut_everywhere(enum slimta_log_format format, const char *whole)
{
    size_t length = strlen(whole);

    for (size_t size = 0; size <= length + 2; size++) {
        char out[512];
        size_t kept = size <= length ? size - 1 : length;

        memset(out, '#', sizeof out);
        assert_int_equal(
            slimta_event_format(&sample, format, out, size), length);
        if (size > 0) {
            assert_memory_equal(out, whole, kept);
            assert_int_equal(out[kept], '\0');
        }
        assert_int_equal(out[size], '#');
    }
}

static void is_cut_and_terminated(void **state)
{
    (void)state;
    cut_everywhere(SLIMTA_LOG_TEXT, sample_text);
    cut_everywhere(SLIMTA_LOG_JSON, sample_json);
    assert_int_equal(slimta_event_format(&sample, SLIMTA_LOG_TEXT, NULL, 0),
        sizeof sample_text - 1);
}

/* An event whose one field holds `octets`, formatted; they end before a page
 * that nobody may read. */
static size_t format_octets(struct slimta_slice octets,
    enum slimta_log_format format, char *out, size_t size)
{
    struct guard guard;
    struct slimta_slice text = guard_copy(&guard, octets);
    const struct slimta_event_field field = {
        .name = "ehlo_as", .type = SLIMTA_FIELD_TEXT, .text = text};
    const struct slimta_event event = {.size = sizeof event,
        .type = SLIMTA_EVENT_EHLO,
        .name = "ehlo",
        .hostname = "mx",
        .field_count = 1,
        .fields = &field};
    size_t length = slimta_event_format(&event, format, out, size);

    guard_free(&guard);
    assert_true(length < size);
    assert_int_equal(strlen(out), length);
    return length;
}

/* The value of the field that format_octets has written as JSON. */
static size_t read_octets(const char *json_text, char *out)
{
    static const char before[] =
        "{\"event\":\"ehlo\",\"timestamp_ms\":0,\"hostname\":\"mx\","
        "\"ehlo_as\":";
    struct json json;
    size_t size;

    assert_memory_equal(json_text, before, sizeof before - 1);
    json = json_of(sli_slice_text(json_text + sizeof before - 1));
    size = json_string(&json, out);
    json_need(&json, '}');
    assert_ptr_equal(json.at, json.end);
    return size;
}

static void every_octet_is_safe_as_text(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        char in[3] = {'a', (char)octet, 'b'};
        char out[128];
        size_t length =
            format_octets(sli_slice(in, 3), SLIMTA_LOG_TEXT, out, sizeof out);

        for (size_t i = 0; i < length; i++) {
            assert_in_range(out[i], ' ', '~');
        }
        if (octet == ' ' || octet == '=') {
            assert_int_equal(out[13], '"');
            assert_int_equal(length, 18);
        } else if (octet > ' ' && octet <= '~' && octet != '"' &&
            octet != '\\') {
            assert_int_equal(length, 16);
            assert_int_equal(out[14], octet);
        } else {
            assert_int_equal(out[13], '"');
            assert_int_equal(out[15], '\\');
        }
    }
}

static void every_octet_is_valid_json(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        char in[3] = {'a', (char)octet, 'b'};
        char wanted[8] = {'a', (char)octet, 'b'};
        char out[256];
        char value[256];
        size_t size;

        (void)format_octets(sli_slice(in, 3), SLIMTA_LOG_JSON, out, sizeof out);
        size = read_octets(out, value);
        if (octet > 127) {
            (void)snprintf(wanted, sizeof wanted, "a\\x%02xb", octet);
            assert_int_equal(size, 6);
        } else {
            assert_int_equal(size, 3);
        }
        assert_memory_equal(value, wanted, size);
    }
}

static void utf8_comes_back_from_json(void **state)
{
    static const char *const texts[] = {"", "\xC3\xBC@\xE2\x82\xAC",
        "\xF0\x9F\x93\xA7", "\xF4\x8F\xBF\xBF", "\xE2\x80\xA8 \xC2\x85",
        "\xEF\xBF\xBF", "\x7F\x01\t\r\n\"\\/"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct slimta_slice text = sli_slice_text(texts[i]);
        char out[256];
        char value[256];

        (void)format_octets(text, SLIMTA_LOG_JSON, out, sizeof out);
        assert_int_equal(read_octets(out, value), text.size);
        assert_memory_equal(value, texts[i], text.size);
    }
}

static void broken_utf8_is_shown_octet_by_octet(void **state)
{
    static const char *const pairs[][2] = {
        {"\xC3", "\\xc3"},
        {"\xE2\x82", "\\xe2\\x82"},
        {"\xE2\x82"
         "a",
            "\\xe2\\x82a"},
        {"\xED\xA0\x80", "\\xed\\xa0\\x80"},
        {"\xC0\x80", "\\xc0\\x80"},
        {"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xFF\xC3\xBC", "\\xff\xC3\xBC"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char out[256];
        char value[256];
        size_t size;

        (void)format_octets(
            sli_slice_text(pairs[i][0]), SLIMTA_LOG_JSON, out, sizeof out);
        size = read_octets(out, value);
        value[size] = '\0';
        assert_string_equal(value, pairs[i][1]);
    }
}

static void a_client_cannot_forge_a_line(void **state)
{
    static const char hostile[] =
        "x\" session=1 code=250\r\nclosed session=9 reason=\"quit";
    char out[256];

    (void)state;
    (void)format_octets(
        sli_slice_text(hostile), SLIMTA_LOG_TEXT, out, sizeof out);
    assert_string_equal(out,
        "ehlo ehlo_as=\"x\\\" session=1 code=250\\r\\nclosed session=9 "
        "reason=\\\"quit\"");
}

static void numbers_are_whole(void **state)
{
    const struct slimta_event_field extremes[] = {
        {.name = "a", .type = SLIMTA_FIELD_NUMBER, .number = INT64_MIN},
        {.name = "b", .type = SLIMTA_FIELD_NUMBER, .number = INT64_MAX},
        {.name = "c", .type = SLIMTA_FIELD_FLAG},
    };
    const struct slimta_event event = {.size = sizeof event,
        .name = "limit",
        .hostname = "mx",
        .session_id = UINT64_MAX,
        .timestamp_ms = INT64_MIN,
        .field_count = 3,
        .fields = extremes};
    char out[256];

    (void)state;
    (void)slimta_event_format(&event, SLIMTA_LOG_TEXT, out, sizeof out);
    assert_string_equal(out,
        "limit session=18446744073709551615 a=-9223372036854775808 "
        "b=9223372036854775807 c=0");
    (void)slimta_event_format(&event, SLIMTA_LOG_JSON, out, sizeof out);
    assert_string_equal(out,
        "{\"event\":\"limit\",\"timestamp_ms\":-9223372036854775808,"
        "\"hostname\":\"mx\",\"session\":18446744073709551615,"
        "\"a\":-9223372036854775808,\"b\":9223372036854775807,"
        "\"c\":false}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is),
        cmocka_unit_test(json_is),
        cmocka_unit_test(is_cut_and_terminated),
        cmocka_unit_test(every_octet_is_safe_as_text),
        cmocka_unit_test(every_octet_is_valid_json),
        cmocka_unit_test(utf8_comes_back_from_json),
        cmocka_unit_test(broken_utf8_is_shown_octet_by_octet),
        cmocka_unit_test(a_client_cannot_forge_a_line),
        cmocka_unit_test(numbers_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
