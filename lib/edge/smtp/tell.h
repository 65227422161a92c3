/** What is told and counted of an SMTP session: one call at each place where
 * something happens. */
#ifndef EDGE_SMTP_TELL_H
#define EDGE_SMTP_TELL_H

#include <stdint.h>

#include <slimta/reply.h>
#include <slimta/slice.h>

struct sli_edge_smtp_session;

/** What a session knows of itself for the day it is told. */
struct sli_edge_smtp_tally {
    uint64_t began_ms;
    uint64_t message_ms; /* when the 354 was said */
    uint64_t message_bytes;
    uint64_t commands; /* that were counted */
    uint64_t messages; /* that were accepted */
    uint64_t bytes_in;
    uint64_t bytes_out;
    int has_message; /* between the 354 and the answer to the message */
};

/** The session has begun. */
void sli_edge_smtp_tell_begin(struct sli_edge_smtp_session *session);

void sli_edge_smtp_tell_received(
    struct sli_edge_smtp_session *session, size_t size);
/** Counts the command lines that were read since the last time. */
void sli_edge_smtp_tell_commands(struct sli_edge_smtp_session *session);

void sli_edge_smtp_tell_sent(
    struct sli_edge_smtp_session *session, size_t size);

/** The engine's question is about to be answered; NULL: with its default. */
void sli_edge_smtp_tell_answer(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply);

/** The engine has refused a command by itself; `text` is static. */
void sli_edge_smtp_tell_refused(struct sli_edge_smtp_session *session,
    const char *verb, int code, const char *text);

/** TLS: the handshake is done; it, or a record, has failed; octets in the clear
 * were thrown away. */
void sli_edge_smtp_tell_tls(struct sli_edge_smtp_session *session);
void sli_edge_smtp_tell_tls_failed(
    struct sli_edge_smtp_session *session, const char *reason);
void sli_edge_smtp_tell_discarded(
    struct sli_edge_smtp_session *session, size_t size);

/** The 354 was said, and octets of the message have come. */
void sli_edge_smtp_tell_data(struct sli_edge_smtp_session *session);
void sli_edge_smtp_tell_content(
    struct sli_edge_smtp_session *session, size_t size);

/** The transaction is about to go: told when a message was on its way. */
void sli_edge_smtp_tell_aborted(struct sli_edge_smtp_session *session);

/** There was no memory; `where` is static. */
void sli_edge_smtp_tell_memory(
    struct sli_edge_smtp_session *session, const char *where);

/** Too many errors: an option's limit was met. */
void sli_edge_smtp_tell_limit(
    struct sli_edge_smtp_session *session, const char *limit, uint64_t value);

/** The session ends; its reason is known. */
void sli_edge_smtp_tell_closed(struct sli_edge_smtp_session *session);

#endif
