/** What a queue tells its host of the next hops: events. */
#include "queue/tell.h"

#include <slimta/envelope.h>

#include "base/slice.h"
#include "io/clock.h"
#include "queue/hop.h"

enum { FIELDS_MAX = 3 };

static struct slimta_event_field text_field(
    const char *name, struct slimta_slice text)
{
    return (struct slimta_event_field){
        .name = name, .type = SLIMTA_FIELD_TEXT, .text = text};
}

static void tell_event(const struct sli_queue_tell *tell,
    enum slimta_event_type type, const char *name, uint64_t session_id,
    const struct slimta_event_field fields[FIELDS_MAX])
{
    const struct slimta_event event = {
        .size = sizeof event,
        .type = type,
        .name = name,
        .hostname = tell->hostname,
        .session_id = session_id,
        .timestamp_ms = sli_io_clock_now_ms(),
        .field_count = FIELDS_MAX,
        .fields = fields,
    };

    tell->event(&event, tell->user);
}

void sli_queue_tell_hop_failed(const struct sli_queue_tell *tell,
    const struct sli_queue_hop *hop, const struct slimta_address *address,
    const char *reason)
{
    char room[SLIMTA_ADDRESS_TEXT_MAX] = "";

    if (tell->event == NULL) {
        return;
    }
    if (address->family != SLIMTA_FAMILY_NONE) {
        (void)slimta_address_format(address, room, sizeof room);
    }
    tell_event(tell, SLIMTA_EVENT_HOP_FAILED, "hop_failed", 0,
        (const struct slimta_event_field[FIELDS_MAX]){
            text_field("next_hop", sli_slice_text(hop->text)),
            text_field("address", sli_slice_text(room)),
            text_field("reason", sli_slice_text(reason))});
}

void sli_queue_tell_unknown_commit(const struct sli_queue_tell *tell,
    const struct slimta_envelope *envelope, const struct sli_queue_hop *hop,
    const char *reason)
{
    if (tell->event == NULL) {
        return;
    }
    tell_event(tell, SLIMTA_EVENT_UNKNOWN_COMMIT, "unknown_commit",
        slimta_envelope_client(envelope)->session_id,
        (const struct slimta_event_field[FIELDS_MAX]){
            text_field(
                "sender", sli_slice_text(slimta_envelope_sender(envelope))),
            text_field("next_hop", sli_slice_text(hop->text)),
            text_field("reason", sli_slice_text(reason))});
}
