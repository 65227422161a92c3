/** What was answered to an Idempotency-Key. */
#include "test.h"

#include <string.h>

#include "edge/http/keys.h"
#include "fail_alloc.h"
#include "mail/reply.h"

enum { LIFE_MS = 100 };

struct fixture {
    struct fail_alloc alloc;
    struct sli_edge_http_keys keys;
    struct slimta_reply reply;
};

static void open_keys(struct fixture *f, uint64_t max)
{
    memset(f, 0, sizeof *f);
    fail_alloc_init(&f->alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_edge_http_keys_init(&f->keys, &f->alloc.table, max, LIFE_MS), 0);
    sli_mail_reply_init(&f->reply, &f->alloc.table);
    assert_int_equal(slimta_reply_set(&f->reply, 250, "2.6.0 Taken"), 0);
}

static void close_keys(struct fixture *f)
{
    sli_mail_reply_fini(&f->reply);
    sli_edge_http_keys_fini(&f->keys);
    assert_int_equal(f->alloc.live, 0);
}

static enum sli_edge_http_keys_result take(struct fixture *f, unsigned name,
    uint64_t now_ms, struct sli_edge_http_key **key)
{
    unsigned char octets[SLI_TLS_DIGEST_SIZE] = {(unsigned char)name, 7};
    struct sli_edge_http_keys_answer answer = {.reply = NULL};
    enum sli_edge_http_keys_result result =
        sli_edge_http_keys_take(&f->keys, octets, now_ms, key, &answer);

    if (result == SLI_EDGE_HTTP_KEYS_KNOWN) {
        assert_int_equal(answer.digest[0], name);
        assert_int_equal(slimta_reply_code(answer.reply), 250);
        assert_string_equal(slimta_reply_text(answer.reply), "Taken");
        assert_string_equal(answer.listed, "1; 550");
    }
    sli_edge_http_keys_answer_fini(&answer, &f->alloc.table);
    return result;
}

static void settle(struct fixture *f, unsigned name, uint64_t now_ms,
    struct sli_edge_http_key *key)
{
    const struct sli_edge_http_keys_said said = {
        .digest = {(unsigned char)name},
        .reply = &f->reply,
        .listed = "1; 550",
    };

    sli_edge_http_keys_settle(&f->keys, key, now_ms, &said);
}

static void knows_what_was_said(void **state)
{
    struct fixture f;
    struct sli_edge_http_key *key = NULL;
    struct sli_edge_http_key *other = NULL;

    (void)state;
    open_keys(&f, 2);
    assert_int_equal(take(&f, 1, 0, &key), SLI_EDGE_HTTP_KEYS_NEW);
    assert_int_equal(take(&f, 1, 0, &other), SLI_EDGE_HTTP_KEYS_RUNNING);
    settle(&f, 1, 0, key);
    assert_int_equal(take(&f, 1, 0, &other), SLI_EDGE_HTTP_KEYS_KNOWN);
    /* A key that was given up is as good as new. */
    assert_int_equal(take(&f, 2, 0, &key), SLI_EDGE_HTTP_KEYS_NEW);
    sli_edge_http_keys_give_up(&f.keys, key);
    assert_int_equal(take(&f, 2, 0, &key), SLI_EDGE_HTTP_KEYS_NEW);
    sli_edge_http_keys_give_up(&f.keys, key);
    close_keys(&f);
}

static void forgets_in_time(void **state)
{
    struct fixture f;
    struct sli_edge_http_key *key = NULL;

    (void)state;
    open_keys(&f, 2);
    assert_int_equal(take(&f, 1, 5, &key), SLI_EDGE_HTTP_KEYS_NEW);
    settle(&f, 1, 10, key);
    assert_int_equal(
        take(&f, 1, 10 + LIFE_MS - 1, &key), SLI_EDGE_HTTP_KEYS_KNOWN);
    assert_int_equal(take(&f, 1, 10 + LIFE_MS, &key), SLI_EDGE_HTTP_KEYS_NEW);
    /* One that runs stays, however long. */
    assert_int_equal(take(&f, 1, UINT64_MAX, &key), SLI_EDGE_HTTP_KEYS_RUNNING);
    sli_edge_http_keys_give_up(&f.keys, key);
    close_keys(&f);
}

static void is_bounded(void **state)
{
    enum { MAX = 3 };
    struct fixture f;
    struct sli_edge_http_key *keys[MAX + 1] = {NULL};

    (void)state;
    open_keys(&f, MAX);
    for (unsigned i = 0; i < MAX; i++) {
        assert_int_equal(take(&f, i, 0, &keys[i]), SLI_EDGE_HTTP_KEYS_NEW);
    }
    assert_int_equal(take(&f, MAX, 0, &keys[MAX]), SLI_EDGE_HTTP_KEYS_FULL);
    /* The oldest answer makes room, whatever came first. */
    settle(&f, 1, 0, keys[1]);
    settle(&f, 0, 0, keys[0]);
    assert_int_equal(take(&f, MAX, 0, &keys[MAX]), SLI_EDGE_HTTP_KEYS_NEW);
    assert_int_equal(take(&f, 0, 0, &keys[0]), SLI_EDGE_HTTP_KEYS_KNOWN);
    assert_int_equal(f.keys.count, MAX);
    assert_int_equal(take(&f, 1, 0, &keys[1]), SLI_EDGE_HTTP_KEYS_NEW);
    for (unsigned i = 1; i <= MAX; i++) {
        sli_edge_http_keys_give_up(&f.keys, keys[i]);
    }
    assert_int_equal(f.keys.count, 0);
    close_keys(&f);
}

static void survives_without_memory(void **state)
{
    struct fixture f;
    struct sli_edge_http_key *key = NULL;

    (void)state;
    open_keys(&f, 3);
    fail_alloc_arm(&f.alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(take(&f, 1, 0, &key), SLI_EDGE_HTTP_KEYS_FULL);
    /* What cannot be remembered may come again. */
    for (size_t i = 1; i <= 2; i++) {
        assert_int_equal(take(&f, 1, 0, &key), SLI_EDGE_HTTP_KEYS_NEW);
        fail_alloc_arm(&f.alloc, i, FAIL_ALLOC_ONCE);
        settle(&f, 1, 0, key);
    }
    assert_int_equal(take(&f, 1, 0, &key), SLI_EDGE_HTTP_KEYS_NEW);
    settle(&f, 1, 0, key);
    fail_alloc_arm(&f.alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(take(&f, 1, 0, &key), SLI_EDGE_HTTP_KEYS_FULL);
    close_keys(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_was_said),
        cmocka_unit_test(forgets_in_time),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(survives_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
