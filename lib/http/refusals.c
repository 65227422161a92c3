/** What requests are refused with by the library itself. */
#include "http/refusals.h"

#include <assert.h>

#define VALUE(code, text) #code "; message=\"" text "\""

static const struct sli_http_refusal_reply replies[] = {
#define REPLY(name, number, smtp, words) \
    [SLI_HTTP_REFUSAL_##name] = {.status = number, \
        .code = smtp, \
        .text = words, \
        .smtp_reply = {VALUE(smtp, words), sizeof VALUE(smtp, words) - 1}},
    SLI_HTTP_REFUSAL_MAP(REPLY)
#undef REPLY
};

const struct sli_http_refusal_reply *sli_http_refusals_get(
    enum sli_http_refusal refusal)
{
    assert(refusal > SLI_HTTP_REFUSAL_NONE && refusal < SLI_HTTP_REFUSAL_COUNT);
    return &replies[refusal];
}
