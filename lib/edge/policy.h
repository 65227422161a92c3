/** The rounds of validators: who is asked, in which order, and what it comes
 * to. */
#ifndef EDGE_POLICY_H
#define EDGE_POLICY_H

#include <slimta/envelope.h>
#include <slimta/results.h>
#include <slimta/validators.h>

#include "edge/op.h"

struct sli_edge;

/** The questions that there are, one for each member of the table. */
enum sli_edge_step {
    SLI_EDGE_STEP_CONNECT,
    SLI_EDGE_STEP_BANNER,
    SLI_EDGE_STEP_EHLO,
    SLI_EDGE_STEP_HELO,
    SLI_EDGE_STEP_STARTTLS,
    SLI_EDGE_STEP_TLS,
    SLI_EDGE_STEP_AUTH,
    SLI_EDGE_STEP_SECRET,
    SLI_EDGE_STEP_MAIL,
    SLI_EDGE_STEP_RCPT,
    SLI_EDGE_STEP_DATA,
    SLI_EDGE_STEP_CHUNK,
    SLI_EDGE_STEP_HAVE_DATA,
    SLI_EDGE_STEP_QUEUED,
    SLI_EDGE_STEP_RSET,
    SLI_EDGE_STEP_NOOP,
    SLI_EDGE_STEP_QUIT,
    SLI_EDGE_STEP_COMMAND,
    SLI_EDGE_STEP_EXTENSIONS,
    SLI_EDGE_STEP_HEADER,
    SLI_EDGE_STEPS
};

/** What a step's validators are told beside session and reply. */
struct sli_edge_arguments {
    const char *text; /**< name, sender, verb, mechanism, a field's name */
    const char *more; /**< the argument of a verb; an authcid; a value */
    struct slimta_credentials *credentials;
    struct slimta_mail_params params;
    struct slimta_recipient recipient;
    struct slimta_slice octets;
    struct slimta_results *results;
    struct slimta_extensions *extensions;
};

/** What a round has come to. `reply` is NULL when nobody was asked or nobody
 * had anything to say in time: the default then. Borrowed until return. */
typedef void (*sli_edge_round_done)(
    struct slimta_session *session, const struct slimta_reply *reply);

/** One round, in a session. */
struct sli_edge_round {
    struct sli_edge_question question;
    enum sli_edge_step step;
    size_t next;                   /* the table that comes next */
    int code;                      /* that the table before it has found */
    struct sli_edge_secret secret; /* the answer to SECRET; `done` moves it */
    sli_edge_round_done done;
};

/** Adds a table to the edge's list, copied. SLIMTA_EINVAL, SLIMTA_ENOMEM. */
int sli_edge_policy_add(
    struct sli_edge *edge, const struct slimta_validators *validators);

/** The same for a host, before the edge is started: SLIMTA_ESTATE too. */
int sli_edge_policy_add_public(struct sli_edge *edge,
    const struct slimta_validators *validators, struct slimta_error *error);

/** Whether any table has this step's validator. */
int sli_edge_policy_has(const struct sli_edge *edge, enum sli_edge_step step);

/**
 * Asks every table that has the step's validator, in order; `done` is called
 * once, now or later, unless the round is cancelled before. `reply` is what the
 * first of them sees. Without any such validator it is `done(session, NULL)` at
 * once.
 */
void sli_edge_policy_ask(struct slimta_session *session,
    enum sli_edge_step step, const struct slimta_reply *reply,
    sli_edge_round_done done);

/** Whether the round waits for an answer. */
static inline int sli_edge_policy_is_waiting(const struct sli_edge_round *round)
{
    return round->question.op != NULL;
}

/** The answer takes too long: the step's default takes its place. */
void sli_edge_policy_time_out(struct slimta_session *session);

/** Nobody waits for the round any more; `done` is not called. */
void sli_edge_policy_cancel(struct slimta_session *session);

/** Tells every table that the session is closed. */
void sli_edge_policy_closed(struct slimta_session *session);

#endif
