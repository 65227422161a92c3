/** Tests of io/file.c. */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "io/file.h"

static char directory[] = "/tmp/slimta-test-file-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

/* Fails when a file was left in it. */
static int tear_down(void **state)
{
    (void)state;
    return rmdir(directory);
}

typedef int (*open_function)(
    const struct slimta_alloc *alloc, const char *directory, int *fd);

static const open_function opens[] = {sli_io_file_open, sli_io_file_open_named};

static void test_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fail_alloc alloc;
        struct stat about;
        int fd = -1;

        fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
        assert_int_equal(opens[i](&alloc.table, directory, &fd), 0);
        assert_true(fd >= 0);
        assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(fstat(fd, &about), 0);
        assert_int_equal(about.st_nlink, 0);
        assert_int_equal(about.st_mode & 0777, 0600);
        sli_io_file_close(fd);
        assert_int_equal(alloc.live, 0);
    }
    sli_io_file_close(-1);
}

static void test_open_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fail_alloc alloc;
        int fd = -7;

        fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
        assert_int_equal(opens[i](&alloc.table, "/nonexistent/directory", &fd),
            SLIMTA_ENOENT);
        assert_int_equal(
            opens[i](&alloc.table, "/dev/null", &fd), SLIMTA_ENOENT);
        assert_int_equal(fd, -7);
        assert_int_equal(alloc.live, 0);
    }
}

static void test_open_named_without_memory(void **state)
{
    struct fail_alloc alloc;
    int fd = -7;

    (void)state;
    fail_alloc_init(&alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_io_file_open_named(&alloc.table, directory, &fd), SLIMTA_ENOMEM);
    assert_int_equal(fd, -7);
}

static void test_write_and_read(void **state)
{
    struct fail_alloc alloc;
    char octets[6];
    int fd;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_io_file_open(&alloc.table, directory, &fd), 0);
    assert_int_equal(sli_io_file_write(fd, 0, SLI_LITERAL("abcdef")), 0);
    assert_int_equal(sli_io_file_write(fd, 2, SLI_LITERAL("CD")), 0);
    assert_int_equal(sli_io_file_write(fd, 9, SLI_LITERAL("")), 0);
    assert_int_equal(sli_io_file_read(fd, 0, octets, 6), 0);
    assert_memory_equal(octets, "abCDef", 6);
    assert_int_equal(sli_io_file_read(fd, 4, octets, 2), 0);
    assert_memory_equal(octets, "ef", 2);
    assert_int_equal(sli_io_file_read(fd, 6, octets, 0), 0);
    /* An end where octets should be. */
    assert_int_equal(sli_io_file_read(fd, 4, octets, 3), SLIMTA_EIO);
    sli_io_file_close(fd);
}

static void test_full_device(void **state)
{
    int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

    (void)state;
    if (fd < 0) {
        skip();
    }
    assert_int_equal(sli_io_file_write(fd, 0, SLI_LITERAL("x")), SLIMTA_ENOSPC);
    sli_io_file_close(fd);
}

/* A descriptor that does not allow it: the errno becomes a code. */
static void test_wrong_direction(void **state)
{
    char octet;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_not_equal(sli_io_file_read(fd, 0, &octet, 1), 0);
    sli_io_file_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_open_fails),
        cmocka_unit_test(test_open_named_without_memory),
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_full_device),
        cmocka_unit_test(test_wrong_direction),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
