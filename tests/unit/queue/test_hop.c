/** Next hops: what hosts and URLs are read into, and what is refused. */
#include "fail_alloc.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "queue/hop.h"

enum { TEXT_MAX = 8192 };

static struct slimta_alloc alloc;

static int setup(void **state)
{
    (void)state;
    return sli_alloc_init(&alloc, NULL);
}

static int read_hosts(
    struct sli_queue_hops *hops, const char *text, struct slimta_error *error)
{
    return sli_queue_hop_read_hosts(hops, &alloc, text, 25, "hosts", error);
}

static int read_urls(
    struct sli_queue_hops *hops, const char *text, struct slimta_error *error)
{
    return sli_queue_hop_read_urls(hops, &alloc, text, "urls", error);
}

typedef int (*reader)(
    struct sli_queue_hops *hops, const char *text, struct slimta_error *error);

/* "text|name|family|port|https|authority|path " for each. */
static const char *describe(reader read, const char *list)
{
    static char out[TEXT_MAX];
    struct sli_queue_hops hops;
    struct slimta_error error = {0};
    size_t size = 0;

    out[0] = '\0';
    if (read(&hops, list, &error) != 0) {
        (void)snprintf(out, sizeof out, "%d %s", error.code, error.text);
        return out;
    }
    for (size_t i = 0; i < hops.count; i++) {
        const struct sli_queue_hop *hop = &hops.items[i];

        size += (size_t)snprintf(out + size, sizeof out - size,
            "%s%s|%s|%d|%d|%s|%s%.*s|%.*s", i == 0 ? "" : " ", hop->text,
            hop->name == NULL ? "" : hop->name, hop->target.address.family,
            hop->target.address.port,
            hop->target.name == NULL ? "" : hop->target.name,
            hop->is_https ? "s:" : "", (int)hop->authority.size,
            hop->authority.size == 0 ? "" : hop->authority.data,
            (int)hop->path.size, hop->path.size == 0 ? "" : hop->path.data);
    }
    sli_queue_hop_fini(&hops);
    assert_int_equal(hops.count, 0);
    return out;
}

static void hosts(void **state)
{
    static const char *const cases[][2] = {
        {"mx", "mx:25|mx|0|25|mx||"},
        {"MX.Example.Org.",
            "mx.example.org:25|mx.example.org|0|25|"
            "mx.example.org||"},
        {"mx.example.org:1",
            "mx.example.org:1|mx.example.org|0|1|"
            "mx.example.org||"},
        {"mx:65535", "mx:65535|mx|0|65535|mx||"},
        {"192.0.2.1", "192.0.2.1:25||1|25|||"},
        {"192.0.2.1:2525", "192.0.2.1:2525||1|2525|||"},
        {"::1", "[::1]:25||2|25|||"},
        {"[::1]", "[::1]:25||2|25|||"},
        {"[2001:DB8:0::1]:24", "[2001:db8::1]:24||2|24|||"},
        {"[::ffff:192.0.2.1]:24", "192.0.2.1:24||1|24|||"},
        {"unix:/run/lmtp", "unix:/run/lmtp||3|0|/run/lmtp||"},
        {"unix:/a b", "unix:/a b||3|0|/a b||"},
        {"a, b:2 ,\t[::1]:3\n",
            "a:25|a|0|25|a|| b:2|b|0|2|b|| "
            "[::1]:3||2|3|||"},
        {"under_score.example",
            "under_score.example:25|under_score.example|0|"
            "25|under_score.example||"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(describe(read_hosts, cases[i][0]), cases[i][1]);
    }
}

static void bad_hosts(void **state)
{
    static const char *const bad[] = {"a,", ",a", "a,,b", "a:", "a:0",
        "a:65536", "a:b", "a:25:25", "a b", "a/b", "-", "[::1", "[::1]x",
        "[::1]:", "[]", "[a]", "192.0.2.256", "192.0.2.1:0", "1.2.3", "a..b",
        ".a", ".", "a@b", "unix:", "unix:a", "unix:./a", "\xC3\xA4.example",
        "http://a/", "[fe80::1%eth0]"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *said = describe(read_hosts, bad[i]);

        assert_memory_equal(said, "-1 hosts: '", 11);
    }
    assert_string_equal(describe(read_hosts, ""), "-1 hosts: there is none");
    assert_string_equal(describe(read_hosts, " "), "-1 hosts: there is none");
    assert_string_equal(describe(read_hosts, NULL), "-1 hosts: there is none");
    assert_string_equal(describe(read_hosts, "a, x y "),
        "-1 hosts: 'x y' is no host, address or socket");
    assert_string_equal(describe(read_hosts, "unix:lmtp"),
        "-1 hosts: 'unix:lmtp' is no absolute path of a socket");
}

static void urls(void **state)
{
    static const char *const cases[][2] = {
        {"http://mx", "http://mx|mx|0|80|mx|mx|/"},
        {"http://mx/", "http://mx|mx|0|80|mx|mx|/"},
        {"HTTPS://MX.Example./Path",
            "https://mx.example|mx.example|0|443|"
            "mx.example|s:mx.example|/Path"},
        {"http://mx:80/a?b=c", "http://mx|mx|0|80|mx|mx|/a?b=c"},
        {"https://mx:443", "https://mx|mx|0|443|mx|s:mx|/"},
        {"https://mx:80", "https://mx:80|mx|0|80|mx|s:mx:80|/"},
        {"http://mx?x", "http://mx|mx|0|80|mx|mx|/?x"},
        {"http://192.0.2.1:8080/%41",
            "http://192.0.2.1:8080||1|8080||"
            "192.0.2.1:8080|/%41"},
        {"http://[::1]:8/a", "http://[::1]:8||2|8||[::1]:8|/a"},
        {"http://[::1]", "http://[::1]||2|80||[::1]|/"},
        {" http://a/1\n http://b/2 ",
            "http://a|a|0|80|a|a|/1 http://b|b|0|80|b|b|/2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(describe(read_urls, cases[i][0]), cases[i][1]);
    }
}

static void bad_urls(void **state)
{
    static const char *const bad[] = {"mx", "mx/path", "ftp://mx/", "http:/mx",
        "http://", "http:///", "https://", "http://:80/", "http://mx:/",
        "http://mx:0/", "http://mx:65536/", "http://::1/", "http://[::1/",
        "http://a_b c/", "http://mx/#a", "http://mx#a", "http://mx/%4",
        "http://mx/%xx", "http://mx/\x01", "http://mx/\"", "http://mx/<",
        "http://mx/\\", "http://mx/\xC3\xA4", "http://mx/[", "http://mx,",
        "http://mx/ mx", "unix:/run/http"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *said = describe(read_urls, bad[i]);

        assert_memory_equal(said, "-1 urls: '", 10);
    }
    assert_string_equal(describe(read_urls, NULL), "-1 urls: there is none");
}

static void no_error_repeats_a_password(void **state)
{
    (void)state;
    assert_string_equal(describe(read_urls, "http://me:secret@mx/"),
        "-1 urls: a URL has no room for a user");
    assert_string_equal(describe(read_urls, "http://me:secret@/ http://b"),
        "-1 urls: a URL has no room for a user");
}

/* `count` hosts of one letter. */
static const char *many(size_t count)
{
    static char list[2 * SLI_QUEUE_HOPS_MAX + 8];

    for (size_t i = 0; i < count; i++) {
        memcpy(list + 2 * i, "a,", 3);
    }
    list[2 * count - 1] = '\0';
    return list;
}

static void limits(void **state)
{
    char path[SLI_QUEUE_HOP_PATH_MAX + 8] = "unix:/";
    char name[300];
    struct sli_queue_hops hops;

    (void)state;
    assert_int_equal(read_hosts(&hops, many(SLI_QUEUE_HOPS_MAX), NULL), 0);
    assert_int_equal(hops.count, SLI_QUEUE_HOPS_MAX);
    sli_queue_hop_fini(&hops);
    assert_string_equal(describe(read_hosts, many(SLI_QUEUE_HOPS_MAX + 1)),
        "-1 hosts: there are more than 16");

    memset(path + 6, 'p', SLI_QUEUE_HOP_PATH_MAX);
    path[5 + SLI_QUEUE_HOP_PATH_MAX + 1] = '\0';
    assert_int_equal(read_hosts(&hops, path, NULL), SLIMTA_EINVAL);
    path[5 + SLI_QUEUE_HOP_PATH_MAX] = '\0';
    assert_int_equal(read_hosts(&hops, path, NULL), 0);
    sli_queue_hop_fini(&hops);

    /* Labels of 62 and a dot. */
    for (size_t i = 0; i < sizeof name; i++) {
        name[i] = i % 63 == 62 ? '.' : 'n';
    }
    name[254] = '\0';
    assert_int_equal(read_hosts(&hops, name, NULL), SLIMTA_EINVAL);
    name[253] = '\0';
    assert_int_equal(read_hosts(&hops, name, NULL), 0);
    assert_int_equal(strlen(hops.items[0].name), 253);
    sli_queue_hop_fini(&hops);
}

static void scenario(struct fail_alloc *failing, void *user)
{
    struct sli_queue_hops hops;
    int err = sli_queue_hop_read_hosts(&hops, &failing->table,
        "mx.example.org, 192.0.2.1, unix:/run/lmtp", 25, "hosts", NULL);

    (void)user;
    assert_true(err == (fail_alloc_has_failed(failing) ? SLIMTA_ENOMEM : 0));
    if (err == 0) {
        sli_queue_hop_fini(&hops);
    }
    fail_alloc_arm(failing, failing->fail_at, failing->mode);
    err = sli_queue_hop_read_urls(
        &hops, &failing->table, "http://mx/path https://[::1]/", "urls", NULL);
    assert_true(err == 0 || err == SLIMTA_ENOMEM);
    if (err == 0) {
        sli_queue_hop_fini(&hops);
    }
}

static void every_allocation_failing(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(scenario, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),
        cmocka_unit_test(bad_hosts),
        cmocka_unit_test(urls),
        cmocka_unit_test(bad_urls),
        cmocka_unit_test(no_error_repeats_a_password),
        cmocka_unit_test(limits),
        cmocka_unit_test(every_allocation_failing),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
