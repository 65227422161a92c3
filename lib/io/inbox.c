/** The one door into a loop for other threads. */
#include "io/inbox.h"

#include <pthread.h>
#include <stdatomic.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/error.h"

struct sli_io_inbox {
    uv_async_t async;
    struct slimta_alloc alloc; /* a copy: the inbox may outlive its loop */
    atomic_uint refs;          /* one of them is the open handle's */
    pthread_mutex_t mutex;     /* guards the next three */
    struct sli_io_message *first;
    struct sli_io_message **last;
    int is_closed;
    struct sli_io_message *batch; /* being delivered; the loop's alone */
    void (*closed)(void *user);
    void *user;
};

static void deliver_batch(struct sli_io_inbox *inbox)
{
    while (inbox->batch != NULL) {
        struct sli_io_message *message = inbox->batch;

        inbox->batch = message->next; /* delivering may free the message */
        message->deliver(message);
    }
}

/* What is left of the batch before goes first: a message that closes the inbox
 * gets here from within the delivery. */
static void deliver_posted(struct sli_io_inbox *inbox)
{
    deliver_batch(inbox);
    (void)pthread_mutex_lock(&inbox->mutex);
    inbox->batch = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    (void)pthread_mutex_unlock(&inbox->mutex);
    deliver_batch(inbox);
}

static void on_async(uv_async_t *async)
{
    deliver_posted(async->data);
}

static int init(struct sli_io_inbox *inbox, uv_loop_t *uv)
{
    int number = pthread_mutex_init(&inbox->mutex, NULL);

    if (number != 0) {
        return sli_error_from_errno(number);
    }
    number = -uv_async_init(uv, &inbox->async, on_async);
    if (number != 0) {
        (void)pthread_mutex_destroy(&inbox->mutex);
        return sli_error_from_errno(number);
    }
    inbox->async.data = inbox;
    inbox->last = &inbox->first;
    atomic_init(&inbox->refs, 2);
    return 0;
}

int sli_io_inbox_new(
    struct sli_io_inbox **out, const struct slimta_alloc *alloc, uv_loop_t *uv)
{
    struct sli_io_inbox *inbox = sli_alloc_zero(alloc, sizeof *inbox);
    int err;

    if (inbox == NULL) {
        return SLIMTA_ENOMEM;
    }
    inbox->alloc = *alloc;
    err = init(inbox, uv);
    if (err != 0) {
        sli_free(alloc, inbox);
        return err;
    }
    *out = inbox;
    return 0;
}

struct sli_io_inbox *sli_io_inbox_ref(struct sli_io_inbox *inbox)
{
    atomic_fetch_add_explicit(&inbox->refs, 1, memory_order_relaxed);
    return inbox;
}

void sli_io_inbox_unref(struct sli_io_inbox *inbox)
{
    struct slimta_alloc alloc;

    if (inbox == NULL ||
        atomic_fetch_sub_explicit(&inbox->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    alloc = inbox->alloc;
    (void)pthread_mutex_destroy(&inbox->mutex);
    sli_free(&alloc, inbox);
}

int sli_io_inbox_post(
    struct sli_io_inbox *inbox, struct sli_io_message *message)
{
    int err = 0;

    /* Waking the loop stays under the lock: an async handle must not be sent
     * to after uv_close. */
    (void)pthread_mutex_lock(&inbox->mutex);
    if (inbox->is_closed) {
        err = SLIMTA_ECANCELED;
    } else {
        int was_empty = inbox->first == NULL;

        message->next = NULL;
        *inbox->last = message;
        inbox->last = &message->next;
        if (was_empty) {
            (void)uv_async_send(&inbox->async);
        }
    }
    (void)pthread_mutex_unlock(&inbox->mutex);
    return err;
}

static void on_closed(uv_handle_t *handle)
{
    struct sli_io_inbox *inbox = handle->data;

    inbox->closed(inbox->user);
    sli_io_inbox_unref(inbox);
}

void sli_io_inbox_close(
    struct sli_io_inbox *inbox, void (*closed)(void *user), void *user)
{
    inbox->closed = closed;
    inbox->user = user;
    (void)pthread_mutex_lock(&inbox->mutex);
    inbox->is_closed = 1;
    (void)pthread_mutex_unlock(&inbox->mutex);
    deliver_posted(inbox);
    uv_close((uv_handle_t *)&inbox->async, on_closed);
}
