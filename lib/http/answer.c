/** Builds what a request is answered with, for any server to send. */
#include "http/answer.h"

#include <assert.h>
#include <string.h>

#include "base/slice.h"

void sli_http_answer_add(struct sli_http_answer *answer,
    struct slimta_slice name, struct slimta_slice value)
{
    struct sli_http_response *response = &answer->response;

    assert(response->field_count < SLI_HTTP_ANSWER_FIELDS);
    answer->fields[response->field_count++] =
        (struct sli_http_field){name, value};
}

/* RFC 9110 section 5.6.7: the zone's name is GMT. */
static void add_date(struct sli_http_answer *answer, int64_t timestamp_ms)
{
    size_t size =
        sli_mail_date_format(timestamp_ms, answer->date) - strlen("+0000");

    memcpy(answer->date + size, "GMT", 4);
    sli_http_answer_add(
        answer, SLI_LITERAL("Date"), sli_slice(answer->date, size + 3));
}

/* RFC 9110 section 8.6: none with 204. */
static void add_length(struct sli_http_answer *answer, struct slimta_slice body)
{
    if (answer->response.status != 204) {
        sli_http_answer_add(answer, SLI_LITERAL("Content-Length"),
            sli_slice(answer->length,
                sli_ascii_format_number(body.size, answer->length)));
    }
}

static void add_if_any(struct sli_http_answer *answer, struct slimta_slice name,
    struct slimta_slice value)
{
    if (value.size > 0) {
        sli_http_answer_add(answer, name, value);
    }
}

/* RFC 9110 sections 11.6.1, 10.2.1 and 10.2.3. */
static void add_for_status(
    struct sli_http_answer *answer, const struct sli_http_rules *rules)
{
    switch (answer->response.status) {
    case 401:
        for (size_t i = 0; i < 2; i++) {
            add_if_any(
                answer, SLI_LITERAL("WWW-Authenticate"), rules->challenges[i]);
        }
        break;
    case 204:
    case 405:
        sli_http_answer_add(answer, SLI_LITERAL("Allow"), rules->method);
        break;
    case 503:
        add_if_any(answer, SLI_LITERAL("Retry-After"), rules->retry_after);
        break;
    default:
        break;
    }
}

void sli_http_answer_init(struct sli_http_answer *answer,
    const struct sli_http_rules *rules, int64_t timestamp_ms, int status,
    struct slimta_slice body)
{
    answer->response = (struct sli_http_response){
        .status = status, .fields = answer->fields, .body = body};
    add_date(answer, timestamp_ms);
    add_length(answer, body);
    add_for_status(answer, rules);
}

void sli_http_answer_refuse(struct sli_http_answer *answer,
    const struct sli_http_rules *rules, int64_t timestamp_ms,
    enum sli_http_refusal refusal)
{
    const struct sli_http_refusal_reply *reply = sli_http_refusals_get(refusal);

    sli_http_answer_init(
        answer, rules, timestamp_ms, reply->status, sli_slice("", 0));
    sli_http_answer_add(answer, SLI_LITERAL("X-Smtp-Reply"), reply->smtp_reply);
    /* RFC 9110 section 15.5.16. */
    if (refusal == SLI_HTTP_REFUSAL_BAD_ENCODING) {
        sli_http_answer_add(
            answer, SLI_LITERAL("Accept-Encoding"), SLI_LITERAL("identity"));
    }
}

void sli_http_answer_reply(struct sli_http_answer *answer,
    const struct sli_http_rules *rules, int64_t timestamp_ms,
    const struct slimta_reply *reply, const char *command)
{
    size_t size = sli_http_replies_format(reply, command, answer->smtp_reply);

    sli_http_answer_init(answer, rules, timestamp_ms,
        sli_http_replies_status(reply, rules->permanent), sli_slice("", 0));
    sli_http_answer_add(answer, SLI_LITERAL("X-Smtp-Reply"),
        sli_slice(answer->smtp_reply, size));
}
