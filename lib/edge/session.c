/** What a session of either edge is made of, and what its host may know. */
#include "edge/session.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "edge/edge.h"
#include "io/listener.h"

/* The one variable of this library that changes: only so is an id unique in the
 * process, whatever edges there are. */
static atomic_uint_fast64_t last_id;

static const struct slimta_alloc *alloc_of(const struct slimta_session *session)
{
    return &sli_edge_session_shard(session)->edge->alloc;
}

void sli_edge_session_init(struct slimta_session *session,
    const struct sli_edge_session_kind *kind, struct sli_edge_shard *shard,
    int fd, const struct slimta_address *client)
{
    sli_list_init(&session->member.link);
    session->member.shard = shard;
    session->kind = kind;
    session->id =
        atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    session->client = *client;
    session->reason = SLIMTA_CLOSED_CLIENT;
    if (shard->edge->table_count > 0 || shard->edge->events.tell != NULL) {
        /* A system call, for those only who may ask for it. */
        (void)sli_io_socket_local_address(fd, &session->local);
    }
    sli_edge_reverse_begin(session);
}

void sli_edge_session_fini(struct slimta_session *session)
{
    const struct slimta_alloc *alloc = alloc_of(session);
    struct sli_edge_session_user *next;

    sli_edge_policy_closed(session);
    sli_edge_reverse_end(session);
    sli_edge_session_drop_envelope(session);
    sli_free(alloc, session->ehlo_as);
    for (struct sli_edge_session_user *u = session->users; u != NULL;
         u = next) {
        next = u->next;
        sli_free(alloc, u);
    }
    session->ehlo_as = NULL;
    session->users = NULL;
}

int sli_edge_session_set_ehlo(
    struct slimta_session *session, struct slimta_slice name)
{
    char *copy = sli_alloc_text(alloc_of(session), name);

    if (copy == NULL) {
        return SLIMTA_ENOMEM;
    }
    sli_free(alloc_of(session), session->ehlo_as);
    session->ehlo_as = copy;
    return 0;
}

void sli_edge_session_drop_envelope(struct slimta_session *session)
{
    slimta_envelope_unref(session->envelope);
    session->envelope = NULL;
}

uint64_t slimta_session_id(const struct slimta_session *session)
{
    return session->id;
}

const struct slimta_address *slimta_session_client(
    const struct slimta_session *session)
{
    return &session->client;
}

const struct slimta_address *slimta_session_peer(
    const struct slimta_session *session)
{
    return &session->client;
}

const struct slimta_address *slimta_session_local(
    const struct slimta_session *session)
{
    return &session->local;
}

const char *slimta_session_reverse_name(const struct slimta_session *session)
{
    return session->reverse.is_confirmed ? session->reverse.name : NULL;
}

const char *slimta_session_ehlo_as(const struct slimta_session *session)
{
    return session->ehlo_as == NULL ? "" : session->ehlo_as;
}

int slimta_session_is_extended(const struct slimta_session *session)
{
    return session->kind->is_extended(session);
}

const char *slimta_session_protocol(const struct slimta_session *session)
{
    return session->kind->protocol(session);
}

struct slimta_envelope *slimta_session_envelope(
    const struct slimta_session *session)
{
    return session->envelope;
}

struct slimta_loop *slimta_session_loop(const struct slimta_session *session)
{
    return sli_edge_session_shard(session)->loop;
}

struct slimta_resolver *slimta_session_resolver(
    const struct slimta_session *session)
{
    return sli_edge_session_shard(session)->resolver;
}

static struct sli_edge_session_user *find_user(
    const struct slimta_session *session, const void *key)
{
    struct sli_edge_session_user *found = session->users;

    while (found != NULL && found->key != key) {
        found = found->next;
    }
    return found;
}

static int add_user(struct slimta_session *session, const void *key, void *user)
{
    struct sli_edge_session_user *added =
        sli_alloc(alloc_of(session), sizeof *added);

    if (added == NULL) {
        return SLIMTA_ENOMEM;
    }
    *added = (struct sli_edge_session_user){session->users, key, user};
    session->users = added;
    return 0;
}

int slimta_session_set_user(
    struct slimta_session *session, const void *key, void *user)
{
    struct sli_edge_session_user *found = find_user(session, key);

    if (key == NULL) {
        session->user = user;
        return 0;
    }
    if (found == NULL) {
        return add_user(session, key, user);
    }
    found->user = user;
    return 0;
}

void *slimta_session_user(const struct slimta_session *session, const void *key)
{
    const struct sli_edge_session_user *found = find_user(session, key);

    if (key == NULL) {
        return session->user;
    }
    return found == NULL ? NULL : found->user;
}
