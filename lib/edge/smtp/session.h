/** One SMTP session: conducts the connection, the engine and the handoff. */
#ifndef EDGE_SMTP_SESSION_H
#define EDGE_SMTP_SESSION_H

#include "edge/session.h"
#include "edge/smtp/edge.h"
#include "edge/smtp/tell.h"
#include "io/conn.h"
#include "io/timer.h"
#include "smtp/server.h"

struct sli_edge_smtp_session {
    struct slimta_session base; /* first: the two are cast into each other */
    struct smtp_edge *edge;
    struct sli_io_conn conn;
    struct sli_smtp_server engine;
    struct slimta_address counted;      /* whose place it has */
    struct sli_io_timer timer;          /* for whatever the session waits for */
    const struct sli_smtp_event *event; /* that is acted on, or NULL */
    struct slimta_extensions *extensions; /* while they are edited */
    struct sli_edge_smtp_tally tally;
    unsigned char is_pumping; /* pump runs: no need to call it */
    unsigned char is_closing;
    unsigned char is_securing; /* a handshake is made: nothing else happens */
    unsigned char is_draining; /* leave after the transaction */
};

static inline struct sli_edge_smtp_session *sli_edge_smtp_session_of(
    struct slimta_session *base)
{
    return (struct sli_edge_smtp_session *)base;
}

static inline const struct slimta_alloc *sli_edge_smtp_session_alloc(
    const struct sli_edge_smtp_session *session)
{
    return &session->edge->edge.alloc;
}

/** What the SMTP edge's shards do with connections. */
extern const struct sli_edge_door sli_edge_smtp_door;

/** The timer: the session's next step is due in `time_ms`. */
void sli_edge_smtp_session_wait(
    struct sli_edge_smtp_session *session, uint64_t time_ms);

/** Ends the session with a last word of ours, for `reason`. */
void sli_edge_smtp_session_terminate(struct sli_edge_smtp_session *session,
    enum slimta_closed reason, int code, const char *text);

/** Closes the connection; nothing is said or asked any more. */
void sli_edge_smtp_session_close(
    struct sli_edge_smtp_session *session, enum sli_io_conn_close how);

/** From input to events to output, as far as it goes now. */
void sli_edge_smtp_session_pump(struct sli_edge_smtp_session *session);

#endif
