/** Messages in files, written by the worker. */
#include "spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

struct spool {
    struct job job;  /* the write or keep, whose end is told to: */
    struct job drop; /* may be posted while a write is */
    spool_done *done;
    void *user;
    int fd;        /* -1 before the first write */
    char name[16]; /* "tmp-…" until it is kept */
    size_t size;   /* of the write */
    char octets[SLIMTA_WRITE_MAX];
};

struct spool *spool_new(void)
{
    struct spool *spool = calloc(1, sizeof *spool);

    if (spool != NULL) {
        spool->fd = -1;
        memcpy(spool->name, "tmp-XXXXXX", sizeof "tmp-XXXXXX");
    }
    return spool;
}

/* Without a file every use of it fails. */
static void open_file(struct spool *spool)
{
    if (spool->fd < 0) {
        spool->fd = mkstemp(spool->name);
    }
}

static void run_write(void *user)
{
    struct spool *spool = user;
    ssize_t size;

    open_file(spool);
    size = write(spool->fd, spool->octets, spool->size);
    spool->done(size == (ssize_t)spool->size ? spool->name : NULL, spool->user);
}

/* A file is on the disk when its octets and its name are. */
static void run_keep(void *user)
{
    struct spool *spool = user;
    int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[sizeof spool->name];
    int is_kept;

    open_file(spool);
    (void)snprintf(name, sizeof name, "mail%s", spool->name + 3);
    is_kept = fsync(spool->fd) == 0 && link(spool->name, name) == 0 &&
        fsync(directory) == 0;
    unlink(spool->name);
    spool->done(is_kept ? name : NULL, spool->user);
    close(directory);
    close(spool->fd);
    free(spool);
}

static void run_drop(void *user)
{
    struct spool *spool = user;

    if (spool->fd >= 0) {
        close(spool->fd);
        unlink(spool->name);
    }
    free(spool);
}

void spool_write(struct spool *spool, struct slimta_slice octets,
    spool_done *done, void *user)
{
    memcpy(spool->octets, octets.data, octets.size);
    spool->size = octets.size;
    spool->done = done;
    spool->user = user;
    host_post(&spool->job, run_write, spool);
}

void spool_keep(struct spool *spool, spool_done *done, void *user)
{
    spool->done = done;
    spool->user = user;
    host_post(&spool->job, run_keep, spool);
}

void spool_drop(struct spool *spool)
{
    host_post(&spool->drop, run_drop, spool);
}
