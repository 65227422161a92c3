/** A message in a file, while it arrives and when it is whole. Everything here
 * blocks: it is for a worker's thread. */
#ifndef EXAMPLES_SPOOL_H
#define EXAMPLES_SPOOL_H

#include <stddef.h>

struct spool {
    int fd;
    char name[16]; /* "tmp-…" until it is kept, "mail-…" then */
};

/** A new file in the working directory; 0, or -1. */
int spool_open(struct spool *spool);

/** More octets; 0, or -1. */
int spool_write(struct spool *spool, const void *octets, size_t size);

/** The message is whole: 0 when it is on the disk under its new name, else -1.
 * The file is closed, and gone when it is not kept. */
int spool_keep(struct spool *spool);

/** It will never be whole. */
void spool_drop(struct spool *spool);

#endif
