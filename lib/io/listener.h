/** Listening sockets, and accepting from them. */
#ifndef IO_LISTENER_H
#define IO_LISTENER_H

#include <sys/socket.h>
#include <uv.h>

#include <slimta/address.h>
#include <slimta/alloc.h>
#include <slimta/error.h>

#include "io/timer.h"

struct slimta_loop;

/** A socket that is bound and listens, without a loop yet. */
struct sli_io_socket {
    int fd; /* -1: none */
    struct slimta_address address;
    char *unix_path; /* to be removed when it is closed; owned */
    int can_clone;   /* a sibling with SO_REUSEPORT can be opened */
};

/**
 * Binds and listens on a TCP address, and stores one or two sockets ("" or
 * NULL: [::] and 0.0.0.0, on one port) in `sockets` and their number in
 * `count`. Sockets are non-blocking, close-on-exec, with TCP_NODELAY (which
 * accepted ones inherit) and SO_REUSEADDR; an IPv6 one takes IPv6 alone. The
 * first bind is plain, so that a port in use is an error; SO_REUSEPORT is set
 * after it. `error` says which address and why.
 */
int sli_io_socket_listen_tcp(struct sli_io_socket sockets[2], size_t *count,
    const char *host, uint16_t port, struct slimta_error *error);

/** Listens on a UNIX path: the file of a dead socket is replaced, a live one
 * is SLIMTA_EADDRINUSE, any other file too. */
int sli_io_socket_listen_unix(struct sli_io_socket *out,
    const struct slimta_alloc *alloc, const char *path,
    struct slimta_error *error);

/** Takes a listening descriptor; checks that it is one. Makes it non-blocking
 * and close-on-exec. */
int sli_io_socket_take(
    struct sli_io_socket *out, int fd, struct slimta_error *error);

/** Another descriptor for another loop: a sibling with SO_REUSEPORT for TCP,
 * else a duplicate that shares the queue. */
int sli_io_socket_clone(struct sli_io_socket *out,
    const struct sli_io_socket *from, struct slimta_error *error);

/** Closes, and removes the path of a UNIX socket if it owns one. */
void sli_io_socket_close(
    struct sli_io_socket *socket, const struct slimta_alloc *alloc);

/** The address of a descriptor's own end (getsockname). */
int sli_io_socket_local_address(int fd, struct slimta_address *address);

/** The address of its peer (getpeername): for descriptors that were accepted
 * elsewhere. */
int sli_io_socket_peer_address(int fd, struct slimta_address *address);

/** The address as the system gave it; SLIMTA_FAMILY_NONE when it is of no kind
 * that is known here. IPv4-mapped IPv6 becomes IPv4. */
struct slimta_address sli_io_socket_address_of(
    const struct sockaddr_storage *from, socklen_t size);

/** An IPv4 or IPv6 address as the system takes it; returns its size. */
socklen_t sli_io_socket_to_system(
    const struct slimta_address *address, struct sockaddr_storage *to);

/** Accepts in a loop. Held by value. */
struct sli_io_listener {
    uv_poll_t poll;
    struct slimta_loop *loop;
    struct sli_io_timer retry; /* waits here when descriptors run out */
    uint64_t last_ms;          /* when the last one was accepted */
    int fd;
    unsigned char quick;     /* how many came one by one in quick succession */
    unsigned char is_busy;   /* connections are taken in batches */
    unsigned char is_paused; /* waits for descriptors or memory */
    void (*accepted)(struct sli_io_listener *listener, int fd,
        const struct slimta_address *peer);
    void (*short_of)(struct sli_io_listener *listener, int error);
    void (*stopped)(struct sli_io_listener *listener);
};

/**
 * Begins to accept from `fd`, which stays the caller's. `accepted` gets each
 * connection, non-blocking and close-on-exec, which is then its own. When
 * descriptors or memory run out, `short_of` (may be NULL) is told and accepting
 * goes on after a while, without spinning.
 */
int sli_io_listener_start(struct sli_io_listener *listener,
    struct slimta_loop *loop, int fd,
    void (*accepted)(struct sli_io_listener *listener, int fd,
        const struct slimta_address *peer),
    void (*short_of)(struct sli_io_listener *listener, int error));

/** Accepts no more; `stopped` is called, always later than this call, when the
 * memory is the caller's again. */
void sli_io_listener_stop(struct sli_io_listener *listener,
    void (*stopped)(struct sli_io_listener *listener));

#endif
