/** Who may authenticate to a demo server: the file of --users. */
#include "users.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No list of users is that long. */
enum { MAX_FILE = 64 * 1024 * 1024 };

/* Both point into the text of the file. */
struct user {
    const char *name;
    const char *secret;
};

/* What one reading of the file has brought. */
struct list {
    char *text; /* its lines and names are terminated */
    size_t size;
    struct user *users; /* in the order of their names */
    size_t count;
};

struct users {
    char *path;
    pthread_rwlock_t lock;
    struct list list;
};

__attribute__((format(printf, 3, 4))) static int fail(
    struct slimta_error *error, int code, const char *format, ...)
{
    va_list arguments;

    if (error != NULL) {
        error->code = code;
        va_start(arguments, format);
        (void)vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return code;
}

static void wipe(char *text, size_t size)
{
    volatile char *at = text;

    for (size_t i = 0; i < size; i++) {
        at[i] = '\0';
    }
}

static void list_fini(struct list *list)
{
    wipe(list->text, list->size);
    free(list->text);
    free(list->users);
    *list = (struct list){0};
}

/* --- The file ------------------------------------------------------------- */

/* All that is in the file, and a NUL after it. */
static int read_all(
    struct list *list, int file, const char *path, struct slimta_error *error)
{
    struct stat facts;

    if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode) ||
        facts.st_size > MAX_FILE) {
        return fail(error, SLIMTA_EIO, "%s: no file of users", path);
    }
    list->text = calloc(1, (size_t)facts.st_size + 1);
    if (list->text == NULL) {
        return fail(error, SLIMTA_ENOMEM, "%s: out of memory", path);
    }
    while (list->size < (size_t)facts.st_size) {
        ssize_t got = read(
            file, list->text + list->size, (size_t)facts.st_size - list->size);

        if (got < 0 && errno != EINTR) {
            return fail(error, SLIMTA_EIO, "%s: %s", path, strerror(errno));
        }
        if (got == 0) {
            break; /* it has become shorter */
        }
        list->size += got < 0 ? 0 : (size_t)got;
    }
    return 0;
}

static int read_file(
    struct list *list, const char *path, struct slimta_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int err;

    if (file < 0) {
        return fail(error,
            errno == ENOENT       ? SLIMTA_ENOENT
                : errno == EACCES ? SLIMTA_EACCES
                                  : SLIMTA_EIO,
            "%s: %s", path, strerror(errno));
    }
    err = read_all(list, file, path, error);
    (void)close(file);
    return err;
}

/* --- Its lines ------------------------------------------------------------ */

/* The octets of the UTF-8 character at `text`, which ends with NUL; 0 when it
 * is none, or a control. */
static size_t character_size(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = *text < 0x80 ? 1
        : *text >= 0xF0        ? 4
        : *text >= 0xE0        ? 3
        : *text >= 0xC0        ? 2
                               : 0;
    uint32_t value = size < 2 ? *text : *text & (0x7FU >> size);

    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (text[i] & 0x3FU);
    }
    return value < 0x20 || value == 0x7F || value > 0x10FFFF ||
            (value >= 0xD800 && value < 0xE000) || value < least[size]
        ? 0
        : size;
}

static int is_text(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        size_t size = character_size(at);

        if (size == 0) {
            return 0;
        }
        at += size;
    }
    return 1;
}

static int looks_stored(const char *secret)
{
    return strncmp(secret, "{SCRAM-SHA-", 11) == 0;
}

/* What is wrong with a line, which is terminated, or NULL. */
static const char *read_line(struct user *user, char *line)
{
    char *colon = strchr(line, ':');

    if (colon == NULL) {
        return "no colon";
    }
    if (!is_text(line)) {
        return "not UTF-8, or a control character";
    }
    *colon = '\0';
    *user = (struct user){.name = line, .secret = colon + 1};
    if (*user->name == '\0') {
        return "no name";
    }
    if (looks_stored(user->secret) &&
        !slimta_stored_secret_is_valid(user->secret)) {
        return "malformed stored keys";
    }
    return NULL;
}

static size_t count_lines(const struct list *list)
{
    size_t count = 1;

    for (size_t i = 0; i < list->size; i++) {
        count += list->text[i] == '\n';
    }
    return count;
}

/* Terminates the line at `*at`, whose end is that of the file or an LF, and
 * moves on behind it; 0 when it holds NUL. */
static int cut_line(char **at, const char *end)
{
    char *line = *at;
    char *line_end = memchr(line, '\n', (size_t)(end - line));

    if (line_end == NULL) {
        line_end = line + (end - line);
    }
    *line_end = '\0';
    *at = line_end + 1;
    return strlen(line) == (size_t)(line_end - line);
}

static int read_lines(
    struct list *list, const char *path, struct slimta_error *error)
{
    static const char mark[] = "\xef\xbb\xbf"; /* that editors put in front */
    char *end = list->text + list->size;
    char *at = list->text;

    if (strncmp(at, mark, 3) == 0) {
        at += 3;
    }
    for (size_t number = 1; at < end; number++) {
        char *line = at;
        const char *flaw;

        if (!cut_line(&at, end)) {
            flaw = "NUL in it";
        } else if (*line == '\0') {
            continue;
        } else {
            flaw = read_line(&list->users[list->count], line);
        }
        if (flaw != NULL) {
            return fail(
                error, SLIMTA_EINVAL, "%s, line %zu: %s", path, number, flaw);
        }
        list->count++;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct user *left = a;
    const struct user *right = b;

    return strcmp(left->name, right->name);
}

static int sort(struct list *list, const char *path, struct slimta_error *error)
{
    qsort(list->users, list->count, sizeof *list->users, compare);
    for (size_t i = 1; i < list->count; i++) {
        if (compare(&list->users[i - 1], &list->users[i]) == 0) {
            return fail(error, SLIMTA_EINVAL, "%s: %s is there twice", path,
                list->users[i].name);
        }
    }
    return 0;
}

static int load(struct list *out, const char *path, struct slimta_error *error)
{
    struct list list = {0};
    int err = read_file(&list, path, error);

    if (err == 0) {
        list.users = calloc(count_lines(&list), sizeof *list.users);
        err = list.users != NULL
            ? read_lines(&list, path, error)
            : fail(error, SLIMTA_ENOMEM, "%s: out of memory", path);
    }
    if (err == 0) {
        err = sort(&list, path, error);
    }
    if (err != 0) {
        list_fini(&list);
        return err;
    }
    *out = list;
    return 0;
}

/* --- The users ------------------------------------------------------------ */

int users_new(struct users **out, const char *path, struct slimta_error *error)
{
    struct users *users = calloc(1, sizeof *users);
    int err;

    if (users == NULL || (users->path = strdup(path)) == NULL ||
        pthread_rwlock_init(&users->lock, NULL) != 0) {
        if (users != NULL) {
            free(users->path);
        }
        free(users);
        return fail(error, SLIMTA_ENOMEM, "%s: out of memory", path);
    }
    err = load(&users->list, path, error);
    if (err != 0) {
        users_free(users);
        return err;
    }
    *out = users;
    return 0;
}

int users_reload(struct users *users, struct slimta_error *error)
{
    struct list list;
    struct list old;
    int err = load(&list, users->path, error);

    if (err != 0) {
        return err;
    }
    (void)pthread_rwlock_wrlock(&users->lock);
    old = users->list;
    users->list = list;
    (void)pthread_rwlock_unlock(&users->lock);
    list_fini(&old);
    return 0;
}

void users_free(struct users *users)
{
    if (users != NULL) {
        list_fini(&users->list);
        (void)pthread_rwlock_destroy(&users->lock);
        free(users->path);
        free(users);
    }
}

/* With the lock. NULL when there is none. */
static const char *find(const struct list *list, const char *name)
{
    const struct user wanted = {.name = name};
    const struct user *user = list->count == 0
        ? NULL
        : bsearch(&wanted, list->users, list->count, sizeof wanted, compare);

    return user == NULL ? NULL : user->secret;
}

/* Lacking memory, the op answers for itself (<slimta/auth.h>). */
static void give_secret(struct slimta_session *session,
    struct slimta_reply *reply, const char *mechanism, const char *authcid,
    struct slimta_op *op, void *user)
{
    struct users *users = user;
    const char *secret;

    (void)session, (void)reply, (void)mechanism;
    (void)pthread_rwlock_rdlock(&users->lock);
    secret = find(&users->list, authcid);
    if (secret != NULL && looks_stored(secret)) {
        (void)slimta_op_secret_stored(op, secret);
    } else if (secret != NULL) {
        (void)slimta_op_secret(op, secret);
    }
    (void)pthread_rwlock_unlock(&users->lock);
}

struct slimta_validators users_validators(struct users *users)
{
    return (struct slimta_validators){
        .size = sizeof(struct slimta_validators),
        .secret = give_secret,
        .user = users,
    };
}

int users_look_up(struct users *users, const char *name, char *out, size_t size)
{
    const char *secret;

    (void)pthread_rwlock_rdlock(&users->lock);
    secret = find(&users->list, name);
    if (secret != NULL) {
        (void)snprintf(out, size, "%s", secret);
    }
    (void)pthread_rwlock_unlock(&users->lock);
    return secret != NULL;
}

/* --- Making a line -------------------------------------------------------- */

/* Reads a line of at most `size` - 1 octets, without its end. */
static int read_password(char *password, size_t size, FILE *in)
{
    size_t length = 0;
    int c = getc(in);

    while (c != EOF && c != '\n' && c != '\0' && length < size - 1) {
        password[length++] = (char)c;
        c = getc(in);
    }
    password[length] = '\0';
    return c == EOF || c == '\n';
}

int users_make_line(
    const char *name, FILE *in, FILE *out, struct slimta_error *error)
{
    char password[1024];
    char stored[SLIMTA_STORED_SECRET_MAX];
    int err;

    if (*name == '\0' || strchr(name, ':') != NULL || !is_text(name)) {
        return fail(error, SLIMTA_EINVAL,
            "the name is empty, not UTF-8, or holds a colon");
    }
    (void)setvbuf(in, NULL, _IONBF, 0); /* no copy is left */
    err = read_password(password, sizeof password, in)
        ? slimta_stored_secret_make(stored, "SCRAM-SHA-256", password, 0, error)
        : fail(error, SLIMTA_EINVAL, "the password is too long");
    wipe(password, sizeof password);
    if (err == 0 &&
        (fprintf(out, "%s:%s\n", name, stored) < 0 || fflush(out) != 0)) {
        err = fail(error, SLIMTA_EIO, "the line cannot be written");
    }
    return err;
}
