/** Feeds slimta_event_format: fields of any octets must come out as one line
 * that nobody can forge, and as JSON that holds what went in. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <slimta/events.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "json.h"

enum { FIELDS_MAX = 8 };

static const char *const names[FIELDS_MAX] = {
    "a", "b", "c", "d", "e", "f", "g", "h"};

/* NUL parts the fields; the first octet of each says what it is. */
static size_t cut_fields(
    struct slimta_slice rest, struct slimta_event_field fields[FIELDS_MAX])
{
    size_t count = 0;

    while (rest.size > 0 && count < FIELDS_MAX) {
        const char *end = memchr(rest.data, '\0', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        struct slimta_event_field *field = &fields[count];

        *field = (struct slimta_event_field){.name = names[count]};
        if (size > 0) {
            field->type =
                (enum slimta_field_type)((unsigned char)rest.data[0] % 3);
            field->text = sli_slice(rest.data + 1, size - 1);
            field->number = (int64_t)size * (rest.data[0] - 64);
        }
        rest = sli_slice_skip(rest, end == NULL ? size : size + 1);
        count++;
    }
    return count;
}

static char *format(const struct slimta_event *event,
    enum slimta_log_format how, size_t *length)
{
    char *out;

    *length = slimta_event_format(event, how, NULL, 0);
    out = malloc(*length + 1);
    demand(out != NULL);
    demand(slimta_event_format(event, how, out, *length + 1) == *length);
    demand(strlen(out) == *length);
    demand(sli_ascii_all(sli_slice(out, *length), SLI_ASCII_PRINT));
    return out;
}

/* Cut in half it is the beginning of the whole. */
static void check_cut(const struct slimta_event *event,
    enum slimta_log_format how, const char *whole, size_t length)
{
    size_t size = length / 2 + 1;
    char *out = malloc(size);

    demand(out != NULL);
    demand(slimta_event_format(event, how, out, size) == length);
    demand(memcmp(out, whole, size - 1) == 0 && out[size - 1] == '\0');
    free(out);
}

/* The length of one value of the text: plain, or in quotes. */
static size_t value_length(const char *at)
{
    size_t i = 1;

    if (at[0] != '"') {
        return strcspn(at, " =\"\\");
    }
    while (at[i] != '"') {
        demand(at[i] != '\0');
        i += at[i] == '\\' ? 2 : 1;
    }
    return i + 1;
}

static void check_text(const struct slimta_event *event)
{
    size_t length;
    char *out = format(event, SLIMTA_LOG_TEXT, &length);
    const char *at = out + strlen("ehlo session=7");

    for (size_t i = 0; i < event->field_count; i++) {
        demand(
            at[0] == ' ' && at[1] == event->fields[i].name[0] && at[2] == '=');
        at += 3;
        demand(value_length(at) > 0);
        at += value_length(at);
    }
    demand(at == out + length);
    check_cut(event, SLIMTA_LOG_TEXT, out, length);
    free(out);
}

static void check_json_field(
    struct json *json, const struct slimta_event_field *field, char *value)
{
    size_t size = json_string(json, value);

    demand(size == 1 && value[0] == field->name[0]);
    json_need(json, ':');
    if (field->type != SLIMTA_FIELD_TEXT) {
        json_word(json);
        return;
    }
    size = json_string(json, value);
    demand(json->at != NULL);
    demand(sli_ascii_is_utf8(sli_slice(value, size)));
    if (sli_ascii_is_utf8(field->text)) {
        demand(sli_slice_is(sli_slice(value, size), field->text));
    }
}

static void check_json(const struct slimta_event *event)
{
    static const char head[] =
        "{\"event\":\"ehlo\",\"timestamp_ms\":5,\"hostname\":\"mx\","
        "\"session\":7";
    size_t length;
    char *out = format(event, SLIMTA_LOG_JSON, &length);
    char *value = malloc(length);
    struct json json = json_of(sli_slice(out, length));

    demand(value != NULL);
    demand(memcmp(out, head, sizeof head - 1) == 0);
    json.at += sizeof head - 1;
    for (size_t i = 0; i < event->field_count; i++) {
        json_need(&json, ',');
        check_json_field(&json, &event->fields[i], value);
    }
    json_need(&json, '}');
    demand(json.at == json.end);
    check_cut(event, SLIMTA_LOG_JSON, out, length);
    free(value);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_event_field fields[FIELDS_MAX];
    struct slimta_event event = {.size = sizeof event,
        .type = SLIMTA_EVENT_EHLO,
        .name = "ehlo",
        .hostname = "mx",
        .session_id = 7,
        .timestamp_ms = 5,
        .fields = fields};

    event.field_count = cut_fields(sli_slice(data, size), fields);
    check_text(&event);
    check_json(&event);
    return 0;
}
