/** Checks that need no object of their own. */
#ifndef SLIMTA_CHECKS_H
#define SLIMTA_CHECKS_H

#include <slimta/export.h>

struct slimta_validators;

SLIMTA_BEGIN_DECLS

/** A table whose `mail` refuses a client that has not authenticated: "550 5.7.1
 * Sender not allowed", over HTTP 401 with its challenge and "530 5.7.0
 * Authentication required". Static; any thread, any number of edges. */
SLIMTA_API const struct slimta_validators *slimta_require_auth(void);

SLIMTA_END_DECLS

#endif
