/** One message as the octets of one file. */
#ifndef QUEUE_MAILDIR_FILE_H
#define QUEUE_MAILDIR_FILE_H

#include <slimta/envelope.h>
#include <slimta/queue.h>

#include "base/buf.h"

/** What writing needs besides the message; kept from file to file, belongs to
 * one thread. */
struct sli_queue_maildir_scratch {
    const struct slimta_alloc *alloc;
    struct sli_buf head; /* the lines above the content */
    char *pieces;        /* room for reading and for converting, or NULL */
};

void sli_queue_maildir_scratch_init(struct sli_queue_maildir_scratch *scratch,
    const struct slimta_alloc *alloc);

void sli_queue_maildir_scratch_fini(struct sli_queue_maildir_scratch *scratch);

/**
 * Writes the message to `fd`: Return-Path, one Delivered-To for each
 * recipient, the prepended fields, Received with `id`, the content. Blocks.
 * SLIMTA_ENOMEM, SLIMTA_ENOSPC, SLIMTA_EIO, ….
 */
int sli_queue_maildir_file_write(int fd, const struct slimta_envelope *envelope,
    const char *id, enum slimta_newlines newlines,
    struct sli_queue_maildir_scratch *scratch);

#endif
