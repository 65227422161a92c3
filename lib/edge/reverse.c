/** A client's reverse name: looked up beside its session, and confirmed. */
#include "edge/reverse.h"

#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "edge/edge.h"
#include "edge/events.h"
#include "edge/session.h"
#include "mail/envelope.h"

static const struct slimta_alloc *alloc_of(const struct slimta_session *session)
{
    return &sli_edge_session_shard(session)->edge->alloc;
}

static void forget_name(struct slimta_session *session)
{
    sli_free(alloc_of(session), session->reverse.name);
    session->reverse.name = NULL;
    session->reverse.is_confirmed = 0;
}

/* Whether the client's address is among the addresses of its name. */
static int holds_client(
    const struct slimta_answer *answer, const struct slimta_address *client)
{
    size_t count = slimta_answer_count(answer);
    struct slimta_address address;

    for (size_t i = 0; i < count; i++) {
        if (slimta_answer_address(answer, i, &address) &&
            address.family == client->family &&
            memcmp(address.ip, client->ip, sizeof address.ip) == 0) {
            return 1;
        }
    }
    return 0;
}

static void addresses_came(const struct slimta_answer *answer, void *user)
{
    struct slimta_session *session = user;

    session->reverse.query = NULL;
    if (!holds_client(answer, &session->client)) {
        forget_name(session);
        return;
    }
    session->reverse.is_confirmed = 1;
    if (session->envelope != NULL) {
        /* Without memory, or when a queue has it already, it goes without. */
        (void)sli_mail_envelope_set_reverse_name(
            session->envelope, session->reverse.name);
    }
    sli_edge_events_reverse_name(sli_edge_session_shard(session), session->id,
        &session->client, session->reverse.name);
}

/* The first name that is one; an address with several has none that is more its
 * own. */
static const char *name_in(const struct slimta_answer *answer)
{
    size_t count = slimta_answer_count(answer);

    for (size_t i = 0; i < count; i++) {
        const char *name = slimta_answer_name(answer, i);

        if (name[0] != '\0') {
            return name;
        }
    }
    return NULL;
}

static void names_came(const struct slimta_answer *answer, void *user)
{
    struct slimta_session *session = user;
    const char *name = name_in(answer);
    enum slimta_dns_type type = session->client.family == SLIMTA_FAMILY_IPV4
        ? SLIMTA_DNS_A
        : SLIMTA_DNS_AAAA;

    session->reverse.query = NULL;
    if (name == NULL) {
        return;
    }
    session->reverse.name =
        sli_alloc_text(alloc_of(session), sli_slice_text(name));
    if (session->reverse.name == NULL ||
        slimta_resolver_query(&session->reverse.query,
            slimta_session_resolver(session), session->reverse.name, type, 0,
            addresses_came, session) != 0) {
        forget_name(session);
    }
}

void sli_edge_reverse_begin(struct slimta_session *session)
{
    const struct sli_edge_shard *shard = sli_edge_session_shard(session);

    sli_edge_reverse_end(session);
    if (shard->edge->wants_reverse_names &&
        slimta_resolver_reverse(&session->reverse.query, shard->resolver,
            &session->client, 0, names_came, session) != 0) {
        session->reverse.query = NULL; /* what is not asked is not known */
    }
}

void sli_edge_reverse_know(struct slimta_session *session, const char *name)
{
    sli_edge_reverse_end(session);
    session->reverse.name =
        sli_alloc_text(alloc_of(session), sli_slice_text(name));
    session->reverse.is_confirmed = session->reverse.name != NULL;
}

void sli_edge_reverse_end(struct slimta_session *session)
{
    slimta_query_cancel(session->reverse.query);
    session->reverse.query = NULL;
    forget_name(session);
}
