/** How a receiving engine reads on: a line, or octets of a message, by its
 * state. */
#ifndef SMTP_READER_H
#define SMTP_READER_H

#include "smtp/server.h"

/** Reads on, where no answer is due. Returns 1 when it has got on without an
 * event; else `event` says what has come, or stays NONE. */
int sli_smtp_reader_step(
    struct sli_smtp_server *server, struct sli_smtp_event *event);

/** Fills END or CHUNK: a message, or a chunk of it, is complete. */
void sli_smtp_reader_tell_end(
    const struct sli_smtp_server *server, struct sli_smtp_event *event);

#endif
