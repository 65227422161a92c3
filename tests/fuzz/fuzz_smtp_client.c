/**
 * Feeds a next hop's octets to the sending SMTP engine, whole and cut, and
 * demands the same commands and the same events, octets that nobody can take
 * for others, and an outcome that is the right one. The first two octets choose
 * what our side wants, and the cut.
 */
#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "pieces.h"
#include "smtp/client.h"

enum { CHOICES = 2, MESSAGES = 3 };

enum choice {
    IS_LMTP = 1,
    IS_APART = 2, /* nothing is sent ahead */
    WANTS_AUTH = 4,
    WANTS_TLS = 8, /* where clear octets may be fed depends on the cut */
    IS_UNSENT = 16
};

struct session {
    struct sli_smtp_client client;
    struct sli_buf output;
    struct sli_buf events; /* what was told */
    unsigned choices;
    unsigned messages; /* that were begun */
    unsigned recipients;
    int has_data;
    int is_given_up;
    size_t accepted;
    size_t owed; /* replies to an end of content */
    int has_authenticated;
    int has_tls;
    int is_closed;
    struct pieces pieces;
};

static void put_reply(struct session *session, const struct slimta_reply *reply)
{
    struct slimta_slice text = sli_slice_text(slimta_reply_text(reply));

    put_number(&session->events, (uint64_t)slimta_reply_code(reply));
    put(&session->events, sli_slice_text(slimta_reply_enhanced(reply)));
    put(&session->events, text);
    demand(text.size <= SLI_MAIL_REPLY_TEXT_MAX);
    for (size_t i = 0; i < text.size; i++) {
        demand(sli_ascii_is(text.data[i], SLI_ASCII_PRINT) ||
            text.data[i] == '\n' || text.data[i] == '\t');
    }
    demand(slimta_reply_code(reply) != 421);
}

static void check_close(
    struct session *session, const struct sli_smtp_client_event *event)
{
    /* What has left is asked of who loses the connection alone. */
    int is_unsent = (session->choices & IS_UNSENT) != 0 &&
        event->close.reason == SLI_SMTP_CLIENT_CLOSE_LOST;
    int is_unknown = session->owed > 0 && !is_unsent;

    session->is_closed = 1;
    demand(is_unknown ==
        (event->close.outcome == SLI_SMTP_CLIENT_OUTCOME_UNKNOWN));
    demand(event->close.unknown == (is_unknown ? session->owed : 0));
    demand(event->reply == NULL || slimta_reply_code(event->reply) >= 400);
    put_number(&session->events, event->close.reason);
    put_number(&session->events, event->close.outcome);
}

static void tell(
    struct session *session, const struct sli_smtp_client_event *event)
{
    put_number(&session->events, event->type);
    put_number(&session->events, (uint64_t)event->is_accepted);
    put_number(&session->events, event->index);
    if (event->reply != NULL) {
        put_reply(session, event->reply);
    }
    put(&session->events, event->challenge);
}

static void send_content(struct session *session)
{
    struct slimta_slice content = SLI_LITERAL(".x\n.\r\n.\r.\r\n");
    struct slimta_slice run;

    while (sli_smtp_client_content(&session->client, &content, &run)) {
        put(&session->output, run);
    }
    demand(sli_smtp_client_end_content(&session->client) == 0);
    session->owed = (session->choices & IS_LMTP) != 0 ? session->accepted : 1;
}

static void begin_message(struct session *session)
{
    const struct slimta_mail_params params = {.smtputf8 = 0};
    struct sli_smtp_mail mail = {SLI_LITERAL("a@b.example"), &params, 12};

    session->recipients = 0;
    session->has_data = 0;
    session->is_given_up = 0;
    session->accepted = 0;
    session->messages++;
    (void)sli_smtp_client_mail(&session->client, &mail);
}

/* One command of a message; 1 when another one may follow. */
static int go_on(struct session *session)
{
    static const struct slimta_recipient recipient = {
        .size = sizeof recipient, .address = "c@d.example"};
    struct sli_smtp_client *client = &session->client;

    if (session->has_data || session->is_given_up ||
        ((session->choices & IS_APART) != 0 &&
            sli_smtp_client_is_waiting(client))) {
        return 0;
    }
    if (session->recipients < 2) {
        if (sli_smtp_client_rcpt(client, &recipient) != 0) {
            return 0;
        }
        session->recipients++;
        return 1;
    }
    session->has_data = sli_smtp_client_data(client) == 0;
    if (!session->has_data && sli_smtp_client_may_send(client)) {
        session->is_given_up = sli_smtp_client_rset(client) == 0;
    }
    return 0;
}

/* What our side does next. */
static void act(struct session *session)
{
    struct sli_smtp_client *client = &session->client;

    /* Until something is said: what does not fit the hop is not. */
    while (sli_smtp_client_state(client) == SLI_SMTP_CLIENT_STATE_READY &&
        !sli_smtp_client_is_waiting(client)) {
        if ((session->choices & WANTS_TLS) != 0 && !session->has_tls) {
            session->has_tls = 1;
            (void)sli_smtp_client_starttls(client);
        } else if ((session->choices & WANTS_AUTH) != 0 &&
            !session->has_authenticated) {
            struct slimta_slice initial = SLI_LITERAL("initial");

            session->has_authenticated = 1;
            (void)sli_smtp_client_auth(client, "X-AUTH", &initial);
        } else if (session->messages < MESSAGES) {
            begin_message(session);
        } else if (sli_smtp_client_quit(client) != 0) {
            break;
        }
    }
    while (sli_smtp_client_state(client) == SLI_SMTP_CLIENT_STATE_MAIL &&
        go_on(session)) {
    }
}

static void react(
    struct session *session, const struct sli_smtp_client_event *event)
{
    switch (event->type) {
    case SLI_SMTP_CLIENT_STARTTLS:
        if (event->is_accepted) {
            demand(sli_smtp_client_secured(&session->client) == 0);
        }
        break;
    case SLI_SMTP_CLIENT_CHALLENGE:
        demand(sli_smtp_client_auth_answer(
                   &session->client, event->challenge) == 0);
        break;
    case SLI_SMTP_CLIENT_RCPT:
        session->accepted += (size_t)event->is_accepted;
        break;
    case SLI_SMTP_CLIENT_DATA:
        if (event->is_accepted) {
            demand(session->accepted > 0);
            send_content(session);
        } else {
            session->is_given_up = sli_smtp_client_rset(&session->client) == 0;
        }
        break;
    case SLI_SMTP_CLIENT_END:
        demand(session->owed > 0);
        session->owed--;
        break;
    case SLI_SMTP_CLIENT_CLOSE:
        check_close(session, event);
        break;
    default:
        break;
    }
}

static void pump(struct session *session)
{
    struct sli_smtp_client_event event;

    for (;;) {
        act(session);
        sli_smtp_client_next(&session->client, &event);
        if (event.type == SLI_SMTP_CLIENT_NONE || session->is_closed) {
            break;
        }
        tell(session, &event);
        react(session, &event);
    }
    sli_smtp_client_park(&session->client);
    drop_piece(&session->pieces);
}

/* RFC 5321 section 2.3.8: neither CR nor LF leaves without the other. */
static void check_output(const struct session *session)
{
    struct slimta_slice output = sli_buf_slice(&session->output);

    for (size_t i = 0; i < output.size; i++) {
        demand(output.data[i] != '\r' ||
            (i + 1 < output.size && output.data[i + 1] == '\n'));
        demand(output.data[i] != '\n' || (i > 0 && output.data[i - 1] == '\r'));
    }
}

static void run(struct session *session, const struct slimta_alloc *alloc,
    unsigned choices, struct slimta_slice input, size_t piece)
{
    const struct sli_smtp_client_config config = {
        .alloc = alloc,
        .ehlo_name = "edge.example",
        .is_lmtp = (choices & IS_LMTP) != 0,
    };
    struct slimta_slice octets;

    *session = (struct session){
        .choices = choices, .pieces = {.rest = input, .size = piece}};
    sli_buf_init(&session->output, alloc, SIZE_MAX);
    sli_buf_init(&session->events, alloc, SIZE_MAX);
    sli_smtp_client_init(&session->client, &config, &session->output, NULL);
    while (take_piece(&session->pieces, &octets)) {
        sli_smtp_client_feed(&session->client, octets);
        pump(session);
    }
    sli_smtp_client_lost(&session->client, (choices & IS_UNSENT) != 0);
    pump(session);
    demand(session->is_closed);
    check_output(session);
    sli_smtp_client_fini(&session->client);
}

static void fini(struct session *session)
{
    sli_buf_fini(&session->output);
    sli_buf_fini(&session->events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_alloc alloc;
    struct session whole;
    struct session cut;
    struct slimta_slice input;

    if (size < CHOICES) {
        return 0;
    }
    demand(sli_alloc_init(&alloc, NULL) == 0);
    input = sli_slice(data + CHOICES, size - CHOICES);
    run(&whole, &alloc, data[0], input, SIZE_MAX);
    run(&cut, &alloc, data[0], input, (size_t)data[1] + 1);
    if ((data[0] & WANTS_TLS) == 0) {
        demand_same(&whole.output, &cut.output);
        demand_same(&whole.events, &cut.events);
    }
    fini(&whole);
    fini(&cut);
    return 0;
}
