/** The rounds of validators: who is asked, in which order, and what it comes
 * to. */
#include "edge/policy.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/slice.h"
#include "edge/edge.h"
#include "edge/session.h"
#include "smtp/extensions.h"

/* One question to one table. */
struct inquiry {
    const struct slimta_validators *table;
    struct slimta_session *session;
    struct slimta_op *op;
    struct slimta_reply *reply;
    const struct sli_edge_arguments *arguments;
};

#define PLAIN_CALL(member) \
    static void call_##member(const struct inquiry *q) \
    { \
        q->table->member(q->session, q->reply, q->op, q->table->user); \
    }

#define TEXT_CALL(member) \
    static void call_##member(const struct inquiry *q) \
    { \
        q->table->member( \
            q->session, q->reply, q->arguments->text, q->op, q->table->user); \
    }

PLAIN_CALL(connect)
PLAIN_CALL(banner)
TEXT_CALL(ehlo)
TEXT_CALL(helo)
PLAIN_CALL(starttls)
PLAIN_CALL(tls)
PLAIN_CALL(data)
PLAIN_CALL(rset)
PLAIN_CALL(noop)
PLAIN_CALL(quit)

static void call_auth(const struct inquiry *q)
{
    q->table->auth(
        q->session, q->reply, q->arguments->credentials, q->op, q->table->user);
}

static void call_secret(const struct inquiry *q)
{
    q->op->takes_secret = 1;
    q->table->secret(q->session, q->reply, q->arguments->text,
        q->arguments->more, q->op, q->table->user);
}

static void call_mail(const struct inquiry *q)
{
    q->table->mail(q->session, q->reply, q->arguments->text,
        &q->arguments->params, q->op, q->table->user);
}

static void call_rcpt(const struct inquiry *q)
{
    q->table->rcpt(
        q->session, q->reply, &q->arguments->recipient, q->op, q->table->user);
}

static void call_chunk(const struct inquiry *q)
{
    q->table->chunk(
        q->session, q->reply, q->arguments->octets, q->op, q->table->user);
}

static void call_have_data(const struct inquiry *q)
{
    q->table->have_data(
        q->session, q->reply, q->session->envelope, q->op, q->table->user);
}

static void call_queued(const struct inquiry *q)
{
    q->table->queued(
        q->session, q->reply, q->arguments->results, q->op, q->table->user);
}

static void call_command(const struct inquiry *q)
{
    q->table->command(q->session, q->reply, q->arguments->text,
        q->arguments->more, q->op, q->table->user);
}

static void call_extensions(const struct inquiry *q)
{
    q->table->extensions(
        q->session, q->arguments->extensions, q->op, q->table->user);
}

static void call_header(const struct inquiry *q)
{
    q->table->header(q->session, q->reply, q->arguments->text,
        q->arguments->more, q->op, q->table->user);
}

/* What stands in for an answer that does not come; no text: the success that
 * the round began with. */
#define TOO_LATE_TO_SERVE 421, "4.3.0 Unhandled system error"
#define TOO_LATE_FOR_THIS 451, "4.3.0 Unhandled system error"
#define TOO_LATE_TO_PROVE 454, "4.7.0 Temporary authentication failure"
#define TOO_LATE_FOR_TLS 454, "4.7.0 TLS not available now"
#define NO_MATTER 0, NULL

#define STEP(name, late) \
    { \
        offsetof(struct slimta_validators, name), call_##name, late \
    }

static const struct {
    size_t member;
    void (*call)(const struct inquiry *inquiry);
    int late_code;
    const char *late_text;
} steps[SLI_EDGE_STEPS] = {
    [SLI_EDGE_STEP_CONNECT] = STEP(connect, TOO_LATE_TO_SERVE),
    [SLI_EDGE_STEP_BANNER] = STEP(banner, TOO_LATE_TO_SERVE),
    [SLI_EDGE_STEP_EHLO] = STEP(ehlo, TOO_LATE_TO_SERVE),
    [SLI_EDGE_STEP_HELO] = STEP(helo, TOO_LATE_TO_SERVE),
    [SLI_EDGE_STEP_STARTTLS] = STEP(starttls, TOO_LATE_FOR_TLS),
    [SLI_EDGE_STEP_TLS] = STEP(tls, TOO_LATE_TO_SERVE),
    [SLI_EDGE_STEP_AUTH] = STEP(auth, TOO_LATE_TO_PROVE),
    [SLI_EDGE_STEP_SECRET] = STEP(secret, TOO_LATE_TO_PROVE),
    [SLI_EDGE_STEP_MAIL] = STEP(mail, TOO_LATE_FOR_THIS),
    [SLI_EDGE_STEP_RCPT] = STEP(rcpt, TOO_LATE_FOR_THIS),
    [SLI_EDGE_STEP_DATA] = STEP(data, TOO_LATE_FOR_THIS),
    [SLI_EDGE_STEP_CHUNK] = STEP(chunk, TOO_LATE_FOR_THIS),
    [SLI_EDGE_STEP_HAVE_DATA] = STEP(have_data, TOO_LATE_FOR_THIS),
    [SLI_EDGE_STEP_QUEUED] = STEP(queued, NO_MATTER),
    [SLI_EDGE_STEP_RSET] = STEP(rset, NO_MATTER),
    [SLI_EDGE_STEP_NOOP] = STEP(noop, NO_MATTER),
    [SLI_EDGE_STEP_QUIT] = STEP(quit, NO_MATTER),
    [SLI_EDGE_STEP_COMMAND] = STEP(command, TOO_LATE_FOR_THIS),
    [SLI_EDGE_STEP_EXTENSIONS] = STEP(extensions, NO_MATTER),
    [SLI_EDGE_STEP_HEADER] = STEP(header, TOO_LATE_FOR_THIS),
};

/* Function pointers of any type have one size and, here, one form of NULL. */
static int has_member(const struct slimta_validators *table, size_t member)
{
    void (*function)(void);

    memcpy(&function, (const char *)table + member, sizeof function);
    return function != NULL;
}

static int has_step(
    const struct slimta_validators *table, enum sli_edge_step step)
{
    return has_member(table, steps[step].member);
}

int sli_edge_policy_add(
    struct sli_edge *edge, const struct slimta_validators *validators)
{
    struct slimta_validators table = {.size = sizeof table};
    struct slimta_validators *tables;
    int err = SLI_OPTIONS_COPY(&table, validators);

    if (err != 0) {
        return err;
    }
    tables = sli_realloc(
        &edge->alloc, edge->tables, (edge->table_count + 1) * sizeof *tables);
    if (tables == NULL) {
        return SLIMTA_ENOMEM;
    }
    tables[edge->table_count++] = table;
    edge->tables = tables;
    for (unsigned step = 0; step < SLI_EDGE_STEPS; step++) {
        if (has_step(&table, step)) {
            edge->steps |= 1U << step;
        }
    }
    return 0;
}

int sli_edge_policy_add_public(struct sli_edge *edge,
    const struct slimta_validators *validators, struct slimta_error *error)
{
    int err;

    if (edge->state != SLI_EDGE_NEW) {
        return sli_error_set(error, SLIMTA_ESTATE,
            "validators are added before the edge is started");
    }
    if (validators == NULL) {
        return sli_error_set(error, SLIMTA_EINVAL, "validators: NULL");
    }
    err = sli_edge_policy_add(edge, validators);
    return err == 0
        ? 0
        : sli_error_set(error, err, "validators: %s", slimta_strerror(err));
}

int sli_edge_policy_has(const struct sli_edge *edge, enum sli_edge_step step)
{
    return (edge->steps >> step & 1) != 0;
}

static struct sli_edge *edge_of(const struct slimta_session *session)
{
    return sli_edge_session_shard(session)->edge;
}

static struct slimta_session *session_of(struct sli_edge_question *question)
{
    struct sli_edge_round *round =
        SLI_LIST_ITEM(question, struct sli_edge_round, question);

    return SLI_LIST_ITEM(round, struct slimta_session, round);
}

static int says(
    const struct slimta_reply *reply, int code, const char *enhanced)
{
    return slimta_reply_code(reply) == code &&
        strcmp(slimta_reply_enhanced(reply), enhanced) == 0;
}

/* Whether the round is over with this answer. `command` and `auth` are asked
 * until one says something: the refusal that they begin with is nobody's. */
static int is_final(
    const struct sli_edge_round *round, const struct slimta_op *op)
{
    const struct slimta_reply *reply = &op->reply;
    int code = slimta_reply_code(reply);

    switch (round->step) {
    case SLI_EDGE_STEP_COMMAND:
        return !says(reply, 500, "5.5.2");
    case SLI_EDGE_STEP_AUTH:
        return code >= 400 &&
            (round->code != 535 || !says(reply, 535, "5.7.8"));
    case SLI_EDGE_STEP_SECRET:
        return code / 100 == 4 || sli_edge_secret_is_given(&op->secret);
    default:
        return code >= 400;
    }
}

/* An op whose reply says what `reply` says. NULL: no memory. */
static struct slimta_op *ask(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    return sli_edge_op_ask_reply(
        &sli_edge_session_shard(session)->ops, &session->round.question, reply);
}

static void finish(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    session->round.done(session, reply);
}

/* The step's default for answers that do not come. */
static void finish_late(struct slimta_session *session)
{
    enum sli_edge_step step = session->round.step;

    finish(session,
        steps[step].late_text == NULL
            ? NULL
            : sli_edge_shard_reply(sli_edge_session_shard(session),
                  steps[step].late_code, steps[step].late_text));
}

static void call(struct slimta_session *session,
    const struct slimta_validators *table, struct slimta_op *op)
{
    enum sli_edge_step step = session->round.step;
    struct sli_edge_arguments arguments = {0};
    struct inquiry inquiry = {
        .table = table,
        .session = session,
        .op = op,
        .reply = &op->reply,
        .arguments = &arguments,
    };

    session->kind->arguments(session, step, &arguments);
    op->results = arguments.results;
    op->extensions = arguments.extensions;
    op->free_extensions = sli_smtp_extensions_free;
    steps[step].call(&inquiry);
}

/* Asks table after table until one takes the op, refuses, or is the last. */
static void go_through(struct slimta_session *session, struct slimta_op *op)
{
    struct sli_edge *edge = edge_of(session);
    struct sli_edge_round *round = &session->round;
    int is_over = 0;

    while (round->next < edge->table_count && !is_over) {
        const struct slimta_validators *table = &edge->tables[round->next++];

        if (!has_step(table, round->step)) {
            continue;
        }
        round->code = slimta_reply_code(&op->reply);
        call(session, table, op);
        if (!sli_edge_op_asked(op)) {
            session->kind->lent(session, NULL, NULL);
            return;
        }
        is_over = is_final(round, op);
    }
    sli_edge_secret_move(&round->secret, &op->secret);
    /* Released first, so that what follows may ask with it again; the reply
     * stays readable until then. */
    sli_edge_op_release(&sli_edge_session_shard(session)->ops, op);
    finish(session, &op->reply);
}

/* A taken op was answered; it is gone after return. */
static void answered(struct sli_edge_question *question, struct slimta_op *op)
{
    struct slimta_session *session = session_of(question);
    struct slimta_op *next;

    session->kind->lent(session, op->results, op->extensions);
    op->results = NULL;
    op->extensions = NULL;
    if (is_final(&session->round, op) ||
        session->round.next == edge_of(session)->table_count) {
        sli_edge_secret_move(&session->round.secret, &op->secret);
        finish(session, &op->reply);
        session->kind->go_on(session);
        return;
    }
    next = ask(session, &op->reply);
    if (next == NULL) {
        finish_late(session);
    } else {
        go_through(session, next);
    }
    session->kind->go_on(session);
}

void sli_edge_policy_ask(struct slimta_session *session,
    enum sli_edge_step step, const struct slimta_reply *reply,
    sli_edge_round_done done)
{
    struct slimta_op *op = NULL;

    session->round.step = step;
    session->round.next = 0;
    session->round.done = done;
    session->round.question.answered = answered;
    if (!sli_edge_policy_has(edge_of(session), step)) {
        finish(session, NULL);
        return;
    }
    op = ask(session, reply);
    if (op == NULL) {
        finish_late(session);
    } else {
        go_through(session, op);
    }
}

void sli_edge_policy_time_out(struct slimta_session *session)
{
    sli_edge_op_cancel(&session->round.question);
    finish_late(session);
    session->kind->go_on(session);
}

void sli_edge_policy_cancel(struct slimta_session *session)
{
    sli_edge_op_cancel(&session->round.question);
}

void sli_edge_policy_closed(struct slimta_session *session)
{
    struct sli_edge *edge = edge_of(session);

    for (size_t i = 0; i < edge->table_count; i++) {
        const struct slimta_validators *table = &edge->tables[i];

        if (table->closed != NULL) {
            table->closed(session, session->reason, table->user);
        }
    }
}
