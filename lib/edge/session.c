/** What a session of either edge is made of, and what its host may know. */
#include "edge/session.h"

#include <stdatomic.h>

#include <string.h>

#include <slimta/auth.h>
#include <slimta/tls.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "edge/edge.h"
#include "edge/message.h"
#include "io/listener.h"

/* The one variable of this library that changes: only so is an id unique in the
 * process, whatever edges there are. */
static atomic_uint_fast64_t last_id;

static const struct slimta_alloc *alloc_of(const struct slimta_session *session)
{
    return &sli_edge_session_shard(session)->edge->alloc;
}

uint64_t sli_edge_session_new_id(void)
{
    return atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
}

void sli_edge_session_init(struct slimta_session *session,
    const struct sli_edge_session_kind *kind, struct sli_edge_shard *shard,
    const struct sli_edge_arrival *arrival)
{
    sli_list_init(&session->member.link);
    session->member.shard = shard;
    session->kind = kind;
    session->id = sli_edge_session_new_id();
    session->client = arrival->client;
    session->peer = arrival->peer;
    session->local = arrival->local;
    session->proxy = arrival->proxy;
    session->reason = SLIMTA_CLOSED_CLIENT;
    sli_edge_handoff_init(&session->handoff, shard, &shard->edge->handoff,
        &sli_edge_message_handoff);
    session->handoff.session_id = session->id;
    if (session->local.family == SLIMTA_FAMILY_NONE && arrival->fd >= 0 &&
        (shard->edge->table_count > 0 || shard->edge->events.tell != NULL)) {
        /* A system call, for those only who may ask for it. */
        (void)sli_io_socket_local_address(arrival->fd, &session->local);
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
    sli_edge_session_forget(session);
    for (struct sli_edge_session_user *u = session->users; u != NULL;
         u = next) {
        next = u->next;
        sli_free(alloc, u);
    }
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

/* Struct and texts in one block. */
static struct slimta_auth *copy_auth(const struct slimta_alloc *alloc,
    const char *mechanism, const char *authcid, const char *authzid)
{
    size_t authcid_size = strlen(authcid) + 1;
    size_t authzid_size = strlen(authzid) + 1;
    struct slimta_auth *auth =
        sli_alloc(alloc, sizeof *auth + authcid_size + authzid_size);
    char *texts = (char *)(auth + 1);

    if (auth != NULL) {
        memcpy(texts, authcid, authcid_size);
        memcpy(texts + authcid_size, authzid, authzid_size);
        *auth = (struct slimta_auth){
            sizeof *auth, mechanism, texts, texts + authcid_size};
    }
    return auth;
}

int sli_edge_session_set_auth(
    struct slimta_session *session, struct slimta_credentials *credentials)
{
    const char *authcid = slimta_credentials_authcid(credentials);
    const char *authzid = slimta_credentials_authzid(credentials);
    struct slimta_auth *auth =
        copy_auth(alloc_of(session), slimta_credentials_mechanism(credentials),
            authcid, *authzid == '\0' ? authcid : authzid);

    if (auth == NULL) {
        return SLIMTA_ENOMEM;
    }
    sli_free(alloc_of(session), session->auth);
    session->auth = auth;
    return 0;
}

int sli_edge_session_set_login(
    struct slimta_session *session, const char *mechanism, const char *login)
{
    struct slimta_auth *auth =
        copy_auth(alloc_of(session), mechanism, login, login);

    if (auth == NULL) {
        return SLIMTA_ENOMEM;
    }
    sli_free(alloc_of(session), session->auth);
    session->auth = auth;
    return 0;
}

/* Copies a text that may be missing to `*at`, which moves behind it. */
static const char *put_text(char **at, const char *text)
{
    return text == NULL ? NULL : sli_slice_put_text(at, sli_slice_text(text));
}

static size_t room_of(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

int sli_edge_session_set_forwarded(
    struct slimta_session *session, const struct sli_edge_forwarded *forwarded)
{
    struct sli_edge_forwarded *copy = sli_alloc(alloc_of(session),
        sizeof *copy + room_of(forwarded->name) + room_of(forwarded->address) +
            room_of(forwarded->ehlo));
    char *at;

    if (copy == NULL) {
        return SLIMTA_ENOMEM;
    }
    at = (char *)(copy + 1);
    copy->name = put_text(&at, forwarded->name);
    copy->address = put_text(&at, forwarded->address);
    copy->ehlo = put_text(&at, forwarded->ehlo);
    sli_free(alloc_of(session), session->forwarded);
    session->forwarded = copy;
    return 0;
}

void sli_edge_session_forget(struct slimta_session *session)
{
    sli_free(alloc_of(session), session->ehlo_as);
    sli_free(alloc_of(session), session->auth);
    session->ehlo_as = NULL;
    session->auth = NULL;
}

struct slimta_client sli_edge_session_facts(
    const struct slimta_session *session)
{
    struct slimta_client facts = {
        .size = sizeof facts,
        .address = session->client,
        .ehlo_as = slimta_session_ehlo_as(session),
        .reverse_name = slimta_session_reverse_name(session),
        .protocol = slimta_session_protocol(session),
        .peer = session->peer,
        .session_id = session->id,
    };

    if (session->forwarded != NULL) {
        facts.forwarded_name = session->forwarded->name;
        facts.forwarded_address = session->forwarded->address;
        facts.forwarded_ehlo = session->forwarded->ehlo;
    }
    if (session->auth != NULL) {
        facts.auth_mechanism = session->auth->mechanism;
        facts.authcid = session->auth->authcid;
        facts.authzid = session->auth->authzid;
    }
    if (session->tls != NULL) {
        facts.tls_version = session->tls->version;
        facts.tls_cipher = session->tls->cipher;
        facts.tls_peer_subject =
            session->tls->peer_is_verified ? session->tls->peer_subject : NULL;
    }
    return facts;
}

void sli_edge_session_drop_envelope(struct slimta_session *session)
{
    slimta_envelope_unref(session->envelope);
    session->envelope = NULL;
    sli_free(alloc_of(session), session->forwarded);
    session->forwarded = NULL;
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
    return &session->peer;
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

const struct slimta_tls_info *slimta_session_tls(
    const struct slimta_session *session)
{
    return session->tls;
}

const struct slimta_auth *slimta_session_auth(
    const struct slimta_session *session)
{
    return session->auth;
}

const struct slimta_proxy *slimta_session_proxy(
    const struct slimta_session *session)
{
    return session->proxy;
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
