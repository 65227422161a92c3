/** Jobs that block, in libuv's thread pool, a few at a time. */
#ifndef IO_WORK_H
#define IO_WORK_H

#include <uv.h>

#include "base/list.h"

/** Jobs of one kind never take more than SLI_IO_WORK_AT_ONCE of the pool's
 * threads: the pool is the host's too. */
enum sli_io_work_kind {
    SLI_IO_WORK_DISK,
    SLI_IO_WORK_TLS,
    SLI_IO_WORK_OTHER,
    SLI_IO_WORK_KINDS
};

#define SLI_IO_WORK_AT_ONCE 2

struct slimta_loop;

/** One job; embedded in what it is about, which stays until `done`. */
struct sli_io_work {
    uv_work_t request;
    struct sli_list link;
    struct slimta_loop *loop;
    enum sli_io_work_kind kind;
    void (*run)(struct sli_io_work *work);  /* on a thread of the pool */
    void (*done)(struct sli_io_work *work); /* on the loop; the job is over */
};

/** The jobs of one kind in one loop. */
struct sli_io_work_lane {
    struct sli_list waiting;
    unsigned running;
};

void sli_io_work_lane_init(struct sli_io_work_lane *lane);

/** Gives the job to the pool, or lets it wait for its turn. Cannot fail. On
 * the loop. */
void sli_io_work_start(struct slimta_loop *loop, struct sli_io_work *work,
    enum sli_io_work_kind kind, void (*run)(struct sli_io_work *work),
    void (*done)(struct sli_io_work *work));

#endif
