/** What happens in an edge, told in one line each: to the counters always, to
 * the host when it listens. */
#include "edge/events.h"

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"

enum {
    /* What is told of a reply's text, and of a verb. */
    WORDS_MAX = 512,
    VERB_MAX = 12,
    /* When nothing was short for so long, the next time is told again. */
    SHORTAGE_MS = 10000
};

static int begin(struct sli_edge_event *event,
    const struct sli_edge_shard *shard, enum slimta_event_type type,
    uint64_t id)
{
    return sli_edge_event_begin(event, &shard->edge->events, type, id);
}

static void put_static(
    struct sli_edge_event *event, const char *name, const char *text)
{
    sli_edge_event_text(event, name, sli_slice_text(text));
}

static int code_of(const struct slimta_reply *reply)
{
    return reply == NULL ? 250 : slimta_reply_code(reply);
}

static struct slimta_slice slice_of(const struct sli_text *text)
{
    return sli_slice(
        text->out, text->length < text->size ? text->length : text->size - 1);
}

/* The code, and the text with its enhanced code, which is put together in
 * `words`. */
static void put_reply(struct sli_edge_event *event,
    const struct slimta_reply *reply, char words[WORDS_MAX])
{
    struct sli_text text = sli_text_in(words, WORDS_MAX);

    if (reply == NULL) {
        return;
    }
    if (slimta_reply_enhanced(reply)[0] != '\0') {
        sli_text_put_string(&text, slimta_reply_enhanced(reply));
        sli_text_put(&text, ' ');
    }
    sli_text_put_string(&text, slimta_reply_text(reply));
    sli_edge_event_number(event, "code", (uint64_t)slimta_reply_code(reply));
    sli_edge_event_text(event, "text", slice_of(&text));
}

static void put_address(struct sli_edge_event *event, const char *name,
    const struct slimta_address *address, char words[SLIMTA_ADDRESS_TEXT_MAX])
{
    size_t size =
        slimta_address_format(address, words, SLIMTA_ADDRESS_TEXT_MAX);

    sli_edge_event_text(event, name, sli_slice(words, size));
}

/* The edge itself */

static void tell_listening(
    const struct sli_edge_shard *shard, const struct sli_io_socket *socket)
{
    struct sli_edge_event event;
    char words[SLIMTA_ADDRESS_TEXT_MAX];

    if (!begin(&event, shard, SLIMTA_EVENT_LISTENING, 0)) {
        return;
    }
    if (socket->unix_path != NULL) {
        put_static(&event, "address", socket->unix_path);
    } else {
        put_address(&event, "address", &socket->address, words);
    }
    sli_edge_event_send(&event);
}

void sli_edge_events_listening(const struct sli_edge_shard *shard)
{
    for (size_t i = 0; i < shard->edge->socket_count; i++) {
        tell_listening(shard, &shard->edge->sockets[i]);
    }
}

void sli_edge_events_stopping(
    const struct sli_edge_shard *shard, uint64_t drain_ms)
{
    struct sli_edge_event event;

    if (begin(&event, shard, SLIMTA_EVENT_STOPPING, 0)) {
        sli_edge_event_number(&event, "drain_ms", drain_ms);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_stopped(const struct sli_edge *edge)
{
    struct sli_edge_event event;

    if (sli_edge_event_begin(&event, &edge->events, SLIMTA_EVENT_STOPPED, 0)) {
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_refused(struct sli_edge_shard *shard,
    const struct slimta_address *client, const char *reason)
{
    struct sli_edge_event event;
    char words[SLIMTA_ADDRESS_TEXT_MAX];

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_CONNECTIONS_REFUSED, 1);
    if (begin(&event, shard, SLIMTA_EVENT_REFUSED, 0)) {
        put_address(&event, "client", client, words);
        put_static(&event, "reason", reason);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_proxy(struct sli_edge_shard *shard,
    const struct slimta_address *peer, const char *reason)
{
    struct sli_edge_event event;
    char words[SLIMTA_ADDRESS_TEXT_MAX];

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_PROXY_ERRORS, 1);
    if (begin(&event, shard, SLIMTA_EVENT_PROXY, 0)) {
        put_address(&event, "peer", peer, words);
        put_static(&event, "reason", reason);
        sli_edge_event_send(&event);
    }
}

static void tell_descriptors(const struct sli_edge_shard *shard)
{
    struct sli_edge_event event;

    if (begin(&event, shard, SLIMTA_EVENT_DESCRIPTORS, 0)) {
        sli_edge_event_number(
            &event, "connections", sli_edge_places_taken(&shard->edge->places));
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_short_of(struct sli_edge_shard *shard, int error)
{
    uint64_t now_ms = sli_io_loop_now(shard->loop);
    int is_known =
        shard->short_code == error && now_ms - shard->short_ms < SHORTAGE_MS;

    shard->short_code = error;
    shard->short_ms = now_ms;
    if (is_known) {
        return;
    }
    if (error == SLIMTA_ENOMEM) {
        sli_edge_events_memory(shard, 0, "accept");
    } else {
        tell_descriptors(shard);
    }
}

/* One session */

void sli_edge_events_connect(struct sli_edge_shard *shard, uint64_t id,
    const struct slimta_address *client, const struct slimta_address *peer,
    const struct slimta_address *local)
{
    struct sli_edge_event event;
    char words[3][SLIMTA_ADDRESS_TEXT_MAX];

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_CONNECTIONS, 1);
    if (begin(&event, shard, SLIMTA_EVENT_CONNECT, id)) {
        put_address(&event, "client", client, words[0]);
        put_address(&event, "peer", peer, words[1]);
        put_address(&event, "local", local, words[2]);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_reverse_name(const struct sli_edge_shard *shard,
    uint64_t id, const struct slimta_address *client, const char *name)
{
    struct sli_edge_event event;
    char words[SLIMTA_ADDRESS_TEXT_MAX];

    if (begin(&event, shard, SLIMTA_EVENT_REVERSE_NAME, id)) {
        put_address(&event, "client", client, words);
        put_static(&event, "reverse_name", name);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_ehlo(const struct sli_edge_shard *shard, uint64_t id,
    const char *verb, struct slimta_slice ehlo_as)
{
    struct sli_edge_event event;

    if (begin(&event, shard, SLIMTA_EVENT_EHLO, id)) {
        put_static(&event, "verb", verb);
        sli_edge_event_text(&event, "ehlo_as", ehlo_as);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_tls(struct sli_edge_shard *shard, uint64_t id,
    const struct slimta_tls_info *info)
{
    struct sli_edge_event event;

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_TLS_HANDSHAKES, 1);
    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_TLS_RESUMPTIONS,
        info->is_resumed ? 1 : 0);
    if (begin(&event, shard, SLIMTA_EVENT_TLS, id)) {
        put_static(&event, "version", info->version);
        put_static(&event, "cipher", info->cipher);
        if (info->server_name != NULL) {
            put_static(&event, "server_name", info->server_name);
        }
        sli_edge_event_flag(&event, "is_resumed", info->is_resumed);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_tls_failed(
    struct sli_edge_shard *shard, uint64_t id, const char *reason)
{
    struct sli_edge_event event;

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_TLS_ERRORS, 1);
    if (begin(&event, shard, SLIMTA_EVENT_TLS_FAILED, id)) {
        put_static(&event, "reason", reason);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_tls_discarded(
    const struct sli_edge_shard *shard, uint64_t id, uint64_t bytes)
{
    struct sli_edge_event event;

    if (begin(&event, shard, SLIMTA_EVENT_TLS_DISCARDED, id)) {
        sli_edge_event_number(&event, "bytes", bytes);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_auth(
    struct sli_edge_shard *shard, uint64_t id, const struct slimta_auth *auth)
{
    struct sli_edge_event event;

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_AUTH_SUCCESSES, 1);
    if (begin(&event, shard, SLIMTA_EVENT_AUTH, id)) {
        put_static(&event, "mechanism", auth->mechanism);
        put_static(&event, "authcid", auth->authcid);
        put_static(&event, "authzid", auth->authzid);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_auth_failed(struct sli_edge_shard *shard, uint64_t id,
    const struct sli_edge_auth_failure *failure)
{
    struct sli_edge_event event;

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_AUTH_FAILURES, 1);
    if (begin(&event, shard, SLIMTA_EVENT_AUTH_FAILED, id)) {
        put_static(&event, "mechanism", failure->mechanism);
        put_static(&event, "authcid", failure->authcid);
        if (failure->code != 0) {
            sli_edge_event_number(&event, "code", (uint64_t)failure->code);
        }
        put_static(&event, "reason", failure->reason);
        sli_edge_event_send(&event);
    }
}

/* MAIL, RCPT and REJECT: something, and what was said to it. */
static void tell_answer(const struct sli_edge_shard *shard, uint64_t id,
    enum slimta_event_type type, const char *name, struct slimta_slice value,
    const struct slimta_reply *reply)
{
    struct sli_edge_event event;
    char words[WORDS_MAX];

    if (begin(&event, shard, type, id)) {
        sli_edge_event_text(&event, name, value);
        put_reply(&event, reply, words);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_mail(struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice sender, const struct slimta_reply *reply)
{
    if (code_of(reply) >= 400) {
        sli_edge_count(&shard->counters, SLI_EDGE_COUNT_SENDERS_REFUSED, 1);
    }
    tell_answer(shard, id, SLIMTA_EVENT_MAIL, "sender", sender, reply);
}

void sli_edge_events_rcpt(struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice recipient, const struct slimta_reply *reply)
{
    if (code_of(reply) >= 400) {
        sli_edge_count(&shard->counters, SLI_EDGE_COUNT_RECIPIENTS_REFUSED, 1);
    }
    tell_answer(shard, id, SLIMTA_EVENT_RCPT, "recipient", recipient, reply);
}

void sli_edge_events_reject(const struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice verb, const struct slimta_reply *reply)
{
    /* A longer word may be a password that came in the wrong place. */
    if (verb.size > VERB_MAX || !sli_ascii_all(verb, SLI_ASCII_ALPHA)) {
        verb.size = 0;
    }
    tell_answer(shard, id, SLIMTA_EVENT_REJECT, "verb", verb, reply);
}

static enum sli_edge_count message_count(int code)
{
    if (code >= 500) {
        return SLI_EDGE_COUNT_MESSAGES_REFUSED;
    }
    return code >= 400 ? SLI_EDGE_COUNT_MESSAGES_DEFERRED
                       : SLI_EDGE_COUNT_MESSAGES_ACCEPTED;
}

void sli_edge_events_message(struct sli_edge_shard *shard, uint64_t id,
    const struct sli_edge_message_facts *facts,
    const struct slimta_reply *reply)
{
    struct sli_edge_event event;
    char words[WORDS_MAX];

    sli_edge_count(&shard->counters, message_count(code_of(reply)), 1);
    if (!begin(&event, shard, SLIMTA_EVENT_MESSAGE, id)) {
        return;
    }
    sli_edge_event_text(&event, "sender", facts->sender);
    sli_edge_event_number(&event, "recipients", facts->recipients);
    sli_edge_event_number(&event, "bytes", facts->bytes);
    if (facts->queue_id != NULL && facts->queue_id[0] != '\0') {
        put_static(&event, "id", facts->queue_id);
    }
    put_reply(&event, reply, words);
    sli_edge_event_number(&event, "took_ms", facts->took_ms);
    sli_edge_event_send(&event);
}

static const char *reason_of(enum slimta_closed reason)
{
    static const char *const names[] = {
        [SLIMTA_CLOSED_QUIT] = "quit",
        [SLIMTA_CLOSED_CLIENT] = "client",
        [SLIMTA_CLOSED_REPLY] = "reply",
        [SLIMTA_CLOSED_TIMEOUT] = "timeout",
        [SLIMTA_CLOSED_LIMIT] = "limit",
        [SLIMTA_CLOSED_TLS] = "tls",
        [SLIMTA_CLOSED_STOP] = "stop",
        [SLIMTA_CLOSED_FAILURE] = "failure",
    };

    return names[reason];
}

void sli_edge_events_aborted(struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice sender, uint64_t bytes, enum slimta_closed reason)
{
    struct sli_edge_event event;

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_MESSAGES_ABORTED, 1);
    if (begin(&event, shard, SLIMTA_EVENT_ABORTED, id)) {
        sli_edge_event_text(&event, "sender", sender);
        sli_edge_event_number(&event, "bytes", bytes);
        put_static(&event, "reason", reason_of(reason));
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_late_commit(struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice sender, const char *queue_id)
{
    struct sli_edge_event event;

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_MESSAGES_LATE, 1);
    if (begin(&event, shard, SLIMTA_EVENT_LATE_COMMIT, id)) {
        sli_edge_event_text(&event, "sender", sender);
        put_static(&event, "id", queue_id);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_deadline(struct sli_edge_shard *shard, uint64_t id,
    const char *question, uint64_t took_ms)
{
    struct sli_edge_event event;

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_DEADLINES, 1);
    if (begin(&event, shard, SLIMTA_EVENT_DEADLINE, id)) {
        put_static(&event, "question", question);
        sli_edge_event_number(&event, "took_ms", took_ms);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_limit(const struct sli_edge_shard *shard, uint64_t id,
    const char *limit, uint64_t value)
{
    struct sli_edge_event event;

    if (begin(&event, shard, SLIMTA_EVENT_LIMIT, id)) {
        put_static(&event, "limit", limit);
        sli_edge_event_number(&event, "value", value);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_memory(
    struct sli_edge_shard *shard, uint64_t id, const char *where)
{
    struct sli_edge_event event;

    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_MEMORY_FAILURES, 1);
    if (begin(&event, shard, SLIMTA_EVENT_MEMORY, id)) {
        put_static(&event, "where", where);
        sli_edge_event_send(&event);
    }
}

void sli_edge_events_closed(struct sli_edge_shard *shard, uint64_t id,
    const struct sli_edge_closed_facts *facts)
{
    struct sli_edge_event event;

    if (facts->reason == SLIMTA_CLOSED_TIMEOUT) {
        sli_edge_count(&shard->counters, SLI_EDGE_COUNT_TIMEOUTS, 1);
    }
    if (!begin(&event, shard, SLIMTA_EVENT_CLOSED, id)) {
        return;
    }
    put_static(&event, "reason", reason_of(facts->reason));
    sli_edge_event_number(&event, "messages", facts->messages);
    sli_edge_event_number(&event, "bytes_in", facts->bytes_in);
    sli_edge_event_number(&event, "bytes_out", facts->bytes_out);
    sli_edge_event_number(&event, "took_ms", facts->took_ms);
    sli_edge_event_send(&event);
}
