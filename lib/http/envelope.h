/** The envelope in a request's fields: EHLO name, sender and recipients. */
#ifndef HTTP_ENVELOPE_H
#define HTTP_ENVELOPE_H

#include <stdint.h>

#include <slimta/slice.h>

#include "base/base64.h"
#include "http/head.h"
#include "http/refusals.h"
#include "http/rules.h"
#include "mail/path.h"

/** The longest address that the grammar has. */
#define SLI_HTTP_ADDRESS_MAX (SLI_MAIL_LOCAL_MAX + 1 + SLI_MAIL_DOMAIN_MAX)

/** An address, decoded; the path's slices stand in `octets`, so it is not to be
 * copied. */
struct sli_http_address {
    char octets[SLI_BASE64_DECODED_MAX(
        SLI_BASE64_ENCODED_SIZE(SLI_HTTP_ADDRESS_MAX))];
    struct sli_mail_path path;
};

/** The name that stands in for that of EHLO; "" when there is none. It stands
 * in the request. */
enum sli_http_refusal sli_http_envelope_ehlo(const struct sli_http_rules *rules,
    const struct sli_http_request *request, struct slimta_slice *name);

/** The sender; its mailbox is "" for the null sender. */
enum sli_http_refusal sli_http_envelope_sender(
    const struct sli_http_rules *rules, const struct sli_http_request *request,
    struct sli_http_address *sender);

/** Walks through the recipients, in their order. */
struct sli_http_recipients {
    const struct sli_http_rules *rules;
    const struct sli_http_request *request;
    struct slimta_slice list; /* what is left of a field */
    size_t index;             /* of the field behind it */
    uint64_t count;           /* recipients so far */
};

void sli_http_envelope_recipients(struct sli_http_recipients *recipients,
    const struct sli_http_rules *rules, const struct sli_http_request *request);

/** The next one; its mailbox is "" when there is none any more, but for
 * NO_RECIPIENTS when there was none at all. */
enum sli_http_refusal sli_http_envelope_next(
    struct sli_http_recipients *recipients, struct sli_http_address *recipient);

#endif
