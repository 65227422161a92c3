/** A next hop of tests that speaks HTTP: on loopback, well or badly as it is
 * told, and with books. */
#ifndef E2E_WEB_HOP_H
#define E2E_WEB_HOP_H

#include "host.h"

#define WEB_HOP_OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

#define WEB_HOP_CONNECTIONS_MAX 4096

/** What it does with the requests that come. All of it under the lock. */
struct web_hop_order {
    const char *answer; /* NULL: WEB_HOP_OK; "": nothing, for ever */
    size_t budget;      /* octets of the answer that are said, then it closes;
                           0: all, and it goes on */
    size_t cut_at; /* octets of a request that are read, then it resets; 0: all
                    */
    int lies;      /* the answer is none */
    int closes;    /* behind the answer, without telling */
    int resets;    /* the same, in place of the answer */
    size_t early;  /* octets of a request that are read before the answer, the
                      rest behind it; 0: all */
    size_t times;  /* how many requests this counts for; 0: for all */
};

struct web_hop {
    char text[64]; /* "127.0.0.1:PORT" */
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    pthread_t threads[WEB_HOP_CONNECTIONS_MAX];
    int fds[WEB_HOP_CONNECTIONS_MAX];
    size_t connections;
    size_t gone; /* connections that have ended */
    struct web_hop_order order;
    int is_stalled;   /* reads nothing */
    size_t requests;  /* that came whole */
    size_t taken;     /* of them, answered with a whole 2xx */
    size_t octets;    /* of bodies */
    char head[65536]; /* the last one */
    char body[65536]; /* the last one, its beginning */
};

/** Listens; asserts. */
void web_hop_open(struct web_hop *hop);

/** Closes all, and ends all threads. */
void web_hop_close(struct web_hop *hop);

/** From now on, also on connections that are there. */
void web_hop_set(struct web_hop *hop, struct web_hop_order order);

void web_hop_stall(struct web_hop *hop, int is_stalled);

/** One of its counters. */
size_t web_hop_count(struct web_hop *hop, const size_t *counter);

/** Waits until a counter is at least `wanted`; 1 or 0. */
int web_hop_wait(struct web_hop *hop, const size_t *counter, size_t wanted);

#endif
