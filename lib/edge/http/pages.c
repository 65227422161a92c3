/** What an edge tells of itself over HTTP: health and metrics. */
#include "edge/http/pages.h"

#include "base/alloc.h"
#include "base/slice.h"
#include "io/clock.h"

enum {
    METRICS_FIRST = 16384, /* octets that are tried at first */
    METRICS_MAX = 524288,  /* half of what the output may hold */
    METRICS_TRIES = 4      /* the text may grow while it is written */
};

static void respond(struct http_edge_call *call, int status,
    struct slimta_slice type, struct slimta_slice body)
{
    struct sli_http_answer answer;

    sli_http_answer_init(
        &answer, &call->edge->page_rules, sli_io_clock_now_ms(), status, body);
    if (body.size > 0) {
        sli_http_answer_add(&answer, SLI_LITERAL("Content-Type"), type);
    }
    sli_edge_http_call_respond(call, &answer.response, 0);
}

static void refuse(struct http_edge_call *call, enum sli_http_refusal refusal)
{
    struct sli_http_answer answer;

    sli_http_answer_refuse(
        &answer, &call->edge->page_rules, sli_io_clock_now_ms(), refusal);
    sli_edge_http_call_respond(call, &answer.response, 0);
}

static int is_get(const struct sli_http_request *request)
{
    return sli_slice_is(request->method, SLI_LITERAL("GET")) ||
        sli_slice_is(request->method, SLI_LITERAL("HEAD"));
}

void sli_edge_http_pages_health(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    if (!is_get(request)) {
        refuse(call, SLI_HTTP_REFUSAL_BAD_METHOD);
    } else if (sli_edge_shard_is_draining(
                   sli_edge_session_shard(&call->base))) {
        refuse(call, SLI_HTTP_REFUSAL_SHUTTING_DOWN);
    } else {
        respond(call, 200, SLI_LITERAL("text/plain"), SLI_LITERAL("ok\n"));
    }
}

/* Writes the whole text into memory of its own; NULL without memory, or when it
 * is longer than any that can be sent. */
static char *write_metrics(const struct http_edge *edge, size_t *size)
{
    size_t room = METRICS_FIRST;

    for (int i = 0; i < METRICS_TRIES && room <= METRICS_MAX; i++) {
        char *text = sli_alloc(&edge->edge.alloc, room);

        if (text == NULL) {
            return NULL;
        }
        *size = edge->metrics(text, room, edge->metrics_user);
        if (*size < room) {
            return text;
        }
        sli_free(&edge->edge.alloc, text);
        room = *size + *size / 8 + 1;
    }
    return NULL;
}

void sli_edge_http_pages_metrics(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    size_t size = 0;
    char *text;

    if (!is_get(request)) {
        refuse(call, SLI_HTTP_REFUSAL_BAD_METHOD);
        return;
    }
    text = write_metrics(call->edge, &size);
    if (text == NULL) {
        refuse(call, SLI_HTTP_REFUSAL_FAULT);
        return;
    }
    respond(call, 200, SLI_LITERAL("text/plain; version=0.0.4; charset=utf-8"),
        sli_slice(text, size));
    sli_free(&call->edge->edge.alloc, text);
}
