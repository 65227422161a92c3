/** Messages that no honest server sends. */
#include "fail_alloc.h"
#include "guard.h"
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "io/resolver_answer.h"
#include "io/resolver_wire.h"

/* id, flags, counts; the question "a.b" of `type` and class IN */
#define HEAD(flags, answers, authorities) \
    "\x00\x01" flags "\x00\x01" answers authorities "\x00\x00"
#define QUESTION(type) \
    "\x01" \
    "a\x01" \
    "b\x00\x00" type "\x00\x01"
#define FINE "\x81\x80"
#define RECORD(type, ttl, size) \
    "\xC0\x0C\x00" type "\x00\x01\x00\x00\x00" ttl "\x00" size

static int read_message(struct sli_io_resolver_answer **out,
    enum slimta_dns_type type, const char *octets, size_t size)
{
    struct guard guard;
    struct slimta_slice message = guard_copy(&guard, sli_slice(octets, size));
    struct fail_alloc memory;
    int err;

    fail_alloc_init(&memory, 0, FAIL_ALLOC_ONCE);
    err = sli_io_resolver_answer_read(out, &memory.table, type, message);
    if (err == 0) {
        struct sli_io_resolver_answer *answer = *out;

        /* The table stands on the stack of this function. */
        assert_true(answer->refs == 1);
        sli_io_resolver_answer_unref(answer);
        *out = NULL;
    }
    assert_int_equal(memory.live, 0);
    guard_free(&guard);
    return err;
}

static void every_cut_is_broken(void **state)
{
    static const char message[] = HEAD(FINE, "\x00\x02", "\x00\x00")
        QUESTION("\x10") RECORD("\x10", "\x09", "\x05") "\x02xy\x01z" RECORD(
            "\x10", "\x09", "\x02") "\x01x";
    struct sli_io_resolver_answer *answer = NULL;
    size_t whole = sizeof message - 1;

    (void)state;
    for (size_t size = 0; size < whole; size++) {
        assert_int_equal(read_message(&answer, SLIMTA_DNS_TXT, message, size),
            SLIMTA_EINVAL);
    }
    assert_int_equal(read_message(&answer, SLIMTA_DNS_TXT, message, whole), 0);
}

struct broken {
    const char *octets;
    size_t size;
    enum slimta_dns_type type;
};

#define BROKEN(type, text) \
    { \
        (text), sizeof(text) - 1, (type) \
    }

static void broken_messages(void **state)
{
    static const struct broken broken[] = {
        /* an A of 3 and of 5 octets, an AAAA of 4 */
        BROKEN(SLIMTA_DNS_A,
            HEAD(FINE, "\x00\x01", "\x00\x00") QUESTION("\x01")
                RECORD("\x01", "\x09", "\x03") "\x01\x02\x03"),
        BROKEN(SLIMTA_DNS_A,
            HEAD(FINE, "\x00\x01", "\x00\x00") QUESTION("\x01")
                RECORD("\x01", "\x09", "\x05") "\x01\x02\x03\x04\x05"),
        BROKEN(SLIMTA_DNS_AAAA,
            HEAD(FINE, "\x00\x01", "\x00\x00") QUESTION("\x1C")
                RECORD("\x1C", "\x09", "\x04") "\x01\x02\x03"
                                               "\x04"),
        /* a string that ends behind its record */
        BROKEN(SLIMTA_DNS_TXT,
            HEAD(FINE, "\x00\x01", "\x00\x00") QUESTION("\x10")
                RECORD("\x10", "\x09", "\x02") "\x02x"),
        /* a name that points at itself, forwards, and one of a bad kind */
        BROKEN(SLIMTA_DNS_PTR,
            HEAD(FINE, "\x00\x01", "\x00\x00") QUESTION("\x0C")
                RECORD("\x0C", "\x09", "\x02") "\xC0\x21"),
        BROKEN(SLIMTA_DNS_PTR,
            HEAD(FINE, "\x00\x01", "\x00\x00") QUESTION("\x0C")
                RECORD("\x0C", "\x09", "\x03") "\xC0\x23\x00"),
        BROKEN(SLIMTA_DNS_PTR,
            HEAD(FINE, "\x00\x01", "\x00\x00") QUESTION("\x0C")
                RECORD("\x0C", "\x09", "\x02") "\x41\x00"),
        /* a name that ends before its record does */
        BROKEN(SLIMTA_DNS_PTR,
            HEAD(FINE, "\x00\x01", "\x00\x00") QUESTION("\x0C")
                RECORD("\x0C", "\x09", "\x03") "\xC0\x0C\x00"),
        /* truncated; a failure of the server's */
        BROKEN(SLIMTA_DNS_A,
            HEAD("\x83\x80", "\x00\x00", "\x00\x00") QUESTION("\x01")),
        BROKEN(SLIMTA_DNS_A,
            HEAD("\x81\x82", "\x00\x00", "\x00\x00") QUESTION("\x01")),
    };
    struct sli_io_resolver_answer *answer = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        if (read_message(&answer, broken[i].type, broken[i].octets,
                broken[i].size) != SLIMTA_EINVAL) {
            fail_msg("number %zu was read", i);
        }
    }
}

static void read_name_of(const char *octets, size_t size, size_t at,
    struct sli_io_resolver_wire_name *name, int *is_bad)
{
    struct sli_io_resolver_wire wire = {
        .message = sli_slice(octets, size), .at = at};

    sli_io_resolver_wire_read_name(&wire, name);
    *is_bad = wire.is_bad;
}

static void a_name_has_255_octets(void **state)
{
    struct sli_io_resolver_wire_name name;
    char octets[300];
    int is_bad;

    (void)state;
    /* 127 labels of one octet, and the root */
    for (size_t i = 0; i + 1 < sizeof octets; i += 2) {
        octets[i] = 1;
        octets[i + 1] = 'A';
    }
    octets[254] = 0;
    read_name_of(octets, 255, 0, &name, &is_bad);
    assert_false(is_bad);
    assert_int_equal(name.size, 253);
    assert_int_equal(strlen(name.text), 253);
    octets[254] = 1;
    octets[256] = 0;
    read_name_of(octets, 257, 0, &name, &is_bad);
    assert_true(is_bad);
}

static void only_host_names_are_host_names(void **state)
{
    static const char bad[] = " .\\/@*\x00\xFF";
    struct sli_io_resolver_wire_name name;
    char octets[] =
        "\x05"
        "aZ0-_\x00";
    int is_bad;

    (void)state;
    read_name_of(octets, 7, 0, &name, &is_bad);
    assert_false(is_bad);
    assert_true(name.is_host);
    assert_string_equal(name.text, "az0-_");
    for (size_t i = 0; i < sizeof bad - 1; i++) {
        octets[3] = bad[i];
        read_name_of(octets, 7, 0, &name, &is_bad);
        assert_false(is_bad);
        assert_false(name.is_host);
    }
}

static void a_ttl_has_31_bits(void **state)
{
    static const char message[] = HEAD(FINE, "\x00\x01", "\x00\x00")
        QUESTION("\x01") "\xC0\x0C\x00\x01\x00\x01\xFF\x00\x00\x00\x00\x04"
                         "\x01\x02\x03\x04";
    char octets[sizeof message - 1];
    struct sli_io_resolver_answer *answer = NULL;
    struct fail_alloc memory;

    (void)state;
    memcpy(octets, message, sizeof octets);
    fail_alloc_init(&memory, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_io_resolver_answer_read(&answer, &memory.table,
                         SLIMTA_DNS_A, sli_slice(octets, sizeof octets)),
        0);
    assert_int_equal(answer->ttl_s, 0);
    sli_io_resolver_answer_unref(answer);
    octets[12 + 9 + 6] = 0x7F;
    assert_int_equal(sli_io_resolver_answer_read(&answer, &memory.table,
                         SLIMTA_DNS_A, sli_slice(octets, sizeof octets)),
        0);
    assert_int_equal(answer->ttl_s, SLI_IO_RESOLVER_TTL_MAX_S);
    sli_io_resolver_answer_unref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_is_broken),
        cmocka_unit_test(broken_messages),
        cmocka_unit_test(a_name_has_255_octets),
        cmocka_unit_test(only_host_names_are_host_names),
        cmocka_unit_test(a_ttl_has_31_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
