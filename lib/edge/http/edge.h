/** The inside of the HTTP edge's public object. */
#ifndef EDGE_HTTP_EDGE_H
#define EDGE_HTTP_EDGE_H

#include <regex.h>

#include <slimta/http_edge.h>

#include "base/arena.h"
#include "edge/edge.h"
#include "edge/http/keys.h"
#include "http/rules.h"
#include "http/server.h"
#include "sasl/sasl.h"

/** Constant once it has started: requests of all threads read it. */
struct http_edge {
    struct sli_edge edge; /* first: the two are cast into each other */
    struct sli_http_config http;
    struct sli_http_rules rules;      /* of a request that brings mail */
    struct sli_http_rules page_rules; /* of health_path and metrics_path */
    unsigned flags;                   /* SLIMTA_HTTP_… */
    struct sli_arena words;           /* the options' strings */
    struct slimta_slice *custom;      /* names for `header` */
    size_t custom_count;
    regex_t pattern; /* of the paths */
    int has_pattern;
    struct slimta_slice health_path; /* "" for none */
    struct slimta_slice metrics_path;
    size_t (*metrics)(char *out, size_t size, void *user);
    void *metrics_user;
    struct sli_sasl *sasl; /* NULL: nobody judges credentials */
    struct sli_edge_http_keys keys;
    uint64_t max_received;
    uint64_t head_timeout_ms;
    uint64_t idle_timeout_ms;
    uint64_t tls_timeout_ms;
    int has_tls;
};

#endif
