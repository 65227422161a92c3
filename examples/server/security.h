/** Certificates of a demo server, and what SIGHUP does to them. */
#ifndef SERVER_SECURITY_H
#define SERVER_SECURITY_H

#include "door.h"
#include "settings.h"

/** Reads the certificates and keys of the command line. Without any `out` is
 * NULL. */
int security_load(struct slimta_tls **out, const struct settings *settings,
    struct slimta_error *error);

/** Reads them anew, for sessions to come. When that fails the old ones stay,
 * and a line on stderr says why. */
void security_reload(const struct door *door, const struct settings *settings);

#endif
