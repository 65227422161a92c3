/** The target of a request, and the hosts in it and in Host. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <slimta/slice.h>

/** RFC 9112 section 3.2; the authority-form belongs to CONNECT alone. */
enum sli_http_target_form {
    SLI_HTTP_TARGET_ORIGIN,   /**< "/path?query" */
    SLI_HTTP_TARGET_ABSOLUTE, /**< "http://host/path?query" */
    SLI_HTTP_TARGET_ASTERISK  /**< "*" */
};

/** What a target was read into; the slices stand in it. */
struct sli_http_target {
    enum sli_http_target_form form;
    struct slimta_slice authority; /**< of an absolute-form, else "" */
    struct slimta_slice path;      /**< as it came, without the query */
};

/** Reads a target whose octets are those of a URI. 1, or 0 when it has none of
 * the forms. */
int sli_http_target_read(
    struct slimta_slice text, struct sli_http_target *target);

/** Whether it is what Host may say, `uri-host [ ":" port ]` (RFC 9110 section
 * 7.2), which may be empty. */
int sli_http_target_is_host(struct slimta_slice text);

#endif
