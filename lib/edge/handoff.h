/** The way of one message from the session to the queue: gathered in memory,
 * spilled to a file, or streamed. */
#ifndef EDGE_HANDOFF_H
#define EDGE_HANDOFF_H

#include "edge/op.h"
#include "edge/shard.h"

struct sli_edge_handoff;
struct sli_edge_spill;

/** What it tells the session; each may come before the verb that caused it has
 * returned. On the loop. */
struct sli_edge_handoff_handler {
    /** The answer to begin: NULL to go on, or the reply that refuses. */
    void (*begun)(
        struct sli_edge_handoff *handoff, const struct slimta_reply *refusal);
    /** It is not busy any more: more octets may come. */
    void (*ready)(struct sli_edge_handoff *handoff);
    /** The answer to finish: the queue's name for the message ("" when it
     * named none), or the reply that refuses. */
    void (*finished)(struct sli_edge_handoff *handoff, const char *id,
        const struct slimta_reply *refusal);
};

enum sli_edge_handoff_state {
    SLI_EDGE_HANDOFF_IDLE,
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
    int failure_code;
    const char *failure_text;     /* static */
    struct slimta_reply *failure; /* the queue's own words, or NULL */
};

void sli_edge_handoff_init(struct sli_edge_handoff *handoff,
    struct sli_edge_shard *shard, const struct sli_edge_handoff_limits *limits,
    const struct sli_edge_handoff_handler *handler);

/** A message begins; `begun` follows. `envelope` stays the session's, which
 * keeps it until finished or abort. */
void sli_edge_handoff_begin(
    struct sli_edge_handoff *handoff, struct slimta_envelope *envelope);

/** Octets of the message; not while it is busy. */
void sli_edge_handoff_write(
    struct sli_edge_handoff *handoff, struct slimta_slice octets);

/** The message is refused, with a copy of `why`: what still comes is dropped,
 * the queue is told, and `finish` answers with it. */
void sli_edge_handoff_refuse(
    struct sli_edge_handoff *handoff, const struct slimta_reply *why);

/** All octets came; `finished` follows. */
void sli_edge_handoff_finish(struct sli_edge_handoff *handoff);

/** Whatever is on the way is forgotten; the queue is told. No handler is
 * called any more. */
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

/** Whether the queue or the disk has the word. */
static inline int sli_edge_handoff_is_waiting(
    const struct sli_edge_handoff *handoff)
{
    return handoff->question.op != NULL || handoff->spill != NULL;
}

#endif
