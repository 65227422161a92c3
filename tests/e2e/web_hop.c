/** A next hop of tests that speaks HTTP: on loopback, well or badly as it is
 * told, and with books. */
#include "web_hop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One connection, its thread's alone. */
struct line {
    struct web_hop *hop;
    size_t index;
    int fd;
    size_t got; /* octets of this request */
    char buffer[65536];
    size_t held;
};

static void wait_while_stalled(struct web_hop *hop)
{
    pthread_mutex_lock(&hop->lock);
    while (hop->is_stalled) {
        pthread_cond_wait(&hop->news, &hop->lock);
    }
    pthread_mutex_unlock(&hop->lock);
}

static void reset(const struct line *line)
{
    struct linger none = {1, 0};

    (void)setsockopt(line->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

/* What counts for the request that comes. */
static struct web_hop_order order_of(struct web_hop *hop)
{
    struct web_hop_order order;

    pthread_mutex_lock(&hop->lock);
    order = hop->order;
    if (hop->order.times > 0) {
        hop->order.times--;
        if (hop->order.times == 0) {
            hop->order = (struct web_hop_order){.answer = NULL};
        }
    }
    pthread_mutex_unlock(&hop->lock);
    return order;
}

/* More octets behind what is held; 0 at the end, or at the cut. */
static int fill(struct line *line, size_t cut_at)
{
    size_t room = sizeof line->buffer - line->held - 1;
    ssize_t size;

    wait_while_stalled(line->hop);
    if (cut_at > 0 && cut_at - line->got < room) {
        room = cut_at - line->got;
    }
    size = room == 0 ? 0 : recv(line->fd, line->buffer + line->held, room, 0);
    if (size <= 0) {
        return 0;
    }
    line->got += (size_t)size;
    line->held += (size_t)size;
    line->buffer[line->held] = '\0';
    if (cut_at > 0 && line->got >= cut_at) {
        reset(line);
        return 0;
    }
    return 1;
}

static void consume(struct line *line, size_t size)
{
    memmove(line->buffer, line->buffer + size, line->held - size + 1);
    line->held -= size;
}

/* Reads a head into the books; its size, 0: there will be none. */
static size_t read_head(struct line *line, size_t cut_at)
{
    char *end;
    size_t size;

    line->got = line->held;
    line->buffer[line->held] = '\0';
    while ((end = strstr(line->buffer, "\r\n\r\n")) == NULL) {
        if (!fill(line, cut_at)) {
            return 0;
        }
    }
    size = (size_t)(end - line->buffer) + 4;
    pthread_mutex_lock(&line->hop->lock);
    memcpy(line->hop->head, line->buffer, size);
    line->hop->head[size] = '\0';
    pthread_mutex_unlock(&line->hop->lock);
    return size;
}

static size_t length_of(const char *head)
{
    const char *at = strstr(head, "\r\nContent-Length: ");

    return at == NULL ? 0 : strtoul(at + 18, NULL, 10);
}

static void keep_body(struct line *line, size_t size, size_t before)
{
    struct web_hop *hop = line->hop;

    pthread_mutex_lock(&hop->lock);
    hop->octets += size;
    if (before + size < sizeof hop->body) {
        memcpy(hop->body + before, line->buffer, size);
        hop->body[before + size] = '\0';
    }
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
    consume(line, size);
}

static int read_body(struct line *line, size_t length, size_t cut_at)
{
    size_t done = 0;

    while (done < length) {
        size_t size = line->held < length - done ? line->held : length - done;

        keep_body(line, size, done);
        done += size;
        if (done < length && line->held == 0 && !fill(line, cut_at)) {
            return 0;
        }
    }
    return 1;
}

/* Returns whether the connection goes on. */
static int answer(struct line *line, const struct web_hop_order *order)
{
    struct web_hop *hop = line->hop;
    const char *text = order->answer == NULL ? WEB_HOP_OK : order->answer;
    size_t size = strlen(text);
    size_t most =
        order->budget > 0 && order->budget < size ? order->budget : size;
    char octet;

    if (order->resets) {
        reset(line);
        return 0;
    }
    pthread_mutex_lock(&hop->lock);
    hop->taken += most == size && order->early == 0 && !order->lies &&
        strncmp(text, "HTTP/1.1 2", 10) == 0;
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
    if (size == 0) {
        (void)recv(line->fd, &octet, 1, 0);
        return 0;
    }
    return send(line->fd, text, most, MSG_NOSIGNAL) == (ssize_t)most &&
        order->budget == 0 && !order->closes;
}

static int serve_request(struct line *line)
{
    struct web_hop *hop = line->hop;
    struct web_hop_order order;
    size_t size;
    size_t length;
    char octet;

    /* The order counts that stands when the request begins. */
    if (line->held == 0 && recv(line->fd, &octet, 1, MSG_PEEK) != 1) {
        return 0;
    }
    order = order_of(hop);
    size = read_head(line, order.cut_at);
    if (size == 0) {
        return 0;
    }
    length = length_of(line->buffer);
    consume(line, size);
    if (order.early > 0 && order.early < length) {
        length = order.early;
    }
    if (!read_body(line, length, order.cut_at)) {
        return 0;
    }
    pthread_mutex_lock(&hop->lock);
    hop->requests += order.early == 0;
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
    if (!answer(line, &order)) {
        return 0;
    }
    while (order.early > 0 && fill(line, 0)) {
        line->held = 0;
    }
    return order.early == 0;
}

static void *serve(void *user)
{
    struct line *line = user;
    struct web_hop *hop = line->hop;

    while (serve_request(line)) {
    }
    pthread_mutex_lock(&hop->lock);
    hop->fds[line->index] = -1;
    hop->gone++;
    (void)close(line->fd);
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
    free(line);
    return NULL;
}

static void *accept_all(void *user)
{
    struct web_hop *hop = user;
    int fd;

    while ((fd = accept(hop->fd, NULL, NULL)) >= 0) {
        struct line *line = calloc(1, sizeof *line);

        if (line == NULL || hop->connections == WEB_HOP_CONNECTIONS_MAX) {
            abort();
        }
        line->hop = hop;
        line->fd = fd;
        pthread_mutex_lock(&hop->lock);
        line->index = hop->connections;
        hop->fds[line->index] = fd;
        if (pthread_create(&hop->threads[line->index], NULL, serve, line) !=
            0) {
            abort();
        }
        hop->connections++;
        pthread_cond_broadcast(&hop->news);
        pthread_mutex_unlock(&hop->lock);
    }
    return NULL;
}

void web_hop_open(struct web_hop *hop)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;

    memset(hop, 0, sizeof *hop);
    pthread_mutex_init(&hop->lock, NULL);
    pthread_cond_init(&hop->news, NULL);
    hop->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(hop->fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(hop->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(hop->fd, 64), 0);
    assert_int_equal(
        getsockname(hop->fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(hop->text, sizeof hop->text, "127.0.0.1:%u",
        (unsigned)ntohs(address.sin_port));
    assert_int_equal(pthread_create(&hop->thread, NULL, accept_all, hop), 0);
}

void web_hop_close(struct web_hop *hop)
{
    web_hop_stall(hop, 0);
    (void)shutdown(hop->fd, SHUT_RDWR);
    pthread_join(hop->thread, NULL);
    (void)close(hop->fd);
    pthread_mutex_lock(&hop->lock);
    for (size_t i = 0; i < hop->connections; i++) {
        if (hop->fds[i] >= 0) {
            (void)shutdown(hop->fds[i], SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&hop->lock);
    for (size_t i = 0; i < hop->connections; i++) {
        pthread_join(hop->threads[i], NULL);
    }
    pthread_cond_destroy(&hop->news);
    pthread_mutex_destroy(&hop->lock);
}

void web_hop_set(struct web_hop *hop, struct web_hop_order order)
{
    pthread_mutex_lock(&hop->lock);
    hop->order = order;
    pthread_mutex_unlock(&hop->lock);
}

void web_hop_stall(struct web_hop *hop, int is_stalled)
{
    pthread_mutex_lock(&hop->lock);
    hop->is_stalled = is_stalled;
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
}

size_t web_hop_count(struct web_hop *hop, const size_t *counter)
{
    size_t count;

    pthread_mutex_lock(&hop->lock);
    count = *counter;
    pthread_mutex_unlock(&hop->lock);
    return count;
}

int web_hop_wait(struct web_hop *hop, const size_t *counter, size_t wanted)
{
    struct timespec end;
    int is_there;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    pthread_mutex_lock(&hop->lock);
    while (*counter < wanted &&
        pthread_cond_timedwait(&hop->news, &hop->lock, &end) == 0) {
    }
    is_there = *counter >= wanted;
    pthread_mutex_unlock(&hop->lock);
    return is_there;
}
