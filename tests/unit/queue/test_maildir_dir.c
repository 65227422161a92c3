/** The directories of a maildir. */
#include "test.h"

#include "box.h"

#include "queue/maildir/dir.h"
#include "queue/maildir/name.h"

static struct box box;
static struct sli_queue_maildir_names names;
static struct slimta_error error;

static int set_up(void **state)
{
    (void)state;
    box_open(&box);
    sli_queue_maildir_name_init(&names);
    error.text[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    box_close(&box);
    return 0;
}

static void assert_directory(const char *where)
{
    struct stat about;

    assert_int_equal(0, stat(box_path(&box, where), &about));
    assert_true(S_ISDIR(about.st_mode));
    assert_int_equal(0700, about.st_mode & 0777);
    assert_true(box_count(&box, where, NULL) <= 3);
}

static void open_and_close(const char *where)
{
    int root = -1;

    assert_int_equal(0,
        sli_queue_maildir_dir_open(
            &root, box_path(&box, where), &names, &error));
    assert_int_equal(FD_CLOEXEC, fcntl(root, F_GETFD));
    assert_int_equal(0, close(root));
}

static void test_all_that_is_missing_is_made(void **state)
{
    (void)state;
    open_and_close("a//b/mail///");
    assert_directory("a");
    assert_directory("a/b");
    assert_directory("a/b/mail/tmp");
    assert_directory("a/b/mail/new");
    assert_directory("a/b/mail/cur");
    assert_int_equal(0, box_count(&box, "a/b/mail/tmp", NULL));
    open_and_close("a/b/mail");
}

static void test_a_relative_path_is_made(void **state)
{
    int here = open(".", O_RDONLY | O_DIRECTORY);
    int root = -1;

    (void)state;
    assert_int_equal(0, chdir(box.path));
    assert_int_equal(
        0, sli_queue_maildir_dir_open(&root, "mail", &names, &error));
    assert_int_equal(0, fchdir(here));
    (void)close(here);
    (void)close(root);
    assert_directory("mail/new");
}

static void test_files_of_others_stay(void **state)
{
    int fd;

    (void)state;
    open_and_close("mail");
    fd = open(box_path(&box, "mail/tmp/stale"), O_CREAT | O_WRONLY, 0600);
    assert_int_equal(0, close(fd));
    open_and_close("mail");
    assert_int_equal(1, box_count(&box, "mail/tmp", NULL));
}

static void assert_fails(const char *where, int code, const char *text)
{
    char expected[512];
    int root = -1;

    (void)snprintf(expected, sizeof expected, text, box.path);
    assert_int_equal(code,
        sli_queue_maildir_dir_open(
            &root, box_path(&box, where), &names, &error));
    assert_int_equal(-1, root);
    assert_int_equal(code, error.code);
    assert_string_equal(expected, error.text);
}

static void test_an_error_names_what_and_why(void **state)
{
    (void)state;
    (void)close(open(box_path(&box, "file"), O_CREAT | O_WRONLY, 0600));
    assert_fails("file", SLIMTA_ENOENT, "cannot use %s/file: Not a directory");
    assert_fails(
        "file/in", SLIMTA_ENOENT, "cannot use %s/file/in: Not a directory");
    assert_int_equal(0, mkdir(box_path(&box, "mail"), 0700));
    (void)close(open(box_path(&box, "mail/new"), O_CREAT | O_WRONLY, 0600));
    assert_fails(
        "mail", SLIMTA_ENOENT, "cannot use %s/mail/new: Not a directory");
}

static void test_a_directory_without_rights_is_refused(void **state)
{
    (void)state;
    if (!box_drop_root(&box)) {
        return; /* nothing is forbidden */
    }
    assert_int_equal(0, mkdir(box_path(&box, "shut"), 0500));
    assert_fails("shut/mail", SLIMTA_EACCES,
        "cannot make %s/shut/mail: Permission denied");
    assert_fails(
        "shut", SLIMTA_EACCES, "cannot make %s/shut/tmp: Permission denied");
    open_and_close("mail");
    assert_int_equal(0, chmod(box_path(&box, "mail/tmp"), 0500));
    assert_fails("mail", SLIMTA_EACCES,
        "cannot write in %s/mail/tmp: Permission denied");
    assert_int_equal(0, chmod(box_path(&box, "mail/tmp"), 0700));
    assert_int_equal(0, chmod(box_path(&box, "mail/new"), 0500));
    assert_fails("mail", SLIMTA_EACCES,
        "cannot write in %s/mail/new: Permission denied");
    box_take_root();
}

static void test_a_path_too_long_is_refused(void **state)
{
    char path[6000];
    int root = -1;

    (void)state;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_true(sli_queue_maildir_dir_open(&root, path, &names, &error) < 0);
    assert_int_equal(-1, root);
}

static void test_the_two_are_looked_up_anew(void **state)
{
    struct sli_queue_maildir_dirs dirs;
    int root = -1;

    (void)state;
    assert_int_equal(0,
        sli_queue_maildir_dir_open(
            &root, box_path(&box, "mail"), &names, &error));
    assert_int_equal(0, rmdir(box_path(&box, "mail/new")));
    assert_int_equal(SLIMTA_ENOENT, sli_queue_maildir_dir_enter(root, &dirs));
    assert_int_equal(-1, dirs.tmp);
    assert_int_equal(-1, dirs.new);
    assert_int_equal(0, mkdir(box_path(&box, "mail/new"), 0700));
    assert_int_equal(0, sli_queue_maildir_dir_enter(root, &dirs));
    sli_queue_maildir_dir_leave(&dirs);
    (void)close(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_that_is_missing_is_made),
        TEST(test_a_relative_path_is_made),
        TEST(test_files_of_others_stay),
        TEST(test_an_error_names_what_and_why),
        TEST(test_a_directory_without_rights_is_refused),
        TEST(test_a_path_too_long_is_refused),
        TEST(test_the_two_are_looked_up_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
