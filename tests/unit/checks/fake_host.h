/** A host in the place of the edge: the public functions that a check calls,
 * and nothing else. What it links to shows that a host could have written it.
 */
#ifndef CHECKS_FAKE_HOST_H
#define CHECKS_FAKE_HOST_H

#include <stdlib.h>
#include <time.h>

#include <slimta/op.h>
#include <slimta/resolver.h>
#include <slimta/session.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "mail/reply.h"
#include "spf/table.h"
#include "zone.h"

struct slimta_session {
    struct slimta_address client;
    const char *ehlo_as;
    struct slimta_envelope *envelope;
    struct slimta_resolver *resolver;
    const void *key;
    void *user;
    int has_no_memory; /* for set_user */
};

struct slimta_op {
    struct slimta_reply *reply;
    int is_taken;
    int is_finished;
    void (*cancelled)(struct slimta_op *op, void *user);
    void *user;
};

/** One query may be on its way at a time. */
struct slimta_resolver {
    const struct zone *zone;
    int failure; /* what the next query returns, or 0 */
    unsigned asked;
    unsigned cancelled;
    uint64_t timeout_ms; /* of the last query */
    int is_pending;
    char name[300];
    enum slimta_dns_type type;
    void (*answered)(const struct slimta_answer *answer, void *user);
    void *user;
};

struct slimta_answer {
    const struct sli_spf_answer *entry;
};

/** What the clock says; it stands still. */
static uint64_t fake_now_ms = 1000000;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    now->tv_sec = (time_t)(fake_now_ms / 1000);
    now->tv_nsec = (long)(fake_now_ms % 1000) * 1000000;
    return 0;
}

const struct slimta_address *slimta_session_client(
    const struct slimta_session *session)
{
    return &session->client;
}

const char *slimta_session_ehlo_as(const struct slimta_session *session)
{
    return session->ehlo_as;
}

struct slimta_envelope *slimta_session_envelope(
    const struct slimta_session *session)
{
    return session->envelope;
}

struct slimta_resolver *slimta_session_resolver(
    const struct slimta_session *session)
{
    return session->resolver;
}

int slimta_session_set_user(
    struct slimta_session *session, const void *key, void *user)
{
    if (session->has_no_memory) {
        return SLIMTA_ENOMEM;
    }
    session->key = key;
    session->user = user;
    return 0;
}

void *slimta_session_user(const struct slimta_session *session, const void *key)
{
    return session->key == key ? session->user : NULL;
}

void slimta_op_take(struct slimta_op *op)
{
    op->is_taken = 1;
}

struct slimta_reply *slimta_op_reply(struct slimta_op *op)
{
    return op->reply;
}

int slimta_op_finish(struct slimta_op *op)
{
    assert_true(op->is_taken);
    assert_false(op->is_finished);
    op->is_finished = 1;
    return 0;
}

void slimta_op_on_cancel(struct slimta_op *op,
    void (*cancelled)(struct slimta_op *op, void *user), void *user)
{
    op->cancelled = cancelled;
    op->user = user;
}

int slimta_resolver_query(struct slimta_query **out,
    struct slimta_resolver *resolver, const char *name,
    enum slimta_dns_type type, uint64_t timeout_ms,
    void (*answered)(const struct slimta_answer *answer, void *user),
    void *user)
{
    assert_false(resolver->is_pending);
    assert_true(strlen(name) < sizeof resolver->name);
    resolver->asked++;
    resolver->timeout_ms = timeout_ms;
    if (resolver->failure != 0) {
        return resolver->failure;
    }
    (void)strcpy(resolver->name, name);
    resolver->type = type;
    resolver->answered = answered;
    resolver->user = user;
    resolver->is_pending = 1;
    *out = (struct slimta_query *)(void *)resolver;
    return 0;
}

void slimta_query_cancel(struct slimta_query *query)
{
    struct slimta_resolver *resolver = (struct slimta_resolver *)(void *)query;

    if (resolver != NULL) {
        assert_true(resolver->is_pending);
        resolver->is_pending = 0;
        resolver->cancelled++;
    }
}

enum slimta_dns_status slimta_answer_status(const struct slimta_answer *answer)
{
    static const enum slimta_dns_status statuses[] = {
        [SLI_SPF_FOUND] = SLIMTA_DNS_FOUND,
        [SLI_SPF_VOID] = SLIMTA_DNS_NO_NAME,
        [SLI_SPF_UNKNOWN] = SLIMTA_DNS_UNKNOWN,
    };

    return statuses[answer->entry->status];
}

size_t slimta_answer_count(const struct slimta_answer *answer)
{
    return answer->entry->count;
}

static const struct sli_spf_value *fake_value(
    const struct slimta_answer *answer, size_t index)
{
    const struct sli_spf_value *value = answer->entry->values;

    while (index-- > 0) {
        value = value->next;
    }
    return value;
}

int slimta_answer_address(const struct slimta_answer *answer, size_t index,
    struct slimta_address *address)
{
    *address = (struct slimta_address){0};
    memcpy(address->ip, fake_value(answer, index)->ip, 16);
    return 1;
}

const char *slimta_answer_name(const struct slimta_answer *answer, size_t index)
{
    return fake_value(answer, index)->text.data;
}

int slimta_answer_text(
    const struct slimta_answer *answer, size_t index, struct slimta_slice *text)
{
    *text = fake_value(answer, index)->text;
    return 1;
}

/** Answers the query on its way from the zone. */
static inline void fake_resolver_answer(struct slimta_resolver *resolver)
{
    struct slimta_alloc alloc;
    struct sli_spf_table table;
    struct slimta_answer answer;

    assert_true(resolver->is_pending);
    (void)sli_alloc_init(&alloc, NULL);
    sli_spf_table_init(&table, &alloc);
    assert_true(zone_answer(resolver->zone, &table, resolver->name,
        (enum sli_spf_type)resolver->type));
    answer.entry = table.answers;
    resolver->is_pending = 0;
    resolver->answered(&answer, resolver->user);
    sli_spf_table_fini(&table);
}

/** Answers until nothing more is asked. */
static inline void fake_resolver_run(struct slimta_resolver *resolver)
{
    while (resolver->is_pending) {
        fake_resolver_answer(resolver);
    }
}

#endif
