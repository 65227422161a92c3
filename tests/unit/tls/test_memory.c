/** mbedTLS without memory: its own calloc fails, in turn. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "test.h"

#include <dlfcn.h>
#include <string.h>

#include "certificates.h"
#include "base/alloc.h"
#include "pair.h"
#include "tls/context.h"

static size_t fail_at; /* 0: none */
static size_t asked;

/* Stands before libc's, and the sanitizer's, for this whole program. Whoever
 * asks for some while that is looked up gets of the first octets here. */
void *calloc(size_t count, size_t size)
{
    static void *(*next)(size_t, size_t);
    static int is_looking;
    static _Alignas(max_align_t) char first[4096];
    static size_t used;

    if (next == NULL && is_looking) {
        used += (count * size + 15) / 16 * 16;
        return used > sizeof first
            ? NULL
            : first + used - (count * size + 15) / 16 * 16;
    }
    if (next == NULL) {
        void *found;

        is_looking = 1;
        found = dlsym(RTLD_NEXT, "calloc");
        memcpy(&next, &found, sizeof next);
        is_looking = 0;
    }
    return ++asked == fail_at ? NULL : next(count, size);
}

static void arm(size_t n)
{
    asked = 0;
    fail_at = n;
}

static int has_failed(void)
{
    return fail_at != 0 && asked >= fail_at;
}

static size_t tried;
static size_t undue; /* failures that were told as something else */

/* mbedTLS itself tells some as something else: where it computes random
 * numbers, or reads a message of the peer. */
static void assert_told(void)
{
    assert_true(tried > 0);
    assert_true(undue * 4 <= tried);
}

/* What a scenario says: 0, or a code of the library. */
typedef int (*scenario)(void);

/* A handshake asks a hundred thousand times, mostly for numbers: the first are
 * all tried, then fewer and fewer. Returns how many are asked for. */
static size_t sweep(scenario run)
{
    tried = 0;
    undue = 0;
    for (size_t n = 1;; n += n < 40 ? 1 : n / 6) {
        int err;
        int failed;

        arm(n);
        err = run();
        failed = has_failed();
        arm(0);
        if (!failed) {
            assert_int_equal(err, 0);
            return n;
        }
        assert_true(err <= 0);
        tried++;
        undue += err != 0 && err != SLIMTA_ENOMEM;
    }
}

static int build(void)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    const struct slimta_tls_options options = {
        .size = sizeof options,
        .ca_file = certificate_path(ca_file, "ca", ".pem"),
    };
    struct slimta_tls *tls = NULL;
    int err = slimta_tls_new(&tls, &options, NULL);

    if (err == 0) {
        err = certificate_add_pair(tls, "chain", "leaf", NULL);
    }
    slimta_tls_unref(tls);
    return err;
}

static void builds_contexts(void **state)
{
    (void)state;
    assert_true(sweep(build) > 20);
    assert_told();
}

static struct slimta_tls *shared;
static struct end server;
static struct end client;

static int is_told(const struct end *end)
{
    return strncmp(sli_tls_stream_error(end->stream), "out of memory", 13) == 0;
}

static void talk(void)
{
    char got[64];

    pair_shake(&client, &server, SIZE_MAX);
    if (server.status == SLI_TLS_DONE && client.status == SLI_TLS_DONE &&
        sli_tls_stream_write(client.stream, SLI_LITERAL("QUIT\r\n")) == 0) {
        (void)end_read(&server, &client, got, sizeof got, SIZE_MAX);
    }
    if (has_failed() && !is_told(&server) && !is_told(&client)) {
        undue++;
    }
}

static int converse(void)
{
    struct slimta_alloc alloc = {.size = sizeof alloc};
    int err = sli_alloc_init(&alloc, NULL);

    if (err == 0) {
        err = sli_tls_stream_new(
            &server.stream, &alloc, shared, SLI_TLS_SERVER, NULL);
    }
    if (err == 0) {
        err = sli_tls_stream_new(
            &client.stream, &alloc, shared, SLI_TLS_CLIENT, "leaf.example.com");
    }
    if (err == 0) {
        end_attach(&server);
        end_attach(&client);
        talk();
    }
    end_free(&server);
    end_free(&client);
    return err;
}

static void converses(void **state)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    const struct slimta_tls_options options = {
        .size = sizeof options,
        .ca_file = certificate_path(ca_file, "ca", ".pem"),
    };

    (void)state;
    assert_int_equal(slimta_tls_new(&shared, &options, NULL), 0);
    assert_int_equal(certificate_add_pair(shared, "chain", "leaf", NULL), 0);
    assert_int_equal(sli_tls_context_use_as_client(shared, NULL), 0);
    assert_true(sweep(converse) > 100);
    assert_told();
    slimta_tls_unref(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_contexts),
        cmocka_unit_test(converses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
