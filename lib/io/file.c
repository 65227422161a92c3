/** Octets in a file that has no name. */
#define _GNU_SOURCE /* O_TMPFILE, mkostemp */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/slice.h"

int sli_io_file_open_named(
    const struct slimta_alloc *alloc, const char *directory, int *fd)
{
    static const char name[] = "/slimta-XXXXXX";
    size_t length = strlen(directory);
    char *path = sli_alloc(alloc, length + sizeof name);
    int err = 0;
    int opened;

    if (path == NULL) {
        return SLIMTA_ENOMEM;
    }
    memcpy(path, directory, length);
    memcpy(path + length, name, sizeof name);
    opened = mkostemp(path, O_CLOEXEC);
    if (opened < 0) {
        err = sli_error_from_errno(errno);
    } else if (unlink(path) != 0) {
        err = sli_error_from_errno(errno);
        sli_io_file_close(opened);
    } else {
        *fd = opened;
    }
    sli_free(alloc, path);
    return err;
}

/* What open says when the kernel or the file system knows no O_TMPFILE. */
static int is_unsupported(int number)
{
    return number == EOPNOTSUPP || number == EISDIR || number == EINVAL;
}

int sli_io_file_open(
    const struct slimta_alloc *alloc, const char *directory, int *fd)
{
    int opened;

    do {
        opened = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    } while (opened < 0 && errno == EINTR);
    if (opened >= 0) {
        *fd = opened;
        return 0;
    }
    return is_unsupported(errno) ? sli_io_file_open_named(alloc, directory, fd)
                                 : sli_error_from_errno(errno);
}

int sli_io_file_write(int fd, uint64_t offset, struct slimta_slice octets)
{
    while (octets.size > 0) {
        ssize_t count = pwrite(fd, octets.data, octets.size, (off_t)offset);

        if (count < 0 && errno != EINTR) {
            return sli_error_from_errno(errno);
        }
        if (count == 0) {
            return SLIMTA_EIO;
        }
        if (count > 0) {
            octets = sli_slice_skip(octets, (size_t)count);
            offset += (uint64_t)count;
        }
    }
    return 0;
}

int sli_io_file_read(int fd, uint64_t offset, char *out, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count =
            pread(fd, out + done, size - done, (off_t)(offset + done));

        if (count < 0 && errno != EINTR) {
            return sli_error_from_errno(errno);
        }
        if (count == 0) {
            return SLIMTA_EIO;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

void sli_io_file_close(int fd)
{
    if (fd >= 0) {
        /* On Linux the descriptor is gone whatever close says. */
        (void)close(fd);
    }
}
