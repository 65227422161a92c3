/** What a queue tells its host of the next hops: events. */
#ifndef QUEUE_TELL_H
#define QUEUE_TELL_H

#include <stdint.h>

#include <slimta/address.h>
#include <slimta/events.h>

struct sli_queue_hop;
struct slimta_envelope;

/** Who is told. */
struct sli_queue_tell {
    slimta_event_fn event; /**< NULL: nobody */
    void *user;
    const char *hostname; /**< the queue's ehlo_name, or "" */
};

/** A hop could not be had, `reason` in words; `address` is the one that was
 * tried, if any. */
void sli_queue_tell_hop_failed(const struct sli_queue_tell *tell,
    const struct sli_queue_hop *hop, const struct slimta_address *address,
    const char *reason);

/** The message was sent to its end, and no reply came: it may have been taken.
 * The client hears 451. */
void sli_queue_tell_unknown_commit(const struct sli_queue_tell *tell,
    const struct slimta_envelope *envelope, const struct sli_queue_hop *hop,
    const char *reason);

#endif
