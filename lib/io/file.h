/** Octets in a file that has no name. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stdint.h>

#include <slimta/alloc.h>
#include <slimta/slice.h>

/* Every function blocks; each reports an errno as its SLIMTA_E… */

/** Opens a new file in `directory` for reading and writing, close-on-exec,
 * that nobody else can open and that is gone when it is closed. */
int sli_io_file_open(
    const struct slimta_alloc *alloc, const char *directory, int *fd);

/** The same for file systems without O_TMPFILE: a file of mode 0600 that has a
 * name for a moment. */
int sli_io_file_open_named(
    const struct slimta_alloc *alloc, const char *directory, int *fd);

/** Writes all octets at `offset`. */
int sli_io_file_write(int fd, uint64_t offset, struct slimta_slice octets);

/** Reads just `size` octets at `offset`; an earlier end is SLIMTA_EIO. */
int sli_io_file_read(int fd, uint64_t offset, char *out, size_t size);

/** -1 is accepted. */
void sli_io_file_close(int fd);

#endif
