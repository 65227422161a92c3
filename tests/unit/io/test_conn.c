/** Connections: input, output with back-pressure, ends, resets, closing. */
#include "io_support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "io/conn.h"

/* The most that may wait to be sent. */
enum { PENDING_MAX = 262144 };

/* A connection in a loop, and the other end of it. */
struct rig {
    struct test_loop test;
    struct sli_io_conn *conn; /* freed in `closed` */
    int peer;
    char got[64];
    size_t got_size;
    size_t received;
    int calls; /* of `received` */
    int ended;
    int drained;
    int lost;
    int lost_error;
    int closed;
    int pauses; /* in `received` */
    int writes; /* in `received` */
    enum sli_io_conn_close close_how;
    int closes_in_received;
    int closes_in_ended;
    int closes_in_drained;
    int closes_in_lost;
    int detaches_in_received; /* once, for another connection */
    struct sli_io_conn *detached;
};

static struct rig rig;

static void close_if(int wanted)
{
    if (wanted) {
        sli_io_conn_close(rig.conn, rig.close_how);
        assert_false(rig.closed);
    }
}

static void open_conn(int fd);

static void detach(void)
{
    rig.detaches_in_received = 0;
    rig.detached = rig.conn;
    open_conn(sli_io_conn_detach(rig.detached));
    assert_int_equal(rig.detached->fd, -1);
}

static void on_received(struct sli_io_conn *conn, struct slimta_slice octets)
{
    size_t room = sizeof rig.got - rig.got_size;
    size_t size = octets.size < room ? octets.size : room;

    assert_ptr_equal(conn, rig.conn);
    assert_true(octets.size > 0);
    memcpy(rig.got + rig.got_size, octets.data, size);
    rig.got_size += size;
    rig.received += octets.size;
    rig.calls++;
    if (rig.pauses) {
        sli_io_conn_pause(conn);
    }
    if (rig.writes) {
        assert_int_equal(sli_io_conn_write(conn, octets), 0);
    }
    if (rig.detaches_in_received) {
        detach();
    }
    close_if(rig.closes_in_received);
}

static void on_ended(struct sli_io_conn *conn)
{
    assert_ptr_equal(conn, rig.conn);
    rig.ended++;
    close_if(rig.closes_in_ended);
}

static void on_drained(struct sli_io_conn *conn)
{
    assert_int_equal(sli_io_conn_pending(conn), 0);
    assert_null(conn->pending.data);
    rig.drained++;
    close_if(rig.closes_in_drained);
}

static void on_lost(struct sli_io_conn *conn, int error)
{
    assert_ptr_equal(conn, rig.conn);
    rig.lost++;
    rig.lost_error = error;
    close_if(rig.closes_in_lost);
}

static void on_closed(struct sli_io_conn *conn)
{
    assert_int_equal(conn->fd, -1);
    free(conn);
    if (conn == rig.detached) {
        rig.detached = NULL;
        return;
    }
    rig.conn = NULL;
    rig.closed = 1;
}

static const struct sli_io_conn_handler handler = {
    .received = on_received,
    .ended = on_ended,
    .drained = on_drained,
    .lost = on_lost,
    .closed = on_closed,
};

static void open_conn(int fd)
{
    rig.conn = malloc(sizeof *rig.conn);
    assert_non_null(rig.conn);
    assert_int_equal(
        sli_io_conn_open(rig.conn, rig.test.loop, fd, PENDING_MAX, &handler),
        0);
}

static void open_unix_pair(const struct slimta_alloc *alloc)
{
    int fds[2];

    memset(&rig, 0, sizeof rig);
    test_loop_enter(&rig.test, alloc);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    rig.peer = fds[1];
    open_conn(fds[0]);
}

static void open_tcp_pair(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof name;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    int fd;

    memset(&rig, 0, sizeof rig);
    test_loop_enter(&rig.test, NULL);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listening, (struct sockaddr *)&name, size), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(
        getsockname(listening, (struct sockaddr *)&name, &size), 0);
    rig.peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(
        connect(rig.peer, (struct sockaddr *)&name, sizeof name), 0);
    fd = accept(listening, NULL, NULL);
    assert_true(fd >= 0);
    assert_int_equal(close(listening), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(rig.peer, F_SETFL, O_NONBLOCK), 0);
    open_conn(fd);
}

static void set_up_unix(void)
{
    open_unix_pair(NULL);
}

static void (*const openers[])(void) = {set_up_unix, open_tcp_pair};

enum { OPENERS = sizeof openers / sizeof *openers };

static void close_peer(void)
{
    if (rig.peer >= 0) {
        assert_int_equal(close(rig.peer), 0);
        rig.peer = -1;
    }
}

/* With a reset, as a peer does that dies. */
static void reset_peer(void)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(
        setsockopt(rig.peer, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    close_peer();
}

static void tear_down(void)
{
    if (rig.conn != NULL) {
        sli_io_conn_close(rig.conn, SLI_IO_CONN_NOW);
    }
    test_loop_run_until(&rig.test, &rig.closed);
    assert_int_equal(rig.test.loop->wheel.count, 0);
    close_peer();
    test_loop_leave(&rig.test);
}

static void settle(void)
{
    test_loop_settle(&rig.test);
}

static void peer_sends(const char *text)
{
    assert_int_equal(
        send(rig.peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Runs the loop until the flag is up. */
static void until(const int *flag)
{
    test_loop_run_until(&rig.test, flag);
}

static int write_text(const char *text)
{
    return sli_io_conn_write(rig.conn, sli_slice_text(text));
}

/* Sends blocks until some of them wait; returns how much was written. */
static size_t fill_up(void)
{
    static char block[65536];
    size_t size = 0;

    while (sli_io_conn_pending(rig.conn) == 0) {
        memset(block, 'b', sizeof block);
        assert_int_equal(
            sli_io_conn_write(rig.conn, sli_slice(block, sizeof block)), 0);
        size += sizeof block;
    }
    return size;
}

/* Reads as the peer, with the loop running, up to the end or to `most`. */
static size_t drain_peer(size_t most)
{
    static char block[65536];
    size_t size = 0;

    while (size < most) {
        ssize_t count = recv(rig.peer, block, sizeof block, 0);

        if (count == 0) {
            break;
        }
        if (count < 0) {
            assert_int_equal(errno, EAGAIN);
            (void)uv_run(rig.test.loop->uv, UV_RUN_NOWAIT);
            continue;
        }
        for (ssize_t i = 0; i < count; i++) {
            assert_int_equal(block[i], 'b');
        }
        size += (size_t)count;
    }
    return size;
}

static void receives_and_answers_at_once(void **state)
{
    char text[16];

    (void)state;
    for (int i = 0; i < OPENERS; i++) {
        openers[i]();
        rig.writes = 1;
        peer_sends("hello");
        until(&rig.calls);
        assert_memory_equal(rig.got, "hello", 5);
        assert_int_equal(sli_io_conn_pending(rig.conn), 0);
        assert_null(rig.conn->pending.data);
        assert_int_equal(recv(rig.peer, text, sizeof text, 0), 5);
        assert_memory_equal(text, "hello", 5);
        assert_int_equal(rig.drained, 0);
        tear_down();
    }
}

static void nothing_to_write_is_nothing(void **state)
{
    (void)state;
    set_up_unix();
    assert_int_equal(
        sli_io_conn_write(rig.conn, (struct slimta_slice){NULL, 0}), 0);
    assert_int_equal(sli_io_conn_pending(rig.conn), 0);
    tear_down();
}

static void what_the_socket_refuses_is_sent_later(void **state)
{
    size_t size;

    (void)state;
    for (int i = 0; i < OPENERS; i++) {
        openers[i]();
        size = fill_up();
        settle();
        assert_int_equal(rig.drained, 0);
        assert_int_equal(drain_peer(size), size);
        until(&rig.drained);
        assert_int_equal(rig.drained, 1);
        assert_int_equal(sli_io_conn_pending(rig.conn), 0);
        settle();
        assert_int_equal(rig.drained, 1);
        tear_down();
    }
}

static void what_waits_has_a_limit(void **state)
{
    static char block[PENDING_MAX];
    size_t room;

    (void)state;
    set_up_unix();
    (void)fill_up();
    room = PENDING_MAX - sli_io_conn_pending(rig.conn);
    assert_int_equal(
        sli_io_conn_write(rig.conn, sli_slice(block, room - 1)), 0);
    assert_int_equal(sli_io_conn_write(rig.conn, sli_slice(block, 1)), 0);
    assert_int_equal(sli_io_conn_pending(rig.conn), PENDING_MAX);
    assert_int_equal(
        sli_io_conn_write(rig.conn, sli_slice(block, 1)), SLIMTA_ELIMIT);
    assert_true(write_text("no gaps") < 0);
    settle();
    assert_int_equal(rig.lost, 0);
    tear_down();
}

static void input_larger_than_the_buffer(void **state)
{
    static char block[65536];
    size_t size = 0;

    (void)state;
    open_tcp_pair();
    while (size < 8 * SLI_IO_READ_BYTES) {
        ssize_t count = send(rig.peer, block, sizeof block, MSG_NOSIGNAL);

        size += count > 0 ? (size_t)count : 0;
        (void)uv_run(rig.test.loop->uv, UV_RUN_NOWAIT);
    }
    while (rig.received < size) {
        (void)uv_run(rig.test.loop->uv, UV_RUN_ONCE);
    }
    assert_int_equal(rig.received, size);
    tear_down();
}

static void a_half_close_is_told_once_and_writing_goes_on(void **state)
{
    char text[16];

    (void)state;
    for (int i = 0; i < OPENERS; i++) {
        openers[i]();
        peer_sends("QUIT");
        assert_int_equal(shutdown(rig.peer, SHUT_WR), 0);
        until(&rig.ended);
        settle();
        assert_int_equal(rig.ended, 1);
        assert_int_equal(rig.lost, 0);
        assert_memory_equal(rig.got, "QUIT", 4);
        assert_int_equal(rig.conn->armed, 0); /* or it would spin */
        assert_int_equal(write_text("bye"), 0);
        assert_int_equal(recv(rig.peer, text, sizeof text, 0), 3);
        tear_down();
    }
}

static void a_pause_leaves_the_octets_with_the_kernel(void **state)
{
    (void)state;
    for (int i = 0; i < OPENERS; i++) {
        openers[i]();
        rig.pauses = 1;
        peer_sends("one");
        until(&rig.calls);
        peer_sends("two");
        settle();
        assert_int_equal(rig.received, 3);
        assert_int_equal(rig.conn->armed, UV_DISCONNECT);
        sli_io_conn_resume(rig.conn);
        while (rig.received < 6) {
            (void)uv_run(rig.test.loop->uv, UV_RUN_ONCE);
        }
        assert_memory_equal(rig.got, "onetwo", 6);
        tear_down();
    }
}

static void a_pause_for_an_answer_changes_no_watch(void **state)
{
    (void)state;
    set_up_unix();
    sli_io_conn_pause(rig.conn);
    settle();
    assert_int_equal(rig.conn->armed, UV_READABLE);
    sli_io_conn_resume(rig.conn);
    assert_int_equal(rig.conn->armed, UV_READABLE);
    tear_down();
}

static void a_half_close_while_paused_is_not_lost(void **state)
{
    (void)state;
    for (int i = 0; i < OPENERS; i++) {
        openers[i]();
        sli_io_conn_pause(rig.conn);
        peer_sends("QUIT");
        assert_int_equal(shutdown(rig.peer, SHUT_WR), 0);
        settle();
        assert_int_equal(rig.lost + rig.ended + rig.calls, 0);
        assert_int_equal(rig.conn->armed, 0); /* or it would spin */
        sli_io_conn_resume(rig.conn);
        until(&rig.ended);
        assert_memory_equal(rig.got, "QUIT", 4);
        assert_int_equal(rig.lost, 0);
        tear_down();
    }
}

/* No handler for SIGPIPE is set here: the signal would kill the test. */
static void a_reset_is_told_as_lost(void **state)
{
    (void)state;
    open_tcp_pair();
    reset_peer();
    until(&rig.lost);
    settle();
    assert_int_equal(rig.lost, 1);
    assert_int_equal(rig.lost_error, SLIMTA_EIO);
    assert_true(write_text("anybody?") < 0);
    tear_down();
}

static void a_reset_while_paused_is_told_as_lost(void **state)
{
    (void)state;
    for (int has_input = 0; has_input < 2; has_input++) {
        open_tcp_pair();
        sli_io_conn_pause(rig.conn);
        if (has_input) {
            peer_sends("DATA");
            settle();
        }
        rig.closes_in_lost = 1;
        reset_peer();
        until(&rig.closed);
        assert_int_equal(rig.lost, 1);
        assert_int_equal(rig.calls, 0);
        tear_down();
    }
}

static void writing_after_a_reset_fails_quietly(void **state)
{
    (void)state;
    for (int i = 0; i < OPENERS; i++) {
        openers[i]();
        if (i == 0) {
            close_peer();
        } else {
            reset_peer();
        }
        assert_int_equal(write_text("one"), SLIMTA_EIO);
        assert_int_equal(write_text("two"), SLIMTA_EIO);
        settle();
        assert_int_equal(rig.lost, 0); /* the caller knows already */
        tear_down();
    }
}

static void a_reset_drops_what_waits(void **state)
{
    (void)state;
    open_tcp_pair();
    (void)fill_up();
    reset_peer();
    until(&rig.lost);
    settle();
    assert_int_equal(rig.lost, 1);
    assert_int_equal(rig.drained, 0);
    tear_down();
}

static void closing_inside_any_handler_is_the_end(void **state)
{
    (void)state;
    for (int how = SLI_IO_CONN_NOW; how <= SLI_IO_CONN_LINGER; how++) {
        for (int where = 0; where < 3; where++) {
            open_tcp_pair();
            rig.close_how = (enum sli_io_conn_close)how;
            rig.closes_in_received = where == 0;
            rig.closes_in_ended = where == 1;
            rig.closes_in_drained = where == 2;
            if (where == 2) {
                size_t size = fill_up();

                (void)drain_peer(size);
                until(&rig.drained);
            }
            peer_sends("more");
            close_peer();
            until(&rig.closed);
            assert_int_equal(rig.ended, where == 1);
            assert_int_equal(rig.lost, 0);
            assert_int_equal(rig.calls, where == 2 ? 0 : 1);
            tear_down();
        }
    }
}

static void now_drops_what_waits(void **state)
{
    (void)state;
    set_up_unix();
    (void)fill_up();
    sli_io_conn_close(rig.conn, SLI_IO_CONN_NOW);
    assert_false(rig.closed);
    sli_io_conn_close(rig.conn, SLI_IO_CONN_NOW);
    until(&rig.closed);
    assert_int_equal(rig.drained, 0);
    tear_down();
}

static void flush_and_linger_send_what_waits(void **state)
{
    (void)state;
    for (int how = SLI_IO_CONN_FLUSH; how <= SLI_IO_CONN_LINGER; how++) {
        size_t size;

        open_tcp_pair();
        size = fill_up();
        sli_io_conn_close(rig.conn, (enum sli_io_conn_close)how);
        assert_true(write_text("too late") < 0);
        sli_io_conn_pause(rig.conn);
        sli_io_conn_resume(rig.conn);
        assert_int_equal(drain_peer(SIZE_MAX), size); /* to the end */
        close_peer();
        until(&rig.closed);
        assert_int_equal(rig.drained, 0);
        tear_down();
    }
}

static void flush_with_nothing_waiting_closes(void **state)
{
    char octet;

    (void)state;
    set_up_unix();
    sli_io_conn_close(rig.conn, SLI_IO_CONN_FLUSH);
    assert_false(rig.closed);
    until(&rig.closed);
    assert_int_equal(recv(rig.peer, &octet, 1, 0), 0);
    tear_down();
}

/* The last reply reaches a peer that still sends: no reset destroys it. */
static void linger_reads_on_and_drops(void **state)
{
    char text[16];

    (void)state;
    open_tcp_pair();
    peer_sends("unread");
    assert_int_equal(write_text("421 bye"), 0);
    sli_io_conn_close(rig.conn, SLI_IO_CONN_LINGER);
    settle();
    peer_sends("and more");
    settle();
    assert_false(rig.closed);
    assert_int_equal(rig.calls, 0);
    assert_int_equal(recv(rig.peer, text, sizeof text, 0), 7);
    assert_int_equal(recv(rig.peer, text, sizeof text, 0), 0);
    close_peer();
    until(&rig.closed);
    assert_int_equal(rig.ended, 0);
    tear_down();
}

static void linger_has_a_limit_of_octets(void **state)
{
    static char block[65536];

    (void)state;
    open_tcp_pair();
    sli_io_conn_close(rig.conn, SLI_IO_CONN_LINGER);
    while (!rig.closed) {
        (void)send(rig.peer, block, sizeof block, MSG_NOSIGNAL);
        (void)uv_run(rig.test.loop->uv, UV_RUN_NOWAIT);
    }
    tear_down();
}

static void lingering_has_a_limit_of_time(void **state)
{
    (void)state;
    for (int how = SLI_IO_CONN_FLUSH; how <= SLI_IO_CONN_LINGER; how++) {
        open_tcp_pair();
        (void)fill_up();
        sli_io_conn_close(rig.conn, (enum sli_io_conn_close)how);
        settle();
        assert_false(rig.closed);
        test_loop_skip(&rig.test, SLI_IO_CONN_LINGER_MS);
        until(&rig.closed);
        assert_int_equal(rig.lost, 0);
        tear_down();
    }
}

/* As many octets as its owner says, and as long. */
static void a_longer_linger_has_limits_of_its_own(void **state)
{
    static char block[1000];

    (void)state;
    open_tcp_pair();
    sli_io_conn_linger(rig.conn, sizeof block, SLI_IO_CONN_LINGER_MS + 1000);
    assert_int_equal(
        send(rig.peer, block, sizeof block - 1, MSG_NOSIGNAL), 999);
    settle();
    test_loop_skip(&rig.test, SLI_IO_CONN_LINGER_MS);
    settle();
    assert_false(rig.closed);
    peer_sends("1");
    until(&rig.closed);
    tear_down();

    open_tcp_pair();
    sli_io_conn_linger(rig.conn, UINT64_MAX, SLI_IO_CONN_LINGER_MS + 1000);
    test_loop_skip(&rig.test, SLI_IO_CONN_LINGER_MS + 1000);
    until(&rig.closed);
    tear_down();
}

static void lingering_can_be_hurried(void **state)
{
    (void)state;
    open_tcp_pair();
    (void)fill_up();
    sli_io_conn_close(rig.conn, SLI_IO_CONN_LINGER);
    sli_io_conn_close(rig.conn, SLI_IO_CONN_FLUSH);
    settle();
    assert_false(rig.closed);
    sli_io_conn_close(rig.conn, SLI_IO_CONN_NOW);
    until(&rig.closed);
    tear_down();
}

static void a_reset_ends_the_lingering(void **state)
{
    (void)state;
    open_tcp_pair();
    (void)fill_up();
    sli_io_conn_close(rig.conn, SLI_IO_CONN_LINGER);
    reset_peer();
    until(&rig.closed);
    assert_int_equal(rig.lost, 0);
    tear_down();
}

static void open_that_fails_leaves_the_descriptor(void **state)
{
    struct sli_io_conn conn;
    struct test_loop test;
    int fd = open("/dev/null", O_RDONLY); /* no poll set takes it */

    (void)state;
    test_loop_enter(&test, NULL);
    assert_true(
        sli_io_conn_open(&conn, test.loop, fd, PENDING_MAX, &handler) < 0);
    assert_int_equal(close(fd), 0);
    test_loop_leave(&test);
}

/* Every allocation after the loop's own, once and from then on. */
static int write_with_failing(unsigned n, int from_then_on)
{
    struct failing failing = {0};
    struct slimta_alloc alloc = failing_alloc(&failing);
    static char block[262144];
    int err = 0;

    open_unix_pair(&alloc);
    failing.fail_at = failing.calls + n;
    failing.from_then_on = from_then_on;
    for (int i = 0; i < 3 && err == 0; i++) {
        err = sli_io_conn_write(rig.conn, sli_slice(block, 65536));
    }
    while (err == 0 && sli_io_conn_pending(rig.conn) == 0) {
        err = sli_io_conn_write(rig.conn, sli_slice(block, 65536));
    }
    settle();
    assert_int_equal(rig.lost, 0);
    n = failing.fail_at <= failing.calls;
    tear_down();
    assert_int_equal(failing.out, 0);
    assert_int_equal(err, n ? SLIMTA_ENOMEM : 0);
    return err;
}

/* The next connection hears what comes from then on, the end too. */
static void a_detached_descriptor_lives_on(void **state)
{
    (void)state;
    for (int i = 0; i < OPENERS; i++) {
        openers[i]();
        rig.detaches_in_received = 1;
        peer_sends("one");
        until(&rig.calls);
        assert_non_null(rig.conn);
        peer_sends("two");
        settle();
        assert_null(rig.detached);
        assert_int_equal(rig.calls, 2);
        assert_memory_equal(rig.got, "onetwo", 6);
        assert_int_equal(write_text("three"), 0);
        close_peer();
        settle();
        assert_int_equal(rig.ended + rig.lost, 1);
        tear_down();
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
        unsigned n = 1;

        while (write_with_failing(n, from_then_on) != 0) {
            n++;
        }
        assert_true(n > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receives_and_answers_at_once),
        cmocka_unit_test(nothing_to_write_is_nothing),
        cmocka_unit_test(what_the_socket_refuses_is_sent_later),
        cmocka_unit_test(what_waits_has_a_limit),
        cmocka_unit_test(input_larger_than_the_buffer),
        cmocka_unit_test(a_half_close_is_told_once_and_writing_goes_on),
        cmocka_unit_test(a_pause_leaves_the_octets_with_the_kernel),
        cmocka_unit_test(a_pause_for_an_answer_changes_no_watch),
        cmocka_unit_test(a_half_close_while_paused_is_not_lost),
        cmocka_unit_test(a_reset_is_told_as_lost),
        cmocka_unit_test(a_reset_while_paused_is_told_as_lost),
        cmocka_unit_test(writing_after_a_reset_fails_quietly),
        cmocka_unit_test(a_reset_drops_what_waits),
        cmocka_unit_test(closing_inside_any_handler_is_the_end),
        cmocka_unit_test(now_drops_what_waits),
        cmocka_unit_test(flush_and_linger_send_what_waits),
        cmocka_unit_test(flush_with_nothing_waiting_closes),
        cmocka_unit_test(linger_reads_on_and_drops),
        cmocka_unit_test(linger_has_a_limit_of_octets),
        cmocka_unit_test(lingering_has_a_limit_of_time),
        cmocka_unit_test(a_longer_linger_has_limits_of_its_own),
        cmocka_unit_test(lingering_can_be_hurried),
        cmocka_unit_test(a_reset_ends_the_lingering),
        cmocka_unit_test(open_that_fails_leaves_the_descriptor),
        cmocka_unit_test(a_detached_descriptor_lives_on),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
