/** The directories of a maildir. */
#include "queue/maildir/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "io/clock.h"
#include "queue/maildir/name.h"

enum { OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

static const char *const parts[] = {"tmp", "new", "cur"};

/* "cannot make DIR/tmp: Permission denied" */
static int fail(struct slimta_error *error, const char *verb, const char *path,
    const char *part)
{
    int number = errno;
    int code = sli_error_from_errno(number);
    char reason[96];

    if (strerror_r(number, reason, sizeof reason) != 0) {
        reason[0] = '\0';
    }
    return sli_error_set(error, code, "cannot %s %s%s%s: %s", verb, path,
        part == NULL ? "" : "/", part == NULL ? "" : part,
        reason[0] == '\0' ? slimta_strerror(code) : reason);
}

int sli_queue_maildir_dir_sync(int fd)
{
    int result;

    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result;
}

/* Syncs the directory that holds the entry `path`, a terminated text that is
 * changed for a moment. */
static int sync_parent(char *path)
{
    char *slash = strrchr(path, '/');
    int result = -1;
    int fd;

    if (slash == NULL) {
        fd = open(".", OPEN_DIRECTORY);
    } else if (slash == path) {
        fd = open("/", OPEN_DIRECTORY);
    } else {
        *slash = '\0';
        fd = open(path, OPEN_DIRECTORY);
        *slash = '/';
    }
    if (fd >= 0) {
        result = sli_queue_maildir_dir_sync(fd);
        (void)close(fd);
    }
    return result;
}

static int make_one(char *path)
{
    if (mkdir(path, 0700) == 0) {
        return sync_parent(path);
    }
    return errno == EEXIST ? 0 : -1;
}

/* Makes every directory on the way that is missing. */
static int make_all(char *path)
{
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at == '/' && at[-1] != '/') {
            int result;

            *at = '\0';
            result = make_one(path);
            *at = '/';
            if (result != 0) {
                return -1;
            }
        }
    }
    return make_one(path);
}

/* Opens the directory, made first when it is missing. */
static int open_root(int *out, const char *path, struct slimta_error *error)
{
    char copy[PATH_MAX];
    size_t size = strlen(path);

    *out = open(path, OPEN_DIRECTORY);
    if (*out >= 0) {
        return 0;
    }
    if (errno != ENOENT) {
        return fail(error, "use", path, NULL);
    }
    if (size >= sizeof copy) {
        errno = ENAMETOOLONG;
        return fail(error, "make", path, NULL);
    }
    memcpy(copy, path, size + 1);
    while (size > 1 && copy[size - 1] == '/') {
        copy[--size] = '\0';
    }
    if (make_all(copy) != 0) {
        return fail(error, "make", path, NULL);
    }
    *out = open(path, OPEN_DIRECTORY);
    return *out >= 0 ? 0 : fail(error, "use", path, NULL);
}

static int make_parts(int root, const char *path, struct slimta_error *error)
{
    int made = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (mkdirat(root, parts[i], 0700) == 0) {
            made = 1;
        } else if (errno != EEXIST) {
            return fail(error, "make", path, parts[i]);
        }
    }
    if (made && sli_queue_maildir_dir_sync(root) != 0) {
        return fail(error, "sync", path, NULL);
    }
    return 0;
}

/* A file can be made and removed in `tmp`, and `new` can be synced. */
static int probe(const struct sli_queue_maildir_dirs *dirs, const char *path,
    const char *name, struct slimta_error *error)
{
    int fd =
        openat(dirs->tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        return fail(error, "write in", path, "tmp");
    }
    (void)close(fd);
    if (unlinkat(dirs->tmp, name, 0) != 0) {
        return fail(error, "remove a file in", path, "tmp");
    }
    if (faccessat(dirs->new, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        return fail(error, "write in", path, "new");
    }
    if (sli_queue_maildir_dir_sync(dirs->new) != 0) {
        return fail(error, "sync", path, "new");
    }
    return 0;
}

/* Opens both; on failure says with errno and `part` what is wrong. */
static int open_parts(
    int root, struct sli_queue_maildir_dirs *dirs, const char **part)
{
    *part = "tmp";
    dirs->new = -1;
    dirs->tmp = openat(root, "tmp", OPEN_DIRECTORY);
    if (dirs->tmp < 0) {
        return -1;
    }
    *part = "new";
    dirs->new = openat(root, "new", OPEN_DIRECTORY);
    if (dirs->new < 0) {
        int number = errno;

        sli_queue_maildir_dir_leave(dirs);
        errno = number;
        return -1;
    }
    return 0;
}

int sli_queue_maildir_dir_enter(int root, struct sli_queue_maildir_dirs *dirs)
{
    const char *part;

    return open_parts(root, dirs, &part) == 0 ? 0 : sli_error_from_errno(errno);
}

void sli_queue_maildir_dir_leave(struct sli_queue_maildir_dirs *dirs)
{
    if (dirs->tmp >= 0) {
        (void)close(dirs->tmp);
    }
    if (dirs->new >= 0) {
        (void)close(dirs->new);
    }
    dirs->tmp = -1;
    dirs->new = -1;
}

int sli_queue_maildir_dir_open(int *out, const char *path,
    struct sli_queue_maildir_names *names, struct slimta_error *error)
{
    struct sli_queue_maildir_dirs dirs = {-1, -1};
    char name[SLI_QUEUE_MAILDIR_NAME_MAX];
    const char *part;
    int root = -1;
    int err = open_root(&root, path, error);

    if (err == 0) {
        err = make_parts(root, path, error);
    }
    if (err == 0 && open_parts(root, &dirs, &part) != 0) {
        err = fail(error, "use", path, part);
    }
    if (err == 0) {
        sli_queue_maildir_name_next(names, sli_io_clock_now_ms(), name);
        err = probe(&dirs, path, name, error);
    }
    sli_queue_maildir_dir_leave(&dirs);
    if (err == 0) {
        *out = root;
    } else if (root >= 0) {
        (void)close(root);
    }
    return err;
}
