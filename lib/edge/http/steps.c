/** The questions that a request's head is judged with, one after the other. */
#include "edge/http/steps.h"

#include "base/alloc.h"
#include "base/secret.h"
#include "base/slice.h"
#include "edge/ask.h"
#include "edge/events.h"
#include "edge/exchange.h"
#include "edge/http/once.h"
#include "edge/message.h"
#include "mail/envelope.h"

static struct sli_edge_shard *shard_of(const struct http_edge_call *call)
{
    return sli_edge_session_shard(&call->base);
}

/* The step is done with; the next one is taken by `advance`, never inside the
 * answer to this one, so that a thousand recipients are no thousand frames. */
static void go_to(struct http_edge_call *call, enum sli_edge_http_step step)
{
    call->step = step;
    call->is_due = 1;
}

static void ask(struct http_edge_call *call, enum sli_edge_step step, int code,
    const char *text, sli_edge_round_done done)
{
    if (!sli_edge_ask_has(&call->base, step)) {
        done(&call->base, NULL);
    } else {
        sli_edge_ask(&call->base, step,
            sli_edge_shard_reply(shard_of(call), code, text), done);
    }
}

/* What refuses: 221, which only ends a session of SMTP, must not become the
 * 200 of a message that nobody has. */
static const struct slimta_reply *no_of(
    struct http_edge_call *call, const struct slimta_reply *reply)
{
    return slimta_reply_code(reply) >= 400
        ? reply
        : sli_edge_shard_reply(
              shard_of(call), 421, "4.3.2 Service not available");
}

static void refuse_with(struct http_edge_call *call,
    const struct slimta_reply *reply, const char *verb)
{
    reply = no_of(call, reply);
    sli_edge_events_reject(
        shard_of(call), call->base.id, sli_slice_text(verb), reply);
    sli_edge_http_call_reply(call, reply, NULL);
}

/* TLS, connection, name */

static void connect_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);

    if (sli_edge_ask_is_yes(reply)) {
        go_to(call, call->step + 1);
    } else {
        refuse_with(call, reply, "connect");
    }
}

static void step_tls(struct http_edge_call *call)
{
    if (call->base.tls == NULL) {
        connect_done(&call->base, NULL);
    } else {
        ask(call, SLI_EDGE_STEP_TLS, 220, "2.7.0 TLS is on", connect_done);
    }
}

static void step_connect(struct http_edge_call *call)
{
    ask(call, SLI_EDGE_STEP_CONNECT, 220, "2.0.0 Ok", connect_done);
}

static void ehlo_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);

    if (!sli_edge_ask_is_yes(reply)) {
        refuse_with(call, reply, "EHLO");
    } else if (sli_edge_session_set_ehlo(base, sli_slice_text(call->ehlo_as)) !=
        0) {
        base->kind->out_of_memory(base);
    } else {
        sli_edge_events_ehlo(
            shard_of(call), base->id, "X-Ehlo", sli_slice_text(call->ehlo_as));
        go_to(call, SLI_EDGE_HTTP_STEP_AUTH);
    }
}

static void step_ehlo(struct http_edge_call *call)
{
    ask(call, SLI_EDGE_STEP_EHLO, 250, "2.0.0 Ok", ehlo_done);
}

/* Credentials */

static void wipe_credentials(struct http_edge_call *call)
{
    sli_secret_wipe(call->credentials, call->credentials_size);
    sli_free(&call->edge->edge.alloc, call->credentials);
    call->credentials = NULL;
    call->mechanism = NULL;
}

static void step_auth(struct http_edge_call *call)
{
    const struct sli_edge_exchange_facts facts = {
        .mechanism = call->mechanism, .sasl = call->edge->sasl};
    struct slimta_slice message = {call->credentials, call->credentials_size};

    if (call->mechanism == NULL) {
        go_to(call, SLI_EDGE_HTTP_STEP_KEY);
    } else if (sli_edge_exchange_new(&call->base, &facts) != 0) {
        call->base.kind->out_of_memory(&call->base);
    } else {
        sli_edge_exchange_step(&call->base, &message);
    }
}

void sli_edge_http_steps_proved(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);

    wipe_credentials(call);
    if (is_refused) {
        sli_edge_http_call_reply(call, reply, NULL);
    } else {
        go_to(call, SLI_EDGE_HTTP_STEP_KEY);
    }
}

/* The key of a request that may have come before */

static void step_key(struct http_edge_call *call)
{
    enum sli_http_refusal refusal = sli_edge_http_once_take(call);

    if (refusal != SLI_HTTP_REFUSAL_NONE) {
        sli_edge_http_call_refuse(call, refusal);
    } else if (call->is_known) {
        sli_edge_http_call_proceed(call);
    } else {
        go_to(call, SLI_EDGE_HTTP_STEP_MAIL);
    }
}

/* The sender */

static void mail_over(struct http_edge_call *call,
    const struct slimta_reply *reply, int is_refused)
{
    sli_edge_events_mail(
        shard_of(call), call->base.id, sli_slice_text(call->sender), reply);
    if (is_refused) {
        sli_edge_http_call_reply(call, reply, "MAIL");
        return;
    }
    sli_edge_ask_drop_kept(&call->base);
    call->recipient = call->recipients;
    go_to(call, SLI_EDGE_HTTP_STEP_RCPT);
}

static int make_envelope(struct http_edge_call *call)
{
    const struct sli_mail_facts facts = {
        .client = sli_edge_session_facts(&call->base),
        .receiver = call->edge->edge.hostname,
    };

    return sli_mail_envelope_new(&call->base.envelope, &call->edge->edge.alloc,
        &facts, sli_slice_text(call->sender), &call->params);
}

static void mail_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);

    if (!sli_edge_ask_is_yes(reply)) {
        mail_over(call, no_of(call, reply), 1);
    } else if (make_envelope(call) != 0) {
        base->kind->out_of_memory(base);
    } else if (sli_edge_handoff_wants_early(&base->handoff)) {
        sli_edge_message_open(base, reply);
    } else {
        mail_over(call, reply, 0);
    }
}

void sli_edge_http_steps_opened(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused)
{
    mail_over(sli_edge_http_call_of(base), reply, is_refused);
}

static void step_mail(struct http_edge_call *call)
{
    ask(call, SLI_EDGE_STEP_MAIL, 250, "2.1.0 Ok", mail_done);
}

/* Recipients */

/* A refusal of one of several is told with the answer to the rest. 0 when it
 * has to be the answer. */
static int list_refusal(
    struct http_edge_call *call, const struct slimta_reply *reply)
{
    if ((call->edge->flags & SLIMTA_HTTP_PARTIAL) == 0 ||
        slimta_reply_code(reply) == 421 ||
        sli_http_replies_list(&call->refused, call->index, reply) != 0) {
        return 0;
    }
    if (call->first_refusal == NULL) {
        call->first_refusal =
            sli_mail_reply_clone(&call->edge->edge.alloc, reply);
    }
    return call->first_refusal != NULL;
}

static void next_recipient(struct http_edge_call *call)
{
    sli_edge_ask_drop_kept(&call->base);
    call->recipient = call->recipient->next;
    call->index++;
    if (call->recipient != NULL) {
        go_to(call, SLI_EDGE_HTTP_STEP_RCPT);
    } else if (call->taken == 0) {
        sli_edge_http_call_reply(call, call->first_refusal, "RCPT");
    } else {
        call->header = call->headers;
        go_to(call, SLI_EDGE_HTTP_STEP_HEADER);
    }
}

static void rcpt_over(struct http_edge_call *call,
    const struct slimta_reply *reply, int is_refused)
{
    sli_edge_events_rcpt(shard_of(call), call->base.id,
        sli_slice_text(call->recipient->address), reply);
    if (is_refused && !list_refusal(call, reply)) {
        sli_edge_http_call_reply(call, reply, "RCPT");
        return;
    }
    call->recipient->is_refused = is_refused;
    call->taken += !is_refused;
    next_recipient(call);
}

static struct slimta_recipient asked_recipient(
    const struct http_edge_call *call)
{
    return (struct slimta_recipient){
        .size = sizeof(struct slimta_recipient),
        .address = call->recipient->address,
    };
}

static void rcpt_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);
    struct slimta_recipient recipient = asked_recipient(call);

    if (!sli_edge_ask_is_yes(reply)) {
        rcpt_over(call, no_of(call, reply), 1);
    } else if (sli_edge_handoff_wants_early(&base->handoff)) {
        sli_edge_message_list(base, &recipient, reply);
    } else if (sli_mail_envelope_add_recipient(base->envelope,
                   sli_slice_text(recipient.address), &recipient) != 0) {
        base->kind->out_of_memory(base);
    } else {
        rcpt_over(call, reply, 0);
    }
}

void sli_edge_http_steps_listed(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused)
{
    rcpt_over(sli_edge_http_call_of(base), reply, is_refused);
}

static void step_rcpt(struct http_edge_call *call)
{
    ask(call, SLI_EDGE_STEP_RCPT, 250, "2.1.5 Ok", rcpt_done);
}

/* Custom headers */

static void header_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct http_edge_call *call = sli_edge_http_call_of(base);

    if (sli_edge_ask_is_yes(reply)) {
        call->header = call->header->next;
        go_to(call, SLI_EDGE_HTTP_STEP_HEADER);
    } else {
        refuse_with(call, reply, "header");
    }
}

static void step_header(struct http_edge_call *call)
{
    if (call->header == NULL) {
        go_to(call, SLI_EDGE_HTTP_STEP_DATA);
    } else {
        ask(call, SLI_EDGE_STEP_HEADER, 250, "2.0.0 Ok", header_done);
    }
}

/* The message */

static void data_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    if (sli_edge_ask_is_yes(reply)) {
        sli_edge_message_begin(base, reply);
    } else {
        refuse_with(sli_edge_http_call_of(base), reply, "DATA");
    }
}

static void step_data(struct http_edge_call *call)
{
    ask(call, SLI_EDGE_STEP_DATA, 354, "Start mail input", data_done);
}

void sli_edge_http_steps_advance(struct http_edge_call *call)
{
    static void (*const steps[SLI_EDGE_HTTP_STEPS])(
        struct http_edge_call * call) = {
        [SLI_EDGE_HTTP_STEP_TLS] = step_tls,
        [SLI_EDGE_HTTP_STEP_CONNECT] = step_connect,
        [SLI_EDGE_HTTP_STEP_EHLO] = step_ehlo,
        [SLI_EDGE_HTTP_STEP_AUTH] = step_auth,
        [SLI_EDGE_HTTP_STEP_KEY] = step_key,
        [SLI_EDGE_HTTP_STEP_MAIL] = step_mail,
        [SLI_EDGE_HTTP_STEP_RCPT] = step_rcpt,
        [SLI_EDGE_HTTP_STEP_HEADER] = step_header,
        [SLI_EDGE_HTTP_STEP_DATA] = step_data,
    };

    if (call->is_advancing) {
        return;
    }
    call->is_advancing = 1;
    while (call->is_due) {
        call->is_due = 0;
        steps[call->step](call);
    }
    call->is_advancing = 0;
}

void sli_edge_http_steps_fill(struct slimta_session *base,
    enum sli_edge_step step, struct sli_edge_arguments *arguments)
{
    const struct http_edge_call *call = sli_edge_http_call_of(base);

    switch (step) {
    case SLI_EDGE_STEP_EHLO:
        arguments->text = call->ehlo_as;
        break;
    case SLI_EDGE_STEP_AUTH:
    case SLI_EDGE_STEP_SECRET:
        sli_edge_exchange_fill(base, step, arguments);
        break;
    case SLI_EDGE_STEP_MAIL:
        arguments->text = call->sender;
        arguments->params = call->params;
        break;
    case SLI_EDGE_STEP_RCPT:
        arguments->recipient = asked_recipient(call);
        break;
    case SLI_EDGE_STEP_HEADER:
        arguments->text = call->header->name;
        arguments->more = call->header->value;
        break;
    default:
        break;
    }
}
