/**
 * The receiving HTTP/1.1 engine: octets in, events and octets out.
 *
 * It does no I/O and knows no time. Its owner feeds it what it has read, pulls
 * events until there is none, answers those that ask, and sends what stands in
 * the output buffer. It knows requests, not mail: what one asks for is for its
 * owner. What a request is does not depend on how the input was cut.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <slimta/alloc.h>
#include <slimta/slice.h>

#include "base/buf.h"
#include "base/input.h"
#include "http/body.h"
#include "http/fields.h"
#include "http/head.h"
#include "http/refusals.h"
#include "http/response.h"
#include "http/scan.h"

/** The most that is read of a body that nobody wants any more, so that the
 * connection can be kept. */
#define SLI_HTTP_SKIP_MAX (64 * 1024)

/** How all engines of one edge behave. Borrowed by each of them. */
struct sli_http_config {
    const struct slimta_alloc *alloc;
    struct sli_http_scan_limits head;
    int closes; /**< after each response */
};

enum sli_http_event_type {
    SLI_HTTP_EVENT_NONE, /**< nothing more in what was fed: feed again */
    SLI_HTTP_EVENT_WAIT, /**< an answer is due; nothing happens before it */

    /* Questions: nothing happens before their answer. */
    SLI_HTTP_EVENT_HEAD,    /**< `head`: _continue, or _respond already */
    SLI_HTTP_EVENT_END,     /**< the body is complete: _respond */
    SLI_HTTP_EVENT_REFUSED, /**< by the engine, for `refused`: _respond */

    /* Tellings. _respond may come after CONTENT too, or whenever HEAD was
     * answered with _continue. */
    SLI_HTTP_EVENT_CONTENT, /**< octets of the body: `content` */
    SLI_HTTP_EVENT_ABORTED, /**< the request that HEAD told is given up: drop
                                 its message. REFUSED or CLOSE follows */
    SLI_HTTP_EVENT_CLOSE    /**< send what is in the output, shut down the
                                 sending side, read for a while, and close:
                                 `close`. Comes again at each further call */
};

enum sli_http_close {
    SLI_HTTP_CLOSE_DONE,       /**< after a response, as was agreed */
    SLI_HTTP_CLOSE_EARLY,      /**< after one that did not wait for the body */
    SLI_HTTP_CLOSE_REFUSED,    /**< after a refusal of the engine */
    SLI_HTTP_CLOSE_EOF,        /**< the client has shut down its side */
    SLI_HTTP_CLOSE_DRAINED,    /**< idle, and no more requests are wanted */
    SLI_HTTP_CLOSE_TERMINATED, /**< sli_http_server_terminate */
    SLI_HTTP_CLOSE_MEMORY      /**< no memory to go on */
};

/** What next() tells. The slices live until the next call of next, feed, park,
 * continue or respond; the fields also no longer than until another engine
 * with the same room for fields reads a head. */
struct sli_http_event {
    enum sli_http_event_type type;
    union {
        struct {
            struct sli_http_request request;
            int minor; /**< of HTTP/1.x */
        } head;
        struct slimta_slice content; /**< never empty */
        enum sli_http_refusal refused;
        enum sli_http_close close;
    };
};

/** The machine's states. */
enum sli_http_state {
    SLI_HTTP_STATE_IDLE,     /**< no octet of a request has come */
    SLI_HTTP_STATE_HEAD,     /**< its head is being read */
    SLI_HTTP_STATE_ASKED,    /**< HEAD was told: continue or respond */
    SLI_HTTP_STATE_BODY,     /**< its body is being read */
    SLI_HTTP_STATE_ENDED,    /**< END was told: respond */
    SLI_HTTP_STATE_REFUSED,  /**< REFUSED is told: respond */
    SLI_HTTP_STATE_SKIPPING, /**< the rest of its body is thrown away */
    SLI_HTTP_STATE_CLOSED    /**< nothing is read any more */
};

/** One connection's engine, held by value; no memory of its own while it is
 * idle. */
struct sli_http_server {
    /* Its fields are its own. */
    const struct sli_http_config *config;
    struct sli_buf *output;
    struct sli_http_fields *fields;
    enum sli_http_state state;
    struct sli_input input;
    struct sli_http_scan scan; /* of the head at the input's front */
    struct sli_http_body body;
    enum sli_http_refusal refusal;
    enum sli_http_close close;
    int minor;            /* of the request's HTTP/1.x */
    int is_head;          /* its method is HEAD */
    int keeps;            /* the client would use the connection again */
    int expects_continue; /* it waits for a 100 */
    int has_ended;        /* no more input will come */
    int is_draining;      /* this request is the last */
    int owes_aborted;     /* ABORTED is the next event */
    int owes_refused;     /* REFUSED is, behind that */
};

/** All three are borrowed. All engines of one loop may share an output buffer
 * (each is emptied before the next one runs) and the room for fields. */
void sli_http_server_init(struct sli_http_server *server,
    const struct sli_http_config *config, struct sli_buf *output,
    struct sli_http_fields *fields);

void sli_http_server_fini(struct sli_http_server *server);

/** Gives input, borrowed until park (or all is consumed). What was parked
 * stands before it. SLIMTA_ENOMEM. */
int sli_http_server_feed(
    struct sli_http_server *server, struct slimta_slice input);

/** Keeps a copy of what was not consumed; none and no memory when all was.
 * Call it before the input's memory is used for something else. SLIMTA_ENOMEM.
 */
int sli_http_server_park(struct sli_http_server *server);

/** Whether a copy of input is held that could not be used yet. */
int sli_http_server_has_parked(const struct sli_http_server *server);

/** No more input will come: what is buffered is served, then CLOSE. */
void sli_http_server_end_input(struct sli_http_server *server);

/** The next event. After a question it says WAIT until it is answered. */
void sli_http_server_next(
    struct sli_http_server *server, struct sli_http_event *event);

/** The question that waits, told again: its slices stand in the input as it is
 * now. Its type is NONE when nothing waits. Not after the room for fields was
 * freed. */
void sli_http_server_asked(
    struct sli_http_server *server, struct sli_http_event *event);

/**
 * Answers HEAD: the body is wanted. Says 100 to a client that waits for it,
 * unless octets of the body are there (RFC 9110 section 10.1.1). SLIMTA_ENOMEM:
 * the engine is closed then. SLIMTA_ESTATE: no HEAD waits.
 */
int sli_http_server_continue(struct sli_http_server *server);

/**
 * Answers the request, once, at any time since HEAD was told; what came of its
 * body and was not told is dropped. The response has every field but
 * Connection. Before the body's end the connection is kept only if the rest is
 * there or at most SLI_HTTP_SKIP_MAX octets: else the response says so, and
 * CLOSE comes next. SLIMTA_ENOMEM: the engine is closed, and another response,
 * 503, was said if there was room. SLIMTA_ESTATE: nobody waits for one.
 */
int sli_http_server_respond(
    struct sli_http_server *server, const struct sli_http_response *response);

/** Says a last response on the owner's account (408, 503) and closes, in any
 * state; a request that was told gets its ABORTED first. NULL closes without a
 * word, and so does a response when none is due: to a request that has not
 * begun, or that was answered. */
void sli_http_server_terminate(
    struct sli_http_server *server, const struct sli_http_response *response);

/** No more requests are wanted: CLOSE comes at once when idle, else after the
 * response to the one that has begun. */
void sli_http_server_drain(struct sli_http_server *server);

enum sli_http_state sli_http_server_state(const struct sli_http_server *server);

/** Whether an answer is due. */
int sli_http_server_is_waiting(const struct sli_http_server *server);

#endif
