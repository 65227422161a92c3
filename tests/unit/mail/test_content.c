/** Tests of mail/content.c. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <slimta/envelope.h>
#include <slimta/error.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "mail/content.h"

enum { HEAD = SLIMTA_HEAD_BYTES, BIG = 400000 };

static const char directory[] = "somewhere";
static char octets[BIG];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < BIG; i++) {
        octets[i] = (char)(i * 31 + i / 251);
    }
    return 0;
}

/* A store with room for one file, in memory. */
static struct {
    char octets[BIG];
    uint64_t size;
    int is_open;
    int fails; /* every read and write does */
} file;

static int store_open(
    const struct slimta_alloc *alloc, const char *where, int *fd)
{
    void *name = alloc->allocate(1, alloc->user); /* as a real one might */

    if (name == NULL) {
        return SLIMTA_ENOMEM;
    }
    alloc->release(name, alloc->user);
    if (strcmp(where, directory) != 0) {
        return SLIMTA_ENOENT;
    }
    assert_false(file.is_open);
    file.is_open = 1;
    file.size = 0;
    *fd = 0;
    return 0;
}

static int store_write(int fd, uint64_t offset, struct slimta_slice from)
{
    assert_true(file.is_open && fd == 0 && offset + from.size <= BIG);
    if (file.fails) {
        return SLIMTA_ENOSPC;
    }
    memcpy(file.octets + offset, from.data, from.size);
    file.size = offset + from.size > file.size ? offset + from.size : file.size;
    return 0;
}

static int store_read(int fd, uint64_t offset, char *out, size_t size)
{
    assert_true(file.is_open && fd == 0 && offset + size <= file.size);
    if (file.fails) {
        return SLIMTA_EIO;
    }
    memcpy(out, file.octets + offset, size);
    return 0;
}

static void store_close(int fd)
{
    assert_true(file.is_open && fd == 0);
    file.is_open = 0;
}

static const struct sli_mail_store store = {
    store_open, store_write, store_read, store_close};

/* Appends the octets from the content's end on in pieces of `step`. */
static int fill(struct slimta_content *content, size_t size, size_t step)
{
    size_t at = (size_t)slimta_content_size(content);
    int err = 0;

    while (err == 0 && at < size) {
        size_t count = size - at < step ? size - at : step;

        err = sli_mail_content_append(content, sli_slice(octets + at, count));
        at += count;
    }
    return err;
}

static void assert_reads(
    const struct slimta_content *content, size_t size, size_t step)
{
    static char out[BIG];
    size_t at = 0;
    size_t got;

    assert_int_equal(slimta_content_size(content), size);
    do {
        assert_int_equal(
            slimta_content_read(content, at, out + at, step, &got), 0);
        assert_int_equal(got, size - at < step ? size - at : step);
        at += got;
    } while (got > 0);
    assert_int_equal(at, size);
    assert_memory_equal(out, octets, size);
}

/* The blocks one after the other are the content. */
static void assert_blocks(const struct slimta_content *content, size_t size)
{
    struct slimta_slice block;
    size_t at = 0;
    size_t index = 0;

    while (slimta_content_block(content, index, &block)) {
        assert_true(block.size > 0);
        assert_true(block.size <= SLI_MAIL_CONTENT_BLOCK_MAX);
        assert_memory_equal(block.data, octets + at, block.size);
        at += block.size;
        index++;
    }
    assert_int_equal(at, size);
}

static void test_empty(void **state)
{
    struct fail_alloc alloc;
    struct slimta_content *content;
    struct slimta_slice block;
    size_t got = 9;
    char out;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_mail_content_new(&content, &alloc.table, 0), 0);
    assert_int_equal(alloc.live, 1);
    assert_int_equal(
        sli_mail_content_append(content, (struct slimta_slice){NULL, 0}), 0);
    assert_int_equal(slimta_content_size(content), 0);
    assert_int_equal(slimta_content_read(content, 0, &out, 1, &got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(slimta_content_read(content, 5, &out, 1, &got), 0);
    assert_int_equal(got, 0);
    assert_false(slimta_content_block(content, 0, &block));
    assert_false(sli_mail_content_head(content, 0, &block));
    assert_int_equal(sli_mail_content_spillable(content), 0);
    assert_int_equal(
        sli_mail_content_spill(content, &store, "/nonexistent"), 0);
    assert_false(slimta_content_is_spilled(content));
    sli_mail_content_unref(content);
    sli_mail_content_unref(NULL);
    assert_int_equal(alloc.live, 0);
}

static void test_memory(void **state)
{
    static const size_t sizes[] = {1, 2047, 2048, 2049, 8191, 8192, 8193,
        HEAD - 1, HEAD, HEAD + 1, HEAD + 65535, HEAD + 65536, HEAD + 65537,
        BIG};
    static const uint64_t expected[] = {
        0, 1, 2048, 8192, HEAD, HEAD + 1, BIG, UINT64_MAX};
    static const size_t steps[] = {1000, 4096, BIG};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t j = 0; j < sizeof expected / sizeof *expected; j++) {
            for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
                struct fail_alloc alloc;
                struct slimta_content *content;

                fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
                assert_int_equal(
                    sli_mail_content_new(&content, &alloc.table, expected[j]),
                    0);
                assert_int_equal(fill(content, sizes[i], steps[k]), 0);
                assert_reads(content, sizes[i], steps[k]);
                assert_blocks(content, sizes[i]);
                assert_int_equal(sli_mail_content_spillable(content),
                    sizes[i] > HEAD ? sizes[i] - HEAD : 0);
                sli_mail_content_unref(content);
                assert_int_equal(alloc.live, 0);
            }
        }
    }
}

/* Of how many octets the largest allocation was. */
struct watched {
    struct slimta_alloc table;
    size_t largest;
    size_t count;
};

static void *watched_allocate(size_t size, void *user)
{
    struct watched *watched = user;

    watched->largest = size > watched->largest ? size : watched->largest;
    watched->count++;
    return malloc(size);
}

static void *watched_reallocate(void *block, size_t size, void *user)
{
    (void)user;
    return realloc(block, size);
}

static void watched_release(void *block, void *user)
{
    (void)user;
    free(block);
}

static void test_block_sizes(void **state)
{
    enum { SLACK = 64 };
    static const struct {
        uint64_t expected;
        size_t first; /* the first block's capacity */
    } cases[] = {
        {0, 8192},
        {1, 2048},
        {2048, 2048},
        {2049, 2560},
        {5000, 5120},
        {HEAD - 1, HEAD},
        {HEAD, HEAD},
        {HEAD + 1, HEAD},
        {UINT64_MAX, HEAD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct watched watched = {
            .table = {sizeof watched.table, watched_allocate,
                watched_reallocate, watched_release, &watched}};
        struct slimta_content *content;

        assert_int_equal(
            sli_mail_content_new(&content, &watched.table, cases[i].expected),
            0);
        watched.largest = 0;
        assert_int_equal(fill(content, 1, 1), 0);
        assert_in_range(
            watched.largest, cases[i].first, cases[i].first + SLACK);
        assert_int_equal(fill(content, BIG, 4096), 0);
        assert_in_range(watched.largest, SLI_MAIL_CONTENT_BLOCK_MAX,
            SLI_MAIL_CONTENT_BLOCK_MAX + SLACK);
        sli_mail_content_unref(content);
    }
}

/* What was announced rightly takes the object and one block. */
static void test_announced_is_one_block(void **state)
{
    struct watched watched = {
        .table = {sizeof watched.table, watched_allocate, watched_reallocate,
            watched_release, &watched}};
    struct slimta_content *content;

    (void)state;
    assert_int_equal(sli_mail_content_new(&content, &watched.table, 4096), 0);
    assert_int_equal(fill(content, 4096, 1000), 0);
    assert_int_equal(watched.count, 2);
    sli_mail_content_unref(content);
}

/* A slice of the head stays good while the content grows. */
static void test_head_stays(void **state)
{
    struct fail_alloc alloc;
    struct slimta_content *content;
    struct slimta_slice early;
    struct slimta_slice late;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_mail_content_new(&content, &alloc.table, 100), 0);
    assert_int_equal(fill(content, 2000, BIG), 0);
    assert_true(sli_mail_content_head(content, 0, &early));
    assert_int_equal(fill(content, BIG, BIG), 0);
    assert_int_equal(early.size, 2000);
    assert_memory_equal(early.data, octets, 2000);
    assert_true(sli_mail_content_head(content, 0, &late));
    assert_int_equal(late.size, HEAD);
    assert_memory_equal(late.data, octets, HEAD);
    assert_false(sli_mail_content_head(content, 1, &late));
    sli_mail_content_unref(content);
    assert_int_equal(alloc.live, 0);
}

static void assert_spilled(const struct slimta_content *content, size_t size)
{
    struct slimta_slice head;

    assert_true(slimta_content_is_spilled(content));
    assert_false(slimta_content_block(content, 0, &head));
    assert_true(sli_mail_content_head(content, 0, &head));
    assert_int_equal(head.size, HEAD);
    assert_memory_equal(head.data, octets, HEAD);
    assert_reads(content, size, 7777);
    assert_reads(content, size, BIG);
}

static void test_spill(void **state)
{
    static const size_t firsts[] = {HEAD + 1, HEAD + 70000, BIG};

    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct fail_alloc alloc;
        struct slimta_content *content;

        fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
        assert_int_equal(sli_mail_content_new(&content, &alloc.table, BIG), 0);
        assert_int_equal(fill(content, firsts[i], 5000), 0);
        assert_int_equal(sli_mail_content_spillable(content), firsts[i] - HEAD);
        assert_int_equal(sli_mail_content_spill(content, &store, directory), 0);
        assert_int_equal(sli_mail_content_spillable(content), 0);
        assert_int_equal(alloc.live, 2); /* the object and its head */
        assert_spilled(content, firsts[i]);
        sli_mail_content_unref(content);
        assert_int_equal(alloc.live, 0);
    }
}

/* Head, file and tail in one content, and reads across their edges. */
static void test_spill_again(void **state)
{
    struct fail_alloc alloc;
    struct slimta_content *content;
    char out[200];
    size_t got;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_mail_content_new(&content, &alloc.table, 0), 0);
    assert_int_equal(fill(content, 100000, 3000), 0);
    assert_int_equal(sli_mail_content_spill(content, &store, directory), 0);
    assert_int_equal(fill(content, 200000, 3000), 0);
    assert_int_equal(sli_mail_content_spillable(content), 100000);
    assert_spilled(content, 200000);
    for (size_t at = HEAD - 100; at <= HEAD + 1; at++) {
        assert_int_equal(slimta_content_read(content, at, out, 200, &got), 0);
        assert_int_equal(got, 200);
        assert_memory_equal(out, octets + at, 200);
    }
    for (size_t at = 99900; at <= 100001; at++) {
        assert_int_equal(slimta_content_read(content, at, out, 200, &got), 0);
        assert_int_equal(got, 200);
        assert_memory_equal(out, octets + at, 200);
    }
    /* The file is there already: no directory is asked for again. */
    assert_int_equal(
        sli_mail_content_spill(content, &store, "/nonexistent"), 0);
    assert_int_equal(sli_mail_content_spillable(content), 0);
    assert_int_equal(sli_mail_content_spill(content, &store, directory), 0);
    assert_int_equal(fill(content, BIG, BIG), 0);
    assert_spilled(content, BIG);
    sli_mail_content_unref(content);
    assert_int_equal(alloc.live, 0);
}

static void test_spill_fails(void **state)
{
    struct fail_alloc alloc;
    struct slimta_content *content;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_mail_content_new(&content, &alloc.table, 0), 0);
    assert_int_equal(fill(content, 100000, BIG), 0);
    assert_int_equal(
        sli_mail_content_spill(content, &store, "/nonexistent"), SLIMTA_ENOENT);
    sli_mail_content_unref(content);
    assert_int_equal(alloc.live, 0);
}

static void test_store_fails(void **state)
{
    struct fail_alloc alloc;
    struct slimta_content *content;
    char out[10];
    size_t got;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_mail_content_new(&content, &alloc.table, 0), 0);
    assert_int_equal(fill(content, 100000, BIG), 0);
    assert_int_equal(sli_mail_content_spill(content, &store, directory), 0);
    assert_int_equal(fill(content, 200000, BIG), 0);
    file.fails = 1;
    assert_int_equal(
        sli_mail_content_spill(content, &store, directory), SLIMTA_ENOSPC);
    assert_int_equal(
        slimta_content_read(content, HEAD, out, 10, &got), SLIMTA_EIO);
    file.fails = 0;
    sli_mail_content_unref(content);
    assert_false(file.is_open);
    assert_int_equal(alloc.live, 0);
}

static void test_references(void **state)
{
    struct fail_alloc alloc;
    struct slimta_content *content;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_mail_content_new(&content, &alloc.table, 0), 0);
    assert_ptr_equal(sli_mail_content_ref(content), content);
    sli_mail_content_unref(content);
    assert_int_equal(alloc.live, 1);
    sli_mail_content_unref(content);
    assert_int_equal(alloc.live, 0);
}

static void build(struct fail_alloc *alloc, void *user)
{
    struct slimta_content *content = NULL;
    int err = sli_mail_content_new(&content, &alloc->table, 100);

    (void)user;
    if (err == 0) {
        err = fill(content, BIG, 3000);
    }
    if (err == 0) {
        err = sli_mail_content_spill(content, &store, directory);
    }
    if (err == 0) {
        err = fill(content, BIG, 3000);
    }
    if (err == 0) {
        assert_spilled(content, BIG);
    }
    assert_int_equal(
        err, fail_alloc_has_failed(alloc) ? SLIMTA_ENOMEM : SLIMTA_OK);
    sli_mail_content_unref(content);
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(build, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_block_sizes),
        cmocka_unit_test(test_announced_is_one_block),
        cmocka_unit_test(test_head_stays),
        cmocka_unit_test(test_spill),
        cmocka_unit_test(test_spill_again),
        cmocka_unit_test(test_spill_fails),
        cmocka_unit_test(test_store_fails),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
