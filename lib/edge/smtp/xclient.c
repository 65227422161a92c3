/** XCLIENT and XFORWARD in an SMTP session, for peers that are listed. */
#include "edge/smtp/xclient.h"

#include <string.h>

#include "base/slice.h"
#include "edge/smtp/ask.h"

void sli_edge_smtp_xclient_begin(struct sli_edge_smtp_session *session)
{
    if (sli_networks_has(&session->edge->xclient_from, &session->base.peer)) {
        sli_smtp_server_trust_peer(&session->engine);
    }
}

/* Puts what was said of an address in its place. */
static void change(struct slimta_address *address,
    const struct slimta_address *said, unsigned has_ip, unsigned has_port)
{
    uint16_t port = has_port ? said->port : address->port;

    if (has_ip) {
        *address = *said;
    }
    if (address->family == SLIMTA_FAMILY_IPV4 ||
        address->family == SLIMTA_FAMILY_IPV6) {
        address->port = port;
    }
}

static void change_addresses(
    struct slimta_session *base, const struct sli_smtp_peer *peer)
{
    change(&base->client, &peer->client, peer->said & SLI_SMTP_PEER_ADDR,
        peer->said & SLI_SMTP_PEER_PORT);
    change(&base->local, &peer->local, peer->said & SLI_SMTP_PEER_DESTADDR,
        peer->said & SLI_SMTP_PEER_DESTPORT);
}

/* Who names its client knows that name, or that there is none. */
static void change_name(
    struct slimta_session *base, const struct sli_smtp_peer *peer)
{
    if (peer->name != NULL) {
        sli_edge_reverse_know(base, peer->name);
    } else if ((peer->said & SLI_SMTP_PEER_NAME) != 0) {
        sli_edge_reverse_end(base);
    } else {
        sli_edge_reverse_begin(base);
    }
}

/* What was known of the client is forgotten: another one is there. */
static int become(struct slimta_session *base, const struct sli_smtp_peer *peer)
{
    int err = 0;

    sli_edge_session_forget(base);
    sli_edge_session_drop_envelope(base);
    change_addresses(base, peer);
    change_name(base, peer);
    if (peer->helo != NULL) {
        err = sli_edge_session_set_ehlo(base, sli_slice_text(peer->helo));
    }
    if (err == 0 && peer->login != NULL) {
        err = sli_edge_session_set_login(base, "XCLIENT", peer->login);
    }
    return err;
}

void sli_edge_smtp_xclient_on_xclient(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    if (become(&session->base, &event->peer) != 0) {
        sli_edge_smtp_ask_out_of_memory(session);
    } else {
        sli_edge_smtp_ask_answer(session, NULL);
    }
}

/* Several commands may tell of one message. */
void sli_edge_smtp_xclient_on_xforward(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    const struct sli_smtp_peer *peer = &event->peer;
    struct sli_edge_forwarded said = {NULL, NULL, NULL};

    if (session->base.forwarded != NULL) {
        said = *session->base.forwarded;
    }
    if ((peer->said & SLI_SMTP_PEER_NAME) != 0) {
        said.name = peer->name;
    }
    if ((peer->said & SLI_SMTP_PEER_ADDR) != 0) {
        said.address = peer->address_text;
    }
    if ((peer->said & SLI_SMTP_PEER_HELO) != 0) {
        said.ehlo = peer->helo;
    }
    if (sli_edge_session_set_forwarded(&session->base, &said) != 0) {
        sli_edge_smtp_ask_out_of_memory(session);
    } else {
        sli_edge_smtp_ask_answer(session, NULL);
    }
}
