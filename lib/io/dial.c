/** From where a connection is to go to a connected descriptor, without blocking
 * a loop. */
/* SOCK_NONBLOCK is no part of POSIX. */
#define _GNU_SOURCE
#include "io/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/error.h"
#include "base/list.h"
#include "base/slice.h"
#include "io/listener.h"
#include "io/loop.h"

/* RFC 8305 section 3: how long the addresses of one family wait for those of
 * the other. */
enum { RESOLUTION_DELAY_MS = 50 };

enum { IPV6, IPV4, FAMILIES };

static void try_next(struct sli_io_dial *dial);
static void on_timer(struct sli_io_timer *timer);

static int is_asking(const struct sli_io_dial *dial)
{
    return dial->families[IPV6].is_asking || dial->families[IPV4].is_asking;
}

static uint64_t left_ms(const struct sli_io_dial *dial)
{
    uint64_t now_ms = sli_io_loop_now(dial->loop);

    return dial->deadline_ms > now_ms ? dial->deadline_ms - now_ms : 0;
}

/* The end */

static void tell(struct sli_io_dial *dial)
{
    dial->done(dial);
}

static void on_message(struct sli_io_message *message)
{
    tell(SLI_LIST_ITEM(message, struct sli_io_dial, message));
}

static void forget_queries(struct sli_io_dial *dial)
{
    for (size_t i = 0; i < FAMILIES; i++) {
        if (dial->families[i].is_asking) {
            dial->families[i].is_asking = 0;
            slimta_query_cancel(dial->families[i].query);
        }
    }
}

/* `done` follows later: when the handle that is open is closed, or else with
 * the loop's messages. The owner is in the loop, so that its inbox is open. */
static void finish(struct sli_io_dial *dial)
{
    dial->is_over = 1;
    forget_queries(dial);
    sli_io_timer_stop(dial->loop, &dial->timer);
    dial->message.deliver = on_message;
    (void)sli_io_inbox_post(dial->loop->inbox, &dial->message);
}

static void on_closed(uv_handle_t *handle)
{
    struct sli_io_dial *dial = handle->data;

    dial->is_closing = 0;
    if (dial->is_over) {
        tell(dial);
    } else {
        try_next(dial);
    }
}

/* The attempt is over; `is_over` or try_next go on when its handle is closed.
 * Returns its descriptor, which is out of the poll set. */
static int end_attempt(struct sli_io_dial *dial)
{
    int fd = dial->attempt;

    dial->attempt = -1;
    dial->is_closing = 1;
    sli_io_timer_stop(dial->loop, &dial->timer);
    uv_close((uv_handle_t *)&dial->poll, on_closed);
    return fd;
}

static void fail(struct sli_io_dial *dial, int err, const char *reason)
{
    dial->err = err;
    dial->reason = reason;
}

/* One address */

/* What errno values of socket and connect mean for who waits, where
 * sli_error_from_errno does not say it. */
static void fail_with_errno(struct sli_io_dial *dial, int number)
{
    static const struct {
        int number;
        int err;
        const char *reason;
    } meanings[] = {
        {ECONNREFUSED, SLIMTA_EIO, "connection refused"},
        {ECONNRESET, SLIMTA_EIO, "connection reset"},
        {ETIMEDOUT, SLIMTA_EIO, "connection timed out"},
        {ENETUNREACH, SLIMTA_EIO, "network is unreachable"},
        {EHOSTUNREACH, SLIMTA_EIO, "host is unreachable"},
        {ENETDOWN, SLIMTA_EIO, "network is down"},
        {EADDRNOTAVAIL, SLIMTA_EIO, "no local address or port is left"},
        {EAFNOSUPPORT, SLIMTA_EIO, "address family is not supported"},
        {EAGAIN, SLIMTA_EIO, "the socket's queue is full"},
        {ENOENT, SLIMTA_EIO, "no such socket"},
        {EACCES, SLIMTA_EACCES, "permission denied"},
        {EPERM, SLIMTA_EACCES, "permission denied"},
        {EMFILE, SLIMTA_EMFILE, "too many open descriptors"},
        {ENFILE, SLIMTA_EMFILE, "too many open descriptors"},
        {ENOMEM, SLIMTA_ENOMEM, "out of memory"},
        {ENOBUFS, SLIMTA_ENOMEM, "out of memory"},
    };

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].number == number) {
            fail(dial, meanings[i].err, meanings[i].reason);
            return;
        }
    }
    fail(dial, SLIMTA_EIO, "cannot connect");
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct sli_io_dial *dial = poll->data;
    int number = 0;
    socklen_t size = sizeof number;
    int fd = end_attempt(dial);

    (void)status; /* what is wrong the socket says */
    (void)events;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0) {
        number = errno;
    }
    if (number == 0) {
        dial->fd = fd;
        dial->err = 0;
        dial->is_over = 1;
        forget_queries(dial);
        return;
    }
    (void)close(fd);
    fail_with_errno(dial, number);
}

/* How long this address has: not all of the time while there is another. */
static uint64_t attempt_ms(const struct sli_io_dial *dial)
{
    int is_last = dial->next == dial->count && !is_asking(dial);

    return is_last || left_ms(dial) < SLI_IO_DIAL_ATTEMPT_MS
        ? left_ms(dial)
        : SLI_IO_DIAL_ATTEMPT_MS;
}

/* Takes `fd`. Returns whether the connection is waited for. */
static int watch(struct sli_io_dial *dial, int fd)
{
    int number = -uv_poll_init(dial->loop->uv, &dial->poll, fd);

    if (number != 0) {
        (void)close(fd);
        fail_with_errno(dial, number);
        return 0;
    }
    dial->attempt = fd;
    dial->poll.data = dial;
    number = -uv_poll_start(&dial->poll, UV_WRITABLE, on_event);
    if (number != 0) {
        (void)close(end_attempt(dial));
        fail_with_errno(dial, number);
        return 1;
    }
    sli_io_timer_start(dial->loop, &dial->timer, attempt_ms(dial), on_timer);
    return 1;
}

static socklen_t name_of(const struct sli_io_dial *dial,
    const struct slimta_address *address, struct sockaddr_storage *to)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};

    if (address->family != SLIMTA_FAMILY_UNIX) {
        return sli_io_socket_to_system(address, to);
    }
    (void)strncpy(path.sun_path, dial->target.name, sizeof path.sun_path - 1);
    memcpy(to, &path, sizeof path);
    return sizeof path;
}

static int open_socket(const struct sockaddr_storage *to)
{
    int on = 1;
    int fd =
        socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && to->ss_family != AF_UNIX) {
        /* Commands and the ends of messages do not wait for a reply. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return fd;
}

/* Returns 1 when the dial waits, or is over; 0 when this address has failed. */
static int attempt(
    struct sli_io_dial *dial, const struct slimta_address *address)
{
    struct sockaddr_storage to;
    socklen_t size = name_of(dial, address, &to);
    int fd = open_socket(&to);

    dial->address = *address;
    if (fd < 0) {
        fail_with_errno(dial, errno);
        return 0;
    }
    if (connect(fd, (const struct sockaddr *)&to, size) == 0) {
        dial->fd = fd;
        dial->err = 0;
        finish(dial);
        return 1;
    }
    if (errno == EINPROGRESS || errno == EINTR) {
        return watch(dial, fd);
    }
    fail_with_errno(dial, errno);
    (void)close(fd);
    return 0;
}

/* All addresses */

/* There is no address: why. */
static void fail_without_address(struct sli_io_dial *dial)
{
    enum slimta_dns_status ipv6 = dial->families[IPV6].status;
    enum slimta_dns_status ipv4 = dial->families[IPV4].status;

    if (dial->err == SLIMTA_ENOMEM) {
        return;
    }
    if (ipv6 == SLIMTA_DNS_UNKNOWN || ipv4 == SLIMTA_DNS_UNKNOWN) {
        fail(dial, SLIMTA_EAGAIN, "name servers do not answer");
    } else if (ipv6 == SLIMTA_DNS_NO_NAME || ipv4 == SLIMTA_DNS_NO_NAME) {
        fail(dial, SLIMTA_ENOENT, "no such name");
    } else {
        fail(dial, SLIMTA_ENOENT, "the name has no address");
    }
}

/* The next address, until one waits; then what is still asked of the DNS. */
static void try_next(struct sli_io_dial *dial)
{
    while (dial->next < dial->count && left_ms(dial) > 0) {
        if (attempt(dial, &dial->addresses[dial->next++])) {
            return;
        }
    }
    if (is_asking(dial) && left_ms(dial) > 0) {
        sli_io_timer_start(dial->loop, &dial->timer, left_ms(dial), on_timer);
        return;
    }
    if (dial->count == 0) {
        fail_without_address(dial);
    }
    finish(dial);
}

static void add(struct sli_io_dial *dial, const struct slimta_address *address)
{
    if (dial->count < SLI_IO_DIAL_ADDRESSES_MAX) {
        dial->addresses[dial->count++] = *address;
    }
}

/* RFC 8305 section 4: one of each family in turns, so that a family which does
 * not get through costs one attempt. */
static void add_in_turns(struct sli_io_dial *dial)
{
    for (size_t i = 0; i < SLI_IO_DIAL_ADDRESSES_MAX; i++) {
        for (size_t j = 0; j < FAMILIES; j++) {
            if (i < dial->families[j].count) {
                add(dial, &dial->families[j].addresses[i]);
            }
        }
    }
}

static void begin_trying(struct sli_io_dial *dial)
{
    dial->is_trying = 1;
    add_in_turns(dial);
    try_next(dial);
}

static void on_timer(struct sli_io_timer *timer)
{
    struct sli_io_dial *dial = SLI_LIST_ITEM(timer, struct sli_io_dial, timer);

    if (dial->attempt >= 0) {
        (void)close(end_attempt(dial));
        fail(dial, SLIMTA_EIO, "connection timed out");
    } else if (!dial->is_trying && left_ms(dial) > 0) {
        begin_trying(dial);
    } else {
        forget_queries(dial);
        try_next(dial);
    }
}

/* Names */

static void keep(
    struct sli_io_dial_family *family, const struct slimta_answer *answer)
{
    size_t count = slimta_answer_count(answer);

    family->status = slimta_answer_status(answer);
    for (size_t i = 0; i < count && family->count < SLI_IO_DIAL_ADDRESSES_MAX;
         i++) {
        struct slimta_address *address = &family->addresses[family->count];

        if (slimta_answer_address(answer, i, address)) {
            address->port = family->dial->target.address.port;
            family->count++;
        }
    }
}

/* The other family's addresses are tried already: these come behind. */
static void add_late(
    struct sli_io_dial *dial, const struct sli_io_dial_family *family)
{
    int waits =
        dial->attempt < 0 && !dial->is_closing && dial->next == dial->count;

    for (size_t i = 0; i < family->count; i++) {
        add(dial, &family->addresses[i]);
    }
    if (waits) {
        try_next(dial);
    }
}

static void on_answer(const struct slimta_answer *answer, void *user)
{
    struct sli_io_dial_family *family = user;
    struct sli_io_dial *dial = family->dial;

    family->is_asking = 0;
    keep(family, answer);
    if (dial->is_trying) {
        add_late(dial, family);
    } else if (!is_asking(dial)) {
        begin_trying(dial);
    } else if (family->count > 0) {
        sli_io_timer_start(
            dial->loop, &dial->timer, RESOLUTION_DELAY_MS, on_timer);
    }
}

static void ask(struct sli_io_dial *dial, struct slimta_resolver *resolver,
    struct sli_io_dial_family *family, enum slimta_dns_type type)
{
    int err;

    family->dial = dial;
    family->status = SLIMTA_DNS_UNKNOWN;
    err = slimta_resolver_query(&family->query, resolver, dial->target.name,
        type, left_ms(dial), on_answer, family);
    family->is_asking = err == 0;
    if (err == SLIMTA_ENOMEM) {
        fail(dial, err, "out of memory");
    } else if (err == SLIMTA_EINVAL) {
        family->status = SLIMTA_DNS_NO_NAME;
    }
}

static void look_up(struct sli_io_dial *dial, struct slimta_resolver *resolver)
{
    ask(dial, resolver, &dial->families[IPV6], SLIMTA_DNS_AAAA);
    ask(dial, resolver, &dial->families[IPV4], SLIMTA_DNS_A);
    if (is_asking(dial)) {
        sli_io_timer_start(dial->loop, &dial->timer, left_ms(dial), on_timer);
    } else {
        try_next(dial);
    }
}

static int is_localhost(const char *name)
{
    struct slimta_slice text = sli_slice_text(name);
    struct slimta_slice last = SLI_LITERAL("localhost");

    if (text.size > 0 && text.data[text.size - 1] == '.') {
        text.size--;
    }
    if (text.size > last.size && text.data[text.size - last.size - 1] == '.') {
        text = sli_slice_skip(text, text.size - last.size);
    }
    return sli_ascii_same(text, last);
}

static void add_localhost(struct sli_io_dial *dial)
{
    uint16_t port = dial->target.address.port;

    add(dial,
        &(struct slimta_address){
            .family = SLIMTA_FAMILY_IPV6, .port = port, .ip = {[15] = 1}});
    add(dial,
        &(struct slimta_address){
            .family = SLIMTA_FAMILY_IPV4, .port = port, .ip = {127, 0, 0, 1}});
}

void sli_io_dial_start(struct sli_io_dial *dial, struct slimta_loop *loop,
    struct slimta_resolver *resolver, const struct sli_io_dial_target *target,
    uint64_t timeout_ms, void (*done)(struct sli_io_dial *dial))
{
    uint64_t now_ms = sli_io_loop_now(loop);

    *dial = (struct sli_io_dial){
        .loop = loop,
        .done = done,
        .fd = -1,
        .err = SLIMTA_EIO,
        .reason = "connection timed out",
        .target = *target,
        .attempt = -1,
        .deadline_ms =
            timeout_ms < UINT64_MAX - now_ms ? now_ms + timeout_ms : UINT64_MAX,
    };
    if (target->address.family != SLIMTA_FAMILY_NONE) {
        add(dial, &target->address);
    } else if (is_localhost(target->name)) {
        add_localhost(dial);
    } else {
        look_up(dial, resolver);
        return;
    }
    dial->is_trying = 1;
    try_next(dial);
}

void sli_io_dial_cancel(struct sli_io_dial *dial)
{
    if (dial->fd >= 0) {
        (void)close(dial->fd);
        dial->fd = -1;
    }
    fail(dial, SLIMTA_ECANCELED, "given up");
    if (dial->is_over) {
        return;
    }
    if (dial->attempt >= 0) {
        (void)close(end_attempt(dial));
    }
    if (dial->is_closing) {
        dial->is_over = 1;
        forget_queries(dial);
    } else {
        finish(dial);
    }
}
