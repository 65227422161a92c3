/** Messages in files of the working directory, written by the worker. Stands
 * for whatever storage a host has that answers later. */
#ifndef SPOOL_H
#define SPOOL_H

#include <slimta/edge.h>

struct spool;

/** The end of a write or keep, on the worker's thread: `name` is the file's,
 * NULL when it has failed. */
typedef void spool_done(const char *name, void *user);

/** A message that has no octets yet; NULL without memory. */
struct spool *spool_new(void);

/** Writes a copy of the next octets. One write or keep at a time. */
void spool_write(struct spool *spool, struct slimta_slice octets,
    spool_done *done, void *user);

/** The message is whole: done when the disk has it. Frees the spool. */
void spool_keep(struct spool *spool, spool_done *done, void *user);

/** It will never be whole. After the write that may still run the file goes,
 * and the spool. */
void spool_drop(struct spool *spool);

#endif
