/** What a request must be for its body to be a message. */
#ifndef HTTP_RULES_H
#define HTTP_RULES_H

#include <stdint.h>

#include <slimta/slice.h>

#include "http/head.h"
#include "http/refusals.h"

/** The words and limits of one edge; what an answer says is in it too. The
 * slices are borrowed. */
struct sli_http_rules {
    struct slimta_slice method;    /**< "POST" */
    struct slimta_slice sender;    /**< "X-Envelope-Sender" */
    struct slimta_slice recipient; /**< "X-Envelope-Recipient" */
    struct slimta_slice ehlo;      /**< "X-Ehlo" */
    uint64_t max_recipients;
    uint64_t max_message_bytes; /**< UINT64_MAX: none */
    int needs_sender;           /**< its absence is no null sender */
    int allows_empty;           /**< a message of no octets is taken */

    int permanent;                     /**< the status for a 5xx: 500 or 422 */
    struct slimta_slice challenges[2]; /**< in a 401; the second may be "" */
    struct slimta_slice retry_after;   /**< in a 503; may be "" */
};

/**
 * Checks method, type, encoding and length, in that order: 405, 415, 411, 400,
 * 413. The path comes before all of them and is the caller's matter, the
 * envelope behind (envelope.h). A chunked body's length is known at its end.
 */
enum sli_http_refusal sli_http_rules_check(
    const struct sli_http_rules *rules, const struct sli_http_request *request);

#endif
