/** Jobs that block, in libuv's thread pool, a few at a time. */
#include "io/work.h"

#include <assert.h>

#include "io/loop.h"

static void give_to_pool(struct sli_io_work *work);

void sli_io_work_lane_init(struct sli_io_work_lane *lane)
{
    sli_list_init(&lane->waiting);
    lane->running = 0;
}

static void on_run(uv_work_t *request)
{
    struct sli_io_work *work = request->data;

    work->run(work);
}

static void on_done(uv_work_t *request, int status)
{
    struct sli_io_work *work = request->data;
    struct sli_io_work_lane *lane = &work->loop->lanes[work->kind];
    struct sli_list *next = sli_list_take(&lane->waiting);

    (void)status; /* nobody cancels jobs, so that each of them has run */
    lane->running--;
    if (next != NULL) {
        give_to_pool(SLI_LIST_ITEM(next, struct sli_io_work, link));
    }
    work->done(work);
}

static void give_to_pool(struct sli_io_work *work)
{
    int err;

    work->loop->lanes[work->kind].running++;
    work->request.data = work;
    err = uv_queue_work(work->loop->uv, &work->request, on_run, on_done);
    assert(err == 0); /* it fails only without a function to run */
    (void)err;
}

void sli_io_work_start(struct slimta_loop *loop, struct sli_io_work *work,
    enum sli_io_work_kind kind, void (*run)(struct sli_io_work *work),
    void (*done)(struct sli_io_work *work))
{
    struct sli_io_work_lane *lane = &loop->lanes[kind];

    work->loop = loop;
    work->kind = kind;
    work->run = run;
    work->done = done;
    sli_list_init(&work->link);
    if (lane->running < SLI_IO_WORK_AT_ONCE) {
        give_to_pool(work);
    } else {
        sli_list_append(&lane->waiting, &work->link);
    }
}
