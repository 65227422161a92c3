/** The way of one message from the session to the queue: gathered in memory,
 * spilled to a file, or streamed. */
#ifndef EDGE_HANDOFF_H
#define EDGE_HANDOFF_H

#include "edge/failure.h"
#include "edge/op.h"
#include "edge/shard.h"

struct sli_edge_handoff;
struct sli_edge_spill;

/** What it tells the session; each may come before the verb that caused it has
 * returned. A refusal is lent until the handler returns. On the loop. */
struct sli_edge_handoff_handler {
    /** The answer to begin_early: NULL to go on, or the reply that refuses. */
    void (*begun_early)(
        struct sli_edge_handoff *handoff, const struct slimta_reply *refusal);
    /** The answer to recipient: NULL when it stands in the envelope now, or the
     * reply that refuses it. */
    void (*recipient_answered)(
        struct sli_edge_handoff *handoff, const struct slimta_reply *refusal);
    /** The answer to begin: NULL to go on, or the reply that refuses. */
    void (*begun)(
        struct sli_edge_handoff *handoff, const struct slimta_reply *refusal);
    /** It is not busy any more: more octets may come. */
    void (*ready)(struct sli_edge_handoff *handoff);
    /** The answer to finish: the queue's name for the message ("" when it
     * named none), or the reply that refuses. `results` are all that the queue
     * has said, the session's from now on: `id` and `refusal` live at least as
     * long, and sli_edge_op_give_back ends them. NULL when the queue has not
     * answered: there is nothing to ask `queued` about. */
    void (*finished)(struct sli_edge_handoff *handoff, const char *id,
        const struct slimta_reply *refusal, struct slimta_results *results);
};

enum sli_edge_handoff_state {
    SLI_EDGE_HANDOFF_IDLE,
    SLI_EDGE_HANDOFF_OPENING,   /* `begin` was asked at MAIL */
    SLI_EDGE_HANDOFF_LISTING,   /* begun at MAIL: recipients come */
    SLI_EDGE_HANDOFF_ASKING,    /* a `recipient` was asked */
    SLI_EDGE_HANDOFF_BEGINNING, /* `begin` was asked at DATA */
    SLI_EDGE_HANDOFF_GATHERING, /* octets go to the content */
    SLI_EDGE_HANDOFF_SPILLING,  /* the content is being written out */
    SLI_EDGE_HANDOFF_SWITCHING, /* `begin` was asked on the way */
    SLI_EDGE_HANDOFF_STREAMING, /* octets go to the queue */
    SLI_EDGE_HANDOFF_WRITING,   /* a `write` was asked */
    SLI_EDGE_HANDOFF_FAILED,    /* octets go nowhere; `failure` says why */
    SLI_EDGE_HANDOFF_FINISHING  /* `enqueue` or `commit` was asked */
};

/** When content leaves memory, and for where. Borrowed from the edge. */
struct sli_edge_handoff_limits {
    uint64_t spill_bytes;
    const char *spill_directory;
};

/** Held by value; no memory of its own while idle. */
struct sli_edge_handoff {
    struct sli_edge_shard *shard;
    const struct sli_edge_handoff_limits *limits;
    const struct sli_edge_handoff_handler *handler;
    enum sli_edge_handoff_state state;
    struct sli_edge_question question;
    struct slimta_envelope *envelope; /* borrowed from the session */
    void *message;                    /* the streaming queue's */
    int is_begun;                     /* commit or abort is due */
    struct slimta_content *backlog;   /* what `write` must still get */
    size_t backlog_at;                /* the next block of it */
    struct sli_edge_spill *spill;     /* the job that runs */
    struct sli_edge_failure failure;  /* why it has failed */
    uint64_t held;       /* octets in memory, as they are counted */
    uint64_t session_id; /* set by the session, for what comes too late */
};

void sli_edge_handoff_init(struct sli_edge_handoff *handoff,
    struct sli_edge_shard *shard, const struct sli_edge_handoff_limits *limits,
    const struct sli_edge_handoff_handler *handler);

/** Whether the queue is asked for each recipient: then each message goes
 * through begin_early and recipient before begin. */
int sli_edge_handoff_wants_early(const struct sli_edge_handoff *handoff);

/** MAIL was accepted; `begun_early` follows. `envelope`, without recipients,
 * stays the session's, which keeps it until refused, finished or abort. */
void sli_edge_handoff_begin_early(
    struct sli_edge_handoff *handoff, struct slimta_envelope *envelope);

/** A recipient that all validators have accepted (copied);
 * `recipient_answered` follows. Between begun_early and begin. */
void sli_edge_handoff_recipient(
    struct sli_edge_handoff *handoff, const struct slimta_recipient *recipient);

/** The content may come (at DATA); `begun` follows. `envelope`, the same if
 * there was a begin_early, stays the session's, which keeps it until refused,
 * finished or abort. */
void sli_edge_handoff_begin(
    struct sli_edge_handoff *handoff, struct slimta_envelope *envelope);

/** Octets of the message, at most SLIMTA_WRITE_MAX; not while it is busy. */
void sli_edge_handoff_write(
    struct sli_edge_handoff *handoff, struct slimta_slice octets);

/** The session refuses the message, of which octets may still come: they go
 * nowhere, the queue is told, and finish will answer with `why` (copied; its
 * code is 400..599). Between begun and finish; `ready` does not come for what
 * it was busy with. One that has failed already keeps the first reason. */
void sli_edge_handoff_refuse(
    struct sli_edge_handoff *handoff, const struct slimta_reply *why);

/** All octets came; `finished` follows. Not while it is busy. */
void sli_edge_handoff_finish(struct sli_edge_handoff *handoff);

/** Whatever is on the way is forgotten; the queue is told. No handler is
 * called any more. In any state. */
void sli_edge_handoff_abort(struct sli_edge_handoff *handoff);

/** What is_waiting waits for takes too long: it is answered in the queue's
 * place with "451 4.4.5". */
void sli_edge_handoff_time_out(struct sli_edge_handoff *handoff);

/** Whether no octets can be taken now. */
static inline int sli_edge_handoff_is_busy(
    const struct sli_edge_handoff *handoff)
{
    return handoff->state == SLI_EDGE_HANDOFF_SPILLING ||
        handoff->state == SLI_EDGE_HANDOFF_SWITCHING ||
        handoff->state == SLI_EDGE_HANDOFF_WRITING;
}

/** Whether the message is refused already: finish will say so. */
static inline int sli_edge_handoff_has_failed(
    const struct sli_edge_handoff *handoff)
{
    return handoff->state == SLI_EDGE_HANDOFF_FAILED;
}

/** Whether the queue or the disk has the word. */
static inline int sli_edge_handoff_is_waiting(
    const struct sli_edge_handoff *handoff)
{
    return handoff->question.op != NULL || handoff->spill != NULL;
}

#endif
