/** Reads out of a request's head what the application needs of it. */
#include "edge/http/head.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/secret.h"
#include "base/slice.h"
#include "base/text.h"
#include "edge/edge.h"
#include "edge/events.h"
#include "http/authorization.h"
#include "http/envelope.h"
#include "http/target.h"
#include "sasl/mechanism.h"

enum { KEY_MAX = 255 };

/* The path */

static int digit_of(char octet)
{
    if (sli_ascii_is(octet, SLI_ASCII_DIGIT)) {
        return octet - '0';
    }
    return sli_ascii_lower(octet) - 'a' + 10;
}

/* As WSGI's PATH_INFO, with which this protocol grew up: a path is matched
 * decoded. 0 when there is a NUL in it, or no hex digits behind a '%' (which
 * another server than ours may have let through). */
static int decode_path(struct slimta_slice path, char *out)
{
    size_t size = 0;

    for (size_t i = 0; i < path.size; i++) {
        char octet = path.data[i];

        if (octet == '%') {
            if (path.size - i < 3 ||
                !sli_ascii_all(
                    sli_slice(path.data + i + 1, 2), SLI_ASCII_HEX)) {
                return 0;
            }
            octet = (char)(digit_of(path.data[i + 1]) * 16 +
                digit_of(path.data[i + 2]));
            i += 2;
        }
        if (octet == '\0') {
            return 0;
        }
        out[size++] = octet;
    }
    out[size] = '\0';
    return 1;
}

static int is_path(struct slimta_slice wanted, const char *path)
{
    return wanted.size > 0 && sli_slice_is(wanted, sli_slice_text(path));
}

static enum sli_edge_http_head_place place_of(
    const struct http_edge *edge, const char *path)
{
    if (is_path(edge->health_path, path)) {
        return SLI_EDGE_HTTP_HEAD_HEALTH;
    }
    if (is_path(edge->metrics_path, path)) {
        return SLI_EDGE_HTTP_HEAD_METRICS;
    }
    if (edge->edge.queue == NULL ||
        (edge->has_pattern && regexec(&edge->pattern, path, 0, NULL, 0) != 0)) {
        return SLI_EDGE_HTTP_HEAD_NOWHERE;
    }
    return SLI_EDGE_HTTP_HEAD_MAIL;
}

enum sli_http_refusal sli_edge_http_head_place(const struct http_edge *edge,
    struct slimta_slice text, char *scratch,
    enum sli_edge_http_head_place *place)
{
    struct sli_http_target target;

    if (text.size > SLI_HTTP_TARGET_MAX) {
        return SLI_HTTP_REFUSAL_LONG_TARGET;
    }
    if (!sli_http_target_read(text, &target)) {
        return SLI_HTTP_REFUSAL_BAD_TARGET;
    }
    if (target.form == SLI_HTTP_TARGET_ASTERISK) {
        *place = SLI_EDGE_HTTP_HEAD_MAIL;
        return SLI_HTTP_REFUSAL_NONE;
    }
    *place = decode_path(target.path, scratch) ? place_of(edge, scratch)
                                               : SLI_EDGE_HTTP_HEAD_NOWHERE;
    return SLI_HTTP_REFUSAL_NONE;
}

/* The envelope */

static enum sli_http_refusal copy(
    struct http_edge_call *call, struct slimta_slice text, const char **out)
{
    *out = sli_arena_text(&call->memory, text);
    return *out == NULL ? SLI_HTTP_REFUSAL_NO_MEMORY : SLI_HTTP_REFUSAL_NONE;
}

/* RFC 5321 section 4.1.4: whoever has no name says its address. */
static enum sli_http_refusal copy_literal(struct http_edge_call *call)
{
    struct slimta_address bare = call->base.client;
    char ip[SLIMTA_ADDRESS_TEXT_MAX];
    char literal[SLIMTA_ADDRESS_TEXT_MAX + sizeof "[IPv6:]"];
    struct sli_text text = sli_text_in(literal, sizeof literal);

    if (bare.family == SLIMTA_FAMILY_IPV4 ||
        bare.family == SLIMTA_FAMILY_IPV6) {
        bare.scope_id = 0;
        (void)slimta_address_format_ip(&bare, ip, sizeof ip);
        sli_text_put_string(
            &text, bare.family == SLIMTA_FAMILY_IPV6 ? "[IPv6:" : "[");
        sli_text_put_string(&text, ip);
        sli_text_put(&text, ']');
    }
    return copy(call, sli_slice(literal, text.length), &call->ehlo_as);
}

static enum sli_http_refusal copy_ehlo(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    struct slimta_slice name;
    enum sli_http_refusal refusal =
        sli_http_envelope_ehlo(&call->edge->rules, request, &name);

    if (refusal != SLI_HTTP_REFUSAL_NONE) {
        return refusal;
    }
    return name.size == 0 ? copy_literal(call)
                          : copy(call, name, &call->ehlo_as);
}

static enum sli_http_refusal copy_sender(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    struct sli_http_address sender;
    enum sli_http_refusal refusal =
        sli_http_envelope_sender(&call->edge->rules, request, &sender);

    if (refusal != SLI_HTTP_REFUSAL_NONE) {
        return refusal;
    }
    call->params = (struct slimta_mail_params){
        .size = sizeof call->params,
        .has_size = request->framing == SLI_HTTP_FRAMING_SIZED,
        .size_bytes = request->framing == SLI_HTTP_FRAMING_SIZED
            ? request->body_bytes
            : 0,
        .smtputf8 = sender.path.has_utf8,
    };
    return copy(call, sender.path.mailbox, &call->sender);
}

static int is_listed(
    const struct http_edge_call *call, struct slimta_slice address)
{
    const struct sli_edge_http_recipient *at = call->recipients;

    while (at != NULL && !sli_slice_is(sli_slice_text(at->address), address)) {
        at = at->next;
    }
    return at != NULL;
}

static enum sli_http_refusal copy_recipient(struct http_edge_call *call,
    const struct sli_mail_path *path, struct sli_edge_http_recipient ***end)
{
    struct sli_edge_http_recipient *recipient;

    if ((call->edge->flags & SLIMTA_HTTP_NO_REPEATS) != 0 &&
        is_listed(call, path->mailbox)) {
        return SLI_HTTP_REFUSAL_NONE;
    }
    recipient = sli_arena_get(&call->memory, sizeof *recipient);
    if (recipient == NULL) {
        return SLI_HTTP_REFUSAL_NO_MEMORY;
    }
    /* RFC 6531: an address in UTF-8 makes it such a message. */
    call->params.smtputf8 |= path->has_utf8;
    **end = recipient;
    *end = &recipient->next;
    recipient->address = "";
    return copy(call, path->mailbox, &recipient->address);
}

static enum sli_http_refusal copy_recipients(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    struct sli_edge_http_recipient **end = &call->recipients;
    struct sli_http_recipients recipients;
    struct sli_http_address address;
    enum sli_http_refusal refusal;

    sli_http_envelope_recipients(&recipients, &call->edge->rules, request);
    do {
        refusal = sli_http_envelope_next(&recipients, &address);
        if (refusal == SLI_HTTP_REFUSAL_NONE && address.path.mailbox.size > 0) {
            refusal = copy_recipient(call, &address.path, &end);
        }
    } while (refusal == SLI_HTTP_REFUSAL_NONE && address.path.mailbox.size > 0);
    return refusal;
}

/* Custom headers, in the order in which they came. */

static const struct slimta_slice *custom_name(
    const struct http_edge *edge, struct slimta_slice name)
{
    for (size_t i = 0; i < edge->custom_count; i++) {
        if (sli_ascii_same(edge->custom[i], name)) {
            return &edge->custom[i];
        }
    }
    return NULL;
}

static enum sli_http_refusal copy_headers(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    struct sli_edge_http_header **end = &call->headers;
    enum sli_http_refusal refusal = SLI_HTTP_REFUSAL_NONE;

    for (size_t i = 0; i < request->field_count &&
         refusal == SLI_HTTP_REFUSAL_NONE && call->edge->custom_count > 0;
         i++) {
        const struct slimta_slice *name =
            custom_name(call->edge, request->fields[i].name);
        struct sli_edge_http_header *header;

        if (name == NULL) {
            continue;
        }
        header = sli_arena_get(&call->memory, sizeof *header);
        if (header == NULL) {
            return SLI_HTTP_REFUSAL_NO_MEMORY;
        }
        *end = header;
        end = &header->next;
        header->name = name->data;
        refusal = copy(call, sli_http_fields_trim(request->fields[i].value),
            &header->value);
    }
    return refusal;
}

/* Credentials */

/* The message of PLAIN (RFC 4616 section 2): NUL, name, NUL, password. */
static enum sli_http_refusal keep_basic(struct http_edge_call *call,
    const struct sli_http_authorization *authorization)
{
    size_t name = authorization->name.size;
    size_t size = name + authorization->password.size + 2;
    char *at = sli_alloc_zero(&call->edge->edge.alloc, size);

    if (at == NULL) {
        return SLI_HTTP_REFUSAL_NO_MEMORY;
    }
    memcpy(at + 1, authorization->name.data, name);
    memcpy(at + name + 2, authorization->password.data,
        authorization->password.size);
    call->credentials = at;
    call->credentials_size = size;
    call->mechanism = &sli_sasl_mechanism_basic;
    return SLI_HTTP_REFUSAL_NONE;
}

static enum sli_http_refusal keep_bearer(
    struct http_edge_call *call, struct slimta_slice token)
{
    call->credentials = sli_alloc_text(&call->edge->edge.alloc, token);
    call->credentials_size = token.size;
    call->mechanism = &sli_sasl_mechanism_bearer;
    return call->credentials == NULL ? SLI_HTTP_REFUSAL_NO_MEMORY
                                     : SLI_HTTP_REFUSAL_NONE;
}

static enum sli_http_refusal keep_credentials(struct http_edge_call *call,
    const struct sli_http_authorization *authorization)
{
    /* Nobody who could read a token is there. */
    int takes_bearer =
        sli_edge_policy_has(&call->edge->edge, SLI_EDGE_STEP_AUTH);

    switch (authorization->scheme) {
    case SLI_HTTP_AUTHORIZATION_NONE:
        return SLI_HTTP_REFUSAL_NONE;
    case SLI_HTTP_AUTHORIZATION_BASIC:
        return keep_basic(call, authorization);
    case SLI_HTTP_AUTHORIZATION_BEARER:
        return takes_bearer ? keep_bearer(call, authorization->token)
                            : SLI_HTTP_REFUSAL_BAD_CREDENTIALS;
    default:
        return SLI_HTTP_REFUSAL_BAD_CREDENTIALS;
    }
}

/* Without a validator that judges them nobody looks at credentials. */
static enum sli_http_refusal copy_credentials(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    struct sli_http_authorization authorization;
    enum sli_http_refusal refusal;

    if (call->edge->sasl == NULL) {
        return SLI_HTTP_REFUSAL_NONE;
    }
    sli_http_authorization_read(request, &authorization);
    refusal = keep_credentials(call, &authorization);
    sli_secret_wipe(authorization.room, sizeof authorization.room);
    return refusal;
}

/* Idempotency-Key */

static enum sli_http_refusal copy_key(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    struct slimta_slice name = SLI_LITERAL("Idempotency-Key");
    size_t index = 0;
    const struct sli_http_field *field;
    struct slimta_slice value;

    if (!sli_edge_http_keys_is_on(&call->edge->keys)) {
        return SLI_HTTP_REFUSAL_NONE;
    }
    field = sli_http_fields_next(
        request->fields, request->field_count, name, &index);
    if (field == NULL) {
        return SLI_HTTP_REFUSAL_NONE;
    }
    value = sli_http_fields_trim(field->value);
    if (value.size == 0 || value.size > KEY_MAX ||
        sli_http_fields_next(
            request->fields, request->field_count, name, &index) != NULL) {
        return SLI_HTTP_REFUSAL_BAD_FIELD;
    }
    return copy(call, value, &call->key_text);
}

void sli_edge_http_head_note(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    if (call->edge->edge.events.tell != NULL) {
        /* Without memory it is told without them. */
        (void)copy(call, request->method, &call->method);
        (void)copy(call, request->target, &call->target);
    }
}

enum sli_http_refusal sli_edge_http_head_copy(
    struct http_edge_call *call, const struct sli_http_request *request)
{
    static enum sli_http_refusal (*const parts[])(struct http_edge_call * call,
        const struct sli_http_request *request) = {copy_ehlo, copy_sender,
        copy_recipients, copy_headers, copy_credentials, copy_key};
    enum sli_http_refusal refusal = SLI_HTTP_REFUSAL_NONE;

    for (size_t i = 0;
         i < sizeof parts / sizeof *parts && refusal == SLI_HTTP_REFUSAL_NONE;
         i++) {
        refusal = parts[i](call, request);
    }
    return refusal;
}
