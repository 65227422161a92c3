/** Messages that are stored together and share their syncs. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "box.h"

#include "queue/maildir/batch.h"
#include "queue/maildir/dir.h"

/* Stand in for the system's, to count and to fail: number `fail_at`, 1 first,
 * of those that follow. */
struct call {
    unsigned count;
    unsigned fail_at;
};

static struct call file_syncs;
static struct call entry_syncs;
static struct call renames;

static int fails(struct call *call)
{
    if (++call->count != call->fail_at) {
        return 0;
    }
    errno = EIO;
    return 1;
}

int fdatasync(int fd)
{
    (void)fd;
    return fails(&file_syncs) ? -1 : 0;
}

int fsync(int fd)
{
    (void)fd;
    return fails(&entry_syncs) ? -1 : 0;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    if (fails(&renames) || linkat(from_dir, from, to_dir, to, 0) != 0) {
        return -1;
    }
    return unlinkat(from_dir, from, 0);
}

static struct box box;
static struct slimta_alloc alloc;
static struct sli_queue_maildir_store store;
static struct sli_queue_maildir_batch batch;
static struct sli_queue_maildir_item items[SLI_QUEUE_MAILDIR_BATCH_MAX];

static int set_up(void **state)
{
    struct slimta_error error;

    (void)state;
    box_open(&box);
    (void)sli_alloc_init(&alloc, NULL);
    store.alloc = &alloc;
    store.newlines = SLIMTA_NEWLINES_CRLF;
    sli_queue_maildir_name_init(&store.names);
    batch.count = 0;
    file_syncs = (struct call){0};
    entry_syncs = (struct call){0};
    renames = (struct call){0};
    return sli_queue_maildir_dir_open(
        &store.root, box.path, &store.names, &error);
}

static void expect_failures(unsigned file, unsigned entry, unsigned name)
{
    file_syncs = (struct call){.fail_at = file};
    entry_syncs = (struct call){.fail_at = entry};
    renames = (struct call){.fail_at = name};
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(store.root);
    box_close(&box);
    return 0;
}

static struct sli_queue_maildir_item *add(struct slimta_envelope *envelope)
{
    struct sli_queue_maildir_item *item = &items[batch.count];

    *item = (struct sli_queue_maildir_item){.envelope = envelope, .fd = -1};
    batch.items[batch.count++] = item;
    return item;
}

static void add_messages(size_t count)
{
    char text[64];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(text, sizeof text, "Number: %zu\r\n\r\n", i);
        add(box_message(text));
    }
}

static void release(void)
{
    for (size_t i = 0; i < batch.count; i++) {
        assert_int_equal(-1, items[i].fd);
        slimta_envelope_unref(items[i].envelope);
    }
    batch.count = 0;
}

static void assert_stored(const struct sli_queue_maildir_item *item)
{
    char where[256];
    char tail[64];
    size_t size;
    char *head = box_head(item->envelope, item->name);
    char *text;

    assert_int_equal(0, item->err);
    (void)snprintf(where, sizeof where, "new/%s", item->name);
    text = box_read(&box, where, &size);
    (void)snprintf(
        tail, sizeof tail, "Number: %zu\r\n\r\n", (size_t)(item - items));
    assert_memory_equal(head, text, strlen(head));
    assert_string_equal(tail, text + strlen(head));
    free(text);
    free(head);
}

static void assert_counts(size_t in_tmp, size_t in_new)
{
    assert_int_equal(in_tmp, box_count(&box, "tmp", NULL));
    assert_int_equal(in_new, box_count(&box, "new", NULL));
}

static void test_a_full_batch_is_stored(void **state)
{
    (void)state;
    add_messages(SLI_QUEUE_MAILDIR_BATCH_MAX);
    sli_queue_maildir_batch_store(&store, &batch);
    for (size_t i = 0; i < batch.count; i++) {
        assert_stored(&items[i]);
    }
    assert_counts(0, SLI_QUEUE_MAILDIR_BATCH_MAX);
    release();
}

static void test_one_sync_is_for_all_entries(void **state)
{
    (void)state;
    add_messages(20);
    expect_failures(0, 0, 0);
    sli_queue_maildir_batch_store(&store, &batch);
    assert_int_equal(20, file_syncs.count);
    assert_int_equal(1, entry_syncs.count);
    release();
}

static void test_a_failed_sync_fails_alone(void **state)
{
    (void)state;
    add_messages(3);
    expect_failures(2, 0, 0);
    sli_queue_maildir_batch_store(&store, &batch);
    assert_stored(&items[0]);
    assert_int_equal(SLIMTA_EIO, items[1].err);
    assert_stored(&items[2]);
    assert_counts(0, 2);
    release();
}

static void test_a_failed_rename_fails_alone(void **state)
{
    (void)state;
    add_messages(3);
    expect_failures(0, 0, 1);
    sli_queue_maildir_batch_store(&store, &batch);
    assert_int_equal(SLIMTA_EIO, items[0].err);
    assert_stored(&items[1]);
    assert_stored(&items[2]);
    assert_counts(0, 2);
    release();
}

static void test_without_the_entries_nothing_stays(void **state)
{
    (void)state;
    add_messages(4);
    expect_failures(3, 1, 0);
    sli_queue_maildir_batch_store(&store, &batch);
    for (size_t i = 0; i < batch.count; i++) {
        assert_int_equal(SLIMTA_EIO, items[i].err);
    }
    assert_counts(0, 0);
    release();

    add_messages(1);
    sli_queue_maildir_batch_store(&store, &batch);
    assert_stored(&items[0]);
    release();
}

static void test_a_file_is_its_owners_alone(void **state)
{
    struct stat about;
    char where[256];

    (void)state;
    add_messages(1);
    sli_queue_maildir_batch_store(&store, &batch);
    (void)snprintf(where, sizeof where, "new/%s", items[0].name);
    assert_int_equal(0, stat(box_path(&box, where), &about));
    assert_int_equal(0600, about.st_mode & 07777);
    assert_int_equal(1, about.st_nlink);
    release();
}

static void test_a_message_too_large_fails_alone(void **state)
{
    static char large[20000];
    struct rlimit before;
    struct rlimit low;

    (void)state;
    memset(large, 'x', sizeof large - 1);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    low = before;
    low.rlim_cur = 8192;
    add_messages(1);
    add(box_message(large));
    add(box_message("Number: 2\r\n\r\n"));
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &low));
    sli_queue_maildir_batch_store(&store, &batch);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
    assert_stored(&items[0]);
    assert_int_equal(SLIMTA_ENOSPC, items[1].err);
    assert_stored(&items[2]);
    assert_counts(0, 2);
    release();

    add_messages(1);
    sli_queue_maildir_batch_store(&store, &batch);
    assert_stored(&items[0]);
    release();
}

/* Puts a file where a directory is expected, and back. */
static void spoil(const char *name)
{
    char away[512];

    (void)snprintf(away, sizeof away, "%s", box_path(&box, "away"));
    assert_int_equal(0, rename(box_path(&box, name), away));
    (void)close(open(box_path(&box, name), O_CREAT | O_WRONLY, 0600));
}

static void repair(const char *name)
{
    char away[512];

    (void)snprintf(away, sizeof away, "%s", box_path(&box, "away"));
    assert_int_equal(0, unlink(box_path(&box, name)));
    assert_int_equal(0, rename(away, box_path(&box, name)));
}

static void assert_spoilt_then_repaired(const char *name)
{
    spoil(name);
    add_messages(3);
    sli_queue_maildir_batch_store(&store, &batch);
    for (size_t i = 0; i < batch.count; i++) {
        assert_int_equal(SLIMTA_ENOENT, items[i].err);
    }
    release();
    repair(name);
    assert_counts(0, 0);

    add_messages(3);
    sli_queue_maildir_batch_store(&store, &batch);
    for (size_t i = 0; i < batch.count; i++) {
        assert_stored(&items[i]);
    }
    release();
}

static void test_a_spoilt_tmp_is_survived(void **state)
{
    (void)state;
    assert_spoilt_then_repaired("tmp");
}

static void test_a_spoilt_new_is_survived(void **state)
{
    (void)state;
    assert_spoilt_then_repaired("new");
}

static void test_forbidden_directories_are_survived(void **state)
{
    static const char *const names[] = {"tmp", "new"};

    (void)state;
    if (!box_drop_root(&box)) {
        return; /* nothing is forbidden */
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(0, chmod(box_path(&box, names[i]), 0500));
        add_messages(2);
        sli_queue_maildir_batch_store(&store, &batch);
        assert_int_equal(SLIMTA_EACCES, items[0].err);
        assert_int_equal(SLIMTA_EACCES, items[1].err);
        assert_int_equal(0, chmod(box_path(&box, names[i]), 0700));
        assert_counts(0, 0);
        release();
    }
    add_messages(1);
    sli_queue_maildir_batch_store(&store, &batch);
    assert_stored(&items[0]);
    release();
    box_take_root();
}

/* How many descriptors are open, plus `more`, is what may be. */
static void limit_descriptors(struct rlimit *before, unsigned more)
{
    struct rlimit low;
    int next = dup(0);

    assert_true(next >= 0);
    (void)close(next);
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, before));
    low = *before;
    low.rlim_cur = (rlim_t)next + more;
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &low));
}

/* Two are the directories'; then the files come three at a time. */
static void test_few_descriptors_make_small_groups(void **state)
{
    struct rlimit before;

    (void)state;
    add_messages(10);
    expect_failures(0, 0, 0);
    limit_descriptors(&before, 5);
    sli_queue_maildir_batch_store(&store, &batch);
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
    for (size_t i = 0; i < batch.count; i++) {
        assert_stored(&items[i]);
    }
    assert_int_equal(4, entry_syncs.count); /* 3 + 3 + 3 + 1 */
    assert_counts(0, 10);
    release();
}

static void test_no_descriptors_refuse(void **state)
{
    struct rlimit before;

    (void)state;
    for (unsigned more = 0; more < 3; more++) {
        add_messages(3);
        limit_descriptors(&before, more);
        sli_queue_maildir_batch_store(&store, &batch);
        assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
        for (size_t i = 0; i < batch.count; i++) {
            assert_int_equal(SLIMTA_EMFILE, items[i].err);
        }
        release();
    }
    assert_counts(0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_full_batch_is_stored),
        TEST(test_one_sync_is_for_all_entries),
        TEST(test_a_failed_sync_fails_alone),
        TEST(test_a_failed_rename_fails_alone),
        TEST(test_without_the_entries_nothing_stays),
        TEST(test_a_file_is_its_owners_alone),
        TEST(test_a_message_too_large_fails_alone),
        TEST(test_a_spoilt_tmp_is_survived),
        TEST(test_a_spoilt_new_is_survived),
        TEST(test_forbidden_directories_are_survived),
        TEST(test_few_descriptors_make_small_groups),
        TEST(test_no_descriptors_refuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
