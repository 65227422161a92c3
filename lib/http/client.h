/**
 * The sending HTTP/1.1 engine: octets in, events and octets out.
 *
 * It does no I/O and knows no time. Its owner writes a request, sends what
 * stands in the output and then the body as it is, feeds what it has read, and
 * pulls events until there is none. What a response is does not depend on how
 * the input was cut.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stdint.h>

#include <slimta/alloc.h>
#include <slimta/reply.h>
#include <slimta/slice.h>

#include "base/buf.h"
#include "base/input.h"
#include "http/body.h"
#include "http/fields.h"
#include "http/posting.h"
#include "http/scan.h"
#include "mail/reply.h"

enum {
    /** A status line with its CRLF. */
    SLI_HTTP_CLIENT_LINE_MAX = 1024,
    /** Interim responses before the one. */
    SLI_HTTP_CLIENT_INTERIM_MAX = 16,
    /** The most that is read of a response's body, which nobody wants, so that
     * the connection can be used again. */
    SLI_HTTP_CLIENT_SKIP_MAX = 64 * 1024
};

/** How all engines of one queue behave. Borrowed by each of them. */
struct sli_http_client_config {
    const struct slimta_alloc *alloc;
    struct sli_http_scan_limits head; /**< of a response, without its first
                                           line */
};

enum sli_http_client_event_type {
    SLI_HTTP_CLIENT_NONE,  /**< nothing more in what was fed */
    SLI_HTTP_CLIENT_REPLY, /**< the message was taken, or not: `reply` */
    SLI_HTTP_CLIENT_READY, /**< another request may be sent */
    SLI_HTTP_CLIENT_CLOSE  /**< close the connection: `close`. Comes again at
                                each further call */
};

enum sli_http_client_close {
    SLI_HTTP_CLIENT_CLOSE_DONE,     /**< all is told; the hop, or what it said,
                                         does not allow another request */
    SLI_HTTP_CLIENT_CLOSE_LOST,     /**< sli_http_client_lost */
    SLI_HTTP_CLIENT_CLOSE_GIVEN_UP, /**< sli_http_client_give_up */
    SLI_HTTP_CLIENT_CLOSE_BROKEN,   /**< what came is no response, or one to
                                         nothing that was asked */
    SLI_HTTP_CLIENT_CLOSE_MEMORY    /**< no memory to go on */
};

/** What has become of the message under way. */
enum sli_http_client_outcome {
    SLI_HTTP_CLIENT_OUTCOME_NONE,      /**< there was none, or it is told */
    SLI_HTTP_CLIENT_OUTCOME_NOT_TAKEN, /**< not all of it was sent */
    SLI_HTTP_CLIENT_OUTCOME_UNKNOWN    /**< all was sent, nothing was said */
};

/** What next() tells. Everything lives until the next call of any function, the
 * list also no longer than until another engine with the same room for fields
 * reads a head. */
struct sli_http_client_event {
    enum sli_http_client_event_type type;
    int is_accepted; /**< of REPLY */
    int status;      /**< of REPLY */
    /** REPLY: what the hop has said, see http/verdict.h. CLOSE: what can be
     * said for it, of class 4; DONE: NULL. */
    const struct slimta_reply *reply;
    struct slimta_slice recipients; /**< for sli_http_verdict_next */
    struct {
        enum sli_http_client_close reason;
        enum sli_http_client_outcome outcome;
    } close;
};

/** The machine's states. */
enum sli_http_client_state {
    SLI_HTTP_CLIENT_STATE_IDLE,   /**< a request may be sent */
    SLI_HTTP_CLIENT_STATE_LINE,   /**< a response's status line is due */
    SLI_HTTP_CLIENT_STATE_FIELDS, /**< in its fields */
    SLI_HTTP_CLIENT_STATE_BODY,   /**< in its body */
    SLI_HTTP_CLIENT_STATE_CLOSED
};

/** One connection's engine, held by value; no memory of its own while it is
 * idle. */
struct sli_http_client {
    /* Its fields are its own. */
    const struct sli_http_client_config *config;
    struct sli_buf *output;
    struct sli_http_fields *fields;
    enum sli_http_client_state state;
    struct sli_input input;
    size_t searched;  /* octets of the line that have no LF */
    size_t line_size; /* of the status line, which stands at the front */
    struct sli_http_scan scan;
    struct sli_http_body body;
    uint64_t skipped; /* octets of the response's body */
    struct slimta_reply reply;
    int status;
    int minor;
    unsigned interim;
    int keeps;            /* the connection may be used again */
    int has_told;         /* REPLY was told of the last request */
    uint64_t unsent_body; /* octets of the message that the owner still has */
    int has_ended;
    size_t unsent; /* octets that never left */
    enum sli_http_client_close close;
    enum sli_http_client_outcome outcome;
};

/** All three are borrowed, and shared like those of http/server.h. */
void sli_http_client_init(struct sli_http_client *client,
    const struct sli_http_client_config *config, struct sli_buf *output,
    struct sli_http_fields *fields);

void sli_http_client_fini(struct sli_http_client *client);

/** Appends the head of a request to the output. The body follows as it is.
 * SLIMTA_ESTATE: not now; SLIMTA_EINVAL: nothing was done; SLIMTA_ENOMEM: the
 * engine is closed. */
int sli_http_client_post(
    struct sli_http_client *client, const struct sli_http_posting *posting);

/** `size` octets of the body, no more than it has, were put behind the output.
 */
void sli_http_client_sent(struct sli_http_client *client, uint64_t size);

/** Gives input, borrowed until park (or all is consumed). Without memory the
 * engine is closed. */
void sli_http_client_feed(
    struct sli_http_client *client, struct slimta_slice input);

/** Keeps a copy of what was not consumed. The same. */
void sli_http_client_park(struct sli_http_client *client);

/** The next event. */
void sli_http_client_next(
    struct sli_http_client *client, struct sli_http_client_event *event);

/** The connection is gone: what was fed is served, then CLOSE comes. `unsent`:
 * octets of output and body that were not handed to the system. */
void sli_http_client_lost(struct sli_http_client *client, size_t unsent);

/** The owner gives up; `code` and `text` (static, with its enhanced code) are
 * what CLOSE has to say. */
void sli_http_client_give_up(
    struct sli_http_client *client, size_t unsent, int code, const char *text);

enum sli_http_client_state sli_http_client_state(
    const struct sli_http_client *client);

#endif
