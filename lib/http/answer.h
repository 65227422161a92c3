/** Builds what a request is answered with, for any server to send. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdint.h>

#include <slimta/reply.h>
#include <slimta/slice.h>

#include "base/ascii.h"
#include "http/fields.h"
#include "http/refusals.h"
#include "http/replies.h"
#include "http/response.h"
#include "http/rules.h"
#include "mail/date.h"

/** Fields of an answer, those that its owner adds included. */
enum { SLI_HTTP_ANSWER_FIELDS = 8 };

/** A response with what it is made of; it points into itself, so it is not to
 * be copied. What it was made from is borrowed as long as it. */
struct sli_http_answer {
    struct sli_http_response response;
    struct sli_http_field fields[SLI_HTTP_ANSWER_FIELDS];
    char date[SLI_MAIL_DATE_MAX];
    char length[SLI_ASCII_NUMBER_MAX];
    char smtp_reply[SLI_HTTP_REPLIES_VALUE_MAX];
};

/** Date (RFC 9110 section 6.6.1) and Content-Length with the body, and what a
 * status must have: WWW-Authenticate with 401, Allow with 405 and 204,
 * Retry-After with 503. */
void sli_http_answer_init(struct sli_http_answer *answer,
    const struct sli_http_rules *rules, int64_t timestamp_ms, int status,
    struct slimta_slice body);

/** What the library refuses by itself, with its X-Smtp-Reply. */
void sli_http_answer_refuse(struct sli_http_answer *answer,
    const struct sli_http_rules *rules, int64_t timestamp_ms,
    enum sli_http_refusal refusal);

/** What a validator or the queue has said, with its X-Smtp-Reply; `command` as
 * in sli_http_replies_format. */
void sli_http_answer_reply(struct sli_http_answer *answer,
    const struct sli_http_rules *rules, int64_t timestamp_ms,
    const struct slimta_reply *reply, const char *command);

/** One more field, which has octets that a field may have. */
void sli_http_answer_add(struct sli_http_answer *answer,
    struct slimta_slice name, struct slimta_slice value);

#endif
