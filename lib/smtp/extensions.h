/** What the reply to EHLO offers: the engine's own list, or one of the host's.
 */
#ifndef SMTP_EXTENSIONS_H
#define SMTP_EXTENSIONS_H

#include <stdint.h>

#include <slimta/validators.h>

#include "base/buf.h"

struct sli_smtp_server;

/** What commands look at before they take a parameter. */
enum sli_smtp_extension {
    SLI_SMTP_EXTENSION_SIZE = 1 << 0,
    SLI_SMTP_EXTENSION_8BITMIME = 1 << 1,
    SLI_SMTP_EXTENSION_SMTPUTF8 = 1 << 2,
    SLI_SMTP_EXTENSION_STARTTLS = 1 << 3,
    SLI_SMTP_EXTENSION_AUTH = 1 << 4,
    SLI_SMTP_EXTENSION_CHUNKING = 1 << 5,
    SLI_SMTP_EXTENSION_BINARYMIME = 1 << 6,
    SLI_SMTP_EXTENSION_DSN = 1 << 7,
    SLI_SMTP_EXTENSION_REQUIRETLS = 1 << 8,
    SLI_SMTP_EXTENSION_DELIVERBY = 1 << 9,
    SLI_SMTP_EXTENSION_MT_PRIORITY = 1 << 10,
    SLI_SMTP_EXTENSION_FUTURERELEASE = 1 << 11,
    SLI_SMTP_EXTENSION_XCLIENT = 1 << 12,
    SLI_SMTP_EXTENSION_XFORWARD = 1 << 13,
    SLI_SMTP_EXTENSIONS_ALL = (1 << 14) - 1
};

/** The most that a host's list holds, in octets. */
#define SLI_SMTP_EXTENSIONS_MAX 4096

/** A list to be edited, with all that `server` offers now. SLIMTA_ENOMEM. */
int sli_smtp_extensions_new(struct slimta_extensions **out,
    const struct slimta_alloc *alloc, const struct sli_smtp_server *server);

/** NULL is accepted. */
void sli_smtp_extensions_free(struct slimta_extensions *extensions);

/** Which of enum sli_smtp_extension commands may take for granted now: what the
 * client was told of, and is there. */
unsigned sli_smtp_extensions_known(const struct sli_smtp_server *server);

/** Which of enum sli_smtp_extension are in the list; NULL: all. */
unsigned sli_smtp_extensions_offered(
    const struct slimta_extensions *extensions);

/** Which words of `mechanisms` the list does not have behind AUTH: a bit for
 * each. 0 when the list is NULL. */
uint32_t sli_smtp_extensions_mechanisms_off(
    const struct slimta_extensions *extensions, const char *mechanisms);

/** Appends the lines behind the first one of the reply to EHLO, the last of
 * them included: those of the list, or with NULL all that `server` offers now.
 * SLIMTA_ENOMEM. */
int sli_smtp_extensions_write(struct sli_buf *output,
    const struct sli_smtp_server *server,
    const struct slimta_extensions *extensions);

/** Whether the list has no line at all. */
int sli_smtp_extensions_is_empty(const struct slimta_extensions *extensions);

#endif
