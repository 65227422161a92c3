/** One connection to the HTTP edge's own server: conducts the connection, the
 * engine, and the call of the request that is being served. */
#ifndef EDGE_HTTP_CONN_H
#define EDGE_HTTP_CONN_H

#include "edge/http/call.h"
#include "io/conn.h"
#include "io/timer.h"

struct sli_edge_http_conn {
    struct sli_edge_member member; /* first: the two are cast into each other */
    struct http_edge *edge;
    struct sli_io_conn io;
    struct sli_http_server engine;
    struct sli_io_timer timer; /* for whatever is waited for */
    struct sli_edge_http_origin origin;
    struct http_edge_call call;
    enum slimta_closed reason;
    uint64_t began_ms;
    uint64_t messages; /* that were accepted */
    uint64_t bytes_in;
    uint64_t bytes_out;
    enum sli_http_state timed; /* the state that the timer was set for */
    unsigned char is_timed;    /* it was, and the state is as it was then */
    unsigned char has_call;    /* a request is being served */
    unsigned char is_pumping;  /* pump runs: no need to call it */
    unsigned char is_closing;
    unsigned char is_securing; /* a handshake is made: nothing else happens */
};

extern const struct sli_io_conn_handler sli_edge_http_conn_handler;

/** From input to events to output, as far as it goes now. */
void sli_edge_http_conn_pump(struct sli_edge_http_conn *conn);

/** The timer: what is waited for now is due in `time_ms`. */
void sli_edge_http_conn_wait(struct sli_edge_http_conn *conn, uint64_t time_ms);

/** Closes the connection; nothing is said or asked any more. */
void sli_edge_http_conn_close(
    struct sli_edge_http_conn *conn, enum sli_io_conn_close how);

/** What the HTTP edge's shards do with connections. */
extern const struct sli_edge_door sli_edge_http_door;

#endif
