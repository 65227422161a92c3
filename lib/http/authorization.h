/** The credentials of a request: Basic (RFC 7617) and Bearer (RFC 6750). */
#ifndef HTTP_AUTHORIZATION_H
#define HTTP_AUTHORIZATION_H

#include <stddef.h>

#include <slimta/slice.h>

#include "base/base64.h"
#include "http/head.h"

/** The most that name, colon and password of Basic may have. */
#define SLI_HTTP_BASIC_MAX 1024

enum sli_http_authorization_scheme {
    SLI_HTTP_AUTHORIZATION_NONE,   /**< the request has none */
    SLI_HTTP_AUTHORIZATION_BASIC,  /**< `name` and `password` */
    SLI_HTTP_AUTHORIZATION_BEARER, /**< `token` */
    SLI_HTTP_AUTHORIZATION_OTHER,  /**< a scheme that is not known here */
    SLI_HTTP_AUTHORIZATION_BAD     /**< not well formed, or there twice */
};

/** Name and password stand in `room`, which its owner wipes when they are no
 * longer needed, the token in the request; it is not to be copied. */
struct sli_http_authorization {
    enum sli_http_authorization_scheme scheme;
    struct slimta_slice name;
    struct slimta_slice password;
    struct slimta_slice token;
    char room[SLI_BASE64_DECODED_MAX(
        SLI_BASE64_ENCODED_SIZE(SLI_HTTP_BASIC_MAX))];
};

void sli_http_authorization_read(const struct sli_http_request *request,
    struct sli_http_authorization *authorization);

/** Writes a challenge of that scheme (RFC 9110 section 11.6.1), terminated, cut
 * to `size`; returns the length of the whole. A realm is printable ASCII, what
 * is not becomes '?'. */
size_t sli_http_authorization_challenge(
    enum sli_http_authorization_scheme scheme, struct slimta_slice realm,
    char *out, size_t size);

#endif
