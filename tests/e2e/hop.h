/** A next hop of tests: a small SMTP and LMTP server on loopback that does as
 * it is told, well or badly, and keeps books. */
#ifndef E2E_HOP_H
#define E2E_HOP_H

#include "host.h"

enum hop_step {
    HOP_BANNER,
    HOP_EHLO, /* LHLO, HELO too */
    HOP_STARTTLS,
    HOP_AUTH,
    HOP_MAIL,
    HOP_RCPT,
    HOP_DATA,
    HOP_END,
    HOP_RSET,
    HOP_QUIT,
    HOP_STEPS
};

extern const char *const hop_step_names[HOP_STEPS];

/** What it does in place of a reply. */
extern const char hop_close[];  /* closes */
extern const char hop_reset[];  /* closes with a reset */
extern const char hop_silent[]; /* says nothing any more */

#define HOP_CONNECTIONS_MAX 4096

/** A recipient with "refused" in it hears 550, one with "later" 450; in LMTP
 * one with "full" hears 452 at the end. */
struct hop {
    struct slimta_address address;
    char text[64]; /* for `hosts` */
    int fd;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t news;
    pthread_t threads[HOP_CONNECTIONS_MAX];
    int fds[HOP_CONNECTIONS_MAX];
    int is_lmtp;
    int is_stalled;                 /* reads no content */
    const char *answers[HOP_STEPS]; /* whole replies, with CRLF; NULL: good */
    size_t good[HOP_STEPS]; /* how many are good before `answers` counts */
    int once[HOP_STEPS];    /* `answers` counts once */
    size_t budget;          /* octets of replies, on each connection */
    size_t connections;
    size_t ends;         /* contents that came to their end */
    size_t taken;        /* of them, for which 250 was said, whole */
    size_t octets;       /* of contents */
    char log[65536];     /* lines of commands, each with LF */
    char content[65536]; /* the last one, as it came */
};

/** Listens; asserts. */
void hop_open(struct hop *hop);

/** Closes all, and ends all threads. */
void hop_close_all(struct hop *hop);

/** From now on a step is answered so; `good` times still well. */
void hop_order(
    struct hop *hop, enum hop_step step, const char *answer, size_t good);

/** As new, but for what is connected. */
void hop_renew(struct hop *hop);

/** Closes the connections that there are, for good. */
void hop_drop_connections(struct hop *hop);

/** One of its counters. */
size_t hop_count(struct hop *hop, const size_t *counter);

/** Waits until a counter is at least `wanted`; 1 or 0. */
int hop_wait(struct hop *hop, const size_t *counter, size_t wanted);

/** Whether the log has this text; `_await` waits for it, and asserts. */
int hop_has_heard(struct hop *hop, const char *text);
void hop_await(struct hop *hop, const char *text);

void hop_stall(struct hop *hop, int is_stalled);

#endif
