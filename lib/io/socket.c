/** Sockets that listen, before any loop knows them. */
/* SO_REUSEPORT is no part of POSIX. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/alloc.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/slice.h"
#include "io/listener.h"

/* The kernel cuts it to net.core.somaxconn. PORT_TRIES is for a port that is
 * free for IPv6 and taken for IPv4. */
enum { BACKLOG = 4096, PORT_TRIES = 16 };

static const struct sli_io_socket no_socket = {.fd = -1};

/* In functions that return a "number" it is an errno value, 0 for success. */

static int refuse(struct slimta_error *error, const char *what, int number)
{
    int code = sli_error_from_errno(number);

    if (number == EADDRINUSE) {
        return sli_error_set(error, code, "%s: address already in use", what);
    }
    if (code == SLIMTA_ESYSTEM) {
        return sli_error_set(error, code, "%s: %s (errno %d)", what,
            slimta_strerror(code), number);
    }
    return sli_error_set(error, code, "%s: %s", what, slimta_strerror(code));
}

static int refuse_address(struct slimta_error *error,
    const struct slimta_address *address, int number)
{
    char text[SLIMTA_ADDRESS_TEXT_MAX];

    (void)slimta_address_format(address, text, sizeof text);
    return refuse(error, text, number);
}

struct slimta_address sli_io_socket_address_of(
    const struct sockaddr_storage *from, socklen_t size)
{
    struct slimta_address address = {.family = SLIMTA_FAMILY_NONE};

    if (size >= sizeof(struct sockaddr_in) && from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)from;

        address.family = SLIMTA_FAMILY_IPV4;
        address.port = ntohs(in->sin_port);
        memcpy(address.ip, &in->sin_addr, 4);
    } else if (size >= sizeof(struct sockaddr_in6) &&
        from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)from;

        address.family = SLIMTA_FAMILY_IPV6;
        address.port = ntohs(in6->sin6_port);
        address.scope_id = in6->sin6_scope_id;
        memcpy(address.ip, &in6->sin6_addr, 16);
        sli_address_unmap(&address);
    } else if (size >= sizeof(sa_family_t) && from->ss_family == AF_UNIX) {
        address.family = SLIMTA_FAMILY_UNIX;
    }
    return address;
}

socklen_t sli_io_socket_to_system(
    const struct slimta_address *address, struct sockaddr_storage *to)
{
    if (address->family == SLIMTA_FAMILY_IPV4) {
        struct sockaddr_in in = {
            .sin_family = AF_INET, .sin_port = htons(address->port)};

        memcpy(&in.sin_addr, address->ip, 4);
        memcpy(to, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
        .sin6_port = htons(address->port),
        .sin6_scope_id = address->scope_id};

    memcpy(&in6.sin6_addr, address->ip, 16);
    memcpy(to, &in6, sizeof in6);
    return sizeof in6;
}

int sli_io_socket_local_address(int fd, struct slimta_address *address)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;

    if (getsockname(fd, (struct sockaddr *)&name, &size) != 0) {
        return sli_error_from_errno(errno);
    }
    *address = sli_io_socket_address_of(&name, size);
    return 0;
}

int sli_io_socket_peer_address(int fd, struct slimta_address *address)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;

    if (getpeername(fd, (struct sockaddr *)&name, &size) != 0) {
        return sli_error_from_errno(errno);
    }
    *address = sli_io_socket_address_of(&name, size);
    return 0;
}

static int switch_on(int fd, int level, int option)
{
    int on = 1;

    return setsockopt(fd, level, option, &on, sizeof on) == 0 ? 0 : errno;
}

enum sharing { ALONE, SHARED };

static int set_options(
    int fd, const struct slimta_address *address, enum sharing sharing)
{
    int number = switch_on(fd, SOL_SOCKET, SO_REUSEADDR);

    if (number == 0) {
        number = switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
    }
    if (number == 0 && address->family == SLIMTA_FAMILY_IPV6) {
        number = switch_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    }
    if (number == 0 && sharing == SHARED) {
        number = switch_on(fd, SOL_SOCKET, SO_REUSEPORT);
    }
    return number;
}

/* A bound socket; returns an errno value. */
static int open_bound(
    int *out, const struct slimta_address *address, enum sharing sharing)
{
    struct sockaddr_storage name;
    socklen_t size = sli_io_socket_to_system(address, &name);
    int family = address->family == SLIMTA_FAMILY_IPV4 ? AF_INET : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int number;

    if (fd < 0) {
        return errno;
    }
    number = set_options(fd, address, sharing);
    if (number == 0 && bind(fd, (struct sockaddr *)&name, size) != 0) {
        number = errno;
    }
    if (number != 0) {
        (void)close(fd);
        return number;
    }
    *out = fd;
    return 0;
}

/* Lets a bound socket listen; closes it when that fails. */
static int begin_listening(struct sli_io_socket *out, int fd)
{
    struct sli_io_socket made = {.fd = fd};

    /* After the bind, which so found out whether the port was in use; before
     * listening, which makes it the first of its group. */
    made.can_clone = switch_on(fd, SOL_SOCKET, SO_REUSEPORT) == 0;
    if (listen(fd, BACKLOG) != 0) {
        int number = errno;

        (void)close(fd);
        return number;
    }
    (void)sli_io_socket_local_address(fd, &made.address);
    *out = made;
    return 0;
}

static int listen_at(struct sli_io_socket *out,
    const struct slimta_address *address, enum sharing sharing)
{
    int fd = -1;
    int number = open_bound(&fd, address, sharing);

    return number == 0 ? begin_listening(out, fd) : number;
}

/* RFC 4007 section 11: the zone after the percent sign, as a number or as the
 * name of an interface. Returns 1 or 0. */
static int parse_scope(struct slimta_slice text, uint32_t *scope)
{
    char name[IF_NAMESIZE];
    uint64_t number;

    if (sli_ascii_number(text, 9, &number)) {
        *scope = (uint32_t)number;
        return 1;
    }
    if (text.size == 0 || text.size >= sizeof name) {
        return 0;
    }
    memcpy(name, text.data, text.size);
    name[text.size] = '\0';
    *scope = if_nametoindex(name);
    return *scope != 0;
}

static int parse_ipv6(struct slimta_slice text, struct slimta_address *out)
{
    const char *percent;

    if (text.size >= 2 && text.data[0] == '[' &&
        text.data[text.size - 1] == ']') {
        text = sli_slice(text.data + 1, text.size - 2);
    }
    percent = memchr(text.data, '%', text.size);
    if (percent != NULL) {
        size_t before = (size_t)(percent - text.data);

        if (!parse_scope(sli_slice_skip(text, before + 1), &out->scope_id)) {
            return 0;
        }
        text.size = before;
    }
    return sli_address_parse_ipv6(text, out->ip);
}

/* No resolver: a numeric address, or the one name that needs none (RFC 6761
 * section 6.3). Returns 1 or 0. */
static int parse_host(const char *host, struct slimta_address *out)
{
    struct slimta_slice text = sli_slice_text(host);

    if (sli_ascii_same(text, SLI_LITERAL("localhost"))) {
        text = SLI_LITERAL("127.0.0.1");
    }
    out->family = SLIMTA_FAMILY_IPV4;
    if (sli_address_parse_ipv4(text, out->ip)) {
        return 1;
    }
    out->family = SLIMTA_FAMILY_IPV6;
    if (!parse_ipv6(text, out)) {
        return 0;
    }
    sli_address_unmap(out);
    return 1;
}

static int is_missing_family(int number)
{
    return number == EAFNOSUPPORT || number == EADDRNOTAVAIL ||
        number == EPROTONOSUPPORT;
}

/* Both families on one port, or the one that this machine has. `refused`
 * becomes the address that an error is about. */
static int try_all_addresses(struct sli_io_socket sockets[2], size_t *count,
    uint16_t port, struct slimta_address *refused)
{
    struct slimta_address any = {.family = SLIMTA_FAMILY_IPV6, .port = port};
    struct sli_io_socket ipv6 = no_socket;
    int number = listen_at(&ipv6, &any, ALONE);
    int has_ipv6 = number == 0;

    *refused = any;
    if (number != 0 && !is_missing_family(number)) {
        return number;
    }
    any.family = SLIMTA_FAMILY_IPV4;
    any.port = has_ipv6 ? ipv6.address.port : port;
    sockets[0] = ipv6;
    number = listen_at(&sockets[has_ipv6], &any, ALONE);
    if (number == 0) {
        *count = has_ipv6 ? 2 : 1;
        return 0;
    }
    if (has_ipv6 && is_missing_family(number)) {
        *count = 1;
        return 0;
    }
    *refused = any;
    sli_io_socket_close(&ipv6, NULL);
    return number;
}

static int listen_all(struct sli_io_socket sockets[2], size_t *count,
    uint16_t port, struct slimta_error *error)
{
    struct sli_io_socket made[2] = {no_socket, no_socket};
    struct slimta_address refused;
    int number = EADDRINUSE;
    int tries = port == 0 ? PORT_TRIES : 1;

    while (tries-- > 0 && number == EADDRINUSE) {
        number = try_all_addresses(made, count, port, &refused);
    }
    if (number != 0) {
        return refuse_address(error, &refused, number);
    }
    for (size_t i = 0; i < *count; i++) {
        sockets[i] = made[i];
    }
    return 0;
}

int sli_io_socket_listen_tcp(struct sli_io_socket sockets[2], size_t *count,
    const char *host, uint16_t port, struct slimta_error *error)
{
    struct slimta_address address = {.port = port};
    int number;

    if (host == NULL || host[0] == '\0') {
        return listen_all(sockets, count, port, error);
    }
    if (!parse_host(host, &address)) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "%s: neither an IPv4 nor an IPv6 address", host);
    }
    number = listen_at(&sockets[0], &address, ALONE);
    if (number != 0) {
        return refuse_address(error, &address, number);
    }
    *count = 1;
    return 0;
}

static int unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int bind_name(int fd, const struct sockaddr_un *name)
{
    return bind(fd, (const struct sockaddr *)name, sizeof *name) == 0 ? 0
                                                                      : errno;
}

/* Whether the file is that of a socket which nobody listens on any more. To
 * connect to a file of another kind is refused in the same way. */
static int is_dead(const struct sockaddr_un *name)
{
    struct stat status;
    int number = 0;
    int fd;

    if (lstat(name->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return 0;
    }
    fd = unix_socket();
    if (fd < 0) {
        return 0;
    }
    if (connect(fd, (const struct sockaddr *)name, sizeof *name) != 0) {
        number = errno;
    }
    (void)close(fd);
    return number == ECONNREFUSED;
}

static int bind_unix(int fd, const struct sockaddr_un *name)
{
    int number = bind_name(fd, name);

    if (number == EADDRINUSE && is_dead(name)) {
        number = unlink(name->sun_path) == 0 ? bind_name(fd, name) : errno;
    }
    return number;
}

static int open_unix(int *out, const struct sockaddr_un *name)
{
    int fd = unix_socket();
    int number;

    if (fd < 0) {
        return errno;
    }
    number = bind_unix(fd, name);
    if (number == 0 && listen(fd, BACKLOG) != 0) {
        number = errno;
        (void)unlink(name->sun_path);
    }
    if (number != 0) {
        (void)close(fd);
        return number;
    }
    *out = fd;
    return 0;
}

static int refuse_path(struct slimta_error *error, const char *path, int number)
{
    struct stat status;

    if (number == EADDRINUSE && lstat(path, &status) == 0 &&
        !S_ISSOCK(status.st_mode)) {
        return sli_error_set(error, SLIMTA_EADDRINUSE,
            "%s: a file that is not a socket is in the way", path);
    }
    return refuse(error, path, number);
}

int sli_io_socket_listen_unix(struct sli_io_socket *out,
    const struct slimta_alloc *alloc, const char *path,
    struct slimta_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct sli_io_socket made = {.address.family = SLIMTA_FAMILY_UNIX};
    size_t size = path == NULL ? 0 : strlen(path);
    int number;

    if (size == 0 || size >= sizeof name.sun_path) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "%s: the path of a socket has 1 to %u octets, not %lu",
            size == 0 ? "\"\"" : path, (unsigned)sizeof name.sun_path - 1,
            (unsigned long)size);
    }
    memcpy(name.sun_path, path, size);
    made.unix_path = sli_alloc_text(alloc, sli_slice(path, size));
    if (made.unix_path == NULL) {
        return refuse(error, path, ENOMEM);
    }
    number = open_unix(&made.fd, &name);
    if (number != 0) {
        sli_free(alloc, made.unix_path);
        return refuse_path(error, path, number);
    }
    *out = made;
    return 0;
}

static int is_listening(int fd)
{
    int value = 0;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 &&
        value != 0;
}

static int prepare(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return sli_error_from_errno(errno);
    }
    flags = fcntl(fd, F_GETFD);
    if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0) {
        return sli_error_from_errno(errno);
    }
    return 0;
}

int sli_io_socket_take(
    struct sli_io_socket *out, int fd, struct slimta_error *error)
{
    struct sli_io_socket taken = {.fd = fd};
    int err;

    if (!is_listening(fd)) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "descriptor %d is not a socket that listens", fd);
    }
    err = prepare(fd);
    if (err == 0) {
        err = sli_io_socket_local_address(fd, &taken.address);
    }
    if (err != 0) {
        return sli_error_set(
            error, err, "descriptor %d: %s", fd, slimta_strerror(err));
    }
    if (taken.address.family != SLIMTA_FAMILY_UNIX) {
        (void)switch_on(fd, IPPROTO_TCP, TCP_NODELAY); /* speed alone */
    }
    *out = taken;
    return 0;
}

/* Shares the queue of connections with `from`. */
static int duplicate(
    struct sli_io_socket *out, const struct sli_io_socket *from)
{
    int fd = fcntl(from->fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0) {
        return errno;
    }
    *out = (struct sli_io_socket){.fd = fd, .address = from->address};
    return 0;
}

int sli_io_socket_clone(struct sli_io_socket *out,
    const struct sli_io_socket *from, struct slimta_error *error)
{
    int number = from->can_clone ? listen_at(out, &from->address, SHARED)
                                 : duplicate(out, from);

    return number == 0 ? 0 : refuse_address(error, &from->address, number);
}

void sli_io_socket_close(
    struct sli_io_socket *socket, const struct slimta_alloc *alloc)
{
    /* While it still listens the file is not dead: nobody else's stands there
     * yet. */
    if (socket->unix_path != NULL) {
        (void)unlink(socket->unix_path);
        sli_free(alloc, socket->unix_path);
    }
    if (socket->fd >= 0) {
        (void)close(socket->fd);
    }
    *socket = no_socket;
}
