/** Tests of tls/stream.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>
#include <slimta/tls.h>

#include "base/slice.h"
#include "certificates.h"
#include "fail_alloc.h"
#include "pair.h"
#include "tls/context.h"
#include "tls/stream.h"

static struct fail_alloc alloc;
static struct slimta_tls *server_tls;
static struct slimta_tls *client_tls;
static struct end server;
static struct end client;

static struct slimta_tls *context(const struct slimta_tls_options *options,
    const char *certificate, const char *authority)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    struct slimta_tls_options own = {.size = sizeof own};
    struct slimta_error error = {0, ""};
    struct slimta_tls *tls = NULL;

    if (options != NULL) {
        own = *options;
    }
    own.alloc = &alloc.table;
    if (authority != NULL) {
        own.ca_file = certificate_path(ca_file, authority, ".pem");
    }
    if (slimta_tls_new(&tls, &own, &error) != 0 ||
        (certificate != NULL &&
            certificate_add(tls, certificate, &error) != 0)) {
        fail_msg("%s", error.text);
    }
    return tls;
}

static int set_up(void **state)
{
    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    return 0;
}

static void close_both(void)
{
    end_free(&server);
    end_free(&client);
}

static int tear_down(void **state)
{
    (void)state;
    close_both();
    slimta_tls_unref(server_tls);
    slimta_tls_unref(client_tls);
    server_tls = NULL;
    client_tls = NULL;
    assert_int_equal(alloc.live, 0);
    return 0;
}

static void open_both(const char *name)
{
    assert_int_equal(sli_tls_context_use_as_client(client_tls, NULL), 0);
    assert_int_equal(sli_tls_stream_new(&server.stream, &alloc.table,
                         server_tls, SLI_TLS_SERVER, NULL),
        0);
    assert_int_equal(sli_tls_stream_new(&client.stream, &alloc.table,
                         client_tls, SLI_TLS_CLIENT, name),
        0);
    end_attach(&server);
    end_attach(&client);
}

static void plain_contexts(void)
{
    server_tls = context(NULL, "server", NULL);
    client_tls = context(NULL, NULL, "ca");
}

static void assert_open(void)
{
    assert_string_equal(sli_tls_stream_error(server.stream), "");
    assert_string_equal(sli_tls_stream_error(client.stream), "");
    assert_int_equal(server.status, SLI_TLS_DONE);
    assert_int_equal(client.status, SLI_TLS_DONE);
}

static void assert_carries(
    struct end *from, struct end *to, const char *text, size_t most)
{
    char got[64];

    assert_int_equal(
        sli_tls_stream_write(from->stream, sli_slice_text(text)), 0);
    assert_int_equal(end_read(to, from, got, sizeof got, most), strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static void shakes_hands_and_carries(void **state)
{
    (void)state;
    plain_contexts();
    open_both("mx.example.com");
    assert_null(sli_tls_stream_info(server.stream));
    pair_shake(&client, &server, SIZE_MAX);
    assert_open();
    assert_carries(&client, &server, "EHLO client\r\n", SIZE_MAX);
    assert_carries(&server, &client, "250 Hello\r\n", SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            shakes_hands_and_carries, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
