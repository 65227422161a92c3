/** Reads the command line of a demo server. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "settings.h"

/** A flag: what it is called, what it takes, and where that goes. */
struct flag {
    const char *name;
    const char *argument; /**< NULL: it takes none */
    const char *help;     /**< lines parted by LF */
    const char *wants;    /**< what a bad value is not */
    /** Reads a value into what stands at `offset` in the program's settings; 0
     * when it is a bad one. See values.h. */
    int (*read)(const char *value, void *out);
    size_t offset;
};

/** A table of flags, and what they are about. */
struct flags {
    const char *title;
    const struct flag *rows;
    size_t count;
};

/** What a command line is read for. */
struct usage {
    const char *name;    /**< of the program */
    const char *purpose; /**< a sentence */
    const char *address; /**< where it listens when nobody says */
    struct flags own;    /**< beside those that every server has */
    /** What is wrong with flags together, or NULL. */
    const char *(*flaw)(const struct settings *settings);
};

/** What is to be done after the command line was read. */
enum verdict {
    VERDICT_SERVE,     /**< go on with the settings */
    VERDICT_DONE,      /**< --help or --version: was printed */
    VERDICT_MAKE_USER, /**< --make-user: to be done, then an end */
    VERDICT_USAGE      /**< one line on stderr has told what is wrong */
};

/** Reads the command line into `settings`, with which the program's own begin
 * and which hold its defaults. Strings in there borrow `argv`. */
enum verdict options_read(struct settings *settings, const struct usage *usage,
    int argc, char **argv);

#endif
