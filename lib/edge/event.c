/** One event while it is put together, and the finding of its fields. */
#include "edge/event.h"

#include <assert.h>
#include <string.h>

#include "io/clock.h"

static const char *const names[SLIMTA_EVENT_TYPES] = {
#define EVENT_NAME(name, text, fields) [SLIMTA_EVENT_##name] = text,
    SLIMTA_EVENT_MAP(EVENT_NAME)
#undef EVENT_NAME
};

void sli_edge_event_open(struct sli_edge_event *event,
    const struct sli_edge_event_sink *sink, enum slimta_event_type type,
    uint64_t session_id)
{
    event->sink = sink;
    event->event = (struct slimta_event){
        .size = sizeof event->event,
        .type = type,
        .name = names[type],
        .hostname = sink->hostname,
        .session_id = session_id,
        .timestamp_ms = sli_io_clock_now_ms(),
        .fields = event->fields,
    };
}

static void add(
    struct sli_edge_event *event, const struct slimta_event_field *field)
{
    assert(event->event.field_count < SLI_EDGE_EVENT_FIELDS_MAX);
    event->fields[event->event.field_count++] = *field;
}

void sli_edge_event_text(
    struct sli_edge_event *event, const char *name, struct slimta_slice text)
{
    add(event,
        &(struct slimta_event_field){
            .name = name, .type = SLIMTA_FIELD_TEXT, .text = text});
}

void sli_edge_event_number(
    struct sli_edge_event *event, const char *name, uint64_t number)
{
    add(event,
        &(struct slimta_event_field){.name = name,
            .type = SLIMTA_FIELD_NUMBER,
            .number = number > INT64_MAX ? INT64_MAX : (int64_t)number});
}

void sli_edge_event_flag(
    struct sli_edge_event *event, const char *name, int is_true)
{
    add(event,
        &(struct slimta_event_field){
            .name = name, .type = SLIMTA_FIELD_FLAG, .number = is_true != 0});
}

void sli_edge_event_send(const struct sli_edge_event *event)
{
    event->sink->tell(&event->event, event->sink->user);
}

const struct slimta_event_field *slimta_event_find(
    const struct slimta_event *event, const char *name)
{
    for (size_t i = 0; i < event->field_count; i++) {
        if (strcmp(event->fields[i].name, name) == 0) {
            return &event->fields[i];
        }
    }
    return NULL;
}
