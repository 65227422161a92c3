/** Tests of resumption, and of threads that share a context. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include "certificates.h"
#include "fail_alloc.h"
#include "peer.h"

enum { THREADS = 4, CALLS = 6 };

static struct fail_alloc alloc;
static struct peer peer;

static struct slimta_tls *context(const struct slimta_tls_options *options)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    struct slimta_tls_options own = *options;
    struct slimta_tls *tls = NULL;

    own.size = sizeof own;
    own.alloc = &alloc.table;
    own.ca_file = certificate_path(ca_file, "ca", ".pem");
    assert_int_equal(slimta_tls_new(&tls, &own, NULL), 0);
    assert_int_equal(certificate_add(tls, "server", NULL), 0);
    assert_int_equal(certificate_add(tls, "rsa", NULL), 0);
    return tls;
}

static int set_up(void **state)
{
    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    peer_init(&peer);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    peer_fini(&peer);
    assert_int_equal(alloc.live, 0);
    return 0;
}

static int is_resumed(void)
{
    return sli_tls_stream_info(peer.server.stream)->is_resumed;
}

static void resumes_with_a_ticket(void **state)
{
    struct slimta_tls *tls = context(&(struct slimta_tls_options){0});

    (void)state;
    assert_int_equal(peer_call(&peer, &alloc.table, tls, 0), SLI_TLS_DONE);
    assert_false(is_resumed());
    peer_hang_up(&peer);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(peer_call(&peer, &alloc.table, tls, 1), SLI_TLS_DONE);
        assert_true(is_resumed());
        assert_string_equal(
            sli_tls_stream_info(peer.server.stream)->server_name,
            "mx.example.com");
        peer_hang_up(&peer);
    }
    slimta_tls_unref(tls);
}

/* A ticket is for one context: the next one, with new certificates, does not
 * know it, and a full handshake follows. */
static void does_not_know_the_tickets_of_another(void **state)
{
    struct slimta_tls *tls = context(&(struct slimta_tls_options){0});
    struct slimta_tls *next = context(&(struct slimta_tls_options){0});

    (void)state;
    assert_int_equal(peer_call(&peer, &alloc.table, tls, 0), SLI_TLS_DONE);
    peer_hang_up(&peer);
    assert_int_equal(peer_call(&peer, &alloc.table, next, 1), SLI_TLS_DONE);
    assert_false(is_resumed());
    peer_hang_up(&peer);
    slimta_tls_unref(tls);
    slimta_tls_unref(next);
}

static void gives_no_tickets(const struct slimta_tls_options *options)
{
    struct slimta_tls *tls = context(options);

    assert_int_equal(peer_call(&peer, &alloc.table, tls, 0), SLI_TLS_DONE);
    peer_hang_up(&peer);
    assert_int_equal(
        peer_call(&peer, &alloc.table, tls, peer.has_session), SLI_TLS_DONE);
    assert_false(is_resumed());
    peer_hang_up(&peer);
    slimta_tls_unref(tls);
}

static void gives_no_tickets_when_told_so(void **state)
{
    (void)state;
    gives_no_tickets(
        &(struct slimta_tls_options){.tickets = SLIMTA_TLS_TICKETS_OFF});
}

static void gives_no_tickets_when_it_asks_for_certificates(void **state)
{
    (void)state;
    gives_no_tickets(
        &(struct slimta_tls_options){.verify = SLIMTA_TLS_VERIFY_OPTIONAL});
}

/* --- What is heavy ----------------------------------------------------------
 */

/* How often a whole handshake has wanted time. */
static unsigned heavy_of(struct slimta_tls *tls, int resumes)
{
    assert_int_equal(
        peer_call(&peer, &alloc.table, tls, resumes), SLI_TLS_DONE);
    return peer.server.heavy;
}

static size_t ticket_size(void)
{
    return peer.session.SLI_TLS_MEMBER(ticket_len);
}

/* A key exchange and a signature for the first flight, what the client's key
 * comes to for the second. */
static void wants_time_for_a_full_handshake(void **state)
{
    struct slimta_tls *tls = context(&(struct slimta_tls_options){0});

    (void)state;
    assert_int_equal(heavy_of(tls, 0), SLI_TLS_HAS_1_3 ? 1 : 2);
    peer_hang_up(&peer);
    peer_limit_to_1_2(&peer.config);
    assert_int_equal(heavy_of(tls, 0), 2);
    peer_hang_up(&peer);
    slimta_tls_unref(tls);
}

static void resumes_lightly(void **state)
{
    struct slimta_tls *tls = context(&(struct slimta_tls_options){0});

    (void)state;
    peer_limit_to_1_2(&peer.config);
    (void)heavy_of(tls, 0);
    peer_hang_up(&peer);
    assert_int_equal(heavy_of(tls, 1), 0);
    assert_true(is_resumed());
    peer_hang_up(&peer);
    slimta_tls_unref(tls);
}

/* With TLS 1.3 a ticket saves the signature, but keys are exchanged anew. */
static void wants_time_to_resume_with_tls_1_3(void **state)
{
    struct slimta_tls *tls = context(&(struct slimta_tls_options){0});

    (void)state;
    (void)heavy_of(tls, 0);
    peer_hang_up(&peer);
    assert_int_equal(heavy_of(tls, 1), SLI_TLS_HAS_1_3 ? 1 : 0);
    assert_true(is_resumed());
    peer_hang_up(&peer);
    slimta_tls_unref(tls);
}

/* Wherever it was changed: a ticket that does not hold gets nothing heavy done
 * where others wait. */
static void wants_time_for_a_forged_ticket(void **state)
{
    struct slimta_tls *tls = context(&(struct slimta_tls_options){0});

    (void)state;
    peer_limit_to_1_2(&peer.config);
    (void)heavy_of(tls, 0);
    peer_hang_up(&peer);
    assert_in_range(ticket_size(), 64, 1024);
    for (size_t at = 0; at < ticket_size(); at += 13) {
        peer.session.SLI_TLS_MEMBER(ticket)[at] ^= 1;
        assert_int_equal(heavy_of(tls, 1), 2);
        assert_false(is_resumed());
        peer_hang_up(&peer); /* the next ticket is a good one */
    }
    slimta_tls_unref(tls);
}

/* --- Threads ----------------------------------------------------------------
 */

struct worker {
    pthread_t thread;
    struct slimta_tls *tls;
    struct peer peer;

    int done;
    int resumed;
};

static void *work(void *user)
{
    struct worker *worker = user;

    for (int i = 0; i < CALLS; i++) {
        enum sli_tls_status status =
            peer_call(&worker->peer, &alloc.table, worker->tls, i % 2);

        if (status == SLI_TLS_DONE) {
            worker->done++;
            worker->resumed +=
                sli_tls_stream_info(worker->peer.server.stream)->is_resumed;
        }
        peer_hang_up(&worker->peer);
    }
    slimta_tls_unref(worker->tls);
    return NULL;
}

/* Keys of both kinds, tickets, random numbers: all at once on one context. The
 * thread sanitizer looks at it. */
static void shares_a_context_between_threads(void **state)
{
    static const int rsa[] = {0xC02F, 0x1301, 0};
    static struct worker workers[THREADS];
    struct slimta_tls *tls = context(&(struct slimta_tls_options){0});

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        peer_init(&workers[i].peer);
        if (i % 2 == 1) {
            mbedtls_ssl_conf_ciphersuites(&workers[i].peer.config, rsa);
        }
        workers[i].tls = slimta_tls_ref(tls);
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    slimta_tls_unref(tls);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].done, CALLS);
        assert_int_equal(workers[i].resumed, CALLS / 2);
        peer_fini(&workers[i].peer);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown((name), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(resumes_with_a_ticket),
        TEST(does_not_know_the_tickets_of_another),
        TEST(gives_no_tickets_when_told_so),
        TEST(gives_no_tickets_when_it_asks_for_certificates),
        TEST(wants_time_for_a_full_handshake),
        TEST(resumes_lightly),
        TEST(wants_time_to_resume_with_tls_1_3),
        TEST(wants_time_for_a_forged_ticket),
        TEST(shares_a_context_between_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
