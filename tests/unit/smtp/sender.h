/** A sending engine to test with, and its next hop. */
#ifndef SMTP_SENDER_H
#define SMTP_SENDER_H

#include <slimta/error.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "mail/reply.h"
#include "smtp/client.h"

struct sender {
    struct fail_alloc alloc;
    struct sli_smtp_client_config config;
    struct sli_buf output;
    struct sli_smtp_client client;
    struct sli_smtp_client_event event; /* the last that was something */
};

static const struct slimta_mail_params no_params = {.size = sizeof no_params};

static inline void sender_begin(struct sender *sender)
{
    fail_alloc_init(&sender->alloc, 0, FAIL_ALLOC_ONCE);
    sender->config = (struct sli_smtp_client_config){
        .alloc = &sender->alloc.table, .ehlo_name = "edge.example"};
    sli_buf_init(&sender->output, &sender->alloc.table, SIZE_MAX);
    sli_smtp_client_init(
        &sender->client, &sender->config, &sender->output, NULL);
}

static inline void sender_end(struct sender *sender)
{
    sli_smtp_client_fini(&sender->client);
    sli_buf_fini(&sender->output);
    assert_int_equal(atomic_load(&sender->alloc.live), 0);
}

/** Pulls until there is nothing more; the type of the last event. */
static inline enum sli_smtp_client_event_type sender_pull(struct sender *sender)
{
    struct sli_smtp_client_event event;
    enum sli_smtp_client_event_type type = SLI_SMTP_CLIENT_NONE;

    for (;;) {
        sli_smtp_client_next(&sender->client, &event);
        if (event.type == SLI_SMTP_CLIENT_NONE) {
            return type;
        }
        type = event.type;
        sender->event = event;
        if (type == SLI_SMTP_CLIENT_CLOSE) {
            return type;
        }
    }
}

static inline enum sli_smtp_client_event_type sender_hear(
    struct sender *sender, const char *text)
{
    sli_smtp_client_feed(&sender->client, sli_slice_text(text));
    return sender_pull(sender);
}

static inline void sender_greet(struct sender *sender, const char *ehlo)
{
    (void)sender_hear(sender, "220 mx.example\r\n");
    assert_int_equal(sender_hear(sender, ehlo), SLI_SMTP_CLIENT_GREETED);
}

static inline int sender_mail(struct sender *sender)
{
    struct sli_smtp_mail mail = {
        .sender = SLI_LITERAL("a@b.example"), .params = &no_params};

    return sli_smtp_client_mail(&sender->client, &mail);
}

static inline int sender_rcpt(struct sender *sender)
{
    const struct slimta_recipient recipient = {
        .size = sizeof recipient, .address = "c@d.example"};

    return sli_smtp_client_rcpt(&sender->client, &recipient);
}

#endif
