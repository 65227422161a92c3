/** Tests of lib/http/response.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "http/response.h"

struct fixture {
    struct fail_alloc alloc;
    struct sli_buf output;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fail_alloc_init(&fixture.alloc, 0, FAIL_ALLOC_ONCE);
    sli_buf_init(&fixture.output, &fixture.alloc.table, 4096);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    sli_buf_fini(&fixture->output);
    return (int)atomic_load(&fixture->alloc.live);
}

static void expect_written(struct fixture *fixture, const char *wanted)
{
    struct slimta_slice got = sli_buf_slice(&fixture->output);

    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
    sli_buf_clear(&fixture->output);
}

static const struct sli_http_field fields[] = {
    {{"A", 1}, {"b", 1}},
    {{"Content-Length", 14}, {"4", 1}},
};

static const struct sli_http_response response = {
    .status = 200, .fields = fields, .field_count = 2, .body = {"body", 4}};

static void writes_all_of_it(void **state)
{
    struct fixture *fixture = *state;
    const struct sli_http_response other = {.status = 299, .reason = "Other"};

    assert_int_equal(sli_http_response_write(&fixture->output, &response,
                         SLI_HTTP_CONNECTION_DEFAULT, 0),
        0);
    expect_written(
        fixture, "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 4\r\n\r\nbody");
    assert_int_equal(sli_http_response_write(&fixture->output, &response,
                         SLI_HTTP_CONNECTION_CLOSE, 1),
        0);
    expect_written(fixture,
        "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 4\r\n"
        "Connection: close\r\n\r\n");
    assert_int_equal(sli_http_response_write(
                         &fixture->output, &other, SLI_HTTP_CONNECTION_KEEP, 0),
        0);
    expect_written(
        fixture, "HTTP/1.1 299 Other\r\nConnection: keep-alive\r\n\r\n");
}

static void writes_nothing_without_room(void **state)
{
    struct fixture *fixture = *state;

    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_http_response_write(&fixture->output, &response,
                         SLI_HTTP_CONNECTION_DEFAULT, 0),
        SLIMTA_ENOMEM);
    expect_written(fixture, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_all_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            writes_nothing_without_room, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
