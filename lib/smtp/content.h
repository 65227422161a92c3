/** The content of a message on its way through the engine, and its limits. */
#ifndef SMTP_CONTENT_H
#define SMTP_CONTENT_H

#include "smtp/server.h"

/** The next run of content that is not empty; 0 when there is none. */
int sli_smtp_content_next(
    struct sli_smtp_server *server, struct slimta_slice *content);

/** Whether all of it, or of its chunk, was read. */
int sli_smtp_content_is_over(const struct sli_smtp_server *server);

/** The end has come: what is asked of the whole. */
void sli_smtp_content_end(struct sli_smtp_server *server);

#endif
