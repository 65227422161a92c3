/** One request to the mail application, whichever server has received it: a
 * session from its head to its answer. */
#include "edge/http/call.h"

#include "base/alloc.h"
#include "base/secret.h"
#include "base/slice.h"
#include "edge/ask.h"
#include "edge/events.h"
#include "edge/exchange.h"
#include "edge/http/head.h"
#include "edge/http/once.h"
#include "edge/http/pages.h"
#include "edge/http/steps.h"
#include "edge/message.h"
#include "io/clock.h"
#include "smtp/replies.h"

enum {
    MEMORY_BLOCK = 2048, /* for the words of most heads */
    REFUSED_MAX = 262144 /* octets of X-Smtp-Rcpt-Reply */
};

static struct sli_edge_shard *shard_of(const struct http_edge_call *call)
{
    return sli_edge_session_shard(&call->base);
}

static uint64_t now_of(const struct http_edge_call *call)
{
    return sli_io_loop_now(shard_of(call)->loop);
}

/* The end of a call */

static void drop_credentials(struct http_edge_call *call)
{
    if (call->credentials != NULL) {
        sli_secret_wipe(call->credentials, call->credentials_size);
        sli_free(&call->edge->edge.alloc, call->credentials);
        call->credentials = NULL;
    }
}

static void finish(struct http_edge_call *call)
{
    const struct slimta_alloc *alloc = &call->edge->edge.alloc;

    call->stage = SLI_EDGE_HTTP_ANSWERED;
    call->is_due = 0;
    sli_edge_handoff_abort(&call->base.handoff);
    sli_edge_ask_forget(&call->base);
    sli_edge_exchange_drop(&call->base);
    drop_credentials(call);
    sli_edge_http_once_settle(call, NULL);
    if (call->is_open) {
        call->is_open = 0;
        sli_edge_session_fini(&call->base);
    }
    sli_mail_reply_free(alloc, call->first_refusal);
    call->first_refusal = NULL;
    sli_buf_fini(&call->refused);
    sli_arena_fini(&call->memory);
}

static void tell_aborted(struct http_edge_call *call)
{
    if (call->has_message) {
        call->has_message = 0;
        sli_edge_events_aborted(shard_of(call), call->base.id,
            sli_slice_text(call->sender), call->bytes, call->base.reason);
    }
}

void sli_edge_http_call_abort(
    struct http_edge_call *call, enum slimta_closed reason)
{
    if (sli_edge_http_call_is_over(call)) {
        return;
    }
    call->base.reason = reason;
    tell_aborted(call);
    finish(call);
}

/* Answers */

static void tell_request(const struct http_edge_call *call, int status)
{
    const struct sli_edge_request_facts facts = {
        .connection = call->connection,
        .method = sli_slice_text(call->method),
        .target = sli_slice_text(call->target),
        .status = status,
    };

    sli_edge_events_request(shard_of(call), call->base.id, &facts);
}

void sli_edge_http_call_respond(struct http_edge_call *call,
    const struct sli_http_response *response, int closes)
{
    tell_aborted(call);
    tell_request(call, response->status);
    call->stage = SLI_EDGE_HTTP_ANSWERED;
    call->is_due = 0;
    call->owner->respond(call, response, closes);
    finish(call);
}

static void add_refused(
    const struct http_edge_call *call, struct sli_http_answer *answer)
{
    if (sli_buf_size(&call->refused) > 0) {
        sli_http_answer_add(answer, SLI_LITERAL("X-Smtp-Rcpt-Reply"),
            sli_buf_slice(&call->refused));
    }
}

void sli_edge_http_call_refuse(
    struct http_edge_call *call, enum sli_http_refusal refusal)
{
    const struct sli_http_rules *rules = &call->edge->rules;
    struct sli_http_answer answer;

    if (refusal == SLI_HTTP_REFUSAL_NO_MEMORY) {
        sli_edge_events_memory(shard_of(call), call->base.id, "request");
    }
    sli_http_answer_refuse(&answer, rules, sli_io_clock_now_ms(), refusal);
    if (refusal == SLI_HTTP_REFUSAL_KEY_IN_USE) {
        sli_http_answer_add(&answer, SLI_LITERAL("Retry-After"),
            rules->retry_after.size > 0 ? rules->retry_after
                                        : SLI_LITERAL("1"));
    }
    call->base.reason = SLIMTA_CLOSED_QUIT;
    sli_edge_http_call_respond(call, &answer.response, 0);
}

void sli_edge_http_call_reply(struct http_edge_call *call,
    const struct slimta_reply *reply, const char *command)
{
    int closes = slimta_reply_code(reply) == 421;
    struct sli_http_answer answer;

    sli_http_answer_reply(
        &answer, &call->edge->rules, sli_io_clock_now_ms(), reply, command);
    add_refused(call, &answer);
    call->base.reason = closes ? SLIMTA_CLOSED_REPLY : SLIMTA_CLOSED_QUIT;
    sli_edge_http_call_respond(call, &answer.response, closes);
}

static void tell_message(
    struct http_edge_call *call, const struct slimta_reply *reply)
{
    const struct sli_edge_message_facts facts = {
        .sender = sli_slice_text(call->sender),
        .recipients = call->taken,
        .bytes = call->bytes,
        .queue_id = call->base.results == NULL
            ? NULL
            : sli_edge_results_name(call->base.results),
        .took_ms = now_of(call) - call->message_ms,
    };

    call->has_message = 0;
    call->is_accepted = slimta_reply_code(reply) < 400;
    sli_edge_events_message(shard_of(call), call->base.id, &facts, reply);
}

static int say_queued(const struct slimta_session *base,
    struct slimta_reply *reply, const char *id)
{
    const struct http_edge_call *call = (const struct http_edge_call *)base;

    if ((call->edge->flags & SLIMTA_HTTP_NAMES_ID) != 0) {
        return sli_smtp_replies_set_queued(reply, id);
    }
    return sli_mail_reply_set(
        reply, 250, SLI_LITERAL("2.6.0 Message accepted for delivery"));
}

/* Lists the recipients whom the queue has refused of a message that others
 * have. NULL, or the refusal for which there was no room. */
static const struct slimta_reply *list_parts(
    struct http_edge_call *call, const struct slimta_reply *unnamed)
{
    const struct sli_edge_http_recipient *recipient = call->recipients;
    size_t accepted = 0;

    for (uint64_t i = 0; recipient != NULL; i++, recipient = recipient->next) {
        const struct slimta_reply *refusal = recipient->is_refused
            ? NULL
            : sli_edge_results_reply_of(call->base.results, accepted, unnamed);

        accepted += !recipient->is_refused;
        if (refusal != NULL &&
            sli_http_replies_list(&call->refused, i, refusal) != 0) {
            return refusal;
        }
    }
    return NULL;
}

static int has_parts(
    const struct http_edge_call *call, const struct slimta_reply *reply)
{
    return (call->edge->flags & SLIMTA_HTTP_PARTIAL) != 0 &&
        call->base.results != NULL && slimta_reply_code(reply) < 400;
}

static void finish_message(
    struct http_edge_call *call, const struct slimta_reply *reply)
{
    tell_message(call, reply);
    sli_edge_http_once_settle(call, reply);
    sli_edge_http_call_reply(call, reply, NULL);
}

/* The answer to the message. A success of any code is 200, and 250 there. */
static void answer(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);
    struct slimta_reply unnamed;
    const struct slimta_reply *refusal = NULL;

    if (reply == NULL || slimta_reply_code(reply) == 221) {
        reply = sli_edge_shard_reply(
            shard_of(call), 250, "2.6.0 Message accepted for delivery");
    }
    sli_mail_reply_init(&unnamed, &call->edge->edge.alloc);
    if (has_parts(call, reply)) {
        sli_mail_reply_set_fixed(&unnamed, 451, "4.3.0 Error queuing message");
        refusal = list_parts(call, &unnamed);
    }
    finish_message(call, refusal == NULL ? reply : refusal);
    sli_mail_reply_fini(&unnamed);
}

static void terminate(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    sli_edge_http_call_reply(sli_edge_http_call_of(base), reply, NULL);
}

static void out_of_memory(struct slimta_session *base)
{
    sli_edge_http_call_refuse(
        sli_edge_http_call_of(base), SLI_HTTP_REFUSAL_NO_MEMORY);
}

/* The body */

void sli_edge_http_call_proceed(struct http_edge_call *call)
{
    call->stage = SLI_EDGE_HTTP_BODY;
    call->message_ms = now_of(call);
    sli_edge_message_await(&call->base);
    call->owner->proceed(call);
}

static void begun(struct slimta_session *base, const struct slimta_reply *reply,
    int is_refused)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);

    if (is_refused) {
        sli_edge_http_call_reply(call, reply, "DATA");
        return;
    }
    sli_edge_ask_drop_kept(base);
    call->has_message = 1;
    sli_edge_http_call_proceed(call);
}

static int is_receiving(const struct slimta_session *base)
{
    return ((const struct http_edge_call *)base)->stage == SLI_EDGE_HTTP_BODY;
}

int sli_edge_http_call_is_busy(const struct http_edge_call *call)
{
    return sli_edge_exchange_is_busy(&call->base) ||
        sli_edge_message_is_busy(&call->base);
}

/* A message that is refused by the library itself after its beginning. */
static void refuse_message(
    struct http_edge_call *call, enum sli_http_refusal refusal)
{
    const struct sli_http_refusal_reply *fixed = sli_http_refusals_get(refusal);

    if (call->has_message) {
        tell_message(call,
            sli_edge_shard_reply(shard_of(call), fixed->code, fixed->text));
    }
    sli_edge_http_call_refuse(call, refusal);
}

void sli_edge_http_call_content(
    struct http_edge_call *call, struct slimta_slice octets)
{
    call->bytes += octets.size;
    if (call->bytes > call->edge->rules.max_message_bytes) {
        refuse_message(call, SLI_HTTP_REFUSAL_TOO_LARGE);
        return;
    }
    sli_edge_http_once_add(call, octets);
    if (!call->is_known) {
        sli_smtp_hops_read(&call->hops, octets);
        sli_edge_message_content(&call->base, octets);
    }
}

static void have_data_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    if (sli_edge_ask_is_yes(reply)) {
        sli_edge_message_finish(base);
    } else {
        answer(base,
            slimta_reply_code(reply) >= 400
                ? reply
                : sli_edge_shard_reply(sli_edge_session_shard(base), 421,
                      "4.3.2 Service not available"));
    }
}

/* RFC 5321 section 6.3. */
static int has_too_many_hops(const struct http_edge_call *call)
{
    return call->hops.count > call->edge->max_received;
}

static void end_known(struct http_edge_call *call)
{
    if (!sli_edge_http_once_is_same(call)) {
        sli_edge_http_call_refuse(call, SLI_HTTP_REFUSAL_OTHER_BODY);
        return;
    }
    if (call->known.listed != NULL) {
        /* Without memory it is left out. */
        (void)sli_buf_append_text(&call->refused, call->known.listed);
    }
    sli_edge_http_call_reply(call, call->known.reply, NULL);
}

static void end_message(struct http_edge_call *call)
{
    struct slimta_session *base = &call->base;

    if (sli_edge_handoff_has_failed(&base->handoff)) {
        have_data_done(base, NULL);
    } else if (has_too_many_hops(call)) {
        const struct sli_smtp_reply *fixed =
            sli_smtp_replies_get(SLI_SMTP_REPLY_TOO_MANY_HOPS);

        answer(base,
            sli_edge_shard_reply(shard_of(call), fixed->code, fixed->text));
    } else if (sli_edge_ask_has(base, SLI_EDGE_STEP_HAVE_DATA)) {
        sli_edge_ask(base, SLI_EDGE_STEP_HAVE_DATA,
            sli_edge_shard_reply(
                shard_of(call), 250, "2.6.0 Message accepted for delivery"),
            have_data_done);
    } else {
        have_data_done(base, NULL);
    }
}

void sli_edge_http_call_end(struct http_edge_call *call)
{
    call->stage = SLI_EDGE_HTTP_END;
    if (call->bytes == 0 && !call->edge->rules.allows_empty) {
        refuse_message(call, SLI_HTTP_REFUSAL_NO_MESSAGE);
    } else if (call->is_known) {
        end_known(call);
    } else {
        end_message(call);
    }
}

/* The session's kind */

static void fill_arguments(struct slimta_session *base, enum sli_edge_step step,
    struct sli_edge_arguments *arguments)
{
    arguments->octets = base->octets;
    arguments->results = base->results;
    sli_edge_http_steps_fill(base, step, arguments);
}

static void lent(struct slimta_session *base, struct slimta_results *results,
    struct slimta_extensions *extensions)
{
    (void)extensions;
    base->results = results;
}

static void go_on(struct slimta_session *base)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);

    sli_edge_message_time(base);
    sli_edge_http_steps_advance(call);
    call->owner->go_on(call);
}

static const char *protocol(const struct slimta_session *base)
{
    return ((const struct http_edge_call *)base)->is_tls ? "HTTPS" : "HTTP";
}

static int is_extended(const struct slimta_session *base)
{
    (void)base;
    return 1;
}

static void wait(struct slimta_session *base, uint64_t time_ms)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);

    call->owner->wait(call, time_ms);
}

/* No mechanism of HTTP asks for more. */
static void challenge(struct slimta_session *base, struct slimta_slice octets)
{
    (void)octets;
    out_of_memory(base);
}

static const struct sli_edge_session_kind kind = {
    .arguments = fill_arguments,
    .lent = lent,
    .go_on = go_on,
    .protocol = protocol,
    .is_extended = is_extended,
    .wait = wait,
    .answer = answer,
    .terminate = terminate,
    .out_of_memory = out_of_memory,
    .opened = sli_edge_http_steps_opened,
    .listed = sli_edge_http_steps_listed,
    .begun = begun,
    .is_receiving = is_receiving,
    .say_queued = say_queued,
    .proved = sli_edge_http_steps_proved,
    .challenge = challenge,
};

/* The beginning */

static int wants_options(
    const struct http_edge_call *call, const struct sli_http_request *request)
{
    return (call->edge->flags & SLIMTA_HTTP_OPTIONS_204) != 0 &&
        sli_slice_is(request->method, SLI_LITERAL("OPTIONS"));
}

static void answer_options(struct http_edge_call *call)
{
    struct sli_http_answer answer;

    sli_http_answer_init(&answer, &call->edge->rules, sli_io_clock_now_ms(),
        204, sli_slice("", 0));
    sli_edge_http_call_respond(call, &answer.response, 0);
}

static void begin_mail(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    enum sli_http_refusal refusal =
        sli_http_rules_check(&call->edge->rules, request);

    if (refusal == SLI_HTTP_REFUSAL_NONE) {
        refusal = sli_edge_http_head_copy(call, request);
    }
    if (refusal != SLI_HTTP_REFUSAL_NONE) {
        sli_edge_http_call_refuse(call, refusal);
        return;
    }
    call->is_open = 1;
    call->is_due = 1;
    sli_edge_http_steps_advance(call);
}

static void begin(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    enum sli_edge_http_head_place place = SLI_EDGE_HTTP_HEAD_NOWHERE;
    enum sli_http_refusal refusal = sli_edge_http_head_place(
        call->edge, request->target, shard_of(call)->text, &place);

    if (refusal != SLI_HTTP_REFUSAL_NONE) {
        sli_edge_http_call_refuse(call, refusal);
    } else if (place == SLI_EDGE_HTTP_HEAD_NOWHERE) {
        sli_edge_http_call_refuse(call, SLI_HTTP_REFUSAL_NOT_FOUND);
    } else if (place == SLI_EDGE_HTTP_HEAD_HEALTH) {
        sli_edge_http_pages_health(call, request);
    } else if (place == SLI_EDGE_HTTP_HEAD_METRICS) {
        sli_edge_http_pages_metrics(call, request);
    } else if (wants_options(call, request)) {
        answer_options(call);
    } else {
        begin_mail(call, request);
    }
}

void sli_edge_http_call_begin(struct http_edge_call *call,
    struct http_edge *edge, struct sli_edge_shard *shard,
    const struct sli_edge_http_owner *owner,
    const struct sli_edge_http_origin *origin,
    const struct sli_http_request *request)
{
    const struct sli_edge_arrival arrival = {
        .fd = -1,
        .peer = origin->peer,
        .client = origin->client,
        .local = origin->local,
        .proxy = origin->proxy,
    };

    *call = (struct http_edge_call){
        .edge = edge,
        .owner = owner,
        .connection = origin->connection,
        .is_tls = origin->is_tls != 0,
    };
    sli_edge_session_init(&call->base, &kind, shard, &arrival);
    call->base.tls = origin->tls;
    sli_arena_init(&call->memory, &edge->edge.alloc, MEMORY_BLOCK);
    sli_buf_init(&call->refused, &edge->edge.alloc, REFUSED_MAX);
    sli_edge_http_head_note(call, request);
    begin(call, request);
}
