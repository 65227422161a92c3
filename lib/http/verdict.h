/** What a response says of a message: X-Smtp-Reply, or the status. */
#ifndef HTTP_VERDICT_H
#define HTTP_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/reply.h>
#include <slimta/slice.h>

#include "http/fields.h"

/**
 * Makes `reply` say what the hop has said: a 2xx status is a success, whatever
 * else it says; otherwise X-Smtp-Reply decides if it has a 4xx or 5xx reply,
 * and without one the status: 4xx for good, but for those that ask to try
 * again, anything else for now. 421 is said as 451: it would end the session of
 * whoever hears it. Never fails; without memory the text is one of ours.
 */
void sli_http_verdict_read(struct slimta_reply *reply, int status,
    const struct sli_http_field *fields, size_t field_count);

/** The list of X-Smtp-Rcpt-Reply, "" when there is none. */
struct slimta_slice sli_http_verdict_recipients(
    const struct sli_http_field *fields, size_t field_count);

/** Cuts the next entry off such a list: the recipient `index`, 0 first, was
 * refused with `reply`. 0 when there is none, or none that is well formed. */
int sli_http_verdict_next(
    struct slimta_slice *list, uint64_t *index, struct slimta_reply *reply);

#endif
