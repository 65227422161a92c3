/** The lines of commands, as a sending engine says them. */
#ifndef SMTP_CLIENT_LINES_H
#define SMTP_CLIENT_LINES_H

#include "smtp/client.h"

/* All append to the output of the client. SLIMTA_ENOMEM, SLIMTA_EINVAL: nothing
 * was added. */

/** `verb` and, if it is not NULL, a space and `argument`. */
int sli_smtp_client_lines_plain(
    struct sli_smtp_client *client, const char *verb, const char *argument);

int sli_smtp_client_lines_mail(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail);

int sli_smtp_client_lines_rcpt(
    struct sli_smtp_client *client, const struct slimta_recipient *recipient);

/** Whether AUTH with that initial response fits a command line (RFC 4954
 * section 4). */
int sli_smtp_client_lines_fits(
    const char *mechanism, struct slimta_slice initial);

/** `initial` NULL: none. */
int sli_smtp_client_lines_auth(struct sli_smtp_client *client,
    const char *mechanism, const struct slimta_slice *initial);

/** A line of the exchange. */
int sli_smtp_client_lines_response(
    struct sli_smtp_client *client, struct slimta_slice octets);

#endif
