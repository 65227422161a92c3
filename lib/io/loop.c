/** The event loop: its users, its handles, and the host's view of it. */
#include "io/loop.h"

#include <assert.h>

#include "base/error.h"

static int make(struct slimta_loop **out, const struct slimta_alloc *alloc)
{
    struct slimta_alloc table;
    struct slimta_loop *loop;
    int err = sli_alloc_init(&table, alloc);

    if (err != 0) {
        return err;
    }
    loop = sli_alloc_zero(&table, sizeof *loop);
    if (loop == NULL) {
        return SLIMTA_ENOMEM;
    }
    loop->alloc = table;
    sli_list_init(&loop->leaving);
    sli_io_wheel_init(&loop->wheel, 0);
    for (int kind = 0; kind < SLI_IO_WORK_KINDS; kind++) {
        sli_io_work_lane_init(&loop->lanes[kind]);
    }
    *out = loop;
    return 0;
}

static int make_uv(struct slimta_loop *loop)
{
    uv_loop_t *uv = sli_alloc_zero(&loop->alloc, sizeof *uv);
    int number;

    if (uv == NULL) {
        return SLIMTA_ENOMEM;
    }
    number = -uv_loop_init(uv);
    if (number != 0) {
        sli_free(&loop->alloc, uv);
        return sli_error_from_errno(number);
    }
    loop->uv = uv;
    loop->owns_uv = 1;
    return 0;
}

/* The table stands inside what is freed. */
static void destroy(struct slimta_loop *loop)
{
    struct slimta_alloc alloc = loop->alloc;

    if (loop->owns_uv) {
        sli_free(&alloc, loop->uv);
    }
    sli_free(&alloc, loop);
}

static int refuse(struct slimta_error *error, int err)
{
    return sli_error_set(
        error, err, "cannot make a loop: %s", slimta_strerror(err));
}

int slimta_loop_new(struct slimta_loop **out, const struct slimta_alloc *alloc,
    struct slimta_error *error)
{
    struct slimta_loop *loop = NULL;
    int err = make(&loop, alloc);

    if (err != 0) {
        return refuse(error, err);
    }
    err = make_uv(loop);
    if (err != 0) {
        destroy(loop);
        return refuse(error, err);
    }
    *out = loop;
    return 0;
}

int slimta_loop_wrap(struct slimta_loop **out, struct uv_loop_s *uv,
    const struct slimta_alloc *alloc, struct slimta_error *error)
{
    struct slimta_loop *loop = NULL;
    int err = uv == NULL ? SLIMTA_EINVAL : make(&loop, alloc);

    if (err != 0) {
        return refuse(error, err);
    }
    loop->uv = uv;
    *out = loop;
    return 0;
}

static int is_in_use(const struct slimta_loop *loop)
{
    int in_use = loop->users > 0 || loop->inbox != NULL ||
        loop->closing_handles > 0 || !sli_list_is_empty(&loop->leaving);

    for (int kind = 0; kind < SLI_IO_WORK_KINDS; kind++) {
        in_use = in_use || loop->lanes[kind].running > 0;
    }
    return in_use;
}

static int close_and_destroy(struct slimta_loop *loop)
{
    if (loop->owns_uv && uv_loop_close(loop->uv) != 0) {
        return SLIMTA_EBUSY;
    }
    destroy(loop);
    return 0;
}

int slimta_loop_free(struct slimta_loop *loop)
{
    if (loop == NULL) {
        return 0;
    }
    if (is_in_use(loop)) {
        return SLIMTA_EBUSY;
    }
    /* Freed by the callback that tells the host that the last edge stopped:
     * libuv still needs its loop to come back to us. */
    if (loop->is_running) {
        loop->is_freed = 1;
        return 0;
    }
    return close_and_destroy(loop);
}

static int run(struct slimta_loop *loop, uv_run_mode mode)
{
    int is_alive;

    loop->is_running = 1;
    is_alive = uv_run(loop->uv, mode) != 0;
    loop->is_running = 0;
    if (loop->is_freed) {
        loop->is_freed = 0;
        is_alive = close_and_destroy(loop) != 0;
    }
    return is_alive;
}

int slimta_loop_run(struct slimta_loop *loop)
{
    if (!loop->owns_uv) {
        return SLIMTA_EINVAL;
    }
    if (loop->is_running) {
        return SLIMTA_ESTATE;
    }
    (void)run(loop, UV_RUN_DEFAULT);
    return 0;
}

int slimta_loop_turn(struct slimta_loop *loop)
{
    return loop->is_running ? SLIMTA_ESTATE : run(loop, UV_RUN_NOWAIT);
}

int slimta_loop_fd(const struct slimta_loop *loop)
{
    return uv_backend_fd(loop->uv);
}

int slimta_loop_timeout_ms(const struct slimta_loop *loop)
{
    if (!uv_loop_alive(loop->uv)) {
        return -1;
    }
    uv_update_time(loop->uv);
    return uv_backend_timeout(loop->uv);
}

/* Nobody reads any more once all handles are closed. */
static void drop_buffer(struct slimta_loop *loop)
{
    if (loop->inbox == NULL && loop->closing_handles == 0) {
        sli_free(&loop->alloc, loop->read_buffer);
        loop->read_buffer = NULL;
        sli_free(&loop->alloc, loop->clear_buffer);
        loop->clear_buffer = NULL;
    }
}

static void adopt_timer(struct slimta_loop *loop, uv_timer_t *timer)
{
    (void)uv_timer_init(loop->uv, timer); /* never fails */
    timer->data = loop;
    loop->wheel_timer = timer;
    /* A loop that did not run for a while has an old time. */
    uv_update_time(loop->uv);
    if (loop->wheel.count == 0) {
        sli_io_wheel_init(&loop->wheel, sli_io_loop_now(loop));
    }
}

/* The inbox comes last of what can fail: a handle, once it is made, is only
 * got rid of by a turn of the loop. */
static int open_handles(struct slimta_loop *loop)
{
    uv_timer_t *timer = sli_alloc_zero(&loop->alloc, sizeof *timer);
    int err = SLIMTA_ENOMEM;

    if (loop->read_buffer == NULL) {
        loop->read_buffer = sli_alloc(&loop->alloc, SLI_IO_READ_BYTES);
    }
    if (timer != NULL && loop->read_buffer != NULL) {
        err = sli_io_inbox_new(&loop->inbox, &loop->alloc, loop->uv);
    }
    if (err != 0) {
        sli_free(&loop->alloc, timer);
        drop_buffer(loop);
        return err;
    }
    adopt_timer(loop, timer);
    return 0;
}

int sli_io_loop_enter(struct slimta_loop *loop)
{
    int err = loop->inbox == NULL ? open_handles(loop) : 0;

    if (err == 0) {
        loop->users++;
    }
    return err;
}

/* Tells all who left, as soon as nothing of theirs is closing and nothing of
 * the loop's is to be closed on their account. The last of them may free the
 * loop. */
static void tell_left(struct slimta_loop *loop)
{
    struct sli_list told;
    struct sli_list *link;

    if (loop->closing_handles > 0 ||
        (loop->users == 0 && loop->inbox != NULL)) {
        return;
    }
    drop_buffer(loop);
    sli_list_init(&told);
    while ((link = sli_list_take(&loop->leaving)) != NULL) {
        sli_list_append(&told, link);
    }
    while ((link = sli_list_take(&told)) != NULL) {
        struct sli_io_loop_user *user =
            SLI_LIST_ITEM(link, struct sli_io_loop_user, link);

        user->left(user);
    }
}

static void on_inbox_closed(void *user)
{
    struct slimta_loop *loop = user;

    loop->closing_handles--;
    tell_left(loop);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct slimta_loop *loop = timer->data;

    sli_free(&loop->alloc, timer);
    loop->closing_handles--;
    tell_left(loop);
}

/* Whoever enters from here on gets handles of his own, hence the NULLs. */
static void close_handles(struct slimta_loop *loop)
{
    struct sli_io_inbox *inbox = loop->inbox;
    uv_timer_t *timer = loop->wheel_timer;

    loop->inbox = NULL;
    loop->wheel_timer = NULL;
    loop->closing_handles += 2;
    uv_close((uv_handle_t *)timer, on_timer_closed);
    sli_io_inbox_close(inbox, on_inbox_closed, loop);
    sli_io_inbox_unref(inbox);
}

static void post_leave(struct slimta_loop *loop);

/* On the loop, behind all that was posted before the last leave. */
static void on_leave(struct sli_io_message *message)
{
    struct slimta_loop *loop =
        SLI_LIST_ITEM(message, struct slimta_loop, leave_message);

    loop->leave_is_posted = 0;
    if (loop->leave_is_late) {
        loop->leave_is_late = 0;
        post_leave(loop);
        return;
    }
    if (loop->users == 0) {
        close_handles(loop);
    }
    tell_left(loop);
}

static void post_leave(struct slimta_loop *loop)
{
    int err;

    loop->leave_is_posted = 1;
    loop->leave_message.deliver = on_leave;
    err = sli_io_inbox_post(loop->inbox, &loop->leave_message);
    assert(err == 0); /* it is open until the last one left */
    (void)err;
}

void sli_io_loop_leave(struct slimta_loop *loop, struct sli_io_loop_user *user,
    void (*left)(struct sli_io_loop_user *user))
{
    assert(loop->users > 0);
    user->left = left;
    sli_list_append(&loop->leaving, &user->link);
    loop->users--;
    if (loop->leave_is_posted) {
        loop->leave_is_late = 1;
    } else {
        post_leave(loop);
    }
}
