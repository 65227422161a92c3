/** One event while it is put together: on the stack, and only when somebody
 * listens. */
#ifndef EDGE_EVENT_H
#define EDGE_EVENT_H

#include <slimta/events.h>

/** The most fields that one event has. */
#define SLI_EDGE_EVENT_FIELDS_MAX 8

/** Who is told the events of an edge. Constant once the edge runs. */
struct sli_edge_event_sink {
    slimta_event_fn tell; /* NULL: nobody */
    void *user;           /* borrowed until the edge has stopped */
    const char *hostname; /* borrowed from the edge */
};

struct sli_edge_event {
    const struct sli_edge_event_sink *sink;
    struct slimta_event event;
    struct slimta_event_field fields[SLI_EDGE_EVENT_FIELDS_MAX];
};

/** The part of begin that is not inline. */
void sli_edge_event_open(struct sli_edge_event *event,
    const struct sli_edge_event_sink *sink, enum slimta_event_type type,
    uint64_t session_id);

/** An event without fields, of now. 0 when nobody listens: then there is
 * nothing more to do. Borrows `sink` until send. */
static inline int sli_edge_event_begin(struct sli_edge_event *event,
    const struct sli_edge_event_sink *sink, enum slimta_event_type type,
    uint64_t session_id)
{
    if (sink->tell == NULL) {
        return 0;
    }
    sli_edge_event_open(event, sink, type, session_id);
    return 1;
}

/** One more field, at most SLI_EDGE_EVENT_FIELDS_MAX. `name` is static; `text`
 * is borrowed until send. */
void sli_edge_event_text(
    struct sli_edge_event *event, const char *name, struct slimta_slice text);

/** A number past INT64_MAX becomes that. */
void sli_edge_event_number(
    struct sli_edge_event *event, const char *name, uint64_t number);

void sli_edge_event_flag(
    struct sli_edge_event *event, const char *name, int is_true);

/** Tells it. */
void sli_edge_event_send(const struct sli_edge_event *event);

#endif
