/** The directories of a maildir. */
#ifndef QUEUE_MAILDIR_DIR_H
#define QUEUE_MAILDIR_DIR_H

#include <slimta/error.h>

struct sli_queue_maildir_names;

/** The two that a message goes through; -1: not open. */
struct sli_queue_maildir_dirs {
    int tmp;
    int new;
};

/**
 * Makes the maildir `path` with `tmp`, `new` and `cur` where they are missing
 * (mode 0700, each one's entry synced), checks that a file can be made in
 * `tmp`, and stores a descriptor of `path` in `out`: from then on neither the
 * working directory nor the path matter. Blocks. On failure `error` says which
 * directory and why.
 */
int sli_queue_maildir_dir_open(int *out, const char *path,
    struct sli_queue_maildir_names *names, struct slimta_error *error);

/** Opens the two for a while; they are looked up anew each time, so that one
 * that was repaired or replaced is used. A negative code when that fails. */
int sli_queue_maildir_dir_enter(int root, struct sli_queue_maildir_dirs *dirs);

void sli_queue_maildir_dir_leave(struct sli_queue_maildir_dirs *dirs);

/** fsync, again when a signal came between. 0 or -1 with errno. */
int sli_queue_maildir_dir_sync(int fd);

#endif
