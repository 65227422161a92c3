/** Reads out of a request's head what the application needs of it. */
#ifndef EDGE_HTTP_HEAD_H
#define EDGE_HTTP_HEAD_H

#include "edge/http/call.h"

/** What a path is for. */
enum sli_edge_http_head_place {
    SLI_EDGE_HTTP_HEAD_NOWHERE,
    SLI_EDGE_HTTP_HEAD_MAIL,
    SLI_EDGE_HTTP_HEAD_HEALTH,
    SLI_EDGE_HTTP_HEAD_METRICS
};

/** `scratch` has room for SLI_HTTP_TARGET_MAX and a NUL. */
enum sli_http_refusal sli_edge_http_head_place(const struct http_edge *edge,
    struct slimta_slice target, char *scratch,
    enum sli_edge_http_head_place *place);

/** Copies what events tell of a request, if anybody listens. */
void sli_edge_http_head_note(
    struct http_edge_call *call, const struct sli_http_request *request);

/** Copies all that the validators and the queue are told into the call's
 * memory. */
enum sli_http_refusal sli_edge_http_head_copy(
    struct http_edge_call *call, const struct sli_http_request *request);

#endif
