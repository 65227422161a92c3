/** An envelope to test with. */
#ifndef SUPPORT_SAMPLE_H
#define SUPPORT_SAMPLE_H

#include <slimta/error.h>

#include "base/slice.h"
#include "mail/content.h"
#include "mail/envelope.h"

/** What a test may change before it builds. */
struct sample {
    struct sli_mail_facts facts;
    struct slimta_mail_params params;
    const char *sender;
    const char *const *recipients; /**< ended with NULL; may be NULL */
    const char *content;
};

/** Facts of a client at 192.0.2.1 that brings mail to mx.example.com. */
static inline struct sample sample_make(void)
{
    return (struct sample){
        .facts = {.client = {.address = {.family = SLIMTA_FAMILY_IPV4,
                                 .port = 4321,
                                 .ip = {192, 0, 2, 1}},
                      .ehlo_as = "client.example.org",
                      .protocol = "ESMTP"},
            .receiver = "mx.example.com"},
        .params = {.size = sizeof(struct slimta_mail_params)},
        .sender = "sender@example.org",
        .content = "",
    };
}

/** Builds it, not sealed; NULL and SLIMTA_E… in `err` when that fails. */
static inline struct slimta_envelope *sample_build(
    const struct sample *sample, const struct slimta_alloc *alloc, int *err)
{
    static const struct slimta_recipient params = {.size = sizeof params};
    struct slimta_envelope *envelope = NULL;

    *err = sli_mail_envelope_new(&envelope, alloc, &sample->facts,
        sli_slice_text(sample->sender), &sample->params);
    for (size_t i = 0; *err == 0 && sample->recipients != NULL &&
         sample->recipients[i] != NULL;
         i++) {
        *err = sli_mail_envelope_add_recipient(
            envelope, sli_slice_text(sample->recipients[i]), &params);
    }
    if (*err == 0) {
        *err = sli_mail_content_append(
            slimta_envelope_content(envelope), sli_slice_text(sample->content));
    }
    if (*err != 0) {
        slimta_envelope_unref(envelope);
        envelope = NULL;
    }
    return envelope;
}

#endif
