/** A blocking TLS client over a socket, for test hosts: mbedTLS's own, since it
 * resumes and knows nothing of the code under test. */
#include "tls_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "certificates.h"
#include "tls/compat.h"

struct tls_ticket {
    mbedtls_ssl_session session;
};

struct tls_client {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    int fd;
    size_t most;
    size_t sent;
    int is_ended;
    int alert;
};

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
static void want_tickets(mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
}
#else
static void want_tickets(mbedtls_ssl_config *config)
{
    (void)config;
}
#endif

/* Both are told apart from an end by the code that mbedTLS then returns. */
static int send_records(void *user, const unsigned char *octets, size_t size)
{
    struct tls_client *client = user;
    size_t left = client->most == 0 ? size : client->most - client->sent;
    ssize_t sent = 0;

    if (left == 0) {
        return MBEDTLS_ERR_SSL_CONN_EOF;
    }
    do {
        sent =
            send(client->fd, octets, left < size ? left : size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent <= 0) {
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    client->sent += (size_t)sent;
    return (int)sent;
}

static int receive_records(void *user, unsigned char *out, size_t size)
{
    struct tls_client *client = user;
    ssize_t got = 0;

    do {
        got = recv(client->fd, out, size, 0);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)got;
}

static int read_file(const char *path, unsigned char *out, size_t room)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0;

    if (file == NULL) {
        return -1;
    }
    size = fread(out, 1, room - 1, file);
    fclose(file);
    out[size] = '\0';
    return (int)size + 1; /* mbedTLS wants the NUL counted */
}

static int load_certificate(mbedtls_x509_crt *certificate, const char *name)
{
    char path[CERTIFICATE_PATH_SIZE];
    unsigned char text[16384];
    int size =
        read_file(certificate_path(path, name, ".pem"), text, sizeof text);

    return size < 0 ? -1
                    : mbedtls_x509_crt_parse(certificate, text, (size_t)size);
}

static int load_pair(struct tls_client *client, const char *name)
{
    char path[CERTIFICATE_PATH_SIZE];
    unsigned char text[16384];
    int size =
        read_file(certificate_path(path, name, ".key"), text, sizeof text);

    if (size < 0 || load_certificate(&client->certificate, name) != 0 ||
        sli_tls_compat_parse_key(
            &client->key, text, (size_t)size, NULL, 0, &client->random) != 0) {
        return -1;
    }
    return mbedtls_ssl_conf_own_cert(
        &client->config, &client->certificate, &client->key);
}

static int configure(
    struct tls_client *client, const struct tls_client_options *options)
{
    mbedtls_ssl_config *config = &client->config;
    int err = sli_tls_compat_start();

    if (err == 0) {
        err = mbedtls_ctr_drbg_seed(
            &client->random, mbedtls_entropy_func, &client->entropy, NULL, 0);
    }
    if (err == 0) {
        err = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT,
            MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    }
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &client->random);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_session_tickets(
        config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
    want_tickets(config);
    if (err == 0 && options->certificate != NULL) {
        err = load_pair(client, options->certificate);
    }
    return err;
}

static int set_up(
    struct tls_client *client, const struct tls_client_options *options)
{
    int err = configure(client, options);

    if (err == 0) {
        err = mbedtls_ssl_setup(&client->ssl, &client->config);
    }
    if (err == 0) {
        err = mbedtls_ssl_set_hostname(&client->ssl, options->server_name);
    }
    if (err == 0 && options->ticket != NULL) {
        err = mbedtls_ssl_set_session(&client->ssl, &options->ticket->session);
    }
    mbedtls_ssl_set_bio(
        &client->ssl, client, send_records, receive_records, NULL);
    return err;
}

struct tls_client *tls_client_new(
    int fd, const struct tls_client_options *options)
{
    static const struct tls_client_options plain = {0};
    struct tls_client *client = calloc(1, sizeof *client);

    if (client == NULL) {
        return NULL;
    }
    options = options == NULL ? &plain : options;
    client->fd = fd;
    client->most = options->most;
    client->alert = -1;
    mbedtls_entropy_init(&client->entropy);
    mbedtls_ctr_drbg_init(&client->random);
    mbedtls_ssl_config_init(&client->config);
    mbedtls_ssl_init(&client->ssl);
    mbedtls_x509_crt_init(&client->certificate);
    mbedtls_pk_init(&client->key);
    if (set_up(client, options) != 0) {
        tls_client_free(client);
        return NULL;
    }
    return client;
}

void tls_client_free(struct tls_client *client)
{
    if (client == NULL) {
        return;
    }
    mbedtls_ssl_free(&client->ssl);
    mbedtls_ssl_config_free(&client->config);
    mbedtls_x509_crt_free(&client->certificate);
    mbedtls_pk_free(&client->key);
    mbedtls_ctr_drbg_free(&client->random);
    mbedtls_entropy_free(&client->entropy);
    free(client);
}

/* Notes what the end of a connection was. */
static int note(struct tls_client *client, int code)
{
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        client->is_ended = 1;
    } else if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        client->alert = sli_tls_compat_alert_received(&client->ssl);
    }
    return code;
}

int tls_client_shake(struct tls_client *client)
{
    int code = 0;

    do {
        code = note(client, mbedtls_ssl_handshake(&client->ssl));
    } while (code == SLI_TLS_NEW_TICKET);
    return code;
}

int tls_client_send(struct tls_client *client, const void *octets, size_t size)
{
    const unsigned char *next = octets;

    while (size > 0) {
        int sent = mbedtls_ssl_write(&client->ssl, next, size);

        if (sent == SLI_TLS_NEW_TICKET) {
            continue;
        }
        if (sent <= 0) {
            return -1;
        }
        next += sent;
        size -= (size_t)sent;
    }
    return 0;
}

ssize_t tls_client_receive(struct tls_client *client, void *out, size_t size)
{
    int got = 0;

    do {
        got = note(client, mbedtls_ssl_read(&client->ssl, out, size));
    } while (got == SLI_TLS_NEW_TICKET);
    if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ||
        got == MBEDTLS_ERR_SSL_CONN_EOF) {
        return 0;
    }
    return got < 0 ? -1 : got;
}

void tls_client_end(struct tls_client *client)
{
    (void)mbedtls_ssl_close_notify(&client->ssl);
}

int tls_client_is_ended(const struct tls_client *client)
{
    return client->is_ended;
}

int tls_client_alert(const struct tls_client *client)
{
    return client->alert;
}

size_t tls_client_sent(const struct tls_client *client)
{
    return client->sent;
}

const char *tls_client_version(const struct tls_client *client)
{
    return mbedtls_ssl_get_version(&client->ssl);
}

const char *tls_client_cipher(const struct tls_client *client)
{
    return mbedtls_ssl_get_ciphersuite(&client->ssl);
}

const char *tls_client_peer_name(
    const struct tls_client *client, char *out, size_t size)
{
    const mbedtls_x509_crt *peer = mbedtls_ssl_get_peer_cert(&client->ssl);

    if (peer == NULL || mbedtls_x509_dn_gets(out, size, &peer->subject) < 0) {
        out[0] = '\0';
    }
    return out;
}

int tls_client_fingerprint(const char *certificate, unsigned char out[32])
{
    mbedtls_x509_crt parsed;
    int err = 0;

    mbedtls_x509_crt_init(&parsed);
    err = load_certificate(&parsed, certificate);
    if (err == 0) {
        err = sli_tls_compat_sha256(parsed.raw.p, parsed.raw.len, out);
    }
    mbedtls_x509_crt_free(&parsed);
    return err;
}

struct tls_ticket *tls_client_keep(const struct tls_client *client)
{
    struct tls_ticket *ticket = calloc(1, sizeof *ticket);

    if (ticket == NULL) {
        return NULL;
    }
    mbedtls_ssl_session_init(&ticket->session);
    if (mbedtls_ssl_get_session(&client->ssl, &ticket->session) != 0) {
        tls_ticket_free(ticket);
        return NULL;
    }
    return ticket;
}

void tls_ticket_free(struct tls_ticket *ticket)
{
    if (ticket != NULL) {
        mbedtls_ssl_session_free(&ticket->session);
        free(ticket);
    }
}
