/** What an edge tells of itself over HTTP: health and metrics. */
#ifndef EDGE_HTTP_PAGES_H
#define EDGE_HTTP_PAGES_H

#include "edge/http/call.h"

/** Answers a request to health_path or metrics_path. */
void sli_edge_http_pages_health(
    struct http_edge_call *call, const struct sli_http_request *request);
void sli_edge_http_pages_metrics(
    struct http_edge_call *call, const struct sli_http_request *request);

#endif
