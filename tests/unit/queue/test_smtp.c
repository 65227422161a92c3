/** Tests of lib/queue/smtp/queue.c: the options. */
#include "test.h"

#include <string.h>

#include <slimta/queue.h>
#include <slimta/tls.h>

#include "queue/smtp/queue.h"

static const struct slimta_smtp_queue_options good = {
    .size = sizeof good, .hosts = "127.0.0.1"};

static int make(const struct slimta_smtp_queue_options *options, int is_lmtp,
    struct slimta_queue **queue, struct slimta_error *error)
{
    return is_lmtp ? slimta_lmtp_queue_new(queue, options, error)
                   : slimta_smtp_queue_new(queue, options, error);
}

static void refuses_wrong_options(void **state)
{
    static const struct {
        struct slimta_smtp_queue_options options;
        const char *error; /* its beginning */
    } rows[] = {
        {{.size = 0, .hosts = "a"}, "options: "},
        {{.size = sizeof good}, "hosts: "},
        {{.size = sizeof good, .hosts = ""}, "hosts: "},
        {{.size = sizeof good, .hosts = "a:0"}, "hosts: "},
        {{.size = sizeof good, .hosts = "a", .servers = "x"}, "servers: "},
        {{.size = sizeof good, .hosts = "a", .ehlo_name = ""}, "ehlo_name: "},
        {{.size = sizeof good, .hosts = "a", .ehlo_name = "a b"},
            "ehlo_name: "},
        {{.size = sizeof good, .hosts = "a", .ehlo_name = "\xc3\xa4"},
            "ehlo_name: "},
        {{.size = sizeof good, .hosts = "a", .user = "u"}, "user: "},
        {{.size = sizeof good, .hosts = "a", .password = "p"}, "user: "},
        {{.size = sizeof good,
             .hosts = "a",
             .user = "u",
             .password = "p",
             .tls_policy = SLIMTA_HOP_TLS_OFF},
            "user: "},
        {{.size = sizeof good,
             .hosts = "a",
             .user = "u",
             .password = "p",
             .mechanism = "DIGEST-MD5"},
            "mechanism: "},
        {{.size = sizeof good, .hosts = "a", .tls_policy = 4}, "tls_policy: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slimta_queue *queue = NULL;
        struct slimta_error error = {0};

        assert_int_equal(make(&rows[i].options, (int)(i & 1), &queue, &error),
            SLIMTA_EINVAL);
        assert_null(queue);
        if (strncmp(error.text, rows[i].error, strlen(rows[i].error)) != 0) {
            fail_msg("'%s', not '%s'", error.text, rows[i].error);
        }
    }
    assert_int_equal(make(NULL, 0, NULL, NULL), SLIMTA_EINVAL);
}

/* RFC 5321 section 4.5.4.2, RFC 2033 section 5, RFC 8314 section 7.3. */
static void knows_the_ports(void **state)
{
    static const struct {
        int is_lmtp;
        enum slimta_hop_tls policy;
        const char *text;
    } rows[] = {
        {0, SLIMTA_HOP_TLS_OFF, "127.0.0.1:25"},
        {1, SLIMTA_HOP_TLS_OFF, "127.0.0.1:24"},
        {0, SLIMTA_HOP_TLS_IMMEDIATE, "127.0.0.1:465"},
    };
    const struct slimta_tls_options anybody = {
        .size = sizeof anybody, .verify = SLIMTA_TLS_VERIFY_NONE};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slimta_smtp_queue_options options = good;
        struct slimta_queue *queue = NULL;
        struct slimta_error error;

        options.tls_policy = rows[i].policy;
        assert_int_equal(slimta_tls_new(&options.tls, &anybody, &error), 0);
        assert_int_equal(make(&options, rows[i].is_lmtp, &queue, &error), 0);
        slimta_tls_unref(options.tls);
        assert_string_equal(
            ((struct sli_queue_smtp *)queue)->pools.config.hops.items[0].text,
            rows[i].text);
        assert_int_equal(queue->methods->capabilities(queue), 0);
        slimta_queue_free(queue);
    }
}

static void fills_in_defaults(void **state)
{
    struct slimta_queue *queue = NULL;
    const struct sli_queue_smtp *smtp;

    (void)state;
    assert_int_equal(make(&good, 0, &queue, NULL), 0);
    smtp = (struct sli_queue_smtp *)queue;
    assert_int_equal(smtp->pools.config.connect_timeout_ms, 30000);
    assert_int_equal(smtp->command_timeout_ms, 60000);
    assert_int_equal(smtp->data_timeout_ms, 240000);
    assert_int_equal(smtp->pools.config.max_connections, 100);
    assert_int_equal(smtp->pools.config.idle_ms, 10000);
    assert_true(strlen(smtp->ehlo_name) > 0);
    assert_non_null(smtp->pools.config.tls);
    slimta_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_options),
        cmocka_unit_test(knows_the_ports),
        cmocka_unit_test(fills_in_defaults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
