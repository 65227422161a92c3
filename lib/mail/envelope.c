/** One message on its way: who it is from, who it is for, how it came. */
#include "mail/envelope.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "mail/content.h"
#include "mail/header.h"

enum {
    /* An envelope's texts come in blocks of this size. */
    ARENA_BLOCK = 1024,
    RECIPIENTS_FIRST = 4,
    /* The least room that is made for prepended fields. */
    PREPENDED_FIRST = 512
};

/* What of it may still change. */
enum seal {
    SEAL_NONE,           /* all of it */
    SEAL_BUT_RECIPIENTS, /* recipients may be added */
    SEAL_WHOLE           /* nothing */
};

/* Everything it points to stands in its arena but the content. */
struct slimta_envelope {
    struct slimta_alloc alloc;
    struct sli_arena arena;
    atomic_size_t references;
    enum seal seal;
    const char *sender;
    const char *receiver;
    struct slimta_client client;
    struct slimta_mail_params params;
    int64_t timestamp_ms;
    size_t recipient_count;
    size_t recipient_capacity;
    struct slimta_recipient **recipients;
    struct slimta_recipient *staged; /* not listed yet, or NULL */
    char *staged_texts;              /* its own: address, ORCPT */
    size_t staged_room;              /* what there is room for in them */
    /* The fields stand at the end of their room, which grows downwards: what
     * was lent stays where it is. */
    char *prepended_room;
    size_t prepended_capacity;
    size_t prepended_size;
    struct slimta_content *content;
    /* What it was split off at first, only to be compared; and which recipient
     * of that its first one is. */
    const void *whole;
    size_t first;
};

/* With an empty arena, a reference, and nothing else. */
static struct slimta_envelope *new_bare(const struct slimta_alloc *alloc)
{
    struct slimta_envelope *envelope = sli_alloc_zero(alloc, sizeof *envelope);

    if (envelope != NULL) {
        envelope->alloc = *alloc;
        envelope->whole = envelope;
        sli_arena_init(&envelope->arena, &envelope->alloc, ARENA_BLOCK);
        atomic_init(&envelope->references, 1);
    }
    return envelope;
}

/* Puts a copy in the place of a borrowed text, if there is one. */
static int copy_text(struct sli_arena *arena, const char **text)
{
    if (*text != NULL) {
        *text = sli_arena_text(arena, sli_slice_text(*text));
        return *text == NULL ? SLIMTA_ENOMEM : 0;
    }
    return 0;
}

/* Copies sender, receiver and the client's facts; the texts are borrowed. */
static int copy_facts(struct slimta_envelope *envelope,
    const struct sli_mail_facts *facts, struct slimta_slice sender)
{
    struct slimta_client *client = &envelope->client;
    const char **const texts[] = {&client->ehlo_as, &client->reverse_name,
        &client->auth_mechanism, &client->authcid, &client->authzid,
        &client->tls_version, &client->tls_cipher, &client->tls_peer_subject,
        &client->forwarded_name, &client->forwarded_address,
        &client->forwarded_ehlo, &envelope->receiver};

    *client = facts->client;
    client->size = sizeof *client;
    client->ehlo_as = client->ehlo_as == NULL ? "" : client->ehlo_as;
    envelope->receiver = facts->receiver == NULL ? "" : facts->receiver;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (copy_text(&envelope->arena, texts[i]) != 0) {
            return SLIMTA_ENOMEM;
        }
    }
    envelope->sender = sli_arena_text(&envelope->arena, sender);
    return envelope->sender == NULL ? SLIMTA_ENOMEM : 0;
}

int sli_mail_envelope_set_reverse_name(
    struct slimta_envelope *envelope, const char *name)
{
    const char *copy = name;

    if (envelope->seal != SEAL_NONE) {
        return SLIMTA_ESTATE;
    }
    if (copy_text(&envelope->arena, &copy) != 0) {
        return SLIMTA_ENOMEM;
    }
    envelope->client.reverse_name = copy;
    return 0;
}

/* Copies the parameters of MAIL; the texts are borrowed. */
static int copy_params(
    struct slimta_envelope *envelope, const struct slimta_mail_params *params)
{
    struct slimta_mail_params *copy = &envelope->params;

    *copy = *params;
    copy->size = sizeof *copy;
    if (copy_text(&envelope->arena, &copy->auth) != 0) {
        return SLIMTA_ENOMEM;
    }
    return copy_text(&envelope->arena, &copy->envid);
}

int sli_mail_envelope_new(struct slimta_envelope **out,
    const struct slimta_alloc *alloc, const struct sli_mail_facts *facts,
    struct slimta_slice sender, const struct slimta_mail_params *params)
{
    struct slimta_envelope *envelope = new_bare(alloc);
    int err = SLIMTA_ENOMEM;

    if (envelope == NULL) {
        goto done;
    }
    err = copy_params(envelope, params);
    if (err == 0) {
        err = copy_facts(envelope, facts, sender);
    }
    if (err == 0) {
        err = sli_mail_content_new(&envelope->content, alloc,
            params->has_size ? params->size_bytes : 0);
    }
    if (err == 0) {
        *out = envelope;
        envelope = NULL;
    }
done:
    slimta_envelope_unref(envelope);
    return err;
}

/* Room for one recipient more. */
static int reserve_recipient(struct slimta_envelope *envelope)
{
    size_t capacity = envelope->recipient_capacity == 0
        ? RECIPIENTS_FIRST
        : envelope->recipient_capacity * 2;
    struct slimta_recipient **recipients;

    if (envelope->recipient_count < envelope->recipient_capacity) {
        return 0;
    }
    recipients = sli_arena_get(&envelope->arena, capacity * sizeof *recipients);
    if (recipients == NULL) {
        return SLIMTA_ENOMEM;
    }
    if (envelope->recipient_count > 0) {
        memcpy(recipients, envelope->recipients,
            envelope->recipient_count * sizeof *recipients);
    }
    envelope->recipients = recipients;
    envelope->recipient_capacity = capacity;
    return 0;
}

/* Room for the texts of the staged recipient. One that is never listed leaves
 * its room to the next, so that refused ones take no memory each. */
static int reserve_texts(struct slimta_envelope *envelope, size_t size)
{
    if (size > envelope->staged_room) {
        size_t room = envelope->staged_room * 2;

        if (room < size) {
            room = size;
        }
        envelope->staged_room = 0;
        envelope->staged_texts = sli_arena_get(&envelope->arena, room);
        if (envelope->staged_texts == NULL) {
            return SLIMTA_ENOMEM;
        }
        envelope->staged_room = room;
    }
    return 0;
}

/* Keeps all texts of the staged recipient together. */
static int stage_texts(struct slimta_envelope *envelope,
    struct slimta_slice address, const struct slimta_recipient *params)
{
    struct slimta_slice type = sli_slice_text(params->orcpt_type);
    struct slimta_slice orcpt = sli_slice_text(params->orcpt);
    struct slimta_recipient *staged = envelope->staged;
    char *at;

    if (reserve_texts(envelope, address.size + type.size + orcpt.size + 3) !=
        0) {
        return SLIMTA_ENOMEM;
    }
    at = envelope->staged_texts;
    *staged = *params;
    staged->size = sizeof *staged;
    staged->address = sli_slice_put_text(&at, address);
    staged->orcpt_type = NULL;
    staged->orcpt = NULL;
    if (params->orcpt_type != NULL && params->orcpt != NULL) {
        staged->orcpt_type = sli_slice_put_text(&at, type);
        staged->orcpt = sli_slice_put_text(&at, orcpt);
    }
    return 0;
}

int sli_mail_envelope_stage_recipient(struct slimta_envelope *envelope,
    struct slimta_slice address, const struct slimta_recipient *params,
    const struct slimta_recipient **staged)
{
    if (envelope->seal == SEAL_WHOLE) {
        return SLIMTA_ESTATE;
    }
    if (envelope->staged == NULL) {
        envelope->staged =
            sli_arena_get(&envelope->arena, sizeof *envelope->staged);
    }
    if (envelope->staged == NULL || reserve_recipient(envelope) != 0 ||
        stage_texts(envelope, address, params) != 0) {
        return SLIMTA_ENOMEM;
    }
    *staged = envelope->staged;
    return 0;
}

void sli_mail_envelope_list_recipient(struct slimta_envelope *envelope)
{
    envelope->recipients[envelope->recipient_count++] = envelope->staged;
    envelope->staged = NULL;
    envelope->staged_texts = NULL;
    envelope->staged_room = 0;
}

int sli_mail_envelope_add_recipient(struct slimta_envelope *envelope,
    struct slimta_slice address, const struct slimta_recipient *params)
{
    const struct slimta_recipient *staged;
    int err =
        sli_mail_envelope_stage_recipient(envelope, address, params, &staged);

    if (err == 0) {
        sli_mail_envelope_list_recipient(envelope);
    }
    return err;
}

int sli_mail_envelope_take_content(
    struct slimta_envelope *envelope, struct slimta_content **content)
{
    struct slimta_content *empty = NULL;
    int err = sli_mail_content_new(&empty, &envelope->alloc, 0);

    if (err == 0) {
        *content = envelope->content;
        envelope->content = empty;
    }
    return err;
}

/* Once it is sealed others may read it: nothing is written again. */
static void seal(
    struct slimta_envelope *envelope, enum seal how, int64_t timestamp_ms)
{
    if (envelope->seal == SEAL_NONE) {
        envelope->timestamp_ms = timestamp_ms;
    }
    if (envelope->seal < how) {
        envelope->seal = how;
    }
}

void sli_mail_envelope_seal(
    struct slimta_envelope *envelope, int64_t timestamp_ms)
{
    seal(envelope, SEAL_WHOLE, timestamp_ms);
}

void sli_mail_envelope_seal_but_recipients(
    struct slimta_envelope *envelope, int64_t timestamp_ms)
{
    seal(envelope, SEAL_BUT_RECIPIENTS, timestamp_ms);
}

struct slimta_envelope *slimta_envelope_ref(struct slimta_envelope *envelope)
{
    atomic_fetch_add_explicit(&envelope->references, 1, memory_order_relaxed);
    return envelope;
}

void slimta_envelope_unref(struct slimta_envelope *envelope)
{
    struct slimta_alloc alloc;

    if (envelope == NULL ||
        atomic_fetch_sub_explicit(
            &envelope->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    sli_mail_content_unref(envelope->content);
    sli_arena_fini(&envelope->arena);
    alloc = envelope->alloc;
    sli_free(&alloc, envelope);
}

const char *slimta_envelope_sender(const struct slimta_envelope *envelope)
{
    return envelope->sender;
}

const struct slimta_mail_params *slimta_envelope_params(
    const struct slimta_envelope *envelope)
{
    return &envelope->params;
}

size_t slimta_envelope_recipient_count(const struct slimta_envelope *envelope)
{
    return envelope->recipient_count;
}

const struct slimta_recipient *slimta_envelope_recipient(
    const struct slimta_envelope *envelope, size_t index)
{
    return index < envelope->recipient_count ? envelope->recipients[index]
                                             : NULL;
}

const struct slimta_client *slimta_envelope_client(
    const struct slimta_envelope *envelope)
{
    return &envelope->client;
}

const char *slimta_envelope_receiver(const struct slimta_envelope *envelope)
{
    return envelope->receiver;
}

int64_t slimta_envelope_timestamp_ms(const struct slimta_envelope *envelope)
{
    return envelope->timestamp_ms;
}

struct slimta_content *slimta_envelope_content(
    const struct slimta_envelope *envelope)
{
    return envelope->content;
}

/* Lends `size` octets above the prepended fields, which have grown by them. */
static char *grow_prepended(struct slimta_envelope *envelope, size_t size)
{
    size_t used = envelope->prepended_size;

    if (size > envelope->prepended_capacity - used) {
        size_t capacity = (used + size) * 2 + PREPENDED_FIRST;
        char *room = sli_arena_get(&envelope->arena, capacity);

        if (room == NULL) {
            return NULL;
        }
        if (used > 0) {
            memcpy(room + capacity - used,
                slimta_envelope_prepended(envelope).data, used);
        }
        envelope->prepended_room = room;
        envelope->prepended_capacity = capacity;
    }
    envelope->prepended_size += size;
    return envelope->prepended_room + envelope->prepended_capacity -
        envelope->prepended_size;
}

static char *put(char *out, struct slimta_slice text)
{
    if (text.size > 0) {
        memcpy(out, text.data, text.size);
    }
    return out + text.size;
}

/* Adds "name: value" and CRLF; both are valid. */
static int prepend_field(struct slimta_envelope *envelope,
    struct slimta_slice name, struct slimta_slice value)
{
    const struct slimta_slice colon = SLI_LITERAL(": ");
    const struct slimta_slice crlf = SLI_LITERAL("\r\n");
    size_t most = SIZE_MAX / 8 - envelope->prepended_size;
    char *out = NULL;

    if (name.size < most / 4 && value.size < most / 4) {
        out = grow_prepended(
            envelope, name.size + colon.size + value.size + crlf.size);
    }
    if (out == NULL) {
        return SLIMTA_ENOMEM;
    }
    out = put(out, name);
    out = put(out, colon);
    out = put(out, value);
    put(out, crlf);
    return 0;
}

int slimta_envelope_prepend(
    struct slimta_envelope *envelope, const char *name, const char *value)
{
    struct slimta_slice field_name = sli_slice_text(name);
    struct slimta_slice field_value = sli_slice_text(value);

    if (envelope->seal != SEAL_NONE) {
        return SLIMTA_ESTATE;
    }
    if (value == NULL || !sli_mail_header_is_name(field_name) ||
        !sli_mail_header_is_value(field_value)) {
        return SLIMTA_EINVAL;
    }
    return prepend_field(envelope, field_name, field_value);
}

struct slimta_slice slimta_envelope_prepended(
    const struct slimta_envelope *envelope)
{
    if (envelope->prepended_size == 0) {
        return SLI_LITERAL("");
    }
    return sli_slice(envelope->prepended_room + envelope->prepended_capacity -
            envelope->prepended_size,
        envelope->prepended_size);
}

int slimta_envelope_header(const struct slimta_envelope *envelope,
    const char *name, size_t index, struct slimta_slice *value)
{
    struct slimta_slice wanted = sli_slice_text(name);
    struct slimta_slice head;

    if (!sli_mail_header_is_name(wanted)) {
        return 0;
    }
    if (sli_mail_header_find(
            slimta_envelope_prepended(envelope), wanted, &index, value)) {
        return 1;
    }
    return sli_mail_content_head(envelope->content, 0, &head) &&
        sli_mail_header_find(head, wanted, &index, value);
}

int sli_mail_envelope_range(const struct slimta_envelope *envelope,
    const struct slimta_envelope *whole, size_t *first, size_t *count)
{
    *first = envelope->first;
    *count = envelope->recipient_count;
    return envelope->whole == whole;
}

int slimta_envelope_waives_tls(const struct slimta_envelope *envelope)
{
    struct slimta_slice value;
    struct slimta_slice second;

    /* RFC 8689 section 4.1: with REQUIRETLS the field does not count. Section
     * 5: it stands there once. */
    return !envelope->params.requiretls &&
        slimta_envelope_header(envelope, "TLS-Required", 0, &value) &&
        sli_ascii_same(value, SLI_LITERAL("No")) &&
        !slimta_envelope_header(envelope, "TLS-Required", 1, &second);
}

/* Copies everything but the recipients and the content. */
static int copy_rest(
    struct slimta_envelope *to, const struct slimta_envelope *from)
{
    struct slimta_slice prepended = slimta_envelope_prepended(from);
    const struct sli_mail_facts facts = {from->client, from->receiver};
    char *room;

    to->timestamp_ms = from->timestamp_ms;
    if (copy_params(to, &from->params) != 0 ||
        copy_facts(to, &facts, sli_slice_text(from->sender)) != 0) {
        return SLIMTA_ENOMEM;
    }
    if (prepended.size > 0) {
        room = grow_prepended(to, prepended.size);
        if (room == NULL) {
            return SLIMTA_ENOMEM;
        }
        put(room, prepended);
    }
    return 0;
}

int slimta_envelope_split(struct slimta_envelope **out,
    struct slimta_envelope *envelope, size_t first, size_t count)
{
    struct slimta_envelope *part = NULL;
    int err = SLIMTA_ENOMEM;

    if (envelope->seal != SEAL_WHOLE) {
        return SLIMTA_ESTATE;
    }
    if (first > envelope->recipient_count ||
        count > envelope->recipient_count - first) {
        return SLIMTA_EINVAL;
    }
    part = new_bare(&envelope->alloc);
    if (part == NULL) {
        goto done;
    }
    err = copy_rest(part, envelope);
    for (size_t i = first; err == 0 && i < first + count; i++) {
        const struct slimta_recipient *recipient = envelope->recipients[i];

        err = sli_mail_envelope_add_recipient(
            part, sli_slice_text(recipient->address), recipient);
    }
    if (err == 0) {
        part->content = sli_mail_content_ref(envelope->content);
        part->seal = SEAL_WHOLE;
        part->whole = envelope->whole;
        part->first = envelope->first + first;
        *out = part;
        part = NULL;
    }
done:
    slimta_envelope_unref(part);
    return err;
}
