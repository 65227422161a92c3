/** The statuses of HTTP and their reasons. */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

/** The reason phrase of `status` (RFC 9110 section 15, RFC 6585); "" for one
 * that is not used here. Static. */
const char *sli_http_status_reason(int status);

#endif
