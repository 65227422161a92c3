/** A demo server: from its command line to its exit status. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "door.h"
#include "options.h"

/** What a program brings. */
struct program {
    struct usage usage;
    const struct door_methods *methods; /**< of its edge */
    /** Makes the edge of the settings, with the validators that are its own.
     * What goes wrong leaves `edge` as it is, or something to free. */
    int (*make)(void **edge, struct settings *settings,
        struct slimta_queue *queue, struct slimta_tls *tls,
        struct slimta_error *error);
    /** Frees what `make` has left in the settings; after the edge. NULL:
     * nothing. */
    void (*clean)(struct settings *settings);
};

/** What `main` returns. `settings`, static, are those that the program's own
 * begin with, with its defaults. */
int server_main(const struct program *program, struct settings *settings,
    int argc, char **argv);

#endif
