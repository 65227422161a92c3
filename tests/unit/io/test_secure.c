/** TLS on connections: handshakes as jobs, records both ways, ends, closing. */
#include "io_support.h"

#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <slimta/error.h>

#include "../tls/peer.h"
#include "base/slice.h"
#include "certificates.h"
#include "io/conn.h"
#include "io/secure.h"

enum { PENDING_MAX = 4194304, MANY = 600000 };

#define PASSWORD "correct horse battery staple"

/* A connection in a loop, and a client of mbedTLS's at the other end. */
struct rig {
    struct test_loop test;
    struct sli_io_conn *conn; /* freed in `closed` */
    struct slimta_tls *tls;
    struct peer peer; /* `out`: to be sent, `server.out`: what came */
    int fd;           /* the peer's */
    int shaken;       /* what its handshake said last */
    int has_end;      /* of the socket, seen by the peer */
    char *raw;        /* every octet that came to the peer */
    size_t raw_size;
    char *got; /* by `received` */
    size_t got_size;
    int secured;
    int failed;
    char reason[128];
    int ended;
    int drained;
    int lost;
    int closed;
    int pauses; /* in `received` */
    int wipes;  /* in `received` */
    enum sli_io_conn_close close_how;
    int closes_in_secured;
    int closes_in_received;
};

static struct rig rig;

/* --- The connection's owner ----------------------------------------------- */

static void close_as(enum sli_io_conn_close how)
{
    sli_io_conn_close(rig.conn, how);
    assert_false(rig.closed);
}

static void on_received(struct sli_io_conn *conn, struct slimta_slice octets)
{
    assert_true(rig.secured);
    assert_ptr_equal(conn, rig.conn);
    assert_true(octets.size > 0);
    assert_true(rig.got_size + octets.size <= MANY);
    memcpy(rig.got + rig.got_size, octets.data, octets.size);
    rig.got_size += octets.size;
    if (rig.wipes) {
        sli_io_conn_wipe_input(conn, 1);
    }
    if (rig.pauses) {
        sli_io_conn_pause(conn);
    }
    if (rig.closes_in_received) {
        close_as(rig.close_how);
    }
}

static void on_ended(struct sli_io_conn *conn)
{
    assert_ptr_equal(conn, rig.conn);
    rig.ended++;
}

static void on_drained(struct sli_io_conn *conn)
{
    (void)conn;
    rig.drained++;
}

static void on_lost(struct sli_io_conn *conn, int error)
{
    assert_ptr_equal(conn, rig.conn);
    assert_true(error < 0);
    rig.lost++;
    close_as(SLI_IO_CONN_NOW);
}

static void on_secured(struct sli_io_conn *conn)
{
    assert_ptr_equal(conn, rig.conn);
    assert_non_null(sli_io_secure_stream(conn));
    rig.secured++;
    if (rig.closes_in_secured) {
        close_as(rig.close_how);
    }
}

static void on_failed(struct sli_io_conn *conn, const char *reason)
{
    assert_ptr_equal(conn, rig.conn);
    rig.failed++;
    snprintf(rig.reason, sizeof rig.reason, "%s", reason);
    close_as(SLI_IO_CONN_LINGER);
}

static void on_closed(struct sli_io_conn *conn)
{
    assert_false(rig.closed);
    sli_io_conn_fini(conn);
    free(conn);
    rig.conn = NULL;
    rig.closed = 1;
}

static const struct sli_io_conn_handler handler = {
    .received = on_received,
    .ended = on_ended,
    .drained = on_drained,
    .lost = on_lost,
    .secured = on_secured,
    .failed = on_failed,
    .closed = on_closed,
};

/* --- The peer ------------------------------------------------------------- */

static int is_empty(const struct way *way)
{
    return way->start == way->end;
}

/* What came is moved into the way that its TLS reads. */
static void peer_gather(void)
{
    struct way *in = &rig.peer.server.out;
    char octets[16384];
    ssize_t size;

    if (is_empty(in)) {
        in->start = in->end = 0;
    }
    while (in->end < WAY_SIZE / 2 &&
        (size = recv(rig.fd, octets, sizeof octets, 0)) >= 0) {
        if (size == 0) {
            rig.has_end = 1;
            return;
        }
        (void)way_take(in, sli_slice(octets, (size_t)size));
        rig.raw = realloc(rig.raw, rig.raw_size + (size_t)size);
        assert_non_null(rig.raw);
        memcpy(rig.raw + rig.raw_size, octets, (size_t)size);
        rig.raw_size += (size_t)size;
    }
}

/* Up to `most` octets of what its TLS has written go to the socket. */
static void peer_flush(size_t most)
{
    struct way *out = &rig.peer.out;
    size_t size = way_left(out) < most ? way_left(out) : most;
    ssize_t sent = 0;

    if (size > 0 && rig.fd >= 0) {
        sent = send(rig.fd, out->octets + out->start, size, MSG_NOSIGNAL);
    }
    if (sent > 0) {
        out->start += (size_t)sent;
    }
    if (is_empty(out)) {
        out->start = out->end = 0;
    }
}

static void peer_open(void)
{
    peer_init(&rig.peer);
    mbedtls_ssl_init(&rig.peer.ssl);
    assert_int_equal(mbedtls_ssl_setup(&rig.peer.ssl, &rig.peer.config), 0);
    assert_int_equal(
        mbedtls_ssl_set_hostname(&rig.peer.ssl, "mx.example.com"), 0);
    mbedtls_ssl_set_bio(
        &rig.peer.ssl, &rig.peer, peer_send, peer_receive, NULL);
    rig.shaken = MBEDTLS_ERR_SSL_WANT_READ;
}

static void peer_step(void)
{
    if (rig.shaken == MBEDTLS_ERR_SSL_WANT_READ ||
        rig.shaken == SLI_TLS_NEW_TICKET) {
        rig.shaken = mbedtls_ssl_handshake(&rig.peer.ssl);
    }
}

static void peer_writes(const char *octets, size_t size)
{
    size_t sent = 0;

    while (sent < size) {
        int more = mbedtls_ssl_write(
            &rig.peer.ssl, (const unsigned char *)octets + sent, size - sent);

        assert_true(more > 0);
        sent += (size_t)more;
    }
}

/* All that came by now, decrypted; the code that ended the reading. */
static int peer_reads(char *out, size_t room, size_t *size)
{
    int got = 0;

    do {
        got = mbedtls_ssl_read(
            &rig.peer.ssl, (unsigned char *)out + *size, room - *size);
        *size += got > 0 ? (size_t)got : 0;
    } while (got > 0 || got == SLI_TLS_NEW_TICKET);
    return got;
}

static void peer_leave(void)
{
    if (rig.fd >= 0) {
        assert_int_equal(close(rig.fd), 0);
        rig.fd = -1;
    }
}

/* --- Both ------------------------------------------------------------------
 */

static struct slimta_tls *new_tls(void)
{
    const struct slimta_tls_options options = {.size = sizeof options};
    struct slimta_error error = {0};
    struct slimta_tls *tls = NULL;

    if (slimta_tls_new(&tls, &options, &error) != 0 ||
        certificate_add(tls, "server", &error) != 0) {
        fail_msg("%s", error.text);
    }
    return tls;
}

static int start(struct slimta_slice received)
{
    const struct sli_io_secure_options options = {
        .tls = rig.tls, .role = SLI_TLS_SERVER, .received = received};

    return sli_io_secure_start(rig.conn, &options);
}

static void open_pair(const struct slimta_alloc *alloc)
{
    int fds[2];

    memset(&rig, 0, sizeof rig);
    rig.tls = new_tls();
    rig.got = malloc(MANY);
    assert_non_null(rig.got);
    test_loop_enter(&rig.test, alloc);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    rig.fd = fds[1];
    rig.conn = malloc(sizeof *rig.conn);
    assert_non_null(rig.conn);
    assert_int_equal(sli_io_conn_open(rig.conn, rig.test.loop, fds[0],
                         PENDING_MAX, &handler),
        0);
    peer_open();
}

/* Nothing but records came, each of a type of RFC 5246 section 6.2.1; the last
 * may be cut. */
static void expect_records(void)
{
    size_t at = 0;

    while (at + 5 <= rig.raw_size) {
        const unsigned char *record = (unsigned char *)rig.raw + at;

        assert_in_range(record[0], 20, 23);
        assert_int_equal(record[1], 3);
        at += 5 + (size_t)record[3] * 256 + record[4];
    }
}

static void close_pair(void)
{
    if (rig.conn != NULL) {
        sli_io_conn_close(rig.conn, SLI_IO_CONN_NOW);
    }
    test_loop_run_until(&rig.test, &rig.closed);
    assert_int_equal(rig.test.loop->wheel.count, 0);
    peer_leave();
    test_loop_leave(&rig.test);
    expect_records();
    mbedtls_ssl_free(&rig.peer.ssl);
    way_clear(&rig.peer.out);
    way_clear(&rig.peer.server.out);
    peer_fini(&rig.peer);
    slimta_tls_unref(rig.tls);
    free(rig.raw);
    free(rig.got);
}

/* A turn of both, after something has come for one of them. */
static void turn(size_t most)
{
    uv_loop_t *uv = rig.test.loop->uv;
    struct pollfd wait[] = {
        {uv_backend_fd(uv), POLLIN, 0}, {rig.fd, POLLIN, 0}};

    peer_flush(most);
    (void)uv_run(uv, UV_RUN_NOWAIT);
    (void)poll(wait, rig.fd >= 0 && !rig.has_end ? 2 : 1, 2);
    (void)uv_run(uv, UV_RUN_NOWAIT);
    if (rig.fd >= 0) {
        peer_gather();
    }
}

/* Until the flag is up; meson ends what hangs. */
static void until(const int *flag)
{
    while (!*flag) {
        turn(SIZE_MAX);
    }
}

static void settle(void)
{
    for (int i = 0; i < 10; i++) {
        turn(SIZE_MAX);
    }
}

static int is_over(void)
{
    return rig.failed || rig.lost || rig.closed;
}

/* The handshake in pieces of `most` octets. */
static void shake(size_t most)
{
    while ((!rig.secured || rig.shaken != 0) && !is_over()) {
        peer_step();
        turn(most);
    }
}

static void open_secure(void)
{
    open_pair(NULL);
    assert_int_equal(start(sli_slice("", 0)), 0);
    assert_int_equal(rig.secured, 0);
    assert_null(sli_io_secure_stream(rig.conn));
    shake(SIZE_MAX);
    assert_int_equal(rig.shaken, 0);
    assert_int_equal(rig.secured, 1);
}

static int send_text(const char *text)
{
    return sli_io_conn_write(rig.conn, sli_slice_text(text));
}

static void peer_says(const char *text)
{
    size_t wanted = rig.got_size + strlen(text);

    peer_writes(text, strlen(text));
    while (rig.got_size < wanted && !is_over()) {
        turn(SIZE_MAX);
    }
}

static void peer_hears(const char *text)
{
    char got[256];
    size_t size = 0;

    while (size < strlen(text)) {
        turn(SIZE_MAX);
        assert_int_equal(
            peer_reads(got, sizeof got, &size), MBEDTLS_ERR_SSL_WANT_READ);
    }
    assert_int_equal(size, strlen(text));
    assert_memory_equal(got, text, size);
}

static char *pattern(void)
{
    char *octets = malloc(MANY);

    assert_non_null(octets);
    for (size_t i = 0; i < MANY; i++) {
        octets[i] = (char)(i * 31 >> 5);
    }
    return octets;
}

/* --- Handshake and records ------------------------------------------------ */

static void shakes_hands_and_carries_both_ways(void **state)
{
    (void)state;
    open_secure();
    assert_string_equal(
        sli_tls_stream_info(sli_io_secure_stream(rig.conn))->server_name,
        "mx.example.com");
    peer_says("EHLO client\r\n");
    assert_memory_equal(rig.got, "EHLO client\r\n", 13);
    assert_int_equal(send_text("250 Hello\r\n"), 0);
    peer_hears("250 Hello\r\n");
    close_pair();
}

static void shakes_hands_in_pieces(void **state)
{
    static const size_t sizes[] = {1, 7, 100};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        open_pair(NULL);
        assert_int_equal(start(sli_slice("", 0)), 0);
        shake(sizes[i]);
        assert_int_equal(rig.secured, 1);
        peer_says("QUIT\r\n");
        close_pair();
    }
}

/* Octets that came before somebody knew that they are TLS. */
static void starts_with_records_that_came_already(void **state)
{
    (void)state;
    open_pair(NULL);
    peer_step();
    assert_int_equal(
        start(sli_slice(rig.peer.out.octets, way_left(&rig.peer.out))), 0);
    assert_int_equal(rig.secured, 0); /* never inside the call */
    rig.peer.out.start = rig.peer.out.end;
    shake(SIZE_MAX);
    assert_int_equal(rig.secured, 1);
    peer_says("NOOP\r\n");
    close_pair();
}

static void writes_nothing_before_it_is_secured(void **state)
{
    (void)state;
    open_pair(NULL);
    assert_int_equal(start(sli_slice("", 0)), 0);
    assert_true(send_text("220 in the clear\r\n") < 0);
    settle();
    assert_int_equal(rig.raw_size, 0);
    close_pair();
}

/* A client that resumes with TLS 1.2, or speaks 1.3, has the last word of the
 * handshake, and may say more with it. */
static void reads_what_came_with_the_handshake(void **state)
{
    mbedtls_ssl_session session;
    struct slimta_tls *tls;

    (void)state;
    open_secure();
    peer_says("first");
    mbedtls_ssl_session_init(&session);
    assert_int_equal(send_text("x"), 0);
    peer_hears("x");
    assert_int_equal(mbedtls_ssl_get_session(&rig.peer.ssl, &session), 0);
    tls = slimta_tls_ref(rig.tls);
    close_pair();

    open_pair(NULL);
    slimta_tls_unref(rig.tls);
    rig.tls = tls;
    assert_int_equal(mbedtls_ssl_set_session(&rig.peer.ssl, &session), 0);
    mbedtls_ssl_session_free(&session);
    assert_int_equal(start(sli_slice("", 0)), 0);
    while (rig.shaken != 0) {
        peer_step();
        /* The last flight waits for what is said behind it. */
        turn(rig.shaken == 0 ? 0 : SIZE_MAX);
    }
    assert_int_equal(rig.secured, 0);
    peer_says("EHLO at once\r\n");
    assert_int_equal(rig.secured, 1);
    assert_memory_equal(rig.got, "EHLO at once\r\n", 14);
    close_pair();
}

/* --- Back-pressure -------------------------------------------------------- */

static void carries_much_both_ways(void **state)
{
    char *octets = pattern();
    char *got = malloc(MANY + 1);
    size_t size = 0;

    (void)state;
    assert_non_null(got);
    open_secure();
    peer_writes(octets, MANY);
    while (rig.got_size < MANY) {
        turn(100000);
    }
    assert_memory_equal(rig.got, octets, MANY);
    /* The peer does not read: what waits is kept, in records. */
    assert_int_equal(sli_io_conn_write(rig.conn, sli_slice(octets, MANY)), 0);
    assert_true(sli_io_conn_pending(rig.conn) > MANY / 4);
    assert_int_equal(rig.drained, 0);
    while (size < MANY) {
        turn(SIZE_MAX);
        (void)peer_reads(got, MANY + 1, &size);
    }
    assert_int_equal(size, MANY);
    assert_memory_equal(got, octets, MANY);
    assert_int_equal(rig.drained, 1);
    assert_int_equal(sli_io_conn_pending(rig.conn), 0);
    close_pair();
    free(octets);
    free(got);
}

static void a_pause_stops_the_reading(void **state)
{
    char *octets = pattern();
    size_t held = 0;

    (void)state;
    open_secure();
    rig.pauses = 1;
    peer_writes(octets, MANY);
    settle();
    /* One read's worth, and what stood decrypted with it. */
    assert_in_range(rig.got_size, 1, 2 * SLI_IO_READ_BYTES);
    held = rig.got_size;
    settle();
    assert_int_equal(rig.got_size, held);
    sli_io_conn_resume(rig.conn);
    settle();
    assert_true(rig.got_size > held);
    assert_true(rig.got_size < MANY);
    rig.pauses = 0;
    sli_io_conn_resume(rig.conn);
    while (rig.got_size < MANY) {
        turn(SIZE_MAX);
    }
    assert_memory_equal(rig.got, octets, MANY);
    close_pair();
    free(octets);
}

static void what_waits_has_a_limit(void **state)
{
    char *octets = pattern();
    int err = 0;

    (void)state;
    open_secure();
    for (size_t i = 0; i <= PENDING_MAX / MANY + 1 && err == 0; i++) {
        err = sli_io_conn_write(rig.conn, sli_slice(octets, MANY));
    }
    assert_int_equal(err, SLIMTA_ELIMIT);
    assert_int_equal(rig.lost, 0); /* the caller closes */
    assert_false(sli_io_conn_is_open(rig.conn));
    close_pair();
    free(octets);
}

/* --- Ends ----------------------------------------------------------------- */

static void an_end_during_the_handshake_is_a_failure(void **state)
{
    (void)state;
    for (int has_said_hello = 0; has_said_hello < 2; has_said_hello++) {
        open_pair(NULL);
        assert_int_equal(start(sli_slice("", 0)), 0);
        if (has_said_hello) {
            peer_step();
            peer_flush(SIZE_MAX);
        }
        assert_int_equal(shutdown(rig.fd, SHUT_WR), 0);
        until(&rig.closed);
        assert_int_equal(rig.failed, 1);
        assert_int_equal(rig.ended, 0);
        assert_string_equal(rig.reason, "the peer has left");
        close_pair();
    }
}

static void an_end_without_a_word_is_told_once(void **state)
{
    (void)state;
    open_secure();
    assert_int_equal(shutdown(rig.fd, SHUT_WR), 0);
    settle();
    assert_int_equal(rig.ended, 1);
    assert_int_equal(send_text("221 Bye\r\n"), 0);
    peer_hears("221 Bye\r\n");
    assert_int_equal(rig.ended, 1);
    assert_int_equal(rig.failed + rig.lost, 0);
    close_pair();
}

static void a_close_notify_is_told_once(void **state)
{
    (void)state;
    open_secure();
    peer_writes("QUIT\r\n", 6);
    assert_int_equal(mbedtls_ssl_close_notify(&rig.peer.ssl), 0);
    settle();
    assert_int_equal(rig.got_size, 6);
    assert_int_equal(rig.ended, 1);
    assert_int_equal(shutdown(rig.fd, SHUT_WR), 0);
    settle();
    assert_int_equal(rig.ended, 1);
    assert_int_equal(rig.failed + rig.lost, 0);
    close_pair();
}

/* Reads until the end; the code is close_notify's, or that of a bare end. */
static int hear_all(char *out, size_t room, size_t *size)
{
    int code = MBEDTLS_ERR_SSL_WANT_READ;

    while (code == MBEDTLS_ERR_SSL_WANT_READ &&
        !(rig.has_end && is_empty(&rig.peer.server.out))) {
        turn(SIZE_MAX);
        code = peer_reads(out, room, size);
    }
    return code;
}

static void says_close_notify_when_it_closes(void **state)
{
    static const enum sli_io_conn_close ways[] = {
        SLI_IO_CONN_FLUSH, SLI_IO_CONN_LINGER};
    char *octets = pattern();
    char *got = malloc(MANY + 1);

    (void)state;
    assert_non_null(got);
    for (size_t i = 0; i < 2; i++) {
        size_t size = 0;

        open_secure();
        assert_int_equal(
            sli_io_conn_write(rig.conn, sli_slice(octets, MANY)), 0);
        close_as(ways[i]);
        assert_true(sli_io_conn_pending(rig.conn) > 0);
        assert_int_equal(
            hear_all(got, MANY + 1, &size), MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
        assert_int_equal(size, MANY);
        assert_memory_equal(got, octets, MANY);
        peer_leave();
        until(&rig.closed);
        assert_int_equal(rig.ended + rig.failed + rig.lost + rig.drained, 0);
        close_pair();
    }
    free(octets);
    free(got);
}

static void now_drops_what_waits(void **state)
{
    char *octets = pattern();
    char *got = malloc(MANY + 1);
    size_t size = 0;

    (void)state;
    assert_non_null(got);
    open_secure();
    assert_int_equal(sli_io_conn_write(rig.conn, sli_slice(octets, MANY)), 0);
    close_as(SLI_IO_CONN_NOW);
    assert_int_equal(hear_all(got, MANY + 1, &size), MBEDTLS_ERR_SSL_WANT_READ);
    assert_true(size < MANY);
    assert_true(rig.closed);
    close_pair();
    free(octets);
    free(got);
}

static void closing_inside_a_handler_is_the_end(void **state)
{
    static const enum sli_io_conn_close ways[] = {
        SLI_IO_CONN_NOW, SLI_IO_CONN_FLUSH, SLI_IO_CONN_LINGER};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        open_pair(NULL);
        rig.close_how = ways[i % 3];
        rig.closes_in_secured = i < 3;
        rig.closes_in_received = i >= 3;
        assert_int_equal(start(sli_slice("", 0)), 0);
        shake(SIZE_MAX);
        if (i >= 3) {
            peer_writes("NOOP\r\n", 6);
            peer_writes("NOOP\r\n", 6);
            while (rig.got_size == 0) {
                turn(SIZE_MAX);
            }
            assert_int_equal(rig.secured, 1);
        }
        peer_flush(SIZE_MAX);
        peer_leave();
        until(&rig.closed);
        assert_int_equal(rig.lost + rig.failed + rig.ended, 0);
        close_pair();
    }
}

/* --- Failures ------------------------------------------------------------- */

/* RFC 5246 section 7.2: the alert that says why is there to be read. */
static void a_failing_handshake_sends_its_alert(void **state)
{
    (void)state;
    open_pair(NULL);
    assert_int_equal(start(sli_slice("", 0)), 0);
    assert_int_equal(send(rig.fd, "EHLO client\r\n", 13, MSG_NOSIGNAL), 13);
    while (!rig.has_end) {
        turn(0);
    }
    assert_int_equal(rig.failed, 1);
    assert_non_null(strstr(rig.reason, "clear text instead of TLS"));
    assert_true(rig.raw_size == 0 || rig.raw[0] == 0x15);
    peer_leave();
    until(&rig.closed);
    close_pair();
}

static void an_old_version_gets_its_alert(void **state)
{
    /* A whole ClientHello of TLS 1.1 with one suite. */
    static const char hello[] =
        "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x02"
        "0123456789abcdef0123456789abcdef"
        "\x00\x00\x02\xc0\x13\x01\x00";

    (void)state;
    open_pair(NULL);
    assert_int_equal(start(sli_slice("", 0)), 0);
    assert_int_equal(
        send(rig.fd, hello, sizeof hello - 1, MSG_NOSIGNAL), sizeof hello - 1);
    while (!rig.has_end) {
        turn(0);
    }
    assert_int_equal(rig.failed, 1);
    assert_int_equal(rig.raw_size, 7);
    assert_memory_equal(rig.raw, "\x15\x03", 2);
    assert_int_equal(rig.raw[5], 2);  /* fatal */
    assert_int_equal(rig.raw[6], 70); /* protocol_version */
    peer_leave();
    until(&rig.closed);
    close_pair();
}

static void a_forged_record_is_a_failure(void **state)
{
    char got[16];
    size_t size = 0;

    (void)state;
    open_secure();
    peer_writes("MAIL FROM:<>\r\n", 14);
    rig.peer.out.octets[rig.peer.out.end - 1] ^= 1;
    until(&rig.failed);
    assert_int_equal(rig.got_size, 0);
    assert_int_equal(
        hear_all(got, sizeof got, &size), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
    peer_leave();
    until(&rig.closed);
    assert_int_equal(rig.failed, 1);
    assert_int_equal(rig.lost + rig.ended, 0);
    close_pair();
}

static void a_peer_that_dies_is_lost(void **state)
{
    (void)state;
    open_secure();
    assert_int_equal(send_text("unread"), 0);
    peer_leave(); /* with octets that it has not read: a reset */
    while (!is_over() && rig.ended == 0) {
        turn(SIZE_MAX);
    }
    assert_int_equal(rig.lost + rig.ended, 1);
    assert_int_equal(rig.failed, 0);
    close_pair();
}

/* --- Jobs ----------------------------------------------------------------- */

/* A job that fills a place of the pool until it is let go. */
struct plug {
    struct sli_io_work work;
    sem_t go;
    int done;
};

static void wait_in_plug(struct sli_io_work *work)
{
    struct plug *plug = SLI_LIST_ITEM(work, struct plug, work);

    while (sem_wait(&plug->go) != 0) {
    }
}

static void on_plug_done(struct sli_io_work *work)
{
    SLI_LIST_ITEM(work, struct plug, work)->done = 1;
}

static void plug_lane(struct plug plugs[SLI_IO_WORK_AT_ONCE])
{
    for (int i = 0; i < SLI_IO_WORK_AT_ONCE; i++) {
        plugs[i].done = 0;
        assert_int_equal(sem_init(&plugs[i].go, 0, 0), 0);
        sli_io_work_start(rig.test.loop, &plugs[i].work, SLI_IO_WORK_TLS,
            wait_in_plug, on_plug_done);
    }
}

static void unplug_lane(struct plug plugs[SLI_IO_WORK_AT_ONCE])
{
    for (int i = 0; i < SLI_IO_WORK_AT_ONCE; i++) {
        assert_int_equal(sem_post(&plugs[i].go), 0);
    }
    for (int i = 0; i < SLI_IO_WORK_AT_ONCE; i++) {
        until(&plugs[i].done);
        sem_destroy(&plugs[i].go);
    }
}

/* The peer's hello has come and its job waits for a place. */
static void open_with_waiting_job(struct plug plugs[SLI_IO_WORK_AT_ONCE])
{
    open_pair(NULL);
    plug_lane(plugs);
    assert_int_equal(start(sli_slice("", 0)), 0);
    peer_step();
    settle();
    assert_int_not_equal(rig.conn->holders, 0);
    assert_int_equal(rig.raw_size, 0);
}

static void closed_comes_after_the_job(void **state)
{
    static const enum sli_io_conn_close ways[] = {
        SLI_IO_CONN_NOW, SLI_IO_CONN_FLUSH, SLI_IO_CONN_LINGER};
    struct plug plugs[SLI_IO_WORK_AT_ONCE];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        open_with_waiting_job(plugs);
        close_as(ways[i]);
        settle();
        peer_leave();
        settle();
        assert_false(rig.closed);
        unplug_lane(plugs);
        until(&rig.closed);
        assert_int_equal(rig.secured + rig.failed + rig.lost + rig.ended, 0);
        assert_int_equal(rig.raw_size, 0); /* nobody hears of that step */
        close_pair();
    }
}

/* Another kind of job does not wait for handshakes, and the loop turns on. */
static void a_handshake_holds_up_no_other_job(void **state)
{
    struct plug plugs[SLI_IO_WORK_AT_ONCE];
    struct plug other = {.done = 0};

    (void)state;
    open_with_waiting_job(plugs);
    assert_int_equal(sem_init(&other.go, 0, 1), 0);
    sli_io_work_start(rig.test.loop, &other.work, SLI_IO_WORK_OTHER,
        wait_in_plug, on_plug_done);
    until(&other.done);
    assert_int_equal(rig.raw_size, 0);
    sem_destroy(&other.go);
    unplug_lane(plugs);
    shake(SIZE_MAX);
    assert_int_equal(rig.secured, 1);
    close_pair();
}

static void a_peer_that_leaves_during_a_job_is_noticed_after_it(void **state)
{
    struct plug plugs[SLI_IO_WORK_AT_ONCE];

    (void)state;
    open_with_waiting_job(plugs);
    peer_leave();
    settle();
    assert_false(rig.closed);
    unplug_lane(plugs);
    until(&rig.closed);
    assert_int_equal(rig.failed + rig.lost, 1);
    assert_int_equal(rig.secured, 0);
    close_pair();
}

/* The time to linger runs out while the job still waits. */
static void lingering_ends_before_the_job(void **state)
{
    struct plug plugs[SLI_IO_WORK_AT_ONCE];

    (void)state;
    open_with_waiting_job(plugs);
    close_as(SLI_IO_CONN_LINGER);
    test_loop_skip(&rig.test, SLI_IO_CONN_LINGER_MS);
    settle();
    assert_int_equal(rig.conn->fd, -1);
    assert_false(rig.closed);
    unplug_lane(plugs);
    until(&rig.closed);
    close_pair();
}

/* --- Secrets and memory --------------------------------------------------- */

static int holds(const void *memory, size_t size, const char *text)
{
    size_t length = strlen(text);

    for (size_t at = 0; at + length <= size; at++) {
        if (memcmp((const char *)memory + at, text, length) == 0) {
            return 1;
        }
    }
    return 0;
}

static void wipes_what_was_decrypted(void **state)
{
    (void)state;
    open_secure();
    peer_says(PASSWORD);
    assert_true(
        holds(rig.test.loop->clear_buffer, SLI_IO_READ_BYTES, PASSWORD));
    rig.wipes = 1;
    peer_says(PASSWORD);
    assert_false(
        holds(rig.test.loop->clear_buffer, SLI_IO_READ_BYTES, PASSWORD));
    assert_false(
        holds(rig.test.loop->read_buffer, SLI_IO_READ_BYTES, PASSWORD));
    assert_false(holds(rig.raw, rig.raw_size, PASSWORD));
    close_pair();
}

/* A dialogue with the n-th allocation failing; returns whether it was reached.
 * Whatever happens, the connection ends in order and all memory goes back. */
static int talk_with_failing(unsigned n, int from_then_on)
{
    struct failing failing = {0};
    struct slimta_alloc alloc = failing_alloc(&failing);
    unsigned calls;

    open_pair(&alloc);
    failing.calls = 0;
    failing.fail_at = n;
    failing.from_then_on = from_then_on;
    if (start(sli_slice("", 0)) == 0) {
        shake(37);
        if (rig.secured && !is_over()) {
            peer_says("NOOP\r\n");
        }
        if (rig.secured && !is_over()) {
            char *octets = pattern();

            if (sli_io_conn_write(rig.conn, sli_slice(octets, MANY)) == 0) {
                close_as(SLI_IO_CONN_FLUSH);
            }
            free(octets);
        }
    } else {
        assert_null(sli_io_secure_stream(rig.conn));
        assert_true(sli_io_conn_is_open(rig.conn));
    }
    calls = failing.calls;
    failing.fail_at = 0;
    close_pair();
    assert_int_equal(failing.out, 0);
    return calls >= n;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
        unsigned n = 1;

        while (talk_with_failing(n, from_then_on)) {
            n++;
        }
        assert_true(n > 5);
        print_message("# %u allocations\n", n - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shakes_hands_and_carries_both_ways),
        cmocka_unit_test(shakes_hands_in_pieces),
        cmocka_unit_test(starts_with_records_that_came_already),
        cmocka_unit_test(writes_nothing_before_it_is_secured),
        cmocka_unit_test(reads_what_came_with_the_handshake),
        cmocka_unit_test(carries_much_both_ways),
        cmocka_unit_test(a_pause_stops_the_reading),
        cmocka_unit_test(what_waits_has_a_limit),
        cmocka_unit_test(an_end_during_the_handshake_is_a_failure),
        cmocka_unit_test(an_end_without_a_word_is_told_once),
        cmocka_unit_test(a_close_notify_is_told_once),
        cmocka_unit_test(says_close_notify_when_it_closes),
        cmocka_unit_test(now_drops_what_waits),
        cmocka_unit_test(closing_inside_a_handler_is_the_end),
        cmocka_unit_test(a_failing_handshake_sends_its_alert),
        cmocka_unit_test(an_old_version_gets_its_alert),
        cmocka_unit_test(a_forged_record_is_a_failure),
        cmocka_unit_test(a_peer_that_dies_is_lost),
        cmocka_unit_test(closed_comes_after_the_job),
        cmocka_unit_test(a_handshake_holds_up_no_other_job),
        cmocka_unit_test(a_peer_that_leaves_during_a_job_is_noticed_after_it),
        cmocka_unit_test(lingering_ends_before_the_job),
        cmocka_unit_test(wipes_what_was_decrypted),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
