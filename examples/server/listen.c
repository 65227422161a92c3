/** The listeners of a demo server: bound, inherited, and told of. */
#include "listen.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "values.h"

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
enum { FIRST_PASSED_FD = 3 };

/* The command line is right, but what it names is not there. */
static int not_there(
    struct slimta_error *error, const char *flag, const char *why)
{
    struct slimta_error full = {.code = SLIMTA_ENOENT};

    (void)snprintf(
        full.text, sizeof full.text, "--listen %s: %.200s", flag, why);
    *error = full;
    return full.code;
}

/* The number in an environment variable, 0 when there is none. */
static uint64_t environment_number(const char *name)
{
    const char *text = getenv(name);
    uint64_t number;

    if (text == NULL || !value_number(text, 1, INT32_MAX, &number)) {
        return 0;
    }
    return number;
}

/* sd_listen_fds(3): the sockets are ours when LISTEN_PID names us. */
static int passed_fds(void)
{
    uint64_t fds = environment_number("LISTEN_FDS");

    if (environment_number("LISTEN_PID") != (uint64_t)getpid() ||
        fds > MAX_VALUES) {
        return 0;
    }
    return (int)fds;
}

static int listen_fd(
    const struct door *door, int fd, struct slimta_error *error)
{
    char flag[32];

    if (door->methods->listen_fd(door->edge, fd, error) == 0) {
        return 0;
    }
    (void)snprintf(flag, sizeof flag, "fd:%d", fd);
    return not_there(error, flag, error->text);
}

static int listen_systemd(const struct door *door, struct slimta_error *error)
{
    int count = passed_fds();
    int err = 0;

    if (count == 0) {
        return not_there(error, "systemd",
            "no sockets were passed to this process (LISTEN_FDS, LISTEN_PID)");
    }
    for (int i = 0; err == 0 && i < count; i++) {
        err = listen_fd(door, FIRST_PASSED_FD + i, error);
    }
    return err;
}

static int listen_one(const struct door *door, const struct listen_at *at,
    struct slimta_error *error)
{
    switch (at->kind) {
    case LISTEN_UNIX:
        return door->methods->listen_unix(door->edge, at->path, error);
    case LISTEN_FD:
        return listen_fd(door, at->fd, error);
    case LISTEN_SYSTEMD:
        return listen_systemd(door, error);
    case LISTEN_TCP:
    default:
        return door->methods->listen(door->edge, at->host, at->port, error);
    }
}

int listen_all(const struct door *door, const struct listeners *listeners,
    struct slimta_error *error)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < listeners->count; i++) {
        err = listen_one(door, &listeners->items[i], error);
    }
    return err;
}

/* The path of a UNIX socket that was inherited; "" when it is another. */
static void socket_path(int fd, char *out, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t length = sizeof address;

    out[0] = '\0';
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
        address.sun_family == AF_UNIX &&
        length > offsetof(struct sockaddr_un, sun_path)) {
        length -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
        (void)snprintf(out, size, "%.*s", (int)length, address.sun_path);
    }
}

/* Prints listener number `index` unless it is a UNIX socket, whose address does
 * not hold its path. */
static void tell_address(const struct door *door, size_t index)
{
    char text[SLIMTA_ADDRESS_TEXT_MAX];
    struct slimta_address address;

    if (door->methods->address(door->edge, index, &address) &&
        address.family != SLIMTA_FAMILY_UNIX) {
        (void)slimta_address_format(&address, text, sizeof text);
        fprintf(stderr, "listening on %s\n", text);
    }
}

static void tell_unix(const char *path)
{
    fprintf(stderr, "listening on unix:%s\n", path);
}

static void tell_fd(int fd)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path + 1];

    socket_path(fd, path, sizeof path);
    if (path[0] != '\0') {
        tell_unix(path);
    }
}

static void tell_one(const struct listen_at *at)
{
    if (at->kind == LISTEN_UNIX) {
        tell_unix(at->path);
    } else if (at->kind == LISTEN_FD) {
        tell_fd(at->fd);
    } else if (at->kind == LISTEN_SYSTEMD) {
        for (int i = 0; i < passed_fds(); i++) {
            tell_fd(FIRST_PASSED_FD + i);
        }
    }
}

void listen_tell(const struct door *door, const struct listeners *listeners)
{
    struct slimta_address address;

    for (size_t i = 0; door->methods->address(door->edge, i, &address); i++) {
        tell_address(door, i);
    }
    for (size_t i = 0; i < listeners->count; i++) {
        tell_one(&listeners->items[i]);
    }
}
