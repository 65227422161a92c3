/** A request with an Idempotency-Key: served once, however often it comes. */
#ifndef EDGE_HTTP_ONCE_H
#define EDGE_HTTP_ONCE_H

#include "edge/http/call.h"

/** Takes the call's key, if it has one, or learns what was answered to it. A
 * key belongs to whom the client has proved to be. */
enum sli_http_refusal sli_edge_http_once_take(struct http_edge_call *call);

/** Octets of the body. */
void sli_edge_http_once_add(
    struct http_edge_call *call, struct slimta_slice octets);

/** The body is whole, and the key was answered before: whether that was the
 * same request. */
int sli_edge_http_once_is_same(struct http_edge_call *call);

/** The request is about to be answered with `reply`: it is remembered if a
 * queue has said yes. NULL: nobody is answered. */
void sli_edge_http_once_settle(
    struct http_edge_call *call, const struct slimta_reply *reply);

#endif
