/** A request with an Idempotency-Key: served once, however often it comes. */
#include "edge/http/once.h"

#include <string.h>

#include "base/slice.h"

static const struct slimta_alloc *alloc_of(const struct http_edge_call *call)
{
    return &call->edge->edge.alloc;
}

static uint64_t now_of(const struct http_edge_call *call)
{
    return sli_io_loop_now(sli_edge_session_shard(&call->base)->loop);
}

/* With its NUL, so that two texts are not the same as one. */
static void add_text(struct sli_tls_digest *digest, const char *text)
{
    sli_tls_digest_add(digest, sli_slice(text, strlen(text) + 1));
}

static int make_name(
    const struct http_edge_call *call, unsigned char name[SLI_TLS_DIGEST_SIZE])
{
    struct sli_tls_digest *digest = NULL;
    int err = sli_tls_digest_new(&digest, alloc_of(call));

    if (err == 0) {
        add_text(digest, call->key_text);
        add_text(
            digest, call->base.auth == NULL ? "" : call->base.auth->authcid);
        sli_tls_digest_finish(digest, name);
        sli_tls_digest_free(digest);
    }
    return err;
}

/* Who it is from and for belongs to the request as its body does. */
static int begin_digest(struct http_edge_call *call)
{
    const struct sli_edge_http_recipient *recipient = call->recipients;
    int err = sli_tls_digest_new(&call->digest, alloc_of(call));

    if (err != 0) {
        return err;
    }
    add_text(call->digest, call->sender);
    for (; recipient != NULL; recipient = recipient->next) {
        add_text(call->digest, recipient->address);
    }
    add_text(call->digest, "");
    return 0;
}

static enum sli_http_refusal take(
    struct http_edge_call *call, const unsigned char *name)
{
    switch (sli_edge_http_keys_take(
        &call->edge->keys, name, now_of(call), &call->key, &call->known)) {
    case SLI_EDGE_HTTP_KEYS_NEW:
        break;
    case SLI_EDGE_HTTP_KEYS_KNOWN:
        call->is_known = 1;
        break;
    case SLI_EDGE_HTTP_KEYS_RUNNING:
        return SLI_HTTP_REFUSAL_KEY_IN_USE;
    case SLI_EDGE_HTTP_KEYS_FULL:
        return SLI_HTTP_REFUSAL_NO_MEMORY;
    }
    return begin_digest(call) == 0 ? SLI_HTTP_REFUSAL_NONE
                                   : SLI_HTTP_REFUSAL_NO_MEMORY;
}

enum sli_http_refusal sli_edge_http_once_take(struct http_edge_call *call)
{
    unsigned char name[SLI_TLS_DIGEST_SIZE];

    if (call->key_text == NULL) {
        return SLI_HTTP_REFUSAL_NONE;
    }
    return make_name(call, name) == 0 ? take(call, name)
                                      : SLI_HTTP_REFUSAL_NO_MEMORY;
}

void sli_edge_http_once_add(
    struct http_edge_call *call, struct slimta_slice octets)
{
    if (call->digest != NULL) {
        sli_tls_digest_add(call->digest, octets);
    }
}

int sli_edge_http_once_is_same(struct http_edge_call *call)
{
    unsigned char digest[SLI_TLS_DIGEST_SIZE];

    sli_tls_digest_finish(call->digest, digest);
    return memcmp(digest, call->known.digest, sizeof digest) == 0;
}

/* NULL for none, and without memory. */
static const char *list_of(struct http_edge_call *call)
{
    struct slimta_slice list = sli_buf_slice(&call->refused);

    return list.size == 0 ? NULL : sli_arena_text(&call->memory, list);
}

/* A refusal is not remembered: the same request may well be taken later. */
static void settle_key(
    struct http_edge_call *call, const struct slimta_reply *reply)
{
    struct sli_edge_http_keys_said said = {.reply = reply};

    if (reply == NULL || slimta_reply_code(reply) >= 400) {
        sli_edge_http_keys_give_up(&call->edge->keys, call->key);
    } else {
        sli_tls_digest_finish(call->digest, said.digest);
        said.listed = list_of(call);
        sli_edge_http_keys_settle(
            &call->edge->keys, call->key, now_of(call), &said);
    }
    call->key = NULL;
}

void sli_edge_http_once_settle(
    struct http_edge_call *call, const struct slimta_reply *reply)
{
    if (call->key != NULL) {
        settle_key(call, reply);
    }
    sli_tls_digest_free(call->digest);
    call->digest = NULL;
    sli_edge_http_keys_answer_fini(&call->known, alloc_of(call));
}
