/** Tests of lib/http/head.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "http/head.h"

enum { FIELDS = 16 };

struct read {
    struct guard guard;
    struct sli_http_field fields[FIELDS];
    struct sli_http_head head;
    enum sli_http_refusal refusal;
};

static void read_head(struct read *read, const char *text)
{
    struct slimta_slice copy = guard_copy(&read->guard, sli_slice_text(text));
    struct sli_http_scan scan;
    size_t used;

    sli_http_scan_init(&scan, (struct sli_http_scan_limits){16384, FIELDS});
    read->refusal = sli_http_scan_next(&scan, copy, &used);
    if (read->refusal == SLI_HTTP_REFUSAL_NONE) {
        assert_int_equal(scan.state, SLI_HTTP_SCAN_DONE);
        assert_int_equal(used, copy.size);
        read->refusal =
            sli_http_head_read(copy, &scan, read->fields, &read->head);
    }
}

static void expect_text(struct slimta_slice got, const char *wanted)
{
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
}

static void reads_line_and_fields(void **state)
{
    struct read read;

    (void)state;
    read_head(&read,
        "\r\nPOST /a?b HTTP/1.1\r\nHost:a\r\nX-One:  1 2\t \r\nX-Two:\r\n"
        "content-LENGTH: 007\r\n\r\n");
    assert_int_equal(read.refusal, SLI_HTTP_REFUSAL_NONE);
    expect_text(read.head.request.method, "POST");
    expect_text(read.head.request.target, "/a?b");
    assert_int_equal(read.head.request.field_count, 4);
    expect_text(read.fields[0].name, "Host");
    expect_text(read.fields[0].value, "a");
    expect_text(read.fields[1].name, "X-One");
    expect_text(read.fields[1].value, "1 2");
    expect_text(read.fields[2].value, "");
    expect_text(read.fields[3].value, "007");
    assert_int_equal(read.head.request.framing, SLI_HTTP_FRAMING_SIZED);
    assert_int_equal(read.head.request.body_bytes, 7);
    assert_int_equal(read.head.minor, 1);
    assert_int_equal(read.head.keeps, 1);
    guard_free(&read.guard);
}

#define V1 " HTTP/1.1\r\nHost: a\r\n"
#define POST "POST /" V1
#define GET "GET /" V1
#define GET0 "GET / HTTP/1.0\r\n"
#define POST0 "POST / HTTP/1.0\r\n"

/* RFC 9112 sections 3.2, 6.1 and 6.3; the smuggler's whole bag. */
static void refuses(void **state)
{
    static const struct {
        const char *text;
        enum sli_http_refusal refusal;
    } cases[] = {
#define CASE(text, refusal) {text "\r\n", SLI_HTTP_REFUSAL_##refusal}
        CASE("POST / HTTP/1.1\r\n", BAD_HOST),
        CASE(POST "Host: a\r\n", BAD_HOST),
        CASE(POST "host: b\r\n", BAD_HOST),
        CASE(POST0 "Host: a\r\nHost: a\r\n", BAD_HOST),
        CASE(POST0 "Host: a b\r\n", BAD_HOST),
        CASE("POST / HTTP/1.1\r\nHost: a, b\r\n", BAD_HOST),
        CASE("POST / HTTP/1.1\r\nHost: a@b\r\n", BAD_HOST),
        CASE("POST / HTTP/1.1\r\nHost: a/b\r\n", BAD_HOST),
        CASE("POST / HTTP/1.1\r\nHost: a:b\r\n", BAD_HOST),
        CASE("POST *" V1, BAD_TARGET),
        CASE("OPTIONS **" V1, BAD_TARGET),
        CASE("POST mail" V1, BAD_TARGET),
        CASE("POST a:25" V1, BAD_TARGET),
        CASE("POST ftp://a/" V1, BAD_TARGET),
        CASE("POST http:///" V1, BAD_TARGET),
        CASE("POST http://:80/" V1, BAD_TARGET),
        CASE("POST http://u:p@a/" V1, BAD_TARGET),
        CASE("CONNECT a:25" V1, UNKNOWN_METHOD),
        CASE(POST "Content-Length: +5\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: -5\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 5, 5\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 5 5\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 0x5\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 5;\r\n", BAD_LENGTH),
        CASE(POST "Content-Length:\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 18446744073709551615\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 18446744073709551616\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 99999999999999999999\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 000000000000000000005\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 5\r\nContent-Length: 6\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 5\r\nContent-Length: 05\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 5\r\nContent-Length:\r\n", BAD_LENGTH),
        CASE(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            BAD_CODING),
        CASE(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            BAD_CODING),
        CASE(POST "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n",
            BAD_CODING),
        CASE(POST "Transfer-Encoding:\r\n", BAD_CODING),
        CASE(POST "Transfer-Encoding: ,chunked\r\n", BAD_CODING),
        CASE(POST "Transfer-Encoding: chunked,\r\n", BAD_CODING),
        CASE(POST "Transfer-Encoding: chunked, chunked\r\n", BAD_CODING),
        CASE(POST "Transfer-Encoding: chunked\r\n"
                  "Transfer-Encoding: chunked\r\n",
            BAD_CODING),
        CASE(POST "Transfer-Encoding: chunked, gzip\r\n", BAD_CODING),
        CASE(POST "Transfer-Encoding: chunked\r\n"
                  "Transfer-Encoding: identity\r\n",
            BAD_CODING),
        CASE(POST "Transfer-Encoding: chunked;q=1\r\n", BAD_CODING),
        CASE(POST "Transfer-Encoding: \"chunked\"\r\n", BAD_CODING),
        CASE(POST "Transfer-Encoding: chun ked\r\n", BAD_CODING),
        CASE(POST0 "Transfer-Encoding: chunked\r\n", BAD_CODING),
        CASE(POST "Transfer-Encoding: xchunked\r\n", UNKNOWN_CODING),
        CASE(POST "Transfer-Encoding: identity\r\n", UNKNOWN_CODING),
        CASE(POST "Transfer-Encoding: gzip\r\n", UNKNOWN_CODING),
        CASE(POST "Transfer-Encoding: gzip, chunked\r\n", UNKNOWN_CODING),
        CASE(POST "Expect: fish\r\n", BAD_EXPECTATION),
        CASE(POST "Expect: 100-continue, fish\r\n", BAD_EXPECTATION),
#undef CASE
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct read read;

        read_head(&read, cases[i].text);
        if (read.refusal != cases[i].refusal) {
            print_error("case %zu: %s\n", i, cases[i].text);
        }
        assert_int_equal(read.refusal, cases[i].refusal);
        guard_free(&read.guard);
    }
}

static void takes(void **state)
{
    static const struct {
        const char *text;
        enum sli_http_framing framing;
        uint64_t bytes;
        int keeps;
        int expects;
    } cases[] = {
        {POST "\r\n", SLI_HTTP_FRAMING_NONE, 0, 0, 0},
        {GET "\r\n", SLI_HTTP_FRAMING_NONE, 0, 1, 0},
        {"HEAD /" V1 "\r\n", SLI_HTTP_FRAMING_NONE, 0, 1, 0},
        {"get /" V1 "\r\n", SLI_HTTP_FRAMING_NONE, 0, 0, 0},
        {POST "Content-Length: 0\r\n\r\n", SLI_HTTP_FRAMING_SIZED, 0, 1, 0},
        {POST "Content-Length: 18446744073709551614\r\n\r\n",
            SLI_HTTP_FRAMING_SIZED, UINT64_MAX - 1, 1, 0},
        {POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
            SLI_HTTP_FRAMING_SIZED, 5, 1, 0},
        {POST "Transfer-Encoding: CHUNKED\r\n\r\n", SLI_HTTP_FRAMING_CHUNKED, 0,
            1, 0},
        {"OPTIONS *" V1 "\r\n", SLI_HTTP_FRAMING_NONE, 0, 1, 0},
        {"GET http://b:1/c" V1 "\r\n", SLI_HTTP_FRAMING_NONE, 0, 1, 0},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", SLI_HTTP_FRAMING_NONE, 0, 1, 0},
        {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", SLI_HTTP_FRAMING_NONE, 0,
            1, 0},
        {GET "Connection: x, CLOSE\r\n\r\n", SLI_HTTP_FRAMING_NONE, 0, 0, 0},
        {GET "Connection: keep-alive\r\nConnection: close\r\n\r\n",
            SLI_HTTP_FRAMING_NONE, 0, 0, 0},
        {GET "Connection: closed\r\n\r\n", SLI_HTTP_FRAMING_NONE, 0, 1, 0},
        {POST0 "\r\n", SLI_HTTP_FRAMING_NONE, 0, 0, 0},
        {GET0 "Connection: Keep-Alive\r\n\r\n", SLI_HTTP_FRAMING_NONE, 0, 1, 0},
        {POST0 "Connection: keep-alive, close\r\n\r\n", SLI_HTTP_FRAMING_NONE,
            0, 0, 0},
        {POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
            SLI_HTTP_FRAMING_SIZED, 1, 1, 1},
        {POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
            SLI_HTTP_FRAMING_CHUNKED, 0, 1, 1},
        {POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
            SLI_HTTP_FRAMING_SIZED, 0, 1, 0},
        {GET "Expect:\r\n\r\n", SLI_HTTP_FRAMING_NONE, 0, 1, 0},
        /* RFC 9110 section 10.1.1: not in 1.0. */
        {POST0 "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n",
            SLI_HTTP_FRAMING_SIZED, 1, 0, 0},
        {POST0 "Expect: fish\r\n\r\n", SLI_HTTP_FRAMING_NONE, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct read read;

        read_head(&read, cases[i].text);
        if (read.refusal != SLI_HTTP_REFUSAL_NONE) {
            print_error("case %zu: %s\n", i, cases[i].text);
        }
        assert_int_equal(read.refusal, SLI_HTTP_REFUSAL_NONE);
        assert_int_equal(read.head.request.framing, cases[i].framing);
        assert_true(read.head.request.body_bytes == cases[i].bytes);
        assert_int_equal(read.head.keeps, cases[i].keeps);
        assert_int_equal(read.head.expects_continue, cases[i].expects);
        guard_free(&read.guard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_line_and_fields),
        cmocka_unit_test(refuses),
        cmocka_unit_test(takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
