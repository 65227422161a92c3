/** The listeners of a demo server: bound, inherited, and told of. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "door.h"
#include "settings.h"

/** Binds every listener. 0, or the error with its text in `error`. */
int listen_all(const struct door *door, const struct listeners *listeners,
    struct slimta_error *error);

/** Prints "listening on ADDRESS" for each listener that was bound. */
void listen_tell(const struct door *door, const struct listeners *listeners);

#endif
