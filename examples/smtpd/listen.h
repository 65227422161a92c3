/** The listeners of slimta-smtpd. */
#ifndef SMTPD_LISTEN_H
#define SMTPD_LISTEN_H

#include "options.h"

/** Binds every listener of the settings. 0, or the error with its text in
 * `error`. */
int listen_all(struct smtp_edge *edge, const struct settings *settings,
    struct slimta_error *error);

/** Prints "listening on ADDRESS" for each listener that was bound. */
void listen_tell(const struct smtp_edge *edge, const struct settings *settings);

#endif
