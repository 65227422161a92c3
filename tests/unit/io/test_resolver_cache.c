/** What is kept, for how long, and how much of it. */
#include "fail_alloc.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "io/resolver_cache.h"

static struct fail_alloc memory;

/* An answer without records: to a name that is not there, with a SOA. */
static struct sli_io_resolver_answer *make_answer(unsigned char ttl_s)
{
    char message[12 + 5 + 11 + 22] = {
        0, 1, (char)0x81, (char)0x83, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1};
    struct sli_io_resolver_answer *answer = NULL;

    message[12 + 5 + 2] = 6;
    message[12 + 5 + 4] = 1;
    message[12 + 5 + 8] = (char)ttl_s;
    message[12 + 5 + 10] = 22;
    message[sizeof message - 1] = (char)ttl_s;
    assert_int_equal(sli_io_resolver_answer_read(&answer, &memory.table,
                         SLIMTA_DNS_A, sli_slice(message, sizeof message)),
        0);
    assert_int_equal(answer->ttl_s, ttl_s);
    return answer;
}

static void keep(struct sli_io_resolver_cache *cache, const char *name,
    unsigned char ttl_s, uint64_t now_ms)
{
    struct sli_io_resolver_answer *answer = make_answer(ttl_s);
    struct sli_io_resolver_entry *entry =
        sli_io_resolver_cache_add(cache, name, SLIMTA_DNS_A);

    assert_non_null(entry);
    sli_io_resolver_cache_keep(cache, entry, answer, now_ms);
    sli_io_resolver_answer_unref(answer);
}

static int has(struct sli_io_resolver_cache *cache, const char *name,
    enum slimta_dns_type type, uint64_t now_ms)
{
    return sli_io_resolver_cache_find(cache, name, type, now_ms) != NULL;
}

static void open_cache(struct sli_io_resolver_cache *cache, uint64_t max_bytes)
{
    fail_alloc_init(&memory, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_io_resolver_cache_init(cache, &memory.table, max_bytes), 0);
}

static void close_cache(struct sli_io_resolver_cache *cache)
{
    sli_io_resolver_cache_fini(cache);
    assert_int_equal(memory.live, 0);
}

static void an_answer_is_kept_for_its_ttl(void **state)
{
    struct sli_io_resolver_cache cache;

    (void)state;
    open_cache(&cache, 1 << 20);
    keep(&cache, "a", 5, 1000);
    assert_true(has(&cache, "a", SLIMTA_DNS_A, 5999));
    assert_false(has(&cache, "a", SLIMTA_DNS_AAAA, 5999));
    assert_false(has(&cache, "b", SLIMTA_DNS_A, 5999));
    assert_false(has(&cache, "a", SLIMTA_DNS_A, 6000));
    assert_int_equal(cache.bytes, 0);
    keep(&cache, "a", 0, 1000);
    assert_false(has(&cache, "a", SLIMTA_DNS_A, 1000));
    close_cache(&cache);
}

static void the_bound_is_held(void **state)
{
    struct sli_io_resolver_cache cache;
    uint64_t each;

    (void)state;
    open_cache(&cache, 1 << 20);
    keep(&cache, "a", 5, 0);
    each = cache.bytes;
    cache.max_bytes = 3 * each;
    keep(&cache, "b", 5, 0);
    keep(&cache, "c", 5, 0);
    assert_int_equal(cache.bytes, 3 * each);
    /* The one that was not used for longest goes. */
    assert_true(has(&cache, "a", SLIMTA_DNS_A, 0));
    keep(&cache, "d", 5, 0);
    assert_int_equal(cache.bytes, 3 * each);
    assert_true(has(&cache, "a", SLIMTA_DNS_A, 0));
    assert_false(has(&cache, "b", SLIMTA_DNS_A, 0));
    assert_true(has(&cache, "d", SLIMTA_DNS_A, 0));
    close_cache(&cache);
}

static void what_is_too_large_is_not_kept(void **state)
{
    struct sli_io_resolver_cache cache;
    uint64_t each;

    (void)state;
    open_cache(&cache, 1 << 20);
    keep(&cache, "a", 5, 0);
    each = cache.bytes;
    cache.max_bytes = each;
    keep(&cache, "b", 5, 0);
    assert_true(has(&cache, "b", SLIMTA_DNS_A, 0));
    keep(&cache, "cc", 5, 0);
    assert_false(has(&cache, "cc", SLIMTA_DNS_A, 0));
    assert_true(has(&cache, "b", SLIMTA_DNS_A, 0));
    close_cache(&cache);
}

static void thousands_of_names(void **state)
{
    struct sli_io_resolver_cache cache;
    char name[16];

    (void)state;
    open_cache(&cache, UINT64_MAX);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        keep(&cache, name, 5, 0);
    }
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        assert_true(has(&cache, name, SLIMTA_DNS_A, 0));
    }
    close_cache(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_kept_for_its_ttl),
        cmocka_unit_test(the_bound_is_held),
        cmocka_unit_test(what_is_too_large_is_not_kept),
        cmocka_unit_test(thousands_of_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
