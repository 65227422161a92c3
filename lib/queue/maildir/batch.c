/** Messages that are stored together and share their syncs. */
#include "queue/maildir/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "io/clock.h"
#include "queue/maildir/dir.h"

/* The items `first` to `end - 1` of a batch, in the phases below; each phase
 * passes over those that failed before. */
struct group {
    struct sli_queue_maildir_item **items;
    size_t count;
    struct sli_queue_maildir_dirs dirs;
};

static void close_file(struct sli_queue_maildir_item *item)
{
    if (item->fd >= 0) {
        /* After its sync a close has nothing left to tell. */
        (void)close(item->fd);
        item->fd = -1;
    }
}

/* The item fails; what it has in tmp goes. */
static void drop(
    struct group *group, struct sli_queue_maildir_item *item, int err)
{
    item->err = err;
    close_file(item);
    (void)unlinkat(group->dirs.tmp, item->name, 0);
}

/* A message that nobody waits for any more will come again: to store it now
 * would only make two of it. */
static int is_cancelled(const struct sli_queue_maildir_item *item)
{
    return item->op != NULL && slimta_op_is_cancelled(item->op);
}

static int open_file(struct group *group, struct sli_queue_maildir_item *item,
    struct sli_queue_maildir_names *names)
{
    sli_queue_maildir_name_next(names, sli_io_clock_now_ms(), item->name);
    item->fd = openat(group->dirs.tmp, item->name,
        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return item->fd >= 0 ? 0 : sli_error_from_errno(errno);
}

/* Writes one file. Returns 0 when it could not even be opened for want of
 * descriptors: it must wait until others are closed. */
static int write_one(struct group *group, struct sli_queue_maildir_item *item,
    struct sli_queue_maildir_store *store,
    struct sli_queue_maildir_scratch *scratch)
{
    int err = open_file(group, item, &store->names);

    if (err != 0) {
        item->err = err;
        return err != SLIMTA_EMFILE;
    }
    err = sli_queue_maildir_file_write(
        item->fd, item->envelope, item->name, store->newlines, scratch);
    if (err != 0) {
        drop(group, item, err);
    }
    return 1;
}

/* Writes files until all are or descriptors run out; the group is cut there,
 * but never before its first file. */
static void write_files(struct group *group,
    struct sli_queue_maildir_store *store,
    struct sli_queue_maildir_scratch *scratch)
{
    int open_files = 0;

    for (size_t i = 0; i < group->count; i++) {
        struct sli_queue_maildir_item *item = group->items[i];

        if (is_cancelled(item)) {
            item->err = SLIMTA_ECANCELED;
            continue;
        }
        if (!write_one(group, item, store, scratch) && open_files > 0) {
            item->err = 0;
            group->count = i;
            return;
        }
        open_files += item->err == 0;
    }
}

/* Sends all of them on their way to the disk before the first is waited for:
 * then a journal's commit for one finds the others ready. */
static void start_write_back(struct group *group)
{
    for (size_t i = 0; group->count > 1 && i < group->count; i++) {
        if (group->items[i]->err == 0) {
            (void)posix_fadvise(group->items[i]->fd, 0, 0, POSIX_FADV_DONTNEED);
        }
    }
}

static int sync_data(int fd)
{
    int result;

    do {
        result = fdatasync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : sli_error_from_errno(errno);
}

static void sync_files(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        struct sli_queue_maildir_item *item = group->items[i];

        if (item->err == 0) {
            int err = sync_data(item->fd);

            if (err != 0) {
                drop(group, item, err);
            }
            close_file(item);
        }
    }
}

/* From here on readers see it. Names are unique: nothing is replaced. */
static void publish(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        struct sli_queue_maildir_item *item = group->items[i];

        if (item->err != 0) {
            continue;
        }
        if (is_cancelled(item)) {
            drop(group, item, SLIMTA_ECANCELED);
        } else if (renameat(group->dirs.tmp, item->name, group->dirs.new,
                       item->name) != 0) {
            drop(group, item, sli_error_from_errno(errno));
        }
    }
}

/* One sync for all the entries. When it fails nobody knows which of them are
 * on the disk: none is promised, and none may stay. */
static void sync_entries(struct group *group)
{
    int published = 0;
    int err;

    for (size_t i = 0; i < group->count; i++) {
        published |= group->items[i]->err == 0;
    }
    if (!published || sli_queue_maildir_dir_sync(group->dirs.new) == 0) {
        return;
    }
    err = sli_error_from_errno(errno);
    for (size_t i = 0; i < group->count; i++) {
        struct sli_queue_maildir_item *item = group->items[i];

        if (item->err == 0) {
            item->err = err;
            (void)unlinkat(group->dirs.new, item->name, 0);
        }
    }
}

static void refuse_all(struct sli_queue_maildir_batch *batch, int err)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->items[i]->err = err;
    }
}

void sli_queue_maildir_batch_store(struct sli_queue_maildir_store *store,
    struct sli_queue_maildir_batch *batch)
{
    struct sli_queue_maildir_scratch scratch;
    struct group group;
    int err = sli_queue_maildir_dir_enter(store->root, &group.dirs);

    if (err != 0) {
        refuse_all(batch, err);
        return;
    }
    sli_queue_maildir_scratch_init(&scratch, store->alloc);
    for (size_t first = 0; first < batch->count; first += group.count) {
        group.items = batch->items + first;
        group.count = batch->count - first;
        write_files(&group, store, &scratch);
        start_write_back(&group);
        sync_files(&group);
        publish(&group);
        sync_entries(&group);
    }
    sli_queue_maildir_scratch_fini(&scratch);
    sli_queue_maildir_dir_leave(&group.dirs);
}
