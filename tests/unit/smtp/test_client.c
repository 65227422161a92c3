/** Tests of lib/smtp/client.c: what dialogues cannot tell, and the way from it
 * to our own receiving engine. */
#include "test.h"

#include <string.h>

#include "sender.h"
#include "smtp/server.h"

/* Every command, and whether it may be said now. */
static void check_commands(struct sender *sender, const char *wanted)
{
    struct sli_smtp_client *client = &sender->client;
    struct slimta_slice octets = SLI_LITERAL("x");
    struct slimta_slice run;
    size_t before = sli_buf_size(&sender->output);

    if (strchr(wanted, 's') == NULL) {
        assert_int_equal(sli_smtp_client_starttls(client), SLIMTA_ESTATE);
    }
    if (strchr(wanted, 'S') == NULL) {
        assert_int_equal(sli_smtp_client_secured(client), SLIMTA_ESTATE);
    }
    if (strchr(wanted, 'a') == NULL) {
        assert_int_equal(
            sli_smtp_client_auth(client, "X", NULL), SLIMTA_ESTATE);
    }
    if (strchr(wanted, 'n') == NULL) {
        assert_int_equal(
            sli_smtp_client_auth_answer(client, octets), SLIMTA_ESTATE);
        assert_int_equal(sli_smtp_client_auth_cancel(client), SLIMTA_ESTATE);
    }
    if (strchr(wanted, 'm') == NULL) {
        assert_int_equal(sender_mail(sender), SLIMTA_ESTATE);
    }
    if (strchr(wanted, 'r') == NULL) {
        assert_int_equal(sender_rcpt(sender), SLIMTA_ESTATE);
    }
    if (strchr(wanted, 'd') == NULL) {
        assert_int_equal(sli_smtp_client_data(client), SLIMTA_ESTATE);
    }
    if (strchr(wanted, 'c') == NULL) {
        assert_int_equal(sli_smtp_client_content(client, &octets, &run), 0);
        assert_int_equal(octets.size, 1);
        assert_int_equal(sli_smtp_client_end_content(client), SLIMTA_ESTATE);
    }
    if (strchr(wanted, 'R') == NULL) {
        assert_int_equal(sli_smtp_client_rset(client), SLIMTA_ESTATE);
    }
    if (strchr(wanted, 'q') == NULL) {
        assert_int_equal(sli_smtp_client_quit(client), SLIMTA_ESTATE);
    }
    assert_int_equal(sli_buf_size(&sender->output), before);
}

static void keeps_the_order(void **state)
{
    struct sender sender;

    (void)state;
    sender_begin(&sender);
    check_commands(&sender, "S");
    (void)sender_hear(&sender, "220 x\r\n");
    check_commands(&sender, "");
    (void)sender_hear(&sender, "250 x\r\n");
    check_commands(&sender, "samq");
    assert_int_equal(sender_mail(&sender), 0);
    check_commands(&sender, "R");
    assert_false(sli_smtp_client_may_send(&sender.client));
    (void)sender_hear(&sender, "250 x\r\n");
    check_commands(&sender, "rRq");
    assert_int_equal(sender_rcpt(&sender), 0);
    check_commands(&sender, "R");
    (void)sender_hear(&sender, "550 x\r\n");
    check_commands(&sender, "rRq");
    assert_int_equal(sender_rcpt(&sender), 0);
    (void)sender_hear(&sender, "250 x\r\n");
    check_commands(&sender, "rdRq");
    assert_int_equal(sli_smtp_client_data(&sender.client), 0);
    check_commands(&sender, "");
    (void)sender_hear(&sender, "354 x\r\n");
    check_commands(&sender, "c");
    assert_int_equal(sli_smtp_client_end_content(&sender.client), 0);
    check_commands(&sender, "");
    (void)sender_hear(&sender, "250 x\r\n");
    check_commands(&sender, "samq");
    assert_int_equal(sli_smtp_client_quit(&sender.client), 0);
    check_commands(&sender, "");
    (void)sender_hear(&sender, "221 x\r\n");
    check_commands(&sender, "");
    sender_end(&sender);
}

/* What is given up before its replies have come is reset behind them. */
static void resets_behind_what_is_due(void **state)
{
    struct sender sender;

    (void)state;
    sender_begin(&sender);
    sender_greet(&sender, "250-x\r\n250 PIPELINING\r\n");
    sli_buf_clear(&sender.output);
    assert_int_equal(sender_mail(&sender), 0);
    assert_int_equal(sender_rcpt(&sender), 0);
    assert_int_equal(sli_smtp_client_rset(&sender.client), 0);
    check_commands(&sender, "");
    assert_int_equal(sender_hear(&sender, "550 no\r\n"), SLI_SMTP_CLIENT_MAIL);
    assert_int_equal(sender_hear(&sender, "503 no\r\n"), SLI_SMTP_CLIENT_RCPT);
    assert_int_equal(sender_hear(&sender, "250 x\r\n"), SLI_SMTP_CLIENT_RSET);
    assert_true(sli_slice_is(sli_buf_slice(&sender.output),
        SLI_LITERAL("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
                    "RSET\r\n")));
    assert_int_equal(sender_mail(&sender), 0);
    sender_end(&sender);
}

/* RFC 3207 section 6. */
static void sees_what_is_injected(void **state)
{
    struct sender sender;

    (void)state;
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        sender_begin(&sender);
        sender_greet(&sender, "250-x\r\n250 STARTTLS\r\n");
        assert_int_equal(sli_smtp_client_starttls(&sender.client), 0);
        if (is_cut) {
            assert_int_equal(
                sender_hear(&sender, "220 x\r\n"), SLI_SMTP_CLIENT_STARTTLS);
            assert_int_equal(sender_hear(&sender, "2"), SLI_SMTP_CLIENT_CLOSE);
        } else {
            assert_int_equal(
                sender_hear(&sender, "220 x\r\n2"), SLI_SMTP_CLIENT_CLOSE);
        }
        assert_int_equal(
            sender.event.close.reason, SLI_SMTP_CLIENT_CLOSE_INJECTED);
        assert_int_equal(
            sli_smtp_client_secured(&sender.client), SLIMTA_ESTATE);
        sender_end(&sender);
    }
}

static void forgets_with_tls(void **state)
{
    struct sender sender;

    (void)state;
    sender_begin(&sender);
    sender_greet(&sender, "250-x\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n");
    assert_int_equal(sli_smtp_client_starttls(&sender.client), 0);
    (void)sender_hear(&sender, "220 x\r\n");
    check_commands(&sender, "S");
    assert_int_equal(sli_smtp_client_secured(&sender.client), 0);
    assert_int_equal(sli_smtp_client_capabilities(&sender.client)->offered, 0);
    assert_string_equal(
        sli_smtp_client_capabilities(&sender.client)->mechanisms, "");
    check_commands(&sender, "");
    assert_int_equal(
        sender_hear(&sender, "250 x\r\n"), SLI_SMTP_CLIENT_GREETED);
    check_commands(&sender, "amq");
    sender_end(&sender);
}

static void knows_what_another_has_learnt(void **state)
{
    const struct sli_smtp_capabilities known = {
        .offered = SLI_SMTP_CAPABILITY_SIZE, .max_size = 7};
    struct sender sender;

    (void)state;
    sender_begin(&sender);
    sli_smtp_client_init(
        &sender.client, &sender.config, &sender.output, &known);
    assert_int_equal(sli_smtp_client_capabilities(&sender.client)->max_size, 7);
    sender_greet(&sender, "250-x\r\n250 SIZE\r\n");
    assert_int_equal(sli_smtp_client_capabilities(&sender.client)->max_size, 0);
    sender_end(&sender);
    sender_begin(&sender);
    sli_smtp_client_init(
        &sender.client, &sender.config, &sender.output, &known);
    (void)sender_hear(&sender, "220 x\r\n500 What\r\n250 x\r\n");
    assert_int_equal(sli_smtp_client_capabilities(&sender.client)->offered, 0);
    sender_end(&sender);
}

/* Nothing that is no mailbox leaves as one. */
static void sends_no_other_address(void **state)
{
    static const char *const bad[] = {"a", "a@b\r\nDATA", "a@b>", "<a@b>",
        "a b@c", "a@b c", "", "a@", "@b", "a@b> SIZE=1", "a\n@b"};
    struct sender sender;
    size_t before;

    (void)state;
    sender_begin(&sender);
    sender_greet(&sender, "250-x\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n");
    before = sli_buf_size(&sender.output);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sli_smtp_mail mail = {sli_slice_text(bad[i]), &no_params, 0};

        if (*bad[i] != '\0') {
            assert_int_equal(
                sli_smtp_client_mail(&sender.client, &mail), SLIMTA_EINVAL);
        }
    }
    assert_int_equal(sli_buf_size(&sender.output), before);
    assert_int_equal(sender_mail(&sender), 0);
    before = sli_buf_size(&sender.output);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct slimta_recipient recipient = {
            .size = sizeof recipient, .address = bad[i]};

        assert_int_equal(
            sli_smtp_client_rcpt(&sender.client, &recipient), SLIMTA_EINVAL);
    }
    assert_int_equal(sli_buf_size(&sender.output), before);
    assert_int_equal(sender_rcpt(&sender), 0);
    sender_end(&sender);
}

static void holds_nothing_while_idle(void **state)
{
    struct sender sender;

    (void)state;
    sender_begin(&sender);
    sender_greet(&sender, "250-x\r\n250 SIZE\r\n");
    sli_smtp_client_park(&sender.client);
    sli_buf_fini(&sender.output);
    assert_int_equal(atomic_load(&sender.alloc.live), 0);
    sender_end(&sender);
}

/* RFC 4954 section 4: a command line has 512 octets, and an initial response
 * that does not fit goes behind. */
static void fits_the_initial_response(void **state)
{
    static char octets[400];
    struct sender sender;

    (void)state;
    for (size_t size = 370; size <= 378; size++) {
        struct slimta_slice initial = sli_slice(octets, size);
        /* "AUTH X " and CRLF leave 503 octets, 375 in base64. */
        int fits = size <= 375;
        size_t before;

        sender_begin(&sender);
        sender_greet(&sender, "250-x\r\n250 AUTH X\r\n");
        before = sli_buf_size(&sender.output);
        assert_int_equal(
            sli_smtp_client_auth(&sender.client, "X", &initial), 0);
        before = sli_buf_size(&sender.output) - before;
        assert_true(before <= 512);
        assert_int_equal(before > 8, fits);
        assert_int_equal(sender_hear(&sender, "334 \r\n"),
            fits ? SLI_SMTP_CLIENT_CHALLENGE : SLI_SMTP_CLIENT_NONE);
        sender_end(&sender);
    }
}

static void limits_a_challenge(void **state)
{
    static char line[SLI_SMTP_REPLY_CHALLENGE_MAX + 8];
    struct sender sender;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        size_t size = 12288 + 4 * extra;

        memcpy(line, "334 ", 4);
        memset(line + 4, 'A', size);
        memcpy(line + 4 + size, "\r\n", 3);
        sender_begin(&sender);
        sender_greet(&sender, "250-x\r\n250 AUTH X\r\n");
        assert_int_equal(sli_smtp_client_auth(&sender.client, "X", NULL), 0);
        assert_int_equal(sender_hear(&sender, line),
            extra == 0 ? SLI_SMTP_CLIENT_CHALLENGE : SLI_SMTP_CLIENT_CLOSE);
        if (extra == 0) {
            assert_int_equal(sender.event.type, SLI_SMTP_CLIENT_CHALLENGE);
        }
        sender_end(&sender);
    }
}

/* The way to our own receiving engine */

enum { CONTENT_MAX = 600 };

struct hop {
    struct sli_smtp_config config;
    struct sli_buf output;
    struct sli_smtp_server server;
    char content[2 * CONTENT_MAX + 8];
    size_t size;
    int is_refused; /* for a bare CR or LF */
    unsigned messages;
};

static void hop_take(struct hop *hop)
{
    struct sli_smtp_event event;

    for (;;) {
        sli_smtp_server_next(&hop->server, &event);
        if (event.type == SLI_SMTP_EVENT_NONE ||
            event.type == SLI_SMTP_EVENT_CLOSE) {
            break;
        }
        if (event.type == SLI_SMTP_EVENT_CONTENT) {
            assert_true(event.content.size <= sizeof hop->content - hop->size);
            memcpy(hop->content + hop->size, event.content.data,
                event.content.size);
            hop->size += event.content.size;
        }
        if (event.type == SLI_SMTP_EVENT_END) {
            hop->is_refused |= event.end.is_refused;
            hop->messages++;
        }
        assert_int_not_equal(event.type, SLI_SMTP_EVENT_REFUSED);
        if (sli_smtp_server_is_waiting(&hop->server)) {
            assert_int_equal(sli_smtp_server_answer(&hop->server, NULL), 0);
        }
    }
    assert_int_equal(sli_smtp_server_park(&hop->server), 0);
}

/* Carries what each has said to the other, in pieces, until both are silent. */
static void carry(struct sender *sender, struct hop *hop, size_t piece)
{
    for (;;) {
        struct slimta_slice ours = sli_buf_slice(&sender->output);
        struct slimta_slice theirs = sli_buf_slice(&hop->output);

        if (ours.size == 0 && theirs.size == 0) {
            break;
        }
        ours.size = ours.size < piece ? ours.size : piece;
        theirs.size = theirs.size < piece ? theirs.size : piece;
        assert_int_equal(sli_smtp_server_feed(&hop->server, ours), 0);
        sli_smtp_client_feed(&sender->client, theirs);
        sli_smtp_client_park(&sender->client);
        sli_buf_consume(&hop->output, theirs.size);
        hop_take(hop);
        sli_buf_consume(&sender->output, ours.size);
        (void)sender_pull(sender);
    }
}

static uint32_t seed = 1;

static uint32_t chance(uint32_t below)
{
    seed = seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return (seed >> 16) % below;
}

static size_t make_content(char *text)
{
    static const char octets[] = "\r\n\n\r....ab\0\xff";
    size_t size = chance(CONTENT_MAX);

    for (size_t i = 0; i < size; i++) {
        text[i] = octets[chance(sizeof octets - 1)];
        if (chance(3) == 0 && i + 1 < size) {
            text[i++] = '\r';
            text[i] = '\n';
        }
    }
    return size;
}

/* What the receiving engine makes of such a content if its sender normalises:
 * the same, and a line's end at the end. */
static size_t normalise(const char *text, size_t size, char *out)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\r' || text[i] == '\n') {
            i += text[i] == '\r' && i + 1 < size && text[i + 1] == '\n';
            out[count++] = '\r';
            out[count++] = '\n';
        } else {
            out[count++] = text[i];
        }
    }
    if (count > 0 && out[count - 1] != '\n') {
        out[count++] = '\r';
        out[count++] = '\n';
    }
    return count;
}

static void send(struct sender *sender, struct slimta_slice content)
{
    struct slimta_slice run;

    while (content.size > 0) {
        struct slimta_slice part = content;

        part.size = 1 + chance((uint32_t)content.size);
        content = sli_slice_skip(content, part.size);
        while (sli_smtp_client_content(&sender->client, &part, &run)) {
            assert_int_equal(sli_buf_append(&sender->output, run), 0);
        }
    }
    assert_int_equal(sli_smtp_client_end_content(&sender->client), 0);
}

static void hop_begin(struct hop *hop, const struct slimta_alloc *alloc)
{
    hop->config = (struct sli_smtp_config){
        .alloc = alloc,
        .hostname = "mx.example",
        .max_message_bytes = 1 << 20,
        .max_recipients = 100,
        .max_command_bytes = 4096,
        .max_ehlo_bytes = 255,
        .max_errors = 1,
        .max_idle_commands = 1000,
    };
    sli_buf_init(&hop->output, alloc, SIZE_MAX);
    sli_smtp_server_init(&hop->server, &hop->config, &hop->output);
    hop_take(hop);
}

static void send_random(struct sender *sender, struct hop *hop)
{
    static char text[CONTENT_MAX];
    static char wanted[2 * CONTENT_MAX + 8];
    size_t size = make_content(text);
    size_t wanted_size = normalise(text, size, wanted);
    unsigned messages = hop->messages;
    size_t piece = 1 + chance(40);

    hop->size = 0;
    assert_int_equal(sender_mail(sender), 0);
    for (uint32_t left = 1 + chance(3); left > 0; left--) {
        assert_int_equal(sender_rcpt(sender), 0);
    }
    assert_int_equal(sli_smtp_client_data(&sender->client), 0);
    carry(sender, hop, piece);
    assert_int_equal(sender->event.type, SLI_SMTP_CLIENT_DATA);
    assert_true(sender->event.is_accepted);
    send(sender, sli_slice(text, size));
    carry(sender, hop, piece);
    assert_int_equal(sender->event.type, SLI_SMTP_CLIENT_END);
    assert_true(sender->event.is_accepted);
    assert_int_equal(hop->messages, messages + 1);
    assert_int_equal(hop->size, wanted_size);
    assert_memory_equal(hop->content, wanted, wanted_size);
}

/* RFC 5321 sections 2.3.8 and 4.5.2: the hop refuses each bare CR and LF, and
 * sees none; each message is one, and is what was sent. */
static void reaches_our_own_engine(void **state)
{
    static struct hop hop;
    struct sender sender;

    (void)state;
    sender_begin(&sender);
    hop_begin(&hop, &sender.alloc.table);
    carry(&sender, &hop, 16);
    assert_int_equal(sender.event.type, SLI_SMTP_CLIENT_GREETED);
    assert_int_equal(
        sli_smtp_client_capabilities(&sender.client)->max_size, 1 << 20);
    for (int i = 0; i < 500; i++) {
        send_random(&sender, &hop);
    }
    assert_false(hop.is_refused);
    assert_int_equal(sli_smtp_client_quit(&sender.client), 0);
    carry(&sender, &hop, 7);
    assert_int_equal(sender.event.close.reason, SLI_SMTP_CLIENT_CLOSE_QUIT);
    sli_smtp_server_fini(&hop.server);
    sli_buf_fini(&hop.output);
    sender_end(&sender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order),
        cmocka_unit_test(resets_behind_what_is_due),
        cmocka_unit_test(sees_what_is_injected),
        cmocka_unit_test(forgets_with_tls),
        cmocka_unit_test(knows_what_another_has_learnt),
        cmocka_unit_test(sends_no_other_address),
        cmocka_unit_test(holds_nothing_while_idle),
        cmocka_unit_test(fits_the_initial_response),
        cmocka_unit_test(limits_a_challenge),
        cmocka_unit_test(reaches_our_own_engine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
