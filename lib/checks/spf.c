/** SPF as a check: its rules, its place in a session, its report. */
#include <slimta/spf.h>

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include <slimta/op.h>
#include <slimta/reply.h>
#include <slimta/resolver.h>
#include <slimta/session.h>
#include <slimta/validators.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/slice.h"
#include "checks/reason.h"
#include "checks/spf_check.h"
#include "checks/spf_header.h"
#include "checks/spf_report.h"

static_assert(SLIMTA_SPF_TEXT_MAX == SLI_CHECKS_TEMPLATE_MAX,
    "what a rule may hold is what can be filled in");

enum {
    RESULTS = SLIMTA_SPF_PERMERROR + 1,
    DEFAULT_TIMEOUT_MS = 20000, /* RFC 7208 section 4.6.4 */
    MAX_TIMEOUT_MS = 3600000
};

/** What a result is answered with; no text: as usual. */
struct rule {
    int code;
    char *text;
};

struct slimta_spf {
    struct slimta_alloc alloc;
    const struct sli_checks_spf_engine *engine;
    enum slimta_spf_stage stage;
    enum slimta_spf_header header;
    uint64_t timeout_ms;
    struct rule rules[RESULTS];
    struct slimta_validators validators;
    atomic_int is_used;
};

/** What is kept with a session, under the check's address. */
struct stay {
    struct slimta_spf *spf;
    struct slimta_session *session;
    struct sli_checks_spf_check *check; /* that runs, or NULL */
    struct slimta_op *op;               /* that waits for it, or NULL */
    struct slimta_reply *reply;         /* of the validator, before that */
    int is_at_data;                     /* the check was made there */
    int has_report;                     /* of the transaction in progress */
    int is_told;                        /* the header was put */
    struct sli_checks_spf_outcome outcome;
};

/* Answers with the rule for the result. A refusal is final: no later validator
 * is asked. */
static void apply(const struct slimta_spf *spf,
    const struct slimta_spf_report *report, struct slimta_reply *reply)
{
    const struct rule *rule = &spf->rules[report->result];
    char text[SLI_CHECKS_TEXT_SIZE];

    if (rule->text == NULL) {
        return;
    }
    sli_checks_reason_fill(rule->text, rule->code, report->reason, text);
    slimta_reply_set(reply, rule->code, text);
}

static void set_no_memory(struct slimta_reply *reply)
{
    slimta_reply_set(reply, 451, "4.3.0 Unhandled system error");
}

/* The header goes above the message once, at `data`. */
static void tell(struct stay *stay, struct slimta_reply *reply)
{
    if (stay->is_told || slimta_reply_code(reply) >= 400) {
        return;
    }
    if (sli_checks_spf_header_prepend(slimta_session_envelope(stay->session),
            stay->spf->header, &stay->outcome.report) != 0) {
        set_no_memory(reply);
        return;
    }
    stay->is_told = 1;
}

static void settle(struct stay *stay, struct slimta_reply *reply)
{
    apply(stay->spf, &stay->outcome.report, reply);
    if (stay->is_at_data) {
        tell(stay, reply);
    }
}

static void done(const struct slimta_spf_report *report, void *user)
{
    struct stay *stay = user;
    struct slimta_op *op = stay->op;

    stay->check = NULL;
    stay->op = NULL;
    sli_checks_spf_report_copy(&stay->outcome, report);
    stay->has_report = 1;
    settle(stay, op == NULL ? stay->reply : slimta_op_reply(op));
    if (op != NULL) {
        (void)slimta_op_finish(op);
    }
}

static void cancelled(struct slimta_op *op, void *user)
{
    struct stay *stay = user;

    sli_checks_spf_check_cancel(stay->check);
    stay->check = NULL;
    stay->op = NULL;
    (void)slimta_op_finish(op);
}

/* The name of this host stands in the envelope, which is not there at MAIL. */
static const char *receiver_of(const struct slimta_session *session)
{
    struct slimta_envelope *envelope = slimta_session_envelope(session);

    return envelope == NULL ? "" : slimta_envelope_receiver(envelope);
}

static void check(struct stay *stay, struct slimta_reply *reply,
    const char *sender, struct slimta_op *op)
{
    const struct sli_checks_spf_request request = {
        .alloc = &stay->spf->alloc,
        .engine = stay->spf->engine,
        .resolver = slimta_session_resolver(stay->session),
        .timeout_ms = stay->spf->timeout_ms,
        .client = *slimta_session_client(stay->session),
        .helo = slimta_session_ehlo_as(stay->session),
        .sender = sender,
        .receiver = receiver_of(stay->session),
        .done = done,
        .user = stay,
    };

    stay->reply = reply;
    if (sli_checks_spf_check_start(&stay->check, &request) != 0) {
        set_no_memory(reply);
    } else if (stay->check != NULL) {
        stay->op = op;
        slimta_op_take(op);
        slimta_op_on_cancel(op, cancelled, stay);
    }
}

static struct stay *stay_of(
    const struct slimta_spf *spf, const struct slimta_session *session)
{
    return slimta_session_user(session, spf);
}

/* A session's first transaction makes its struct. NULL: no memory. */
static struct stay *enter(
    struct slimta_spf *spf, struct slimta_session *session)
{
    struct stay *stay = stay_of(spf, session);

    if (stay == NULL) {
        stay = sli_alloc_zero(&spf->alloc, sizeof *stay);
        if (stay == NULL) {
            return NULL;
        }
        stay->spf = spf;
        stay->session = session;
        if (slimta_session_set_user(session, spf, stay) != 0) {
            sli_free(&spf->alloc, stay);
            return NULL;
        }
    }
    return stay;
}

/* Begins a transaction, whatever the stage is: what was found for the one
 * before is forgotten. */
static void at_mail(struct slimta_session *session, struct slimta_reply *reply,
    const char *sender, const struct slimta_mail_params *params,
    struct slimta_op *op, void *user)
{
    struct slimta_spf *spf = user;
    struct stay *stay = enter(spf, session);

    (void)params;
    if (stay == NULL) {
        set_no_memory(reply);
        return;
    }
    stay->has_report = 0;
    stay->is_told = 0;
    stay->is_at_data = 0;
    if (spf->stage == SLIMTA_SPF_AT_MAIL) {
        check(stay, reply, sender, op);
    }
}

/* Checks at `rcpt` or `data`, where the sender stands in the envelope. */
static void check_envelope(
    struct stay *stay, struct slimta_reply *reply, struct slimta_op *op)
{
    if (stay->has_report) {
        settle(stay, reply);
    } else {
        check(stay, reply,
            slimta_envelope_sender(slimta_session_envelope(stay->session)), op);
    }
}

static void at_rcpt(struct slimta_session *session, struct slimta_reply *reply,
    const struct slimta_recipient *recipient, struct slimta_op *op, void *user)
{
    struct slimta_spf *spf = user;
    struct stay *stay = stay_of(spf, session);

    (void)recipient;
    if (stay == NULL) {
        set_no_memory(reply);
    } else if (spf->stage == SLIMTA_SPF_AT_RCPT) {
        check_envelope(stay, reply, op);
    }
}

static void at_data(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_op *op, void *user)
{
    struct slimta_spf *spf = user;
    struct stay *stay = stay_of(spf, session);

    if (stay == NULL) {
        set_no_memory(reply);
    } else if (spf->stage == SLIMTA_SPF_AT_DATA) {
        stay->is_at_data = 1;
        check_envelope(stay, reply, op);
    } else if (stay->has_report) {
        tell(stay, reply);
    }
}

static void at_closed(
    struct slimta_session *session, enum slimta_closed reason, void *user)
{
    struct slimta_spf *spf = user;
    struct stay *stay = stay_of(spf, session);

    (void)reason;
    if (stay != NULL) {
        sli_checks_spf_check_cancel(stay->check);
        sli_free(&spf->alloc, stay);
    }
}

static int use_options(struct slimta_spf *spf,
    const struct slimta_spf_options *options, struct slimta_error *error)
{
    spf->stage = options->stage;
    spf->header = options->header;
    spf->timeout_ms =
        options->timeout_ms == 0 ? DEFAULT_TIMEOUT_MS : options->timeout_ms;
    if ((unsigned)options->stage > SLIMTA_SPF_AT_DATA ||
        (unsigned)options->header > SLIMTA_SPF_HEADER_AUTHENTICATION_RESULTS ||
        (unsigned)options->engine > SLIMTA_SPF_LIBSPF2) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "the SPF check's engine, stage or header is none");
    }
    if (spf->timeout_ms > MAX_TIMEOUT_MS) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "timeout_ms of the SPF check is more than %d", MAX_TIMEOUT_MS);
    }
    spf->engine = sli_checks_spf_engine_of(options->engine);
    return spf->engine == NULL ? sli_error_set(error, SLIMTA_ENOTSUP,
                                     "this library was built without libspf2")
                               : 0;
}

int slimta_spf_new(struct slimta_spf **out,
    const struct slimta_spf_options *options, struct slimta_error *error)
{
    struct slimta_spf_options known = {.size = sizeof known};
    struct slimta_alloc alloc;
    struct slimta_spf *spf;
    int err = SLI_OPTIONS_TAKE("options", &known, options, error);

    if (err == 0) {
        err = sli_alloc_take(&alloc, known.alloc, error);
    }
    if (err != 0) {
        return err;
    }
    spf = sli_alloc_zero(&alloc, sizeof *spf);
    if (spf == NULL) {
        return sli_error_set(
            error, SLIMTA_ENOMEM, "no memory for an SPF check");
    }
    spf->alloc = alloc;
    err = use_options(spf, &known, error);
    if (err != 0) {
        slimta_spf_free(spf);
        return err;
    }
    spf->validators = (struct slimta_validators){
        .size = sizeof spf->validators,
        .user = spf,
        .mail = at_mail,
        .rcpt = spf->stage == SLIMTA_SPF_AT_RCPT ? at_rcpt : NULL,
        .data = spf->stage == SLIMTA_SPF_AT_DATA ||
                spf->header != SLIMTA_SPF_HEADER_OFF
            ? at_data
            : NULL,
        .closed = at_closed,
    };
    *out = spf;
    return 0;
}

int slimta_spf_add_rule(struct slimta_spf *spf, enum slimta_spf_result result,
    int code, const char *text, struct slimta_error *error)
{
    const char *wanted = text == NULL && code >= 400 ? "Access denied" : text;
    char *copy = NULL;

    if (atomic_load(&spf->is_used)) {
        return sli_error_set(
            error, SLIMTA_ESTATE, "the SPF check is in use already");
    }
    if ((unsigned)result - SLIMTA_SPF_NONE >= RESULTS - SLIMTA_SPF_NONE ||
        code < 200 || code > 599 ||
        (text != NULL && !sli_checks_reason_fits(text, code))) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "no rule of SPF: %d for result %d", code, (int)result);
    }
    if (text != NULL && strlen(text) > SLIMTA_SPF_TEXT_MAX) {
        return sli_error_set(error, SLIMTA_ELIMIT,
            "the text of an SPF rule is longer than %d octets",
            SLIMTA_SPF_TEXT_MAX);
    }
    if (wanted != NULL) {
        copy = sli_alloc_text(&spf->alloc, sli_slice_text(wanted));
        if (copy == NULL) {
            return sli_error_set(
                error, SLIMTA_ENOMEM, "no memory for a rule of SPF");
        }
    }
    sli_free(&spf->alloc, spf->rules[result].text);
    spf->rules[result] = (struct rule){.code = code, .text = copy};
    return 0;
}

const struct slimta_validators *slimta_spf_validators(struct slimta_spf *spf)
{
    atomic_store(&spf->is_used, 1);
    return &spf->validators;
}

const struct slimta_spf_report *slimta_spf_report(
    const struct slimta_spf *spf, const struct slimta_session *session)
{
    const struct stay *stay = stay_of(spf, session);

    return stay != NULL && stay->has_report ? &stay->outcome.report : NULL;
}

int slimta_spf_query(struct slimta_spf *spf, struct slimta_resolver *resolver,
    const struct slimta_address *client, const char *helo, const char *sender,
    void (*answered)(const struct slimta_spf_report *report, void *user),
    void *user)
{
    const struct sli_checks_spf_request request = {
        .alloc = &spf->alloc,
        .engine = spf->engine,
        .resolver = resolver,
        .timeout_ms = spf->timeout_ms,
        .client = *client,
        .helo = helo,
        .sender = sender,
        .receiver = "",
        .done = answered,
        .user = user,
    };
    struct sli_checks_spf_check *check;

    atomic_store(&spf->is_used, 1);
    return sli_checks_spf_check_start(&check, &request);
}

void slimta_spf_free(struct slimta_spf *spf)
{
    struct slimta_alloc alloc;

    if (spf == NULL) {
        return;
    }
    alloc = spf->alloc;
    for (size_t i = 0; i < RESULTS; i++) {
        sli_free(&alloc, spf->rules[i].text);
    }
    sli_free(&alloc, spf);
}
