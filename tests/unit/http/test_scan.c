/** Tests of lib/http/scan.c. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "http/scan.h"

enum { ROOM = 64 * 1024 };

static const struct sli_http_scan_limits limits = {16384, 64};

/* What a scan came to. */
struct outcome {
    enum sli_http_refusal refusal;
    enum sli_http_scan_state state;
    size_t used;
};

/* In pieces; each ends before a page that must not be touched when there is
 * but one. */
static struct outcome scan_cut(
    struct sli_http_scan *scan, struct slimta_slice text, size_t piece)
{
    struct outcome outcome = {SLI_HTTP_REFUSAL_NONE, scan->state, 0};

    while (outcome.refusal == SLI_HTTP_REFUSAL_NONE &&
        scan->state != SLI_HTTP_SCAN_DONE && outcome.used < text.size) {
        size_t left = text.size - outcome.used;
        size_t size = left < piece ? left : piece;
        size_t used;

        outcome.refusal = sli_http_scan_next(
            scan, sli_slice(text.data + outcome.used, size), &used);
        assert_true(used == size || outcome.refusal != SLI_HTTP_REFUSAL_NONE ||
            scan->state == SLI_HTTP_SCAN_DONE);
        outcome.used += used;
    }
    outcome.state = scan->state;
    return outcome;
}

static struct outcome scan_text(
    struct slimta_slice text, struct sli_http_scan_limits max)
{
    struct sli_http_scan scan;
    struct guard guard;
    struct slimta_slice copy = guard_copy(&guard, text);
    struct outcome whole;

    sli_http_scan_init(&scan, max);
    whole = scan_cut(&scan, copy, SIZE_MAX);
    for (size_t piece = 1; piece < 8; piece++) {
        struct outcome cut;

        sli_http_scan_init(&scan, max);
        cut = scan_cut(&scan, copy, piece);
        assert_int_equal(cut.refusal, whole.refusal);
        assert_int_equal(cut.state, whole.state);
        assert_int_equal(cut.used, whole.used);
    }
    guard_free(&guard);
    return whole;
}

static void finds_the_end(void **state)
{
    static const char head[] =
        "POST /mail HTTP/1.1\r\nHost: a\r\nX-Y:\t\xff z \r\nEmpty:\r\n\r\n";
    struct outcome outcome;

    (void)state;
    outcome = scan_text(SLI_LITERAL("POST /mail HTTP/1.1\r\nHost: a\r\n"
                                    "X-Y:\t\xff z \r\nEmpty:\r\n\r\nBody"),
        limits);
    assert_int_equal(outcome.refusal, SLI_HTTP_REFUSAL_NONE);
    assert_int_equal(outcome.state, SLI_HTTP_SCAN_DONE);
    assert_int_equal(outcome.used, sizeof head - 1);
    outcome = scan_text(SLI_LITERAL("GET * HTTP/1.0\r\n\r\n"), limits);
    assert_int_equal(outcome.state, SLI_HTTP_SCAN_DONE);
}

static void notes_where_things_stand(void **state)
{
    struct sli_http_scan scan;

    (void)state;
    sli_http_scan_init(&scan, limits);
    scan_cut(&scan,
        SLI_LITERAL("\r\nPUT /a%20b HTTP/1.0\r\na: b\r\nc:d\r\n\r\n"), 3);
    assert_int_equal(scan.state, SLI_HTTP_SCAN_DONE);
    assert_int_equal(scan.method_at, 2);
    assert_int_equal(scan.method_size, 3);
    assert_int_equal(scan.target_size, 6);
    assert_int_equal(scan.minor, 0);
    assert_int_equal(scan.fields, 2);
    assert_int_equal(scan.fields_at, 23);
}

#define LINE "POST / HTTP/1.1\r\n"

/* What is refused, at the octet that cannot stand there: `used` counts it. */
static void refuses(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        size_t used;
        enum sli_http_refusal refusal;
    } cases[] = {
#define CASE(text, used, refusal) \
    {text, sizeof(text) - 1, used, SLI_HTTP_REFUSAL_##refusal}
        CASE(" GET", 1, BAD_LINE),
        CASE("\x16\x03\x01", 1, BAD_LINE),
        CASE("\n", 1, BAD_LINE),
        CASE("\r\n\r\n", 3, BAD_LINE),
        CASE("\r\r", 2, BAD_LINE),
        CASE("\0", 1, BAD_LINE),
        CASE("GE(T", 3, BAD_LINE),
        CASE("GET\t/", 4, BAD_LINE),
        CASE("GET\r\n", 4, BAD_LINE),
        CASE("GET  / ", 5, BAD_LINE),
        CASE("GET /\r\n", 6, BAD_LINE),
        CASE("GET /\n", 6, BAD_LINE),
        CASE("GET /#a", 6, BAD_LINE),
        CASE("GET /\"", 6, BAD_LINE),
        CASE("GET /<", 6, BAD_LINE),
        CASE("GET /\\", 6, BAD_LINE),
        CASE("GET /\x7f", 6, BAD_LINE),
        CASE("GET /\xc3\xa9", 6, BAD_LINE),
        CASE("GET /\0 HTTP/1.1", 6, BAD_LINE),
        CASE("GET /%4g", 8, BAD_LINE),
        CASE("GET /%g", 7, BAD_LINE),
        CASE("GET /% ", 7, BAD_LINE),
        CASE("GET /  HTTP/1.1", 7, BAD_LINE),
        CASE("GET / http/1.1", 7, BAD_LINE),
        CASE("GET / HTTP 1.1", 11, BAD_LINE),
        CASE("GET / HTTP/1,1", 13, BAD_LINE),
        CASE("GET / HTTP/11.1", 13, BAD_LINE),
        CASE("GET / HTTP/1.11", 15, BAD_LINE),
        CASE("GET / HTTP/1.1 ", 15, BAD_LINE),
        CASE("GET / HTTP/1.1\n", 15, BAD_LINE),
        CASE("GET / HTTP/1.1\rX", 16, BAD_LINE),
        CASE("GET / HTTP/x.1", 12, BAD_LINE),
        CASE("GET / HTTP/1.x", 14, BAD_LINE),
        CASE("GET / HTTP/0.9\r\n", 12, BAD_VERSION),
        CASE("GET / HTTP/2.0\r\n", 12, BAD_VERSION),
        CASE("GET / HTTP/1.2\r\n", 14, BAD_VERSION),
        CASE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 12, BAD_VERSION),
        CASE(LINE " Host: a\r\n", 18, BAD_FIELD),
        CASE(LINE "\tHost: a\r\n", 18, BAD_FIELD),
        CASE(LINE "Host: a\r\n folded\r\n", 27, BAD_FIELD),
        CASE(LINE "Host: a\r\n\tfolded\r\n", 27, BAD_FIELD),
        CASE(LINE "Host : a\r\n", 22, BAD_FIELD),
        CASE(LINE "Host\t: a\r\n", 22, BAD_FIELD),
        CASE(LINE ": a\r\n", 18, BAD_FIELD),
        CASE(LINE "Host\r\n", 22, BAD_FIELD),
        CASE(LINE "Host: a\n\r\n", 25, BAD_FIELD),
        CASE(LINE "Host: a\rb\r\n", 26, BAD_FIELD),
        CASE(LINE "Host: a\0b\r\n", 25, BAD_FIELD),
        CASE(LINE "Host: a\x7f", 25, BAD_FIELD),
        CASE(LINE "Host: a\x01", 25, BAD_FIELD),
        CASE(LINE "Ho\x80st: a", 20, BAD_FIELD),
        CASE(LINE "Ho\"st: a", 20, BAD_FIELD),
        CASE(LINE "\n", 18, BAD_FIELD),
        CASE(LINE "\r\r", 19, BAD_FIELD),
        CASE(LINE "\rX", 19, BAD_FIELD),
#undef CASE
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome outcome =
            scan_text(sli_slice(cases[i].text, cases[i].size), limits);

        if (outcome.refusal != cases[i].refusal ||
            outcome.used != cases[i].used) {
            print_error("case %zu: %s\n", i, cases[i].text);
        }
        assert_int_equal(outcome.refusal, cases[i].refusal);
        assert_int_equal(outcome.used, cases[i].used);
    }
}

/* Every octet where it may stand, and where not. */
static void knows_every_octet(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        char name[] = LINE "a?: b\r\n\r\n";
        char value[] = LINE "a: b?b\r\n\r\n";
        char target[] = "GET /? HTTP/1.1\r\n\r\n";
        int is_token = octet > ' ' && octet < 127 &&
            strchr("\"(),/:;<=>?@[\\]{}", octet) == NULL;
        int is_value = octet == '\t' || (octet >= ' ' && octet != 127);
        int is_target = octet > ' ' && octet < 127 &&
            strchr("\"#<>\\^`{|}%", octet) == NULL;

        *strrchr(name, '?') = (char)octet;
        *strrchr(value, '?') = (char)octet;
        *strrchr(target, '?') = (char)octet;
        assert_int_equal(
            scan_text(sli_slice(name, sizeof name - 1), limits).refusal ==
                SLI_HTTP_REFUSAL_NONE,
            is_token || octet == ':');
        assert_int_equal(
            scan_text(sli_slice(value, sizeof value - 1), limits).refusal ==
                SLI_HTTP_REFUSAL_NONE,
            is_value);
        /* A space there ends the target, and the version is no version. */
        assert_int_equal(
            scan_text(sli_slice(target, sizeof target - 1), limits).refusal ==
                SLI_HTTP_REFUSAL_NONE,
            is_target);
    }
}

/* `count` octets between two texts. */
static struct outcome scan_long(const char *before, char octet, size_t count,
    const char *after, struct sli_http_scan_limits max)
{
    static char text[ROOM];
    size_t size = strlen(before);

    memcpy(text, before, size);
    memset(text + size, octet, count);
    size += count;
    memcpy(text + size, after, strlen(after));
    size += strlen(after);
    return scan_text(sli_slice(text, size), max);
}

static void limits_method_and_target(void **state)
{
    static const struct {
        const char *before;
        size_t max;
        const char *after;
        enum sli_http_refusal refusal;
    } cases[] = {
        {"", SLI_HTTP_METHOD_MAX, " / HTTP/1.1\r\n\r\n",
            SLI_HTTP_REFUSAL_UNKNOWN_METHOD},
        {"POST /", SLI_HTTP_TARGET_MAX - 1, " HTTP/1.1\r\n\r\n",
            SLI_HTTP_REFUSAL_LONG_TARGET},
        {"POST /", SLI_HTTP_TARGET_MAX - 4, "%41 HTTP/1.1\r\n\r\n",
            SLI_HTTP_REFUSAL_LONG_TARGET},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t more = 0; more < 3; more++) {
            struct outcome outcome = scan_long(cases[i].before, 'A',
                cases[i].max - 1 + more, cases[i].after, limits);

            assert_int_equal(outcome.refusal,
                more == 2 ? cases[i].refusal : SLI_HTTP_REFUSAL_NONE);
        }
    }
    /* In front of the end, as soon as it is known. */
    assert_int_equal(
        scan_long("POST /", 'A', SLI_HTTP_TARGET_MAX + 1000, "", limits).used,
        strlen("POST ") + SLI_HTTP_TARGET_MAX + 1);
}

static void limits_the_head(void **state)
{
    static const char before[] = LINE "Host: ";
    static const char after[] = "\r\n\r\n";
    const size_t around = sizeof before - 1 + sizeof after - 1;

    (void)state;
    for (size_t more = 0; more < 3; more++) {
        const size_t max = 1000;
        struct outcome outcome = scan_long(before, 'a', max - around - 1 + more,
            after, (struct sli_http_scan_limits){max, 64});

        assert_int_equal(outcome.refusal,
            more == 2 ? SLI_HTTP_REFUSAL_HEAD_TOO_LARGE
                      : SLI_HTTP_REFUSAL_NONE);
        assert_int_equal(outcome.used, max - 1 + more - (more == 2));
    }
    /* While the request line is read its target is at fault. */
    assert_int_equal(
        scan_long("POST /", 'a', 100, "", (struct sli_http_scan_limits){50, 64})
            .refusal,
        SLI_HTTP_REFUSAL_LONG_TARGET);
}

static void limits_the_fields(void **state)
{
    (void)state;
    for (uint64_t max = 1; max < 4; max++) {
        struct outcome outcome = scan_text(SLI_LITERAL(LINE "a:\r\nb:\r\n\r\n"),
            (struct sli_http_scan_limits){1000, max});

        assert_int_equal(outcome.refusal,
            max == 1 ? SLI_HTTP_REFUSAL_HEAD_TOO_LARGE : SLI_HTTP_REFUSAL_NONE);
        assert_int_equal(outcome.used, max == 1 ? 22 : 27);
    }
}

static void scans_a_trailer(void **state)
{
    struct sli_http_scan scan;

    (void)state;
    for (size_t piece = 1; piece < 20; piece++) {
        struct outcome outcome;

        sli_http_scan_init_trailer(&scan, limits);
        outcome =
            scan_cut(&scan, SLI_LITERAL("a: b\r\nc: d\r\n\r\nPOST"), piece);
        assert_int_equal(outcome.state, SLI_HTTP_SCAN_DONE);
        assert_int_equal(outcome.used, 14);
        sli_http_scan_init_trailer(&scan, limits);
        outcome = scan_cut(&scan, SLI_LITERAL("\r\nPOST"), piece);
        assert_int_equal(outcome.state, SLI_HTTP_SCAN_DONE);
        assert_int_equal(outcome.used, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_end),
        cmocka_unit_test(notes_where_things_stand),
        cmocka_unit_test(refuses),
        cmocka_unit_test(knows_every_octet),
        cmocka_unit_test(limits_method_and_target),
        cmocka_unit_test(limits_the_head),
        cmocka_unit_test(limits_the_fields),
        cmocka_unit_test(scans_a_trailer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
