/** An engine to test with, its owner, and what they say to each other. */
#ifndef SMTP_ENGINE_H
#define SMTP_ENGINE_H

#include <slimta/error.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "mail/reply.h"
#include "smtp/server.h"

struct fixture {
    struct fail_alloc alloc;
    struct sli_smtp_config config;
    struct sli_buf output;
    struct sli_smtp_server server;
};

static inline int set_up(void **state)
{
    static struct fixture fixture;

    fail_alloc_init(&fixture.alloc, 0, FAIL_ALLOC_ONCE);
    fixture.config = (struct sli_smtp_config){
        .alloc = &fixture.alloc.table,
        .hostname = "mx.example",
        .max_message_bytes = 100,
        .max_recipients = 2,
        .max_command_bytes = 512,
        .max_ehlo_bytes = 255,
        .max_errors = SLIMTA_UNLIMITED,
        .max_auth_bytes = 12290,
    };
    sli_buf_init(&fixture.output, &fixture.alloc.table, SIZE_MAX);
    sli_smtp_server_init(&fixture.server, &fixture.config, &fixture.output);
    *state = &fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    sli_smtp_server_fini(&fixture->server);
    sli_buf_fini(&fixture->output);
    return (int)atomic_load(&fixture->alloc.live);
}

static inline enum sli_smtp_event_type next(struct fixture *fixture)
{
    struct sli_smtp_event event;

    do {
        sli_smtp_server_next(&fixture->server, &event);
    } while (event.type == SLI_SMTP_EVENT_REFUSED);
    return event.type;
}

/* Answers everything by default until there is nothing more to do. */
static inline void pump(struct fixture *fixture)
{
    enum sli_smtp_event_type type = next(fixture);

    while (type != SLI_SMTP_EVENT_NONE && type != SLI_SMTP_EVENT_CLOSE) {
        if (sli_smtp_server_is_waiting(&fixture->server)) {
            assert_int_equal(sli_smtp_server_answer(&fixture->server, NULL), 0);
        }
        type = next(fixture);
    }
}

static inline void feed(struct fixture *fixture, const char *text)
{
    assert_int_equal(
        sli_smtp_server_feed(&fixture->server, sli_slice_text(text)), 0);
}

static inline void say(struct fixture *fixture, const char *text)
{
    sli_buf_clear(&fixture->output);
    feed(fixture, text);
    pump(fixture);
    assert_int_equal(sli_smtp_server_park(&fixture->server), 0);
}

static inline int code_of(const struct fixture *fixture)
{
    struct slimta_slice output = sli_buf_slice(&fixture->output);

    return output.size < 3 ? 0
                           : (output.data[0] - '0') * 100 +
            (output.data[1] - '0') * 10 + output.data[2] - '0';
}

/* Brings a new engine into a state in which commands are read. */
static inline void enter(struct fixture *fixture, enum sli_smtp_state state)
{
    static const char *const steps[] = {
        [SLI_SMTP_STATE_CONNECTED] = "",
        [SLI_SMTP_STATE_READY] = "EHLO x\r\n",
        [SLI_SMTP_STATE_MAIL] = "MAIL FROM:<a@b.example>\r\n",
        [SLI_SMTP_STATE_RCPT] = "RCPT TO:<a@b.example>\r\n",
        [SLI_SMTP_STATE_CHUNKS] = "BDAT 0\r\n",
    };

    if (state == SLI_SMTP_STATE_REFUSED) {
        struct slimta_reply reply;

        sli_mail_reply_init(&reply, &fixture->alloc.table);
        assert_int_equal(slimta_reply_set(&reply, 554, "No"), 0);
        assert_int_equal(next(fixture), SLI_SMTP_EVENT_BANNER);
        assert_int_equal(sli_smtp_server_answer(&fixture->server, &reply), 0);
        sli_mail_reply_fini(&reply);
    } else {
        for (int i = SLI_SMTP_STATE_CONNECTED; i <= (int)state; i++) {
            say(fixture, steps[i]);
        }
    }
    assert_int_equal(sli_smtp_server_state(&fixture->server), state);
}

#endif
