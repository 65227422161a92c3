/** A blocking TLS client over a socket, for test hosts: mbedTLS's own, since it
 * resumes and knows nothing of the code under test. */
#ifndef E2E_TLS_CLIENT_H
#define E2E_TLS_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** One connection; nothing of it asserts: it works on any thread. */
struct tls_client;

/** A session to resume; made by tls_client_keep. */
struct tls_ticket;

struct tls_client_options {
    const char *server_name; /**< SNI; NULL: none */
    const char *certificate; /**< the name of a pair of the build; NULL: none */
    const struct tls_ticket *ticket; /**< NULL: a full handshake */
    size_t most; /**< octets sent at most, 0: no limit; then sending fails */
};

/** A client on a connected socket, which stays the caller's; NULL on failure.
 * Nothing is sent yet. `options` may be NULL. */
struct tls_client *tls_client_new(
    int fd, const struct tls_client_options *options);

/** Frees; says nothing. NULL is accepted. */
void tls_client_free(struct tls_client *client);

/** The whole handshake; 0 or mbedTLS's code. */
int tls_client_shake(struct tls_client *client);

/** Sends all of it; 0 or -1. */
int tls_client_send(struct tls_client *client, const void *octets, size_t size);

/** How many octets came, 0 at the end (with close_notify or without), -1 on
 * error. */
ssize_t tls_client_receive(struct tls_client *client, void *out, size_t size);

/** Says close_notify. */
void tls_client_end(struct tls_client *client);

/** Whether the other side has said close_notify. */
int tls_client_is_ended(const struct tls_client *client);

/** The fatal alert that came, or -1. */
int tls_client_alert(const struct tls_client *client);

/** The ciphertext that was sent so far, in octets. */
size_t tls_client_sent(const struct tls_client *client);

/** "TLSv1.2"; the suite as IANA names it, '-' for '_'. As long as it. */
const char *tls_client_version(const struct tls_client *client);
const char *tls_client_cipher(const struct tls_client *client);

/** The common name of the server's certificate into `out`. */
const char *tls_client_peer_name(
    const struct tls_client *client, char *out, size_t size);

/** SHA-256 of a certificate of the build. 0 or -1. */
int tls_client_fingerprint(const char *certificate, unsigned char out[32]);

/** What to resume this connection with, after something was read from it; NULL
 * when there is nothing. */
struct tls_ticket *tls_client_keep(const struct tls_client *client);
void tls_ticket_free(struct tls_ticket *ticket);

#endif
