/** The questions that a request's head is judged with, one after the other. */
#ifndef EDGE_HTTP_STEPS_H
#define EDGE_HTTP_STEPS_H

#include "edge/http/call.h"

/** Takes the steps that are due, as far as it goes now. */
void sli_edge_http_steps_advance(struct http_edge_call *call);

/** What the session's kind does about answers of the queue, and the end of an
 * attempt to authenticate. */
void sli_edge_http_steps_opened(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused);
void sli_edge_http_steps_listed(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused);
void sli_edge_http_steps_proved(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused);

/** What validators are told. */
void sli_edge_http_steps_fill(struct slimta_session *base,
    enum sli_edge_step step, struct sli_edge_arguments *arguments);

#endif
