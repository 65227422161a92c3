/** A next hop of tests: a small SMTP and LMTP server on loopback that does as
 * it is told, well or badly, and keeps books. */
#include "hop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

const char *const hop_step_names[HOP_STEPS] = {"banner", "EHLO", "STARTTLS",
    "AUTH", "MAIL", "RCPT", "DATA", "end", "RSET", "QUIT"};

const char hop_close[] = "close";
const char hop_reset[] = "reset";
const char hop_silent[] = "silent";

/* One connection. Its thread's alone, but for `index`. */
struct line {
    struct hop *hop;
    size_t index;
    int fd;
    size_t said; /* octets of replies */
    int is_over;
    int is_mute;
    size_t recipients; /* accepted */
    int is_full[64];   /* of them */
    char buffer[16384];
    size_t held;
};

static const char *default_reply(enum hop_step step)
{
    static const char *const replies[HOP_STEPS] = {
        [HOP_BANNER] = "220 hop.example ESMTP\r\n",
        [HOP_EHLO] =
            "250-hop.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
            "250-SMTPUTF8\r\n250 SIZE 1000000000\r\n",
        [HOP_STARTTLS] = "502 5.5.1 No\r\n",
        [HOP_AUTH] = "502 5.5.1 No\r\n",
        [HOP_MAIL] = "250 2.1.0 Ok\r\n",
        [HOP_RCPT] = "250 2.1.5 Ok\r\n",
        [HOP_DATA] = "354 Go ahead\r\n",
        [HOP_END] = "250 2.0.0 Ok: queued as HOP1\r\n",
        [HOP_RSET] = "250 2.0.0 Ok\r\n",
        [HOP_QUIT] = "221 2.0.0 Bye\r\n",
    };

    return replies[step];
}

/* Says it, as far as the budget goes. 1 when it was said whole. */
static int say(struct line *line, const char *text, size_t budget)
{
    size_t size = strlen(text);
    size_t left = budget > line->said ? budget - line->said : 0;
    size_t most = size < left ? size : left;

    if (most > 0 && send(line->fd, text, most, MSG_NOSIGNAL) != (ssize_t)most) {
        line->is_over = 1;
        return 0;
    }
    line->said += most;
    line->is_over |= most < size;
    return most == size;
}

static const char *order_of(struct hop *hop, enum hop_step step)
{
    const char *answer = hop->answers[step];

    if (answer != NULL && hop->good[step] > 0) {
        hop->good[step]--;
        return NULL;
    }
    if (hop->once[step]) {
        hop->once[step] = 0;
        hop->answers[step] = NULL;
    }
    return answer;
}

/* Answers a step; `good` is what is said otherwise. 2 when that was said whole,
 * 1 for another success. */
static int answer(struct line *line, enum hop_step step, const char *good)
{
    struct hop *hop = line->hop;
    struct linger linger = {1, 0};
    const char *order;
    size_t budget;

    pthread_mutex_lock(&hop->lock);
    order = order_of(hop, step);
    budget = hop->budget;
    pthread_mutex_unlock(&hop->lock);
    if (order == hop_close || order == hop_reset) {
        if (order == hop_reset) {
            (void)setsockopt(
                line->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        }
        line->is_over = 1;
        return 0;
    }
    line->is_mute |= order == hop_silent;
    if (line->is_mute) {
        return 0;
    }
    if (!say(line, order != NULL ? order : good, budget)) {
        return 0;
    }
    return order == NULL ? 2 : *order == '2';
}

static int fill(struct line *line)
{
    ssize_t got = recv(line->fd, line->buffer + line->held,
        sizeof line->buffer - line->held, 0);

    line->is_over |= got <= 0;
    line->held += got > 0 ? (size_t)got : 0;
    return got > 0;
}

static void consume(struct line *line, size_t size)
{
    memmove(line->buffer, line->buffer + size, line->held - size);
    line->held -= size;
}

/* The next line without its end; 0 when there will be none. */
static int read_line(struct line *line, char *out, size_t room)
{
    for (;;) {
        char *end = memchr(line->buffer, '\n', line->held);

        if (end != NULL) {
            size_t size = (size_t)(end - line->buffer) + 1;

            (void)snprintf(out, room, "%.*s",
                (int)(size > 1 && end[-1] == '\r' ? size - 2 : size - 1),
                line->buffer);
            consume(line, size);
            return 1;
        }
        if (!fill(line)) {
            return 0;
        }
    }
}

static void keep(struct hop *hop, const char *octets, size_t size)
{
    size_t used = strlen(hop->content);

    hop->octets += size;
    if (used + size < sizeof hop->content &&
        memchr(octets, '\0', size) == NULL) {
        memcpy(hop->content + used, octets, size);
        hop->content[used + size] = '\0';
    }
}

static void wait_while_stalled(struct hop *hop)
{
    while (hop->is_stalled) {
        pthread_cond_wait(&hop->news, &hop->lock);
    }
}

/* Where the end of the content is, in what is held; 0: not there yet. */
static size_t end_of_content(const struct line *line, int is_first)
{
    if (is_first && line->held >= 3 && memcmp(line->buffer, ".\r\n", 3) == 0) {
        return 3;
    }
    for (size_t i = 0; i + 5 <= line->held; i++) {
        if (memcmp(line->buffer + i, "\r\n.\r\n", 5) == 0) {
            return i + 5;
        }
    }
    return 0;
}

/* Reads the content; 1 when its end has come. */
static int read_content(struct line *line)
{
    struct hop *hop = line->hop;
    int is_first = 1;

    pthread_mutex_lock(&hop->lock);
    hop->content[0] = '\0';
    pthread_mutex_unlock(&hop->lock);
    for (;;) {
        size_t end = end_of_content(line, is_first);
        size_t size = end > 0 ? end : line->held > 4 ? line->held - 4 : 0;

        pthread_mutex_lock(&hop->lock);
        wait_while_stalled(hop);
        keep(hop, line->buffer, size);
        hop->ends += end > 0;
        pthread_cond_broadcast(&hop->news);
        pthread_mutex_unlock(&hop->lock);
        consume(line, size);
        is_first &= size == 0;
        if (end > 0) {
            return 1;
        }
        if (!fill(line)) {
            return 0;
        }
    }
}

static void end_message(struct line *line)
{
    struct hop *hop = line->hop;
    size_t replies = hop->is_lmtp ? line->recipients : 1;
    int is_taken = 0;

    for (size_t i = 0; i < replies && !line->is_over; i++) {
        int is_full = hop->is_lmtp && line->is_full[i % 64];
        int said = answer(line, HOP_END,
            is_full ? "452 4.2.2 Mailbox full\r\n" : default_reply(HOP_END));

        is_taken |= said == 2 && !is_full;
    }
    pthread_mutex_lock(&hop->lock);
    hop->taken += is_taken;
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
    line->recipients = 0;
}

static void take_recipient(struct line *line, const char *text)
{
    if (strstr(text, "refused") != NULL) {
        (void)answer(line, HOP_RCPT, "550 5.1.1 No such user\r\n");
    } else if (strstr(text, "later") != NULL) {
        (void)answer(line, HOP_RCPT, "450 4.2.1 Not now\r\n");
    } else if (answer(line, HOP_RCPT, default_reply(HOP_RCPT))) {
        line->is_full[line->recipients % 64] = strstr(text, "full") != NULL;
        line->recipients++;
    }
}

static void note(struct hop *hop, const char *text)
{
    pthread_mutex_lock(&hop->lock);
    if (strlen(hop->log) + strlen(text) + 2 < sizeof hop->log) {
        strcat(strcat(hop->log, text), "\n");
    }
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
}

static enum hop_step step_of(const char *text)
{
    static const struct {
        const char *verb;
        enum hop_step step;
    } verbs[] = {{"EHLO", HOP_EHLO}, {"LHLO", HOP_EHLO}, {"HELO", HOP_EHLO},
        {"STARTTLS", HOP_STARTTLS}, {"AUTH", HOP_AUTH}, {"MAIL", HOP_MAIL},
        {"RCPT", HOP_RCPT}, {"DATA", HOP_DATA}, {"RSET", HOP_RSET},
        {"QUIT", HOP_QUIT}};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strncasecmp(text, verbs[i].verb, strlen(verbs[i].verb)) == 0) {
            return verbs[i].step;
        }
    }
    return HOP_STEPS;
}

static void serve_line(struct line *line, const char *text)
{
    enum hop_step step = step_of(text);

    note(line->hop, text);
    switch (step) {
    case HOP_STEPS:
        line->is_over |= !line->is_mute && !say(line, "500 What\r\n", SIZE_MAX);
        break;
    case HOP_RCPT:
        take_recipient(line, text);
        break;
    case HOP_DATA:
        if (answer(line, HOP_DATA, default_reply(HOP_DATA)) == 2 &&
            read_content(line)) {
            end_message(line);
        }
        break;
    default:
        line->recipients = step == HOP_MAIL ? 0 : line->recipients;
        (void)answer(line, step, default_reply(step));
        line->is_over |= step == HOP_QUIT;
        break;
    }
}

static void *serve(void *user)
{
    struct line *line = user;
    struct hop *hop = line->hop;
    char text[2048];

    (void)answer(line, HOP_BANNER, default_reply(HOP_BANNER));
    while (!line->is_over && read_line(line, text, sizeof text)) {
        serve_line(line, text);
    }
    pthread_mutex_lock(&hop->lock);
    hop->fds[line->index] = -1;
    (void)close(line->fd);
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
    free(line);
    return NULL;
}

static void *accept_all(void *user)
{
    struct hop *hop = user;
    int fd;

    while ((fd = accept(hop->fd, NULL, NULL)) >= 0) {
        struct line *line = calloc(1, sizeof *line);

        if (line == NULL || hop->connections == HOP_CONNECTIONS_MAX) {
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

void hop_open(struct hop *hop)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;

    memset(hop, 0, sizeof *hop);
    pthread_mutex_init(&hop->lock, NULL);
    pthread_cond_init(&hop->news, NULL);
    hop->budget = SIZE_MAX;
    hop->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(hop->fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(
        bind(hop->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(hop->fd, 64), 0);
    assert_int_equal(
        getsockname(hop->fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(hop->text, sizeof hop->text, "127.0.0.1:%u",
        (unsigned)ntohs(address.sin_port));
    assert_int_equal(pthread_create(&hop->thread, NULL, accept_all, hop), 0);
}

void hop_drop_connections(struct hop *hop)
{
    pthread_mutex_lock(&hop->lock);
    for (size_t i = 0; i < hop->connections; i++) {
        if (hop->fds[i] >= 0) {
            (void)shutdown(hop->fds[i], SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&hop->lock);
}

void hop_close_all(struct hop *hop)
{
    hop_stall(hop, 0);
    (void)shutdown(hop->fd, SHUT_RDWR);
    pthread_join(hop->thread, NULL);
    (void)close(hop->fd);
    hop_drop_connections(hop);
    for (size_t i = 0; i < hop->connections; i++) {
        pthread_join(hop->threads[i], NULL);
    }
    pthread_cond_destroy(&hop->news);
    pthread_mutex_destroy(&hop->lock);
}

void hop_order(
    struct hop *hop, enum hop_step step, const char *order, size_t good)
{
    pthread_mutex_lock(&hop->lock);
    hop->answers[step] = order;
    hop->good[step] = good;
    pthread_mutex_unlock(&hop->lock);
}

void hop_renew(struct hop *hop)
{
    pthread_mutex_lock(&hop->lock);
    memset(hop->answers, 0, sizeof hop->answers);
    memset(hop->good, 0, sizeof hop->good);
    hop->budget = SIZE_MAX;
    hop->log[0] = '\0';
    pthread_mutex_unlock(&hop->lock);
}

size_t hop_count(struct hop *hop, const size_t *counter)
{
    size_t count;

    pthread_mutex_lock(&hop->lock);
    count = *counter;
    pthread_mutex_unlock(&hop->lock);
    return count;
}

static struct timespec patience(void)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    return end;
}

int hop_wait(struct hop *hop, const size_t *counter, size_t wanted)
{
    struct timespec end = patience();
    int is_there;

    pthread_mutex_lock(&hop->lock);
    while (*counter < wanted &&
        pthread_cond_timedwait(&hop->news, &hop->lock, &end) == 0) {
    }
    is_there = *counter >= wanted;
    pthread_mutex_unlock(&hop->lock);
    return is_there;
}

int hop_has_heard(struct hop *hop, const char *text)
{
    int is_there;

    pthread_mutex_lock(&hop->lock);
    is_there = strstr(hop->log, text) != NULL;
    pthread_mutex_unlock(&hop->lock);
    return is_there;
}

void hop_await(struct hop *hop, const char *text)
{
    struct timespec end = patience();
    int is_there;

    pthread_mutex_lock(&hop->lock);
    while (strstr(hop->log, text) == NULL &&
        pthread_cond_timedwait(&hop->news, &hop->lock, &end) == 0) {
    }
    is_there = strstr(hop->log, text) != NULL;
    pthread_mutex_unlock(&hop->lock);
    if (!is_there) {
        fail_msg("not heard: %s\n%s", text, hop->log);
    }
}

void hop_stall(struct hop *hop, int is_stalled)
{
    pthread_mutex_lock(&hop->lock);
    hop->is_stalled = is_stalled;
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
}
