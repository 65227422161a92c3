/** Tests of lib/http/body.c. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "http/body.h"

enum { ROOM = 128 * 1024 };

static const struct sli_http_request chunked = {
    .framing = SLI_HTTP_FRAMING_CHUNKED};

/* What a body came to. */
struct outcome {
    enum sli_http_body_state state;
    enum sli_http_refusal refusal;
    size_t used;
    char content[ROOM];
    size_t size;
};

static void read_cut(const struct sli_http_request *request,
    struct slimta_slice text, size_t piece, struct outcome *outcome)
{
    struct sli_http_body body;

    sli_http_body_init(&body, request);
    outcome->used = 0;
    outcome->size = 0;
    while (outcome->used < text.size && body.state < SLI_HTTP_BODY_DONE) {
        size_t left = text.size - outcome->used;
        struct slimta_slice input =
            sli_slice(text.data + outcome->used, left < piece ? left : piece);
        size_t before = input.size;
        struct slimta_slice content;

        while (sli_http_body_next(&body, &input, &content)) {
            assert_true(content.size > 0);
            memcpy(
                outcome->content + outcome->size, content.data, content.size);
            outcome->size += content.size;
        }
        outcome->used += before - input.size;
        assert_true(input.size == 0 || body.state >= SLI_HTTP_BODY_DONE);
    }
    outcome->state = body.state;
    outcome->refusal = body.refusal;
}

/* The same in every way of cutting. */
static const struct outcome *read_body(
    const struct sli_http_request *request, struct slimta_slice text)
{
    static struct outcome whole;
    static struct outcome cut;
    struct guard guard;
    struct slimta_slice copy = guard_copy(&guard, text);

    read_cut(request, copy, SIZE_MAX, &whole);
    for (size_t piece = 1; piece < 9; piece++) {
        read_cut(request, copy, piece, &cut);
        assert_int_equal(cut.state, whole.state);
        assert_int_equal(cut.refusal, whole.refusal);
        assert_int_equal(cut.used, whole.used);
        assert_int_equal(cut.size, whole.size);
        assert_memory_equal(cut.content, whole.content, whole.size);
    }
    guard_free(&guard);
    return &whole;
}

static void expect_done(
    const struct outcome *outcome, const char *content, size_t used)
{
    assert_int_equal(outcome->refusal, SLI_HTTP_REFUSAL_NONE);
    assert_int_equal(outcome->state, SLI_HTTP_BODY_DONE);
    assert_int_equal(outcome->size, strlen(content));
    assert_memory_equal(outcome->content, content, outcome->size);
    assert_int_equal(outcome->used, used);
}

static void reads_sized_bodies(void **state)
{
    struct sli_http_request sized = {.framing = SLI_HTTP_FRAMING_SIZED};
    const struct sli_http_request none = {.framing = SLI_HTTP_FRAMING_NONE};
    struct slimta_slice text = SLI_LITERAL("0123456789");

    (void)state;
    expect_done(read_body(&none, text), "", 0);
    expect_done(read_body(&sized, text), "", 0);
    sized.body_bytes = 1;
    expect_done(read_body(&sized, text), "0", 1);
    sized.body_bytes = 10;
    expect_done(read_body(&sized, text), "0123456789", 10);
    sized.body_bytes = 11;
    assert_int_equal(read_body(&sized, text)->state, SLI_HTTP_BODY_DATA);
}

static void reads_chunks(void **state)
{
    static const struct {
        const char *text;
        const char *content;
        const char *behind;
    } cases[] = {
        {"0\r\n\r\n", "", ""},
        {"0\r\n\r\n", "", "POST"},
        {"000\r\n\r\n", "", "\r\n"},
        {"1\r\na\r\n0\r\n\r\n", "a", "X"},
        {"3\r\n\r\n0\r\nA\r\n0123456789\r\n0\r\n\r\n", "\r\n00123456789", ""},
        {"0000000000000001\r\na\r\n0\r\n\r\n", "a", ""},
        {"1;\r\na\r\n0;x;y=z\r\n\r\n", "a", ""},
        {"1;a=\"\t\xff;\"\r\na\r\n0\r\n\r\n", "a", ""},
        {"1\r\na\r\n0\r\nA: b\r\nContent-Length: 7\r\n\r\n", "a", "P"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];

        (void)snprintf(
            text, sizeof text, "%s%s", cases[i].text, cases[i].behind);
        expect_done(read_body(&chunked, sli_slice_text(text)), cases[i].content,
            strlen(cases[i].text));
    }
}

/* RFC 9112 section 7.1; `used` counts the octet that is wrong. */
static void refuses_bad_chunks(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        size_t used;
        enum sli_http_refusal refusal;
    } cases[] = {
#define CASE(text, used, refusal) \
    {text, sizeof(text) - 1, used, SLI_HTTP_REFUSAL_##refusal}
        CASE("\r\n", 1, BAD_CHUNK),
        CASE(";a\r\n", 1, BAD_CHUNK),
        CASE(" 5\r\n", 1, BAD_CHUNK),
        CASE("+5\r\n", 1, BAD_CHUNK),
        CASE("-1\r\n", 1, BAD_CHUNK),
        CASE("0x5\r\n", 2, BAD_CHUNK),
        CASE("5 \r\n", 2, BAD_CHUNK),
        CASE("5 ;a\r\n", 2, BAD_CHUNK),
        CASE("5\t\r\n", 2, BAD_CHUNK),
        CASE("g\r\n", 1, BAD_CHUNK),
        CASE("5\n", 2, BAD_CHUNK),
        CASE("5\rX", 3, BAD_CHUNK),
        CASE("5\r\r\n", 3, BAD_CHUNK),
        CASE("5,5\r\n", 2, BAD_CHUNK),
        CASE("5\0\r\n", 2, BAD_CHUNK),
        CASE("00000000000000005\r\n", 17, BAD_CHUNK),
        CASE("10000000000000005\r\n", 17, BAD_CHUNK),
        CASE("1;a\n", 4, BAD_CHUNK),
        CASE("1;a\0", 4, BAD_CHUNK),
        CASE("1;a\rb", 5, BAD_CHUNK),
        CASE("1\r\nab", 5, BAD_CHUNK),
        CASE("1\r\na\n", 5, BAD_CHUNK),
        CASE("1\r\na\rb", 6, BAD_CHUNK),
        CASE("1\r\na0\r\n\r\n", 5, BAD_CHUNK),
        CASE("0\r\n a", 4, BAD_FIELD),
        CASE("0\r\na : b", 5, BAD_FIELD),
        CASE("0\r\na: b\n", 8, BAD_FIELD),
        CASE("0\r\na: b\r\n c", 10, BAD_FIELD),
        CASE("0\r\n\rX", 5, BAD_FIELD),
        CASE("0\r\nPOST / HTTP/1.1\r\n", 8, BAD_FIELD),
#undef CASE
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct outcome *outcome =
            read_body(&chunked, sli_slice(cases[i].text, cases[i].size));

        if (outcome->refusal != cases[i].refusal ||
            outcome->used != cases[i].used) {
            print_error("case %zu: %s\n", i, cases[i].text);
        }
        assert_int_equal(outcome->state, SLI_HTTP_BODY_REFUSED);
        assert_int_equal(outcome->refusal, cases[i].refusal);
        assert_int_equal(outcome->used, cases[i].used);
    }
}

static void takes_the_largest_size(void **state)
{
    (void)state;
    assert_int_equal(
        read_body(&chunked, SLI_LITERAL("FFFFFFFFffffffff\r\nabc"))->state,
        SLI_HTTP_BODY_DATA);
}

static size_t put(char *text, size_t size, const char *octets)
{
    memcpy(text + size, octets, strlen(octets));
    return size + strlen(octets);
}

/* With its semicolon. */
static size_t put_extension(char *text, size_t size, size_t count)
{
    text[size] = ';';
    memset(text + size + 1, 'x', count - 1);
    return size + count;
}

static void limits_an_extension(void **state)
{
    static char text[ROOM];

    (void)state;
    for (size_t more = 0; more < 3; more++) {
        size_t size = put_extension(
            text, put(text, 0, "0"), SLI_HTTP_EXTENSION_MAX - 1 + more);

        size = put(text, size, "\r\n\r\n");
        assert_int_equal(read_body(&chunked, sli_slice(text, size))->state,
            more == 2 ? SLI_HTTP_BODY_REFUSED : SLI_HTTP_BODY_DONE);
    }
}

static void limits_all_extensions(void **state)
{
    static char text[ROOM];
    enum { COUNT = SLI_HTTP_EXTENSIONS_MAX / SLI_HTTP_EXTENSION_MAX };

    (void)state;
    for (size_t more = 0; more < 3; more++) {
        size_t size = 0;

        for (size_t i = 0; i < COUNT - 1; i++) {
            size = put_extension(
                text, put(text, size, "1"), SLI_HTTP_EXTENSION_MAX);
            size = put(text, size, "\r\na\r\n");
        }
        size = put_extension(
            text, put(text, size, "1"), SLI_HTTP_EXTENSION_MAX - 2);
        size = put(text, size, "\r\na\r\n");
        size = put_extension(text, put(text, size, "0"), 1 + more);
        size = put(text, size, "\r\n\r\n");
        assert_int_equal(read_body(&chunked, sli_slice(text, size))->state,
            more == 2 ? SLI_HTTP_BODY_REFUSED : SLI_HTTP_BODY_DONE);
    }
}

static void limits_a_trailer(void **state)
{
    static char text[ROOM];

    (void)state;
    for (size_t more = 0; more < 3; more++) {
        size_t size = put(text, 0, "0\r\na:");
        size_t fill = SLI_HTTP_TRAILER_MAX - 6 - 1 + more;

        memset(text + size, 'x', fill);
        size = put(text, size + fill, "\r\n\r\n");
        assert_int_equal(read_body(&chunked, sli_slice(text, size))->refusal,
            more == 2 ? SLI_HTTP_REFUSAL_HEAD_TOO_LARGE
                      : SLI_HTTP_REFUSAL_NONE);
    }
    for (size_t more = 0; more < 3; more++) {
        size_t size = put(text, 0, "0\r\n");

        for (size_t i = 0; i < SLI_HTTP_TRAILER_FIELDS_MAX - 1 + more; i++) {
            size = put(text, size, "a:\r\n");
        }
        size = put(text, size, "\r\n");
        assert_int_equal(read_body(&chunked, sli_slice(text, size))->refusal,
            more == 2 ? SLI_HTTP_REFUSAL_HEAD_TOO_LARGE
                      : SLI_HTTP_REFUSAL_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_sized_bodies),
        cmocka_unit_test(reads_chunks),
        cmocka_unit_test(refuses_bad_chunks),
        cmocka_unit_test(takes_the_largest_size),
        cmocka_unit_test(limits_an_extension),
        cmocka_unit_test(limits_all_extensions),
        cmocka_unit_test(limits_a_trailer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
