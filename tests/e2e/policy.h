/** A table of validators for tests: each does what it is told, and tells what
 * it was asked. */
#ifndef E2E_POLICY_H
#define E2E_POLICY_H

#include "host.h"

enum host_step {
    HOST_CONNECT,
    HOST_BANNER,
    HOST_EHLO,
    HOST_HELO,
    HOST_STARTTLS,
    HOST_TLS,
    HOST_AUTH,
    HOST_SECRET,
    HOST_MAIL,
    HOST_RCPT,
    HOST_DATA,
    HOST_CHUNK,
    HOST_HAVE_DATA,
    HOST_QUEUED_STEP,
    HOST_RSET,
    HOST_NOOP,
    HOST_QUIT,
    HOST_COMMAND,
    HOST_EXTENSIONS,
    HOST_HEADER,
    HOST_STEPS
};

extern const char *const host_step_names[HOST_STEPS];

/** What a validator does with a question. */
enum host_deed {
    HOST_PASS,  /* returns without a word */
    HOST_SET,   /* answers at once */
    HOST_TAKE,  /* takes the op: the test answers it */
    HOST_FINISH /* takes the op and answers inside the callback */
};

/* With HOST_SECRET and a code of HOST_PASSWORD or HOST_STORED, the text is the
 * secret. */
enum { HOST_PASSWORD = -1, HOST_STORED = -2 };

struct host_order {
    enum host_deed deed;
    int code; /* 0: leaves the reply */
    const char *text;
};

/** One question as it came. */
struct host_asked {
    enum host_step step;
    uint64_t session;
    int code; /* of the reply that the validator found; 0: has none */
    char enhanced[16];
    char text[512];
    char argument[512];
};

struct host_taken {
    struct slimta_op *op;
    enum host_step step;
    uint64_t session;
};

struct host_policy {
    struct slimta_validators table;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct host_order orders[HOST_STEPS];
    struct host_asked last[HOST_STEPS]; /* the last question of each */
    size_t asked[HOST_STEPS];
    size_t asked_count; /* of all steps */
    struct host_taken taken[HOST_PENDING_MAX];
    size_t taken_count;
    size_t cancelled; /* how often on_cancel came */
    size_t closed_count;
    size_t reasons[SLIMTA_CLOSED_FAILURE + 1];
    /* Runs inside each validator, before it acts; without the lock. */
    void (*look)(struct host_policy *policy, enum host_step step,
        struct slimta_session *session, void *argument);
    void (*look_closed)(
        struct host_policy *policy, struct slimta_session *session);
    void *user;
};

/** All validators there are, each passing. */
void host_policy_init(struct host_policy *policy);
void host_policy_fini(struct host_policy *policy);

/** Changes what a step does. */
void host_policy_order(struct host_policy *policy, enum host_step step,
    enum host_deed deed, int code, const char *text);

/** Waits for an op that was taken; it is the caller's. */
struct host_taken host_policy_next(struct host_policy *policy);

/** Answers it from the caller's thread; what slimta_op_finish returned. With
 * `code` 0 nothing is said; else as struct host_order has it. */
int host_taken_answer(struct host_taken *taken, int code, const char *text);

/** Waits until `*value` (under the lock) is at least `wanted`; 1 or 0. */
int host_policy_wait(
    struct host_policy *policy, const size_t *value, size_t wanted);

/** How often a step was asked. */
size_t host_policy_asked(struct host_policy *policy, enum host_step step);

/** The last question of a step. */
struct host_asked host_policy_last(
    struct host_policy *policy, enum host_step step);

/** A started edge with the given tables, NULL-terminated. */
void host_policy_start(struct host_edge *host,
    const struct smtp_edge_options *options, struct slimta_queue *queue,
    struct host_policy *const policies[]);

#endif
