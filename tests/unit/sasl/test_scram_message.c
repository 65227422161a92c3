/** Tests of sasl/scram_message.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "sasl/scram_message.h"

#define MESSAGE(text) \
    { \
        text, sizeof(text) - 1 \
    }

static const struct {
    struct slimta_slice message;
    char flag; /* 0: malformed */
    const char *binding;
    const char *authzid;
    const char *name;
    const char *nonce;
    size_t gs2_size;
} firsts[] = {
    {MESSAGE("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"), 'n', "", "", "user",
        "fyko+d2lbbFgONRv9qkxdawL", 3},
    {MESSAGE("n,,n=u,r=!"), 'n', "", "", "u", "!", 3},
    {MESSAGE("y,a=b=2Cc,n=u=3D,r=~"), 'y', "", "b=2Cc", "u=3D", "~", 10},
    {MESSAGE("p=tls-exporter,,n=u,r=x"), 'p', "tls-exporter", "", "u", "x", 16},
    {MESSAGE("p=a.B-9,a=b,n=u,r=x,x=y,Z==,"), 0, "", "", "", "", 0},
    {MESSAGE("p=a.B-9,a=b,n=u,r=x,x=y,Z=="), 'p', "a.B-9", "b", "u", "x", 12},
    {MESSAGE(""), 0, "", "", "", "", 0},
    {MESSAGE("\0"), 0, "", "", "", "", 0},
    {MESSAGE("x,,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("N,,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE(" n,,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("nn,,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("n=,,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("p,,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("p=,,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("p=a_b,,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("n,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("n,b,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("n,a=,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("n,a=b,a=c,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("n,,m=x,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("n,,r=x,n=u"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,n=u,r=x"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r="), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x y"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x\x7f"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=\xc3\xa4"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x\0"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x,"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x,x"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x,x="), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x,1=y"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x,xx=y"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x,x=\0"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x,x=\xff"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x,m=y"), 0, "", "", "", "", 0},
    {MESSAGE("n,,n=u,r=x,r=y"), 0, "", "", "", "", 0},
};

static void is(struct slimta_slice slice, const char *text)
{
    assert_int_equal(slice.size, strlen(text));
    if (slice.size > 0) {
        assert_memory_equal(slice.data, text, slice.size);
    }
}

static void test_reads_firsts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct sli_sasl_scram_first first;
        struct guard guard;
        int good = sli_sasl_scram_message_first(
            &first, guard_copy(&guard, firsts[i].message));

        assert_int_equal(good, firsts[i].flag != 0);
        if (good) {
            assert_int_equal(first.flag, firsts[i].flag);
            is(first.binding, firsts[i].binding);
            is(first.authzid, firsts[i].authzid);
            is(first.name, firsts[i].name);
            is(first.nonce, firsts[i].nonce);
            assert_int_equal(first.gs2_size, firsts[i].gs2_size);
        }
        guard_free(&guard);
    }
}

static const struct {
    struct slimta_slice message;
    const char *binding; /* NULL: malformed */
    const char *nonce;
    const char *proof;
} finals[] = {
    {MESSAGE("c=biws,r=abc,p=cA=="), "biws", "abc", "cA=="},
    {MESSAGE("c=biws,r=abc,x=y,Y=z,p=cA=="), "biws", "abc", "cA=="},
    {MESSAGE(""), NULL, NULL, NULL},
    {MESSAGE("c=biws"), NULL, NULL, NULL},
    {MESSAGE("c=biws,"), NULL, NULL, NULL},
    {MESSAGE("c=,r=abc,p=cA=="), NULL, NULL, NULL},
    {MESSAGE("C=biws,r=abc,p=cA=="), NULL, NULL, NULL},
    {MESSAGE("r=abc,c=biws,p=cA=="), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=,p=cA=="), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=a c,p=cA=="), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc"), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,"), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,p"), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,p="), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,p=cA==,"), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,p=cA==,p=cA=="), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,p=cA==,x=y"), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,m=x,p=cA=="), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,r=abc,p=cA=="), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,x=\0,p=cA=="), NULL, NULL, NULL},
    {MESSAGE("c=biws,r=abc,x=\xc3,p=cA=="), NULL, NULL, NULL},
};

static void test_reads_finals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof finals / sizeof *finals; i++) {
        struct sli_sasl_scram_final final;
        struct guard guard;
        int good = sli_sasl_scram_message_final(
            &final, guard_copy(&guard, finals[i].message));

        assert_int_equal(good, finals[i].binding != NULL);
        if (good) {
            is(final.binding, finals[i].binding);
            is(final.nonce, finals[i].nonce);
            is(final.proof, finals[i].proof);
        }
        guard_free(&guard);
    }
}

/* Whole messages, cut at every octet: a part is good only where an attribute
 * may end. */
static void test_reads_what_is_there(void **state)
{
    static const struct slimta_slice first =
        MESSAGE("p=tls-exporter,a=b=2C,n=us=3Der,r=abc,x=y");
    static const struct slimta_slice final = MESSAGE("c=biws,r=abc,x=y,p=cA==");

    (void)state;
    for (size_t size = 0; size < first.size; size++) {
        struct sli_sasl_scram_first read;
        struct guard guard;
        int good = sli_sasl_scram_message_first(
            &read, guard_copy(&guard, sli_slice(first.data, size)));

        assert_int_equal(good, size >= 35 && size <= 37);
        guard_free(&guard);
    }
    for (size_t size = 0; size < final.size; size++) {
        struct sli_sasl_scram_final read;
        struct guard guard;
        int good = sli_sasl_scram_message_final(
            &read, guard_copy(&guard, sli_slice(final.data, size)));

        assert_int_equal(good, size >= 20);
        guard_free(&guard);
    }
}

static void test_decodes_names(void **state)
{
    static const struct {
        const char *from;
        const char *name; /* "": malformed */
    } names[] = {
        {"user", "user"},
        {"=2C", ","},
        {"=3D=2C=3D", "=,="},
        {"a=3D2C", "a=2C"},
        {"", ""},
        {"=", ""},
        {"=2", ""},
        {"=2c", ""},
        {"=3d", ""},
        {"=20", ""},
        {"a=", ""},
        {"a=b", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char out[16];
        struct guard guard;
        size_t size = sli_sasl_scram_message_name(
            out, guard_copy(&guard, sli_slice_text(names[i].from)));

        is(sli_slice(out, size), names[i].name);
        guard_free(&guard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_firsts),
        cmocka_unit_test(test_reads_finals),
        cmocka_unit_test(test_reads_what_is_there),
        cmocka_unit_test(test_decodes_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
