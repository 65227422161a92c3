/** The queue that stores each message in a maildir. */
#include <pthread.h>
#include <unistd.h>

#include <slimta/envelope.h>
#include <slimta/queue.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/list.h"
#include "base/options.h"
#include "io/inbox.h"
#include "io/loop.h"
#include "io/work.h"
#include "queue/maildir/batch.h"
#include "queue/maildir/dir.h"

/* How many batches are stored at once, over all loops. */
enum { JOBS = 2 };

struct maildir;

/* A loop that uses the queue: one record for all its edges. */
struct user {
    struct sli_list link;
    struct slimta_loop *loop;
    struct sli_io_inbox *inbox; /* one reference */
    unsigned edges;
    unsigned jobs;            /* of the queue's, given to this loop */
    struct slimta_op *detach; /* to be finished when there is no job left */
};

/* Stores a batch, then what has come meanwhile, until nothing is pending. */
struct job {
    struct sli_io_work work;
    struct sli_io_message handover; /* takes it to another loop */
    struct maildir *maildir;
    struct user *user; /* whose loop runs it; NULL: the job is idle */
    struct sli_queue_maildir_batch batch;
};

struct maildir {
    struct slimta_queue queue; /* first: the methods get its address */
    struct slimta_alloc alloc;
    struct sli_queue_maildir_store store;

    pthread_mutex_t lock; /* of all below; `user` of a job, too */
    struct sli_list pending;
    struct sli_list users;
    struct job jobs[JOBS];
};

static struct user *find_user(
    const struct maildir *maildir, const struct slimta_loop *loop)
{
    for (struct sli_list *link = maildir->users.next; link != &maildir->users;
         link = link->next) {
        struct user *user = SLI_LIST_ITEM(link, struct user, link);

        if (user->loop == loop) {
            return user;
        }
    }
    return NULL;
}

/* A loop that can take a job over: one that is not about to leave. */
static struct user *find_staying_user(const struct maildir *maildir)
{
    for (struct sli_list *link = maildir->users.next; link != &maildir->users;
         link = link->next) {
        struct user *user = SLI_LIST_ITEM(link, struct user, link);

        if (user->detach == NULL) {
            return user;
        }
    }
    return NULL;
}

static struct job *find_idle_job(struct maildir *maildir)
{
    for (size_t i = 0; i < JOBS; i++) {
        if (maildir->jobs[i].user == NULL) {
            return &maildir->jobs[i];
        }
    }
    return NULL;
}

static void give_job(struct job *job, struct user *user)
{
    job->user = user;
    user->jobs++;
}

static void item_free(
    struct maildir *maildir, struct sli_queue_maildir_item *item)
{
    slimta_envelope_unref(item->envelope);
    sli_free(&maildir->alloc, item);
}

/* The replies of RFC 3463: 4.3.1 mail system full, 4.3.0 other. */
static void refuse(struct slimta_op *op, int err)
{
    if (err == SLIMTA_ENOSPC) {
        (void)slimta_op_refused(
            op, NULL, 452, "4.3.1 Insufficient system storage");
    } else {
        (void)slimta_op_refused(op, NULL, 451, "4.3.0 Error queuing message");
    }
}

static void answer(struct sli_queue_maildir_item *item)
{
    if (item->err == 0) {
        (void)slimta_op_queued(item->op, NULL, item->name);
    } else {
        refuse(item->op, item->err);
    }
    (void)slimta_op_finish(item->op);
    item->op = NULL;
}

static void take_pending(
    struct maildir *maildir, struct sli_queue_maildir_batch *batch)
{
    struct sli_list *link;

    batch->count = 0;
    pthread_mutex_lock(&maildir->lock);
    while (batch->count < SLI_QUEUE_MAILDIR_BATCH_MAX &&
        (link = sli_list_take(&maildir->pending)) != NULL) {
        batch->items[batch->count++] =
            SLI_LIST_ITEM(link, struct sli_queue_maildir_item, link);
    }
    pthread_mutex_unlock(&maildir->lock);
}

/* On a thread of the pool. Every client is answered before the first message's
 * memory is given back. */
static void run_job(struct sli_io_work *work)
{
    struct job *job = SLI_LIST_ITEM(work, struct job, work);
    struct sli_queue_maildir_batch *batch = &job->batch;

    take_pending(job->maildir, batch);
    if (batch->count > 0) {
        sli_queue_maildir_batch_store(&job->maildir->store, batch);
    }
    for (size_t i = 0; i < batch->count; i++) {
        answer(batch->items[i]);
    }
    for (size_t i = 0; i < batch->count; i++) {
        item_free(job->maildir, batch->items[i]);
    }
}

static void job_done(struct sli_io_work *work);

static void start_job(struct job *job, struct slimta_loop *loop)
{
    sli_io_work_start(loop, &job->work, SLI_IO_WORK_DISK, run_job, job_done);
}

/* The job has come to the loop of its new user. */
static void handover_delivered(struct sli_io_message *message)
{
    struct job *job = SLI_LIST_ITEM(message, struct job, handover);

    start_job(job, job->user->loop);
}

/* Who runs the job next: its user as long as something is pending, another one
 * when that wants to leave, nobody when nothing is. Under the lock. */
static struct user *next_user(struct maildir *maildir, struct user *user)
{
    struct user *staying;

    if (sli_list_is_empty(&maildir->pending)) {
        return NULL;
    }
    staying = user->detach == NULL ? NULL : find_staying_user(maildir);
    return staying == NULL ? user : staying;
}

static void user_free(struct maildir *maildir, struct user *user)
{
    sli_io_inbox_unref(user->inbox);
    sli_free(&maildir->alloc, user);
}

/* Takes the job from `user`. Returns the op to finish when that was what its
 * loop waited for; then the user is out of the list. Under the lock. */
static struct slimta_op *leave_job(struct user *user)
{
    user->jobs--;
    if (user->jobs > 0 || user->detach == NULL) {
        return NULL;
    }
    sli_list_remove(&user->link);
    return user->detach;
}

/* On the loop of the job's user. */
static void job_done(struct sli_io_work *work)
{
    struct job *job = SLI_LIST_ITEM(work, struct job, work);
    struct maildir *maildir = job->maildir;
    struct slimta_op *detached = NULL;
    struct user *user;
    struct user *next;

    pthread_mutex_lock(&maildir->lock);
    user = job->user;
    next = next_user(maildir, user);
    if (next != user) {
        job->user = NULL;
        detached = leave_job(user);
    }
    if (next != NULL && next != user) {
        give_job(job, next);
    }
    pthread_mutex_unlock(&maildir->lock);
    if (next == user) {
        start_job(job, user->loop);
    } else if (next != NULL) {
        job->handover.deliver = handover_delivered;
        /* Its inbox is open: its detach waits for the job it has now. */
        (void)sli_io_inbox_post(next->inbox, &job->handover);
    }
    if (detached != NULL) {
        user_free(maildir, user);
        (void)slimta_op_finish(detached);
    }
}

static struct user *user_new(struct maildir *maildir, struct slimta_loop *loop)
{
    struct user *user = sli_alloc_zero(&maildir->alloc, sizeof *user);

    if (user != NULL) {
        sli_list_init(&user->link);
        user->loop = loop;
        user->inbox = sli_io_inbox_ref(loop->inbox);
    }
    return user;
}

static int maildir_attach(struct slimta_queue *queue, struct slimta_loop *loop)
{
    struct maildir *maildir = (struct maildir *)queue;
    struct slimta_op *detached = NULL;
    struct user *user;
    int err = 0;

    pthread_mutex_lock(&maildir->lock);
    user = find_user(maildir, loop);
    if (user == NULL) {
        user = user_new(maildir, loop);
        if (user == NULL) {
            err = SLIMTA_ENOMEM;
        } else {
            sli_list_append(&maildir->users, &user->link);
        }
    }
    if (user != NULL) {
        user->edges++;
        detached = user->detach;
        user->detach = NULL;
    }
    pthread_mutex_unlock(&maildir->lock);
    if (detached != NULL) {
        /* The loop stays after all, with the new edge: the jobs' end is that
         * one's to wait for. */
        (void)slimta_op_finish(detached);
    }
    return err;
}

static void maildir_detach(
    struct slimta_queue *queue, struct slimta_loop *loop, struct slimta_op *op)
{
    struct maildir *maildir = (struct maildir *)queue;
    struct user *gone = NULL;
    struct user *user;

    pthread_mutex_lock(&maildir->lock);
    user = find_user(maildir, loop);
    if (user != NULL && --user->edges == 0) {
        if (user->jobs > 0) {
            slimta_op_take(op);
            user->detach = op;
        } else {
            sli_list_remove(&user->link);
            gone = user;
        }
    }
    pthread_mutex_unlock(&maildir->lock);
    if (gone != NULL) {
        user_free(maildir, gone);
    }
}

static struct sli_queue_maildir_item *item_new(struct maildir *maildir,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct sli_queue_maildir_item *item =
        sli_alloc(&maildir->alloc, sizeof *item);

    if (item != NULL) {
        sli_list_init(&item->link);
        item->envelope = envelope;
        item->op = op;
        item->fd = -1;
        item->err = 0;
    }
    return item;
}

static void maildir_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct maildir *maildir = (struct maildir *)queue;
    struct slimta_loop *loop = slimta_op_loop(op);
    struct sli_queue_maildir_item *item = item_new(maildir, envelope, op);
    struct user *user;
    struct job *job = NULL;

    if (item == NULL) {
        refuse(op, SLIMTA_ENOMEM);
        slimta_envelope_unref(envelope);
        return;
    }
    pthread_mutex_lock(&maildir->lock);
    user = find_user(maildir, loop);
    if (user != NULL) {
        slimta_op_take(op);
        sli_list_append(&maildir->pending, &item->link);
        job = find_idle_job(maildir);
    }
    if (job != NULL) {
        give_job(job, user);
    }
    pthread_mutex_unlock(&maildir->lock);
    if (job != NULL) {
        start_job(job, loop);
    } else if (user == NULL) {
        refuse(op, SLIMTA_ESTATE); /* a loop that was never attached */
        item_free(maildir, item);
    }
}

static void maildir_free(struct slimta_queue *queue)
{
    struct maildir *maildir = (struct maildir *)queue;
    struct slimta_alloc alloc = maildir->alloc;

    (void)close(maildir->store.root);
    (void)pthread_mutex_destroy(&maildir->lock);
    sli_free(&alloc, maildir);
}

/* What is asked stands in the file, for whoever takes it from there. */
static uint64_t maildir_capabilities(struct slimta_queue *queue)
{
    const struct maildir *maildir = (const struct maildir *)queue;
    uint64_t keeps_octets = maildir->store.newlines == SLIMTA_NEWLINES_CRLF
        ? SLIMTA_CAN_BINARYMIME
        : 0;

    return keeps_octets | SLIMTA_CAN_DSN | SLIMTA_CAN_REQUIRETLS |
        SLIMTA_CAN_DELIVERBY | SLIMTA_CAN_MT_PRIORITY |
        SLIMTA_CAN_FUTURERELEASE;
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .free = maildir_free,
    .attach = maildir_attach,
    .detach = maildir_detach,
    .enqueue = maildir_enqueue,
    .capabilities = maildir_capabilities,
};

static struct maildir *maildir_new(
    const struct slimta_alloc *alloc, enum slimta_newlines newlines)
{
    struct maildir *maildir = sli_alloc_zero(alloc, sizeof *maildir);

    if (maildir == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&maildir->lock, NULL) != 0) {
        sli_free(alloc, maildir);
        return NULL;
    }
    maildir->queue.methods = &methods;
    maildir->alloc = *alloc;
    maildir->store.alloc = &maildir->alloc;
    maildir->store.root = -1;
    maildir->store.newlines = newlines;
    sli_queue_maildir_name_init(&maildir->store.names);
    sli_list_init(&maildir->pending);
    sli_list_init(&maildir->users);
    for (size_t i = 0; i < JOBS; i++) {
        maildir->jobs[i].maildir = maildir;
    }
    return maildir;
}

static int check_options(struct slimta_maildir_options *known,
    const struct slimta_maildir_options *options, struct slimta_alloc *alloc,
    struct slimta_error *error)
{
    if (options == NULL || SLI_OPTIONS_COPY(known, options) != 0) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "the maildir options' size is not valid");
    }
    if (known->directory == NULL || known->directory[0] == '\0') {
        return sli_error_set(
            error, SLIMTA_EINVAL, "a maildir queue needs a directory");
    }
    if (known->newlines != SLIMTA_NEWLINES_CRLF &&
        known->newlines != SLIMTA_NEWLINES_LF) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "%d is no value for a maildir's newlines", (int)known->newlines);
    }
    if (sli_alloc_init(alloc, known->alloc) != 0) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "the allocator is not valid");
    }
    return 0;
}

int slimta_maildir_queue_new(struct slimta_queue **out,
    const struct slimta_maildir_options *options, struct slimta_error *error)
{
    struct slimta_maildir_options known;
    struct slimta_alloc alloc;
    struct maildir *maildir;
    int err = check_options(&known, options, &alloc, error);

    if (err != 0) {
        return err;
    }
    maildir = maildir_new(&alloc, known.newlines);
    if (maildir == NULL) {
        return sli_error_set(
            error, SLIMTA_ENOMEM, "out of memory for a maildir queue");
    }
    err = sli_queue_maildir_dir_open(
        &maildir->store.root, known.directory, &maildir->store.names, error);
    if (err != 0) {
        (void)pthread_mutex_destroy(&maildir->lock);
        sli_free(&alloc, maildir);
        return err;
    }
    *out = &maildir->queue;
    return 0;
}
