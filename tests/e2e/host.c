/** What the test hosts share: a blocking client, a queue, a running edge. */
#include "host.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "certificates.h"

static socklen_t make_sockaddr(
    const struct slimta_address *address, struct sockaddr_storage *out)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (address->family == SLIMTA_FAMILY_IPV4) {
        four->sin_family = AF_INET;
        four->sin_port = htons(address->port);
        memcpy(&four->sin_addr, address->ip, 4);
        return sizeof *four;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(address->port);
    memcpy(&six->sin6_addr, address->ip, 16);
    return sizeof *six;
}

int host_client_open(
    struct host_client *client, const struct slimta_address *address)
{
    struct timeval patience = {HOST_PATIENCE_S, 0};
    struct sockaddr_storage to;
    socklen_t length = make_sockaddr(address, &to);
    int one = 1;

    memset(client, 0, sizeof *client);
    client->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return -1;
    }
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(client->fd, (struct sockaddr *)&to, length) != 0) {
        host_client_close(client);
        return -1;
    }
    return 0;
}

void host_client_close(struct host_client *client)
{
    tls_client_free(client->tls);
    client->tls = NULL;
    if (client->fd >= 0) {
        close(client->fd);
    }
    client->fd = -1;
}

void host_client_reset(struct host_client *client)
{
    struct linger linger = {1, 0};

    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    host_client_close(client);
}

int host_client_secure(
    struct host_client *client, const struct tls_client_options *options)
{
    /* Nothing in the clear may stand behind the 220. */
    if (client->held > 0) {
        return -1;
    }
    client->tls = tls_client_new(client->fd, options);
    return client->tls != NULL && tls_client_shake(client->tls) == 0 ? 0 : -1;
}

int host_client_starttls(
    struct host_client *client, const struct tls_client_options *options)
{
    if (host_client_reply(client) != 220 ||
        host_client_ask(client, "EHLO client.example\r\n") != 250 ||
        host_client_ask(client, "STARTTLS\r\n") != 220) {
        return -1;
    }
    return host_client_secure(client, options);
}

int host_client_send(
    struct host_client *client, const void *octets, size_t size)
{
    const char *next = octets;

    if (client->tls != NULL) {
        return tls_client_send(client->tls, octets, size);
    }
    while (size > 0) {
        ssize_t sent = send(client->fd, next, size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR) {
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

/* Takes one line out of the buffer into `line`; 0 when there is none yet. */
static int take_line(struct host_client *client)
{
    char *end = memchr(client->buffer, '\n', client->held);
    size_t size = 0;

    if (end == NULL) {
        return 0;
    }
    size = (size_t)(end - client->buffer) + 1;
    snprintf(client->line, sizeof client->line, "%.*s",
        (int)strcspn(client->buffer, "\r\n"), client->buffer);
    memmove(client->buffer, client->buffer + size, client->held - size);
    client->held -= size;
    client->buffer[client->held] = '\0';
    return 1;
}

static ssize_t receive(struct host_client *client, char *out, size_t room)
{
    return client->tls == NULL ? recv(client->fd, out, room, 0)
                               : tls_client_receive(client->tls, out, room);
}

static int read_line(struct host_client *client)
{
    while (!take_line(client)) {
        size_t room = sizeof client->buffer - client->held - 1;
        ssize_t got = receive(client, client->buffer + client->held, room);

        /* Without a signal too: the kernel takes libuv's io_uring down in the
         * thread that made it, and a socket with a time limit tells. */
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 && client->held == 0 ? 0 : -1;
        }
        client->held += (size_t)got;
        client->buffer[client->held] = '\0';
    }
    return 1;
}

int host_client_reply(struct host_client *client)
{
    int got = 0;

    client->line[0] = '\0';
    do {
        got = read_line(client);
    } while (got == 1 && client->line[3] == '-');
    return got == 1 ? atoi(client->line) : got;
}

int host_client_ask(struct host_client *client, const char *text)
{
    if (host_client_send(client, text, strlen(text)) != 0) {
        return -1;
    }
    return host_client_reply(client);
}

int host_client_begin(struct host_client *client)
{
    static const int codes[] = {220, 250, 250, 250, 354};
    size_t i = 0;

    if (host_client_send(client, HOST_ENVELOPE, sizeof HOST_ENVELOPE - 1) !=
        0) {
        return -1;
    }
    for (i = 0; i < sizeof codes / sizeof codes[0]; ++i) {
        if (host_client_reply(client) != codes[i]) {
            return -1;
        }
    }
    return 0;
}

int host_deliver(const struct slimta_address *address)
{
    struct host_client client;
    int code = -1;

    if (host_client_open(&client, address) != 0) {
        return -1;
    }
    if (host_client_begin(&client) == 0) {
        code = host_client_ask(&client, HOST_MESSAGE ".\r\n");
        if (host_client_ask(&client, "QUIT\r\n") != 221 ||
            host_client_reply(&client) != 0) {
            code = -1;
        }
    }
    host_client_close(&client);
    return code;
}

size_t host_client_flood(
    struct host_client *client, const char *pattern, size_t most)
{
    size_t length = strlen(pattern);
    size_t total = 0;
    char block[65536];
    size_t at = 0;

    for (at = 0; at < sizeof block; ++at) {
        block[at] = pattern[at % length];
    }
    while (total < most) {
        struct pollfd wait = {client->fd, POLLOUT, 0};
        size_t from = total % length;
        ssize_t sent = send(client->fd, block + from, sizeof block - length,
            MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0) {
            total += (size_t)sent;
        } else if (sent == 0 || errno != EAGAIN ||
            /* A server that is only slow passes too: it is never wrong. */
            poll(&wait, 1, 500) <= 0) {
            break;
        }
    }
    return total;
}

static void cancelled(struct slimta_op *op, void *user)
{
    struct host_queue *queue = user;

    (void)op;
    pthread_mutex_lock(&queue->lock);
    ++queue->cancelled;
    pthread_cond_broadcast(&queue->news);
    pthread_mutex_unlock(&queue->lock);
}

static void keep(struct host_queue *queue, struct slimta_envelope *envelope,
    struct slimta_op *op)
{
    slimta_op_take(op);
    slimta_op_on_cancel(op, cancelled, queue);
    if (queue->pending_count < HOST_PENDING_MAX) {
        queue->pending[queue->pending_count++] =
            (struct host_pending){op, envelope};
    }
}

static void enqueue(struct slimta_queue *base, struct slimta_envelope *envelope,
    struct slimta_op *op)
{
    struct host_queue *queue = (struct host_queue *)base;

    pthread_mutex_lock(&queue->lock);
    ++queue->messages;
    if (queue->answer == HOST_LATER) {
        keep(queue, envelope, op);
        envelope = NULL;
    } else if (queue->answer == HOST_QUEUED) {
        ++queue->accepted;
        (void)slimta_op_queued(op, NULL, "test-id");
    } else if (queue->answer == HOST_REFUSED) {
        (void)slimta_op_refused(op, NULL, queue->refusal, queue->refusal_text);
    }
    pthread_cond_broadcast(&queue->news);
    pthread_mutex_unlock(&queue->lock);
    slimta_envelope_unref(envelope);
}

static int attach(struct slimta_queue *base, struct slimta_loop *loop)
{
    struct host_queue *queue = (struct host_queue *)base;

    (void)loop;
    pthread_mutex_lock(&queue->lock);
    ++queue->attached;
    pthread_mutex_unlock(&queue->lock);
    return 0;
}

static void detach(
    struct slimta_queue *base, struct slimta_loop *loop, struct slimta_op *op)
{
    struct host_queue *queue = (struct host_queue *)base;

    (void)loop;
    (void)op;
    pthread_mutex_lock(&queue->lock);
    ++queue->detached;
    pthread_mutex_unlock(&queue->lock);
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .attach = attach,
    .detach = detach,
    .enqueue = enqueue,
};

void host_queue_init(struct host_queue *queue, enum host_answer answer)
{
    memset(queue, 0, sizeof *queue);
    queue->queue.methods = &methods;
    queue->answer = answer;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->news, NULL);
}

void host_queue_fini(struct host_queue *queue)
{
    assert_int_equal(queue->pending_count, 0);
    assert_int_equal(queue->attached, queue->detached);
    pthread_cond_destroy(&queue->news);
    pthread_mutex_destroy(&queue->lock);
}

static struct timespec deadline(void)
{
    struct timespec result;

    clock_gettime(CLOCK_REALTIME, &result);
    result.tv_sec += HOST_PATIENCE_S;
    return result;
}

int host_queue_wait(
    struct host_queue *queue, const size_t *value, size_t wanted)
{
    struct timespec end = deadline();
    int is_there = 0;

    pthread_mutex_lock(&queue->lock);
    while (*value < wanted &&
        pthread_cond_timedwait(&queue->news, &queue->lock, &end) == 0) {
    }
    is_there = *value >= wanted;
    pthread_mutex_unlock(&queue->lock);
    return is_there;
}

void host_queue_answers(struct host_queue *queue, enum host_answer answer)
{
    pthread_mutex_lock(&queue->lock);
    queue->answer = answer;
    pthread_mutex_unlock(&queue->lock);
}

size_t host_queue_count(struct host_queue *queue, const size_t *counter)
{
    size_t count = 0;

    pthread_mutex_lock(&queue->lock);
    count = *counter;
    pthread_mutex_unlock(&queue->lock);
    return count;
}

struct host_pending host_queue_next(struct host_queue *queue)
{
    struct host_pending first = {0};

    assert_true(host_queue_wait(queue, &queue->pending_count, 1));
    pthread_mutex_lock(&queue->lock);
    first = queue->pending[0];
    --queue->pending_count;
    memmove(&queue->pending[0], &queue->pending[1],
        queue->pending_count * sizeof first);
    pthread_mutex_unlock(&queue->lock);
    return first;
}

int host_pending_accept(struct host_pending *pending)
{
    struct slimta_op *op = pending->op;

    (void)slimta_op_queued(op, NULL, "later-id");
    slimta_envelope_unref(pending->envelope);
    memset(pending, 0, sizeof *pending);
    return slimta_op_finish(op);
}

int host_pending_is_cancelled(const struct host_pending *pending)
{
    const struct timespec pause = {0, 5000000};
    int turns = 0;

    for (turns = 0; turns < HOST_PATIENCE_S * 200; ++turns) {
        if (slimta_op_is_cancelled(pending->op)) {
            return 1;
        }
        nanosleep(&pause, NULL);
    }
    return 0;
}

char *host_content(struct slimta_envelope *envelope, size_t *size)
{
    struct slimta_content *content = slimta_envelope_content(envelope);
    size_t whole = (size_t)slimta_content_size(content);
    char *out = malloc(whole + 1);
    size_t got = 1;

    assert_non_null(out);
    /* One octet more than there is: the end is where it should be. */
    for (*size = 0; got > 0; *size += got) {
        assert_true(*size <= whole);
        assert_int_equal(slimta_content_read(content, *size, out + *size,
                             whole + 1 - *size, &got),
            0);
    }
    assert_int_equal(*size, whole);
    return out;
}

void host_edge_open(struct host_edge *host,
    const struct smtp_edge_options *options, struct slimta_queue *queue)
{
    const struct smtp_edge_options plain = {
        .size = sizeof plain, .hostname = "mx.example.net"};
    struct slimta_error error = {0};
    int err = 0;

    memset(host, 0, sizeof *host);
    assert_int_equal(sem_init(&host->stopped, 0, 0), 0);
    err = smtp_edge_new(
        &host->edge, options == NULL ? &plain : options, queue, &error);
    if (err == 0) {
        err = smtp_edge_listen(host->edge, "127.0.0.1", 0, &error);
    }
    if (err != 0) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(smtp_edge_address(host->edge, 0, &host->address), 1);
}

void host_edge_start(struct host_edge *host,
    const struct smtp_edge_options *options, struct slimta_queue *queue)
{
    struct slimta_error error = {0};

    host_edge_open(host, options, queue);
    if (smtp_edge_start(host->edge, NULL, &error) != 0) {
        fail_msg("%s", error.text);
    }
}

void host_edge_stopped(struct smtp_edge *edge, void *user)
{
    struct host_edge *host = user;

    (void)edge;
    sem_post(&host->stopped);
}

int host_wait(sem_t *semaphore)
{
    struct timespec end = deadline();
    int err = 0;

    do {
        err = sem_timedwait(semaphore, &end);
    } while (err != 0 && errno == EINTR);
    return err == 0;
}

void host_edge_stop(struct host_edge *host, uint64_t drain_ms)
{
    assert_int_equal(
        smtp_edge_stop(host->edge, drain_ms, host_edge_stopped, host), 0);
    assert_true(host_wait(&host->stopped));
    smtp_edge_free(host->edge);
    host->edge = NULL;
    sem_destroy(&host->stopped);
}

struct slimta_tls *host_tls(const struct slimta_tls_options *options,
    const char *certificate, const char *ca)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    struct slimta_tls_options own = {.size = sizeof own};
    struct slimta_error error = {0};
    struct slimta_tls *tls = NULL;

    if (options != NULL) {
        own = *options;
    }
    if (ca != NULL) {
        own.ca_file = certificate_path(ca_file, ca, ".pem");
    }
    if (slimta_tls_new(&tls, &own, &error) != 0 ||
        certificate_add(tls, certificate, &error) != 0) {
        fail_msg("%s", error.text);
    }
    return tls;
}

char *host_message(size_t lines, size_t *size)
{
    char *text = malloc(lines * 64 + 64);
    size_t i = 0;

    assert_non_null(text);
    *size = (size_t)sprintf(text, HOST_LARGE_HEAD);
    for (i = 0; i < lines; ++i) {
        *size += (size_t)sprintf(text + *size, "%061zu.\r\n", i);
    }
    return text;
}

size_t host_count(const char *directory)
{
    DIR *open = opendir(directory);
    size_t count = 0;

    assert_non_null(open);
    while (readdir(open) != NULL) {
        ++count;
    }
    closedir(open);
    return count;
}

void host_find_closed_port(char text[HOST_TEXT_MAX])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(
        text, HOST_TEXT_MAX, "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    assert_int_equal(close(fd), 0);
}
