/** The time that a client has for one message: in all, and for its pace. */
#ifndef EDGE_RATE_H
#define EDGE_RATE_H

#include <stdint.h>

/** How long a message may go on before its average counts. */
#define SLI_EDGE_RATE_GRACE_MS 60000

enum sli_edge_rate_verdict {
    SLI_EDGE_RATE_FINE,
    SLI_EDGE_RATE_TOO_SLOW, /* the average is below the least */
    SLI_EDGE_RATE_TOO_LONG  /* the whole time is over */
};

/** What one message is allowed. */
struct sli_edge_rate_limits {
    uint64_t min_rate; /* octets a second; SLIMTA_UNLIMITED: any */
    uint64_t max_ms;   /* SLIMTA_UNLIMITED: any */
};

/** Held by value; pure: the clock, in milliseconds, is an argument. All zero is
 * a message that has not begun. */
struct sli_edge_rate {
    /* Its fields are its own. */
    struct sli_edge_rate_limits limits;
    uint64_t octets;
    uint64_t ran_ms;   /* up to the last pause */
    uint64_t since_ms; /* when it began or went on */
    int is_paused;
};

/** The message begins. `limits` are copied. */
void sli_edge_rate_start(struct sli_edge_rate *rate,
    const struct sli_edge_rate_limits *limits, uint64_t now_ms);

/** So many octets of it came. */
void sli_edge_rate_add(struct sli_edge_rate *rate, uint64_t octets);

/** What follows is not the client's time: the queue or the disk is busy.
 * Pausing twice, and resuming what runs, does nothing. */
void sli_edge_rate_pause(struct sli_edge_rate *rate, uint64_t now_ms);
void sli_edge_rate_resume(struct sli_edge_rate *rate, uint64_t now_ms);

/** What to do at this moment. */
enum sli_edge_rate_verdict sli_edge_rate_judge(
    const struct sli_edge_rate *rate, uint64_t now_ms);

/** When to judge again: milliseconds from now, before which no octet that is
 * missing can change the verdict. SLIMTA_UNLIMITED while it is paused and when
 * there is no limit. */
uint64_t sli_edge_rate_check_ms(
    const struct sli_edge_rate *rate, uint64_t now_ms);

#endif
