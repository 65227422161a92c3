/** What a queue says to one message, gathered part by part. */
#include "edge/results.h"

#include <stdint.h>

#include <slimta/envelope.h>
#include <slimta/error.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "mail/envelope.h"
#include "smtp/replies.h"

enum {
    /* How many parts after the first get room at once. */
    MORE_FIRST = 4
};

struct slimta_results *sli_edge_results_new(const struct slimta_alloc *alloc)
{
    struct slimta_results *results = sli_alloc_zero(alloc, sizeof *results);

    if (results != NULL) {
        results->alloc = *alloc;
        sli_mail_reply_init(&results->first.refusal, &results->alloc);
    }
    return results;
}

/* NULL past the last. */
static const struct sli_edge_part *part_at(
    const struct slimta_results *results, size_t index)
{
    if (index >= results->count) {
        return NULL;
    }
    return index == 0 ? &results->first : &results->more[index - 1];
}

static void clear_part(struct sli_edge_part *part)
{
    slimta_envelope_unref(part->envelope);
    part->envelope = NULL;
    part->is_accepted = 0;
    part->id[0] = '\0';
    sli_mail_reply_fini(&part->refusal);
}

static void clear_replies(struct slimta_results *results)
{
    for (size_t i = 0; i < results->reply_count; i++) {
        sli_mail_reply_fini(&results->replies[i].reply);
    }
    sli_free(&results->alloc, results->replies);
    results->replies = NULL;
    results->reply_count = 0;
}

void sli_edge_results_clear(struct slimta_results *results)
{
    clear_replies(results);
    clear_part(&results->first);
    for (size_t i = 1; i < results->count; i++) {
        clear_part(&results->more[i - 1]);
    }
    slimta_envelope_unref(results->envelope);
    sli_free(&results->alloc, results->more);
    results->envelope = NULL;
    results->accepted = 0;
    results->count = 0;
    results->more = NULL;
    results->capacity = 0;
}

void sli_edge_results_free(struct slimta_results *results)
{
    struct slimta_alloc alloc;

    if (results == NULL) {
        return;
    }
    sli_edge_results_clear(results);
    alloc = results->alloc;
    sli_free(&alloc, results);
}

void sli_edge_results_ask(
    struct slimta_results *results, struct slimta_envelope *envelope)
{
    results->envelope = slimta_envelope_ref(envelope);
}

/* Room for one part more behind the first. */
static int reserve(struct slimta_results *results)
{
    size_t capacity =
        results->capacity == 0 ? MORE_FIRST : results->capacity * 2;
    struct sli_edge_part *more;

    if (results->count - 1 < results->capacity) {
        return 0;
    }
    if (capacity > SIZE_MAX / sizeof *more) {
        return SLIMTA_ENOMEM;
    }
    more = sli_realloc(&results->alloc, results->more, capacity * sizeof *more);
    if (more == NULL) {
        return SLIMTA_ENOMEM;
    }
    results->more = more;
    results->capacity = capacity;
    return 0;
}

/* An empty part at the end, about `envelope`; NULL when there is no memory. */
static struct sli_edge_part *add_part(
    struct slimta_results *results, struct slimta_envelope *envelope)
{
    struct sli_edge_part *part = &results->first;

    if (results->count > 0) {
        if (reserve(results) != 0) {
            return NULL;
        }
        part = &results->more[results->count - 1];
        *part = (struct sli_edge_part){0};
        sli_mail_reply_init(&part->refusal, &results->alloc);
    }
    results->count++;
    if (envelope == NULL) {
        envelope = results->envelope;
    }
    part->envelope = envelope == NULL ? NULL : slimta_envelope_ref(envelope);
    return part;
}

/* An id stands in a reply: what a reply may not hold becomes '?'. */
static void keep_id(struct sli_edge_part *part, const char *id)
{
    size_t length = 0;

    for (; id[length] != '\0' && length < SLI_EDGE_ID_MAX; length++) {
        part->id[length] =
            sli_ascii_is(id[length], SLI_ASCII_PRINT) ? id[length] : '?';
    }
    part->id[length] = '\0';
}

int sli_edge_results_accept(struct slimta_results *results,
    struct slimta_envelope *envelope, const char *id)
{
    struct sli_edge_part *part = add_part(results, envelope);

    results->accepted++;
    if (part == NULL) {
        return SLIMTA_ENOMEM;
    }
    part->is_accepted = 1;
    if (id != NULL) {
        keep_id(part, id);
    }
    return 0;
}

int sli_edge_results_refuse(struct slimta_results *results,
    struct slimta_envelope *envelope, int code, const char *text)
{
    struct sli_edge_part *part = add_part(results, envelope);

    if (part == NULL) {
        return SLIMTA_ENOMEM;
    }
    if (code < 400 || code > 599) {
        code = 451;
    }
    /* Keeps the code when there is no memory for the text. */
    return slimta_reply_set(&part->refusal, code, text);
}

void sli_edge_results_refuse_all(
    struct slimta_results *results, const struct slimta_reply *why)
{
    struct sli_edge_part *part = add_part(results, NULL);

    if (sli_mail_reply_copy(&part->refusal, why) != 0) {
        (void)slimta_reply_set(&part->refusal, why->code, "");
    }
}

const char *sli_edge_results_name(const struct slimta_results *results)
{
    for (size_t i = 0; i < results->count; i++) {
        if (part_at(results, i)->is_accepted) {
            return part_at(results, i)->id;
        }
    }
    return "";
}

const struct slimta_reply *sli_edge_results_verdict(
    const struct slimta_results *results)
{
    return results->accepted > 0 ? NULL : &results->first.refusal;
}

size_t slimta_results_count(const struct slimta_results *results)
{
    return results->count;
}

struct slimta_envelope *slimta_results_envelope(
    const struct slimta_results *results, size_t index)
{
    const struct sli_edge_part *part = part_at(results, index);

    return part == NULL ? NULL : part->envelope;
}

const char *slimta_results_id(
    const struct slimta_results *results, size_t index)
{
    const struct sli_edge_part *part = part_at(results, index);

    return part == NULL || !part->is_accepted ? NULL : part->id;
}

const struct slimta_reply *slimta_results_refusal(
    const struct slimta_results *results, size_t index)
{
    const struct sli_edge_part *part = part_at(results, index);

    return part == NULL || part->is_accepted ? NULL : &part->refusal;
}

/* What the queue has said of one recipient: a yes before any no. */
static const struct sli_edge_part *part_of(
    const struct slimta_results *results, size_t index)
{
    const struct sli_edge_part *found = NULL;

    for (size_t i = 0; i < results->count; i++) {
        const struct sli_edge_part *part = part_at(results, i);
        size_t first;
        size_t count;

        if (part->envelope != NULL &&
            sli_mail_envelope_range(
                part->envelope, results->envelope, &first, &count) &&
            index >= first && index - first < count &&
            (found == NULL || part->is_accepted)) {
            found = part;
        }
    }
    return found;
}

static int fill_reply(struct sli_edge_recipient_reply *entry)
{
    const struct sli_edge_part *part = entry->part;

    if (part == NULL) {
        return slimta_reply_set(
            &entry->reply, 451, "4.3.0 Error queuing message");
    }
    return part->is_accepted
        ? sli_smtp_replies_set_queued(&entry->reply, part->id)
        : sli_mail_reply_copy(&entry->reply, &part->refusal);
}

int sli_edge_results_part_replies(struct slimta_results *results)
{
    size_t count = slimta_envelope_recipient_count(results->envelope);
    int err = 0;

    results->replies =
        sli_alloc_array(&results->alloc, count, sizeof *results->replies);
    if (results->replies == NULL) {
        return SLIMTA_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sli_mail_reply_init(&results->replies[i].reply, &results->alloc);
        results->replies[i].part = part_of(results, i);
    }
    results->reply_count = count;
    for (size_t i = 0; i < count && err == 0; i++) {
        err = fill_reply(&results->replies[i]);
    }
    if (err != 0) {
        clear_replies(results);
    }
    return err;
}

const struct slimta_reply *sli_edge_results_reply_of(
    const struct slimta_results *results, size_t index,
    const struct slimta_reply *otherwise)
{
    const struct slimta_reply *edited =
        index < results->reply_count ? &results->replies[index].reply : NULL;
    const struct sli_edge_part *part =
        edited != NULL ? results->replies[index].part : part_of(results, index);

    if (part != NULL && part->is_accepted) {
        return edited;
    }
    /* A no stays one. */
    if (edited != NULL && slimta_reply_code(edited) >= 400) {
        return edited;
    }
    return part != NULL ? &part->refusal : otherwise;
}

struct slimta_reply *slimta_results_recipient_reply(
    struct slimta_results *results, size_t index)
{
    return index < results->reply_count ? &results->replies[index].reply : NULL;
}
