/**
 * The octets of a request's head, or of the trailer of a chunked body, judged
 * one by one as they come (RFC 9112 sections 2, 3 and 5).
 *
 * It says where the head ends, and that every line of it is well formed; what
 * the lines mean is for head.h. Nothing that could be read in two ways passes:
 * no bare CR or LF, no obs-fold, no space before a colon.
 */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include <stdint.h>

#include <slimta/slice.h>

#include "http/refusals.h"

enum {
    /** The longest method that is read (RFC 9112 section 3: else 501). */
    SLI_HTTP_METHOD_MAX = 64,
    /** The longest request target (RFC 9112 section 3: 8000 at least). */
    SLI_HTTP_TARGET_MAX = 8192
};

enum sli_http_scan_state {
    SLI_HTTP_SCAN_START,    /**< before the method */
    SLI_HTTP_SCAN_BLANK_LF, /**< the LF of an empty line before it is due */
    /* No request has begun up to here. */
    SLI_HTTP_SCAN_METHOD,     /**< inside the method */
    SLI_HTTP_SCAN_TARGET,     /**< in the request target, or before it */
    SLI_HTTP_SCAN_PERCENT,    /**< the first digit after a '%' is due */
    SLI_HTTP_SCAN_PERCENT_2,  /**< the second one */
    SLI_HTTP_SCAN_VERSION,    /**< in HTTP/1.x, or before it */
    SLI_HTTP_SCAN_LINE_CR,    /**< the CR after the version is due */
    SLI_HTTP_SCAN_LINE_LF,    /**< the LF of a line is due */
    SLI_HTTP_SCAN_LINE_START, /**< a field or the empty line */
    SLI_HTTP_SCAN_NAME,       /**< in a field's name */
    SLI_HTTP_SCAN_VALUE,      /**< in its value, or before it */
    SLI_HTTP_SCAN_END_LF,     /**< the LF of the empty line is due */
    SLI_HTTP_SCAN_DONE
};

struct sli_http_scan_limits {
    uint64_t max_bytes;  /**< of the whole, its empty line included */
    uint64_t max_fields; /**< field lines */
};

struct sli_http_scan {
    struct sli_http_scan_limits limits;
    enum sli_http_scan_state state;
    uint64_t size;      /* octets taken */
    size_t method_at;   /* where the method begins */
    size_t method_size; /* octets of the method */
    size_t target_size; /* octets of the target */
    size_t fields_at;   /* where the first field begins */
    unsigned version;   /* octets of the version */
    int minor;          /* of HTTP/1.x */
    uint64_t fields;    /* field lines that have begun */
};

/** Begins with a request line. */
void sli_http_scan_init(
    struct sli_http_scan *scan, struct sli_http_scan_limits limits);

/** Begins with the fields: a trailer section. */
void sli_http_scan_init_trailer(
    struct sli_http_scan *scan, struct sli_http_scan_limits limits);

/**
 * Judges the octets that follow those before. `used` becomes how many it took:
 * all of them, unless the state becomes DONE or something is refused. Once it
 * has refused it is not to be called again.
 */
enum sli_http_refusal sli_http_scan_next(
    struct sli_http_scan *scan, struct slimta_slice octets, size_t *used);

#endif
