/** Tests of examples/server/users.c. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "users.h"

#define STORED \
    "{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=," \
    "D+CSWLOshSulAsxiupA+qs2/fTE="

static char path[] = "/tmp/slimta-users-XXXXXX";

static int make_file(void **state)
{
    int file = mkstemp(path);

    (void)state;
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *text, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct users *load(const char *text)
{
    struct users *users = NULL;
    struct slimta_error error = {0};

    write_file(text, strlen(text));
    assert_int_equal(users_new(&users, path, &error), 0);
    return users;
}

static void has(struct users *users, const char *name, const char *wanted)
{
    char secret[SLIMTA_STORED_SECRET_MAX];

    assert_int_equal(
        users_look_up(users, name, secret, sizeof secret), wanted != NULL);
    if (wanted != NULL) {
        assert_string_equal(secret, wanted);
    }
}

static void test_reads_lines(void **state)
{
    struct users *users = load(
        "tim:secret\n"
        "\n"
        "Tim: a:b \n"
        "ursel@example.org:p\xc3\xa4ss\n"
        "# x:y\n"
        "stored:" STORED
        "\n"
        "locked:\n"
        "last:without an end");

    (void)state;
    has(users, "tim", "secret");
    has(users, "Tim", " a:b ");
    has(users, "ursel@example.org", "p\xc3\xa4ss");
    has(users, "# x", "y");
    has(users, "stored", STORED);
    has(users, "locked", "");
    has(users, "last", "without an end");
    has(users, "TIM", NULL);
    has(users, "ti", NULL);
    has(users, "timm", NULL);
    has(users, "", NULL);
    has(users, "tim:secret", NULL);
    users_free(users);
}

static void test_reads_what_may_be(void **state)
{
    struct users *users = load("");

    (void)state;
    has(users, "tim", NULL);
    users_free(users);
    users = load("\n\n");
    has(users, "tim", NULL);
    users_free(users);
    users = load("\xef\xbb\xbftim:secret\n");
    has(users, "tim", "secret");
    users_free(users);
    users_free(NULL);
}

#define TEXT(text) text, sizeof(text) - 1

static const struct {
    const char *text;
    size_t size;
    const char *line;
} bad[] = {
    {TEXT("tim\n"), "line 1: no colon"},
    {TEXT("tim:x\n\n \n"), "line 3: no colon"},
    {TEXT(":secret\n"), "line 1: no name"},
    {TEXT("tim:sec\0ret\n"), "line 1: NUL"},
    {TEXT("tim:secret\r\n"), "line 1: not UTF-8, or a control character"},
    {TEXT("t\tm:secret\n"), "line 1: not UTF-8, or a control character"},
    {TEXT("a:b\ntim:\xff\n"), "line 2: not UTF-8, or a control character"},
    {TEXT("tim:\xc3\n"), "line 1: not UTF-8"},
    {TEXT("tim:\xc0\x80\n"), "line 1: not UTF-8"},
    {TEXT("tim:\xed\xa0\x80\n"), "line 1: not UTF-8"},
    {TEXT("tim:\xf4\x90\x80\x80\n"), "line 1: not UTF-8"},
    {TEXT("tim:{SCRAM-SHA-256}nonsense\n"), "line 1: malformed stored keys"},
    {TEXT("tim:" STORED " \n"), "line 1: malformed stored keys"},
    {TEXT("tim:a\nursel:b\ntim:c\n"), "tim is there twice"},
};

static void test_tells_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct users *users = NULL;
        struct slimta_error error = {0};

        write_file(bad[i].text, bad[i].size);
        assert_int_equal(users_new(&users, path, &error), SLIMTA_EINVAL);
        assert_int_equal(error.code, SLIMTA_EINVAL);
        assert_non_null(strstr(error.text, path));
        assert_non_null(strstr(error.text, bad[i].line));
        assert_null(strstr(error.text, "secret"));
        assert_null(users);
    }
}

static void test_needs_a_file(void **state)
{
    struct users *users = NULL;
    struct slimta_error error = {0};

    (void)state;
    assert_int_equal(
        users_new(&users, "/nonexistent/users", &error), SLIMTA_ENOENT);
    assert_non_null(strstr(error.text, "/nonexistent/users"));
    assert_int_equal(users_new(&users, "/tmp", &error), SLIMTA_EIO);
    assert_null(users);
}

static void test_is_read_anew(void **state)
{
    struct users *users = load("tim:secret\n");
    struct slimta_error error = {0};

    (void)state;
    write_file(TEXT("ursel:b\n"));
    assert_int_equal(users_reload(users, &error), 0);
    has(users, "tim", NULL);
    has(users, "ursel", "b");
    write_file(TEXT("nonsense\n"));
    assert_int_equal(users_reload(users, &error), SLIMTA_EINVAL);
    has(users, "ursel", "b");
    users_free(users);
}

static void *ask(void *argument)
{
    for (int i = 0; i < 200; i++) {
        has(argument, "tim", "secret");
    }
    return NULL;
}

static void test_is_read_anew_while_asked(void **state)
{
    struct users *users = load("tim:secret\n");
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, ask, users), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(users_reload(users, NULL), 0);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    users_free(users);
}

/* The line that is made for a password, or "" and the error. */
static void make_line(const char *name, const char *typed, char *line,
    size_t size, struct slimta_error *error)
{
    FILE *in = tmpfile();
    FILE *out = tmpfile();
    int err;

    assert_true(in != NULL && out != NULL);
    assert_true(fputs(typed, in) >= 0);
    rewind(in);
    *error = (struct slimta_error){0};
    err = users_make_line(name, in, out, error);
    assert_int_equal(err, error->code);
    rewind(out);
    memset(line, 0, size);
    (void)fread(line, 1, size - 1, out);
    (void)fclose(in);
    (void)fclose(out);
}

static void test_makes_a_line(void **state)
{
    char line[1024];
    char *colon;
    struct slimta_error error;
    struct users *users;

    (void)state;
    make_line("tim", "pencil\nmore\n", line, sizeof line, &error);
    assert_int_equal(error.code, 0);
    assert_null(strstr(line, "pencil"));
    users = load(line);
    colon = strchr(line, ':');
    colon[strlen(colon) - 1] = '\0';
    assert_int_equal(strncmp(colon + 1, "{SCRAM-SHA-256}10000,", 21), 0);
    has(users, "tim", colon + 1);
    users_free(users);
}

static void test_makes_no_line(void **state)
{
    static const struct {
        const char *name;
        const char *typed;
        const char *word;
    } rows[] = {
        {"", "pencil\n", "name"},
        {"a:b", "pencil\n", "name"},
        {"a\n", "pencil\n", "name"},
        {"\xff", "pencil\n", "name"},
        {"tim", "", "password is empty"},
        {"tim", "\n", "password is empty"},
        {"tim", "\x01\n", "SASLprep"},
    };
    char typed[1100];
    char line[64];
    struct slimta_error error;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_line(rows[i].name, rows[i].typed, line, sizeof line, &error);
        assert_int_equal(error.code, SLIMTA_EINVAL);
        assert_non_null(strstr(error.text, rows[i].word));
        assert_string_equal(line, "");
    }
    memset(typed, 'x', sizeof typed);
    for (size_t size = 1022; size <= 1024; size++) {
        typed[size] = '\0';
        make_line("tim", typed, line, sizeof line, &error);
        assert_int_equal(error.code, size <= 1023 ? 0 : SLIMTA_EINVAL);
        typed[size] = 'x';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_lines),
        cmocka_unit_test(test_reads_what_may_be),
        cmocka_unit_test(test_tells_what_is_wrong),
        cmocka_unit_test(test_needs_a_file),
        cmocka_unit_test(test_is_read_anew),
        cmocka_unit_test(test_is_read_anew_while_asked),
        cmocka_unit_test(test_makes_a_line),
        cmocka_unit_test(test_makes_no_line),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
