/** What the reply to EHLO offers. */
#ifndef SMTP_EXTENSIONS_H
#define SMTP_EXTENSIONS_H

#include "base/buf.h"
#include "smtp/server.h"

/** Appends the lines behind the first one of the reply to EHLO, the last of
 * them included. SLIMTA_ENOMEM. */
int sli_smtp_extensions_write(
    struct sli_buf *output, const struct sli_smtp_config *config);

#endif
