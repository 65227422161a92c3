/** A message in a file, while it arrives and when it is whole. */
#include "spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int spool_open(struct spool *spool)
{
    memcpy(spool->name, "tmp-XXXXXX", sizeof "tmp-XXXXXX");
    spool->fd = mkstemp(spool->name);
    return spool->fd < 0 ? -1 : 0;
}

int spool_write(struct spool *spool, const void *octets, size_t size)
{
    return write(spool->fd, octets, size) == (ssize_t)size ? 0 : -1;
}

/* A name is on the disk when its directory is. */
static int sync_directory(void)
{
    int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = directory < 0 ? -1 : fsync(directory);

    if (directory >= 0) {
        close(directory);
    }
    return err;
}

int spool_keep(struct spool *spool)
{
    char name[sizeof spool->name];

    (void)snprintf(name, sizeof name, "mail%s", spool->name + 3);
    if (fsync(spool->fd) != 0 || rename(spool->name, name) != 0) {
        spool_drop(spool);
        return -1;
    }
    memcpy(spool->name, name, sizeof name);
    if (sync_directory() != 0) {
        spool_drop(spool);
        return -1;
    }
    close(spool->fd);
    return 0;
}

void spool_drop(struct spool *spool)
{
    close(spool->fd);
    unlink(spool->name);
}
