/** Tests of tls/stream.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>
#include <slimta/tls.h>

#include "base/slice.h"
#include "certificates.h"
#include "fail_alloc.h"
#include "pair.h"
#include "tls/context.h"
#include "tls/stream.h"

static struct fail_alloc alloc;
static struct slimta_tls *server_tls;
static struct slimta_tls *client_tls;
static struct end server;
static struct end client;

static struct slimta_tls *context(const struct slimta_tls_options *options,
    const char *certificate, const char *authority)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    struct slimta_tls_options own = {.size = sizeof own};
    struct slimta_error error = {0, ""};
    struct slimta_tls *tls = NULL;

    if (options != NULL) {
        own = *options;
    }
    own.alloc = &alloc.table;
    if (authority != NULL) {
        own.ca_file = certificate_path(ca_file, authority, ".pem");
    }
    if (slimta_tls_new(&tls, &own, &error) != 0 ||
        (certificate != NULL &&
            certificate_add(tls, certificate, &error) != 0)) {
        fail_msg("%s", error.text);
    }
    return tls;
}

static int set_up(void **state)
{
    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    return 0;
}

static void close_both(void)
{
    end_free(&server);
    end_free(&client);
}

static int tear_down(void **state)
{
    (void)state;
    close_both();
    slimta_tls_unref(server_tls);
    slimta_tls_unref(client_tls);
    server_tls = NULL;
    client_tls = NULL;
    assert_int_equal(alloc.live, 0);
    return 0;
}

static void open_both(const char *name)
{
    assert_int_equal(sli_tls_context_use_as_client(client_tls, NULL), 0);
    assert_int_equal(sli_tls_stream_new(&server.stream, &alloc.table,
                         server_tls, SLI_TLS_SERVER, NULL),
        0);
    assert_int_equal(sli_tls_stream_new(&client.stream, &alloc.table,
                         client_tls, SLI_TLS_CLIENT, name),
        0);
    end_attach(&server);
    end_attach(&client);
}

static void plain_contexts(void)
{
    server_tls = context(NULL, "server", NULL);
    client_tls = context(NULL, NULL, "ca");
}

static void assert_open(void)
{
    assert_string_equal(sli_tls_stream_error(server.stream), "");
    assert_string_equal(sli_tls_stream_error(client.stream), "");
    assert_int_equal(server.status, SLI_TLS_DONE);
    assert_int_equal(client.status, SLI_TLS_DONE);
}

static void assert_carries(
    struct end *from, struct end *to, const char *text, size_t most)
{
    char got[64];

    assert_int_equal(
        sli_tls_stream_write(from->stream, sli_slice_text(text)), 0);
    assert_int_equal(end_read(to, from, got, sizeof got, most), strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static void shakes_hands_and_carries(void **state)
{
    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    assert_null(sli_tls_stream_info(server.stream));
    pair_shake(&client, &server, SIZE_MAX);
    assert_open();
    assert_carries(&client, &server, "EHLO client\r\n", SIZE_MAX);
    assert_carries(&server, &client, "250 Hello\r\n", SIZE_MAX);
}

/* --- Cut ------------------------------------------------------------------ */

static void shakes_hands_in_pieces(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 5, 7, 64, 1000};

    (void)state;
    plain_contexts();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        open_both("mx.example.com");
        pair_shake(&client, &server, sizes[i]);
        assert_open();
        assert_carries(&client, &server, "EHLO client\r\n", sizes[i]);
        assert_carries(&server, &client, "250 Hello\r\n", sizes[i]);
        close_both();
    }
}

/* What a server gets in a handshake, up to any octet, and then nothing more:
 * it waits, has not failed, and leaves nothing behind. */
static void bears_the_end_at_every_octet(void **state)
{
    size_t all;

    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    pair_shake(&client, &server, SIZE_MAX);
    assert_open();
    all = client.out.end;
    close_both();
    for (size_t most = 0; most < all; most += most < 8 ? 1 : 29) {
        size_t left = most;

        open_both("mx.example.com");
        while (client.status == SLI_TLS_WANTS_INPUT &&
            server.status == SLI_TLS_WANTS_INPUT && left > 0) {
            struct slimta_slice records;

            (void)end_shake(&client, &server, SIZE_MAX);
            records = way_next(&client.out, left);
            left -= records.size;
            sli_tls_stream_feed(server.stream, records);
            server.status = sli_tls_stream_handshake(server.stream);
            assert_int_not_equal(server.status, SLI_TLS_FAILED);
            if (records.size == 0) {
                break;
            }
        }
        close_both();
    }
}

static void carries_much(void **state)
{
    enum { SIZE = 400000 };
    char *octets = malloc(SIZE);
    char *got = malloc(SIZE + 1);

    (void)state;
    assert_non_null(octets);
    assert_non_null(got);
    for (size_t i = 0; i < SIZE; i++) {
        octets[i] = (char)(i * 31 >> 3);
    }
    plain_contexts();
    open_both("mx.example.com");
    pair_shake(&client, &server, SIZE_MAX);
    assert_open();
    assert_int_equal(
        sli_tls_stream_write(client.stream, sli_slice(octets, SIZE)), 0);
    assert_int_equal(end_read(&server, &client, got, SIZE + 1, 4096), SIZE);
    assert_memory_equal(got, octets, SIZE);
    assert_int_equal(
        sli_tls_stream_write(server.stream, sli_slice(octets, SIZE)), 0);
    assert_int_equal(end_read(&client, &server, got, SIZE + 1, SIZE_MAX), SIZE);
    assert_memory_equal(got, octets, SIZE);
    free(octets);
    free(got);
}

/* A client may say its first octets together with the end of its handshake. */
static void reads_what_came_with_the_handshake(void **state)
{
    char got[16];

    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    while (client.status == SLI_TLS_WANTS_INPUT) {
        (void)end_shake(&client, &server, SIZE_MAX);
        if (client.status == SLI_TLS_WANTS_INPUT) {
            (void)end_shake(&server, &client, SIZE_MAX);
        }
    }
    assert_int_equal(
        sli_tls_stream_write(client.stream, SLI_LITERAL("QUIT\r\n")), 0);
    if (server.status == SLI_TLS_WANTS_INPUT) {
        (void)end_shake(&server, &client, SIZE_MAX);
    }
    assert_int_equal(server.status, SLI_TLS_DONE);
    assert_int_equal(end_read(&server, &client, got, sizeof got, SIZE_MAX), 6);
    assert_memory_equal(got, "QUIT\r\n", 6);
}

/* --- The end -------------------------------------------------------------- */

static void says_the_end_once(void **state)
{
    char got[4];
    size_t said;

    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    sli_tls_stream_end(server.stream); /* too early: nothing is said */
    assert_int_equal(server.out.end, 0);
    pair_shake(&client, &server, SIZE_MAX);
    assert_open();
    sli_tls_stream_end(server.stream);
    said = server.out.end;
    sli_tls_stream_end(server.stream);
    assert_int_equal(server.out.end, said);
    assert_int_equal(end_read(&client, &server, got, sizeof got, SIZE_MAX), 0);
    assert_int_equal(client.status, SLI_TLS_ENDED);
    assert_string_equal(sli_tls_stream_error(client.stream), "");
    /* The other way is still open. */
    assert_carries(&client, &server, "x", SIZE_MAX);
    sli_tls_stream_end(client.stream);
    assert_int_equal(end_read(&server, &client, got, sizeof got, SIZE_MAX), 0);
    assert_int_equal(server.status, SLI_TLS_ENDED);
}

static void fails_for_good(void **state)
{
    char got[4];
    size_t size;

    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    pair_shake(&client, &server, SIZE_MAX);
    assert_open();
    assert_int_equal(
        sli_tls_stream_write(client.stream, SLI_LITERAL("QUIT")), 0);
    client.out.octets[client.out.end - 1] ^= 1;
    assert_int_equal(end_read(&server, &client, got, sizeof got, SIZE_MAX), 0);
    assert_int_equal(server.status, SLI_TLS_FAILED);
    assert_non_null(
        strstr(sli_tls_stream_error(server.stream), "damaged or forged"));
    assert_int_equal(
        sli_tls_stream_read(server.stream, got, 4, &size), SLI_TLS_FAILED);
    assert_int_equal(sli_tls_stream_handshake(server.stream), SLI_TLS_FAILED);
    assert_int_equal(
        sli_tls_stream_write(server.stream, SLI_LITERAL("x")), SLIMTA_EIO);
    assert_int_equal(end_read(&client, &server, got, sizeof got, SIZE_MAX), 0);
    assert_int_equal(client.status, SLI_TLS_FAILED);
    assert_string_equal(sli_tls_stream_error(client.stream),
        "the peer's alert: bad_record_mac");
}

static void tells_when_records_cannot_be_sent(void **state)
{
    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    server.out.code = SLIMTA_EIO;
    (void)end_shake(&client, &server, SIZE_MAX);
    (void)end_shake(&server, &client, SIZE_MAX);
    assert_int_equal(server.status, SLI_TLS_FAILED);
    assert_string_equal(
        sli_tls_stream_error(server.stream), "records could not be sent");
    close_both();

    open_both("mx.example.com");
    pair_shake(&client, &server, SIZE_MAX);
    assert_open();
    server.out.code = SLIMTA_ELIMIT;
    assert_int_equal(
        sli_tls_stream_write(server.stream, SLI_LITERAL("x")), SLIMTA_ELIMIT);
    assert_string_equal(
        sli_tls_stream_error(server.stream), "records could not be sent");
}

/* With TLS 1.3 the tickets come last; a client that has left does not get them.
 * What it said before it left is read. */
static void bears_a_client_that_left_before_the_tickets(void **state)
{
    char got[8];

    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    while (client.status == SLI_TLS_WANTS_INPUT) {
        (void)end_shake(&client, &server, SIZE_MAX);
        if (client.status == SLI_TLS_WANTS_INPUT) {
            (void)end_shake(&server, &client, SIZE_MAX);
        }
    }
    if (server.status == SLI_TLS_DONE) {
        return; /* TLS 1.2: the server has the last word */
    }
    assert_int_equal(
        sli_tls_stream_write(client.stream, SLI_LITERAL("QUIT\r\n")), 0);
    server.out.code = SLIMTA_EIO;
    (void)end_shake(&server, &client, SIZE_MAX);
    assert_int_equal(server.status, SLI_TLS_DONE);
    assert_int_equal(end_read(&server, &client, got, sizeof got, SIZE_MAX), 6);
    assert_int_equal(
        sli_tls_stream_write(server.stream, SLI_LITERAL("x")), SLIMTA_EIO);
}

/* --- What comes in place of TLS --------------------------------------------
 */

struct foreign {
    const char *octets;
    size_t size;
    const char *reason;
};

#define FOREIGN(octets, reason) \
    { \
        (octets), sizeof(octets) - 1, (reason) \
    }

/* A whole ClientHello of TLS 1.1: no extensions, two suites. */
#define HELLO_1_1 \
    "\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x02" \
    "0123456789abcdef0123456789abcdef" \
    "\x00\x00\x04\xc0\x13\x00\x2f\x01\x00"

/* One of 1.2 with a suite that has no ephemeral key. */
#define HELLO_RSA \
    "\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" \
    "0123456789abcdef0123456789abcdef" \
    "\x00\x00\x02\x00\x9c\x01\x00\x00\x00"

static void tells_what_came_instead(void **state)
{
    static const struct foreign foreign[] = {
        FOREIGN("EHLO client.example.com\r\n",
            "clear text instead of TLS: \"EHLO\""),
        FOREIGN(
            "AUTH PLAIN AGEAYg==\r\n", "clear text instead of TLS: \"AUTH\""),
        FOREIGN("GET / HTTP/1.1\r\n\r\n", "clear text instead of TLS: \"GET\""),
        FOREIGN("averylongword that it is", "instead of TLS: \"averylon\""),
        FOREIGN("\x80\x2e\x01\x03\x01\x00\x15\x00\x00", ""),
        FOREIGN("\x16\x09\x01\x00\x04\x01\x00\x00\x00", ""),
        FOREIGN(HELLO_1_1, "no version in common; our alert: protocol_version"),
        FOREIGN(HELLO_RSA, "in common; our alert: handshake_failure"),
        FOREIGN("\x15\x03\x01\x00\x02\x02\x46", ""),
    };

    (void)state;
    plain_contexts();
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        open_both("mx.example.com");
        sli_tls_stream_feed(
            server.stream, sli_slice(foreign[i].octets, foreign[i].size));
        server.status = sli_tls_stream_handshake(server.stream);
        if (server.status != SLI_TLS_FAILED ||
            strstr(sli_tls_stream_error(server.stream), foreign[i].reason) ==
                NULL) {
            fail_msg("%zu: %s", i, sli_tls_stream_error(server.stream));
        }
        assert_string_not_equal(sli_tls_stream_error(server.stream), "");
        assert_null(strstr(sli_tls_stream_error(server.stream), "AGEAYg"));
        assert_null(sli_tls_stream_info(server.stream));
        close_both();
    }
}

/* One that could do 1.3 and says so first, as every client of today: version
 * 1.2 with a suite of ours behind it is taken. */
#define HELLO_BOTH \
    "\x16\x03\x01\x00\x49\x01\x00\x00\x45\x03\x03" \
    "0123456789abcdef0123456789abcdef" \
    "\x00\x00\x06\x13\x01\x13\x02\xc0\x2b\x01\x00" \
    "\x00\x16\x00\x0a\x00\x04\x00\x02\x00\x17" \
    "\x00\x0d\x00\x04\x00\x02\x04\x03" \
    "\x00\x0b\x00\x02\x01\x00"

static void takes_a_client_that_offers_more(void **state)
{
    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    sli_tls_stream_feed(server.stream, SLI_LITERAL(HELLO_BOTH));
    server.status = sli_tls_stream_handshake(server.stream);
    assert_string_equal(sli_tls_stream_error(server.stream), "");
    assert_int_equal(server.status, SLI_TLS_WANTS_INPUT);
    assert_true(server.out.end > 0);
}

/* --- Names and certificates ------------------------------------------------
 */

static void assert_shakes(const char *name)
{
    open_both(name);
    pair_shake(&client, &server, SIZE_MAX);
    assert_open();
}

static void assert_refuses(
    const char *name, const char *ours, const char *theirs)
{
    open_both(name);
    pair_shake(&client, &server, SIZE_MAX);
    if (strstr(sli_tls_stream_error(client.stream), ours) == NULL ||
        strstr(sli_tls_stream_error(server.stream), theirs) == NULL) {
        fail_msg("client: %s; server: %s", sli_tls_stream_error(client.stream),
            sli_tls_stream_error(server.stream));
    }
    close_both();
}

static void tells_what_was_agreed_on(void **state)
{
    const struct slimta_tls_info *info;

    (void)state;
    plain_contexts();
    assert_shakes("MX.example.com");
    info = sli_tls_stream_info(server.stream);
    assert_non_null(info);
    assert_int_equal(info->size, sizeof *info);
    assert_string_equal(info->server_name, "MX.example.com");
    assert_null(info->alpn);
    assert_false(info->is_resumed);
    assert_false(info->has_peer_certificate);
    assert_false(info->peer_is_verified);
    assert_null(info->peer_subject);
    assert_null(info->peer_name);
    if (strcmp(info->version, "TLSv1.3") == 0) {
        assert_string_equal(info->cipher, "TLS_AES_128_GCM_SHA256");
    } else {
        assert_string_equal(info->version, "TLSv1.2");
        assert_string_equal(
            info->cipher, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    }
    info = sli_tls_stream_info(client.stream);
    assert_true(info->has_peer_certificate);
    assert_true(info->peer_is_verified);
    assert_string_equal(info->peer_subject, "CN=not-a-name.example.com");
}

struct choice {
    const char *name;
    const char *subject;
};

static void chooses_a_certificate_by_name(void **state)
{
    static const struct choice choices[] = {
        {"mx.example.com", "CN=not-a-name.example.com"},
        {"one.mail.example.com", "CN=not-a-name.example.com"},
        {"OTHER.example.org", "CN=other.example.org"},
        {"cn.example.net", "CN=cn.example.net,O=Test"},
        {"leaf.example.com", "CN=leaf.example.com"},
        {"nobody.example.com", "CN=not-a-name.example.com"},
        {NULL, "CN=not-a-name.example.com"},
    };
    const struct slimta_tls_options any = {
        .size = sizeof any, .verify = SLIMTA_TLS_VERIFY_OPTIONAL};
    struct slimta_tls_options none = any;

    (void)state;
    none.verify = SLIMTA_TLS_VERIFY_NONE;
    server_tls = context(&none, "server", NULL);
    client_tls = context(&any, NULL, "ca");
    assert_int_equal(certificate_add(server_tls, "second", NULL), 0);
    assert_int_equal(certificate_add(server_tls, "common", NULL), 0);
    assert_int_equal(
        certificate_add_pair(server_tls, "chain", "leaf", NULL), 0);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const struct slimta_tls_info *info;

        assert_shakes(choices[i].name);
        info = sli_tls_stream_info(client.stream);
        assert_string_equal(info->peer_subject, choices[i].subject);
        assert_int_equal(info->peer_is_verified,
            choices[i].name == NULL ||
                strcmp(choices[i].name, "nobody.example.com") != 0);
        close_both();
    }
}

static void refuses_a_server_that_is_not_meant(void **state)
{
    const struct slimta_tls_options lax = {
        .size = sizeof lax, .verify = SLIMTA_TLS_VERIFY_NONE};
    struct slimta_error error = {0, ""};

    (void)state;
    server_tls = context(NULL, "server", NULL);
    client_tls = context(NULL, NULL, "ca");
    assert_refuses(
        "other.example.org", "for another name", "the peer's alert: ");
    slimta_tls_unref(client_tls);
    client_tls = context(NULL, NULL, "other_ca");
    assert_refuses("mx.example.com", "signed by no CA that is trusted",
        "the peer's alert: unknown_ca");
    slimta_tls_unref(client_tls);
    client_tls = context(&lax, NULL, NULL);
    assert_shakes("other.example.org");
    assert_false(sli_tls_stream_info(client.stream)->peer_is_verified);
    close_both();
    slimta_tls_unref(client_tls);
    /* Those of the system, where it has them, do not know the tests' CA. */
    client_tls = context(NULL, NULL, NULL);
    if (sli_tls_context_use_as_client(client_tls, &error) != 0) {
        assert_int_equal(error.code, SLIMTA_ENOENT);
        assert_non_null(strstr(error.text, "/etc/ssl/certs/"));
        return;
    }
    assert_refuses("mx.example.com", "signed by no CA that is trusted",
        "the peer's alert: unknown_ca");
}

/* --- Certificates of clients ------------------------------------------------
 */

static void asks(enum slimta_tls_verify verify, const char *certificate)
{
    const struct slimta_tls_options options = {
        .size = sizeof options, .verify = verify};

    slimta_tls_unref(server_tls);
    slimta_tls_unref(client_tls);
    server_tls = context(&options, "server", "ca");
    client_tls = context(NULL, certificate, "ca");
}

static void asks_for_certificates(void **state)
{
    const struct slimta_tls_info *info;
    unsigned sum = 0;

    (void)state;
    asks(SLIMTA_TLS_VERIFY_REQUIRED, "client");
    assert_shakes("mx.example.com");
    info = sli_tls_stream_info(server.stream);
    assert_true(info->has_peer_certificate);
    assert_true(info->peer_is_verified);
    assert_string_equal(info->peer_subject, "CN=client,O=Acme\\, Inc.,C=DE");
    assert_string_equal(info->peer_name, "client");
    for (size_t i = 0; i < sizeof info->peer_sha256; i++) {
        sum += info->peer_sha256[i];
    }
    assert_int_not_equal(sum, 0);
    close_both();

    asks(SLIMTA_TLS_VERIFY_OPTIONAL, NULL);
    assert_shakes("mx.example.com");
    info = sli_tls_stream_info(server.stream);
    assert_false(info->has_peer_certificate);
    assert_false(info->peer_is_verified);
    close_both();

    asks(SLIMTA_TLS_VERIFY_OPTIONAL, "stranger");
    assert_shakes("mx.example.com");
    info = sli_tls_stream_info(server.stream);
    assert_true(info->has_peer_certificate);
    assert_false(info->peer_is_verified);
    assert_string_equal(info->peer_subject, "CN=stranger");
    close_both();

    asks(SLIMTA_TLS_VERIFY_NONE, "client");
    assert_shakes("mx.example.com");
    assert_false(sli_tls_stream_info(server.stream)->has_peer_certificate);
    close_both();

    asks(SLIMTA_TLS_VERIFY_OPTIONAL, "odd");
    assert_shakes("mx.example.com");
    assert_string_equal(sli_tls_stream_info(server.stream)->peer_subject,
        "CN=日本,OU=a+CN=\\ two \\=,O=\\#1 \\+ \\\"Zoë\\\" "
        "\\<x\\>\\;\\\\\\ ");
}

static void assert_named(const char *certificate, const char *name)
{
    const char *told;

    asks(SLIMTA_TLS_VERIFY_REQUIRED, certificate);
    assert_shakes("mx.example.com");
    told = sli_tls_stream_info(server.stream)->peer_name;
    if (name == NULL) {
        assert_null(told);
    } else {
        assert_string_equal(told, name);
    }
    close_both();
}

static void tells_whom_a_certificate_names(void **state)
{
    (void)state;
    assert_named("mailbox", "alice@example.com");
    assert_named("odd", "日本");
    assert_named("nameless", NULL);
}

/* With TLS 1.3 a client has done before the server looks at it. */
static void requires_certificates(void **state)
{
    (void)state;
    asks(SLIMTA_TLS_VERIFY_REQUIRED, NULL);
    assert_refuses("mx.example.com", "", "the peer gave no certificate");
    asks(SLIMTA_TLS_VERIFY_REQUIRED, "stranger");
    assert_refuses("mx.example.com", "", "signed by no CA that is trusted");
    asks(SLIMTA_TLS_VERIFY_REQUIRED, "expired");
    assert_refuses("mx.example.com", "", "the peer's certificate has expired");
}

/* --- Options ----------------------------------------------------------------
 */

static void agrees_on_a_protocol(void **state)
{
    struct slimta_tls_options options = {
        .size = sizeof options, .alpn = "h2,http/1.1"};

    (void)state;
    server_tls = context(&options, "server", NULL);
    options.alpn = "http/1.1";
    client_tls = context(&options, NULL, "ca");
    assert_shakes("mx.example.com");
    assert_string_equal(sli_tls_stream_info(server.stream)->alpn, "http/1.1");
    assert_string_equal(sli_tls_stream_info(client.stream)->alpn, "http/1.1");
    close_both();

    slimta_tls_unref(client_tls);
    options.alpn = "smtp";
    client_tls = context(&options, NULL, "ca");
    assert_refuses("mx.example.com",
        "the peer's alert: no_application_protocol",
        "our alert: no_application_protocol");
}

static void keeps_to_its_least_version(void **state)
{
    const struct slimta_tls_options options = {
        .size = sizeof options, .min_version = SLIMTA_TLS_1_3};
    struct slimta_error error = {0, ""};
    int err;

    (void)state;
    err = slimta_tls_new(&server_tls, &options, &error);
    if (err == SLIMTA_ENOTSUP) {
        assert_non_null(strstr(error.text, "1.3"));
        return;
    }
    assert_int_equal(err, 0);
    slimta_tls_unref(server_tls);
    server_tls = context(&options, "server", NULL);
    client_tls = context(NULL, NULL, "ca");
    assert_shakes("mx.example.com");
    assert_string_equal(sli_tls_stream_info(server.stream)->version, "TLSv1.3");
}

static void exports_with_1_3_only(void **state)
{
    unsigned char ours[SLI_TLS_EXPORTER_SIZE] = {0};
    unsigned char theirs[SLI_TLS_EXPORTER_SIZE] = {1};
    int is_1_3;

    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    assert_int_equal(sli_tls_stream_exporter(server.stream, ours), 0);
    close_both();
    assert_shakes("mx.example.com");
    is_1_3 =
        strcmp(sli_tls_stream_info(server.stream)->version, "TLSv1.3") == 0;
    assert_int_equal(sli_tls_stream_exporter(server.stream, ours), is_1_3);
    assert_int_equal(sli_tls_stream_exporter(client.stream, theirs), is_1_3);
    if (is_1_3) {
        assert_memory_equal(ours, theirs, sizeof ours);
    }
}

static void refuses_names_that_are_none(void **state)
{
    static const char *const names[] = {
        "", "192.0.2.1", "::1", "a..b", "a b", "-a", "a.", "a\r\n"};

    (void)state;
    plain_contexts();
    assert_int_equal(sli_tls_stream_new(&client.stream, &alloc.table,
                         client_tls, SLI_TLS_CLIENT, "mx.example.com"),
        SLIMTA_ESTATE); /* nobody has said that it will be a client's */
    assert_int_equal(sli_tls_context_use_as_client(client_tls, NULL), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(sli_tls_stream_new(&client.stream, &alloc.table,
                             client_tls, SLI_TLS_CLIENT, names[i]),
            SLIMTA_EINVAL);
    }
    assert_null(client.stream);
}

static void writes_nothing_before_the_handshake(void **state)
{
    char got[4];
    size_t size;

    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    assert_int_equal(
        sli_tls_stream_write(server.stream, SLI_LITERAL("x")), SLIMTA_ESTATE);
    assert_int_equal(server.out.end, 0);
    assert_int_equal(
        sli_tls_stream_read(server.stream, got, 4, &size), SLI_TLS_FAILED);
    pair_shake(&client, &server, SIZE_MAX);
    assert_open();
}

/* --- Without memory ---------------------------------------------------------
 */

static int is_out_of_memory(const struct end *end)
{
    return strncmp(sli_tls_stream_error(end->stream), "out of memory", 13) == 0;
}

/* A server's and a client's stream with every allocation failing in turn; what
 * does not get one says so. */
static void open_without_memory(struct fail_alloc *failing, void *user)
{
    int err;

    (void)user;
    err = sli_tls_stream_new(
        &server.stream, &failing->table, server_tls, SLI_TLS_SERVER, NULL);
    if (err == 0) {
        err = sli_tls_stream_new(&client.stream, &failing->table, client_tls,
            SLI_TLS_CLIENT, "mx.example.com");
    }
    if (err != 0) {
        assert_int_equal(err, SLIMTA_ENOMEM);
        assert_true(fail_alloc_has_failed(failing));
    } else {
        end_attach(&server);
        end_attach(&client);
        pair_shake(&client, &server, SIZE_MAX);
        if ((server.status == SLI_TLS_FAILED ||
                client.status == SLI_TLS_FAILED) &&
            !is_out_of_memory(&server) && !is_out_of_memory(&client)) {
            print_message("client: %s; server: %s\n",
                sli_tls_stream_error(client.stream),
                sli_tls_stream_error(server.stream));
            close_both();
            fail();
        }
    }
    close_both();
}

static void survives_without_memory(void **state)
{
    (void)state;
    asks(SLIMTA_TLS_VERIFY_REQUIRED, "client");
    assert_int_equal(sli_tls_context_use_as_client(client_tls, NULL), 0);
    assert_int_equal(fail_alloc_sweep(open_without_memory, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown((name), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shakes_hands_and_carries),
        TEST(shakes_hands_in_pieces),
        TEST(bears_the_end_at_every_octet),
        TEST(carries_much),
        TEST(reads_what_came_with_the_handshake),
        TEST(says_the_end_once),
        TEST(fails_for_good),
        TEST(tells_when_records_cannot_be_sent),
        TEST(bears_a_client_that_left_before_the_tickets),
        TEST(tells_what_came_instead),
        TEST(takes_a_client_that_offers_more),
        TEST(tells_what_was_agreed_on),
        TEST(chooses_a_certificate_by_name),
        TEST(refuses_a_server_that_is_not_meant),
        TEST(asks_for_certificates),
        TEST(tells_whom_a_certificate_names),
        TEST(requires_certificates),
        TEST(agrees_on_a_protocol),
        TEST(keeps_to_its_least_version),
        TEST(exports_with_1_3_only),
        TEST(refuses_names_that_are_none),
        TEST(writes_nothing_before_the_handshake),
        TEST(survives_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
