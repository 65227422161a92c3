/** Tests of lib/spf/record.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "guard.h"
#include "spf/record.h"

/* RFC 7208 section 4.5. */
static void knows_its_records(void **state)
{
    static const struct {
        const char *text;
        int is_one;
    } cases[] = {
        {"", 0},
        {"v=spf", 0},
        {"v=spf1", 1},
        {"V=SPF1 ", 1},
        {"v=spf1 -all", 1},
        {"v=spf10", 0},
        {"v=spf1\t-all", 0},
        {" v=spf1", 0},
        {"spf2.0/pra", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;

        assert_int_equal(sli_spf_record_is_one(
                             guard_copy(&guard, sli_slice_text(cases[i].text))),
            cases[i].is_one);
        guard_free(&guard);
    }
}

static int read(struct slimta_slice text, struct sli_spf_record *record)
{
    struct guard guard;
    struct slimta_slice copy = guard_copy(&guard, text);
    int err = sli_spf_record_read(copy, record);

    guard_free(&guard);
    return err;
}

/* RFC 7208 section 4.6.1: one wrong term spoils the record. */
static void refuses_a_wrong_term(void **state)
{
    static const char *const good[] = {"", " ", "   -all  ", "+ALL", "all all",
        "a", "A:Example.com/24//64", "a//0", "a/0", "a/32", "a//128", "mx",
        "mx:e.com//1", "ptr", "ptr:e.com", "ip4:192.0.2.1", "ip4:192.0.2.0/24",
        "ip6:2001:db8::", "ip6:::/0", "exists:%{i}.e.com", "include:e.com",
        "redirect=e.com", "exp=e.com", "a=", "all=", "a-b_c.d=%%x:/", "x=%{c}",
        "default=pass", "a:foo/24/x.com", "a:%{d}/24//0"};
    static const char *const bad[] = {"-", "+", "al", "alll", "all:", "all/1",
        "-all:x.com", "--all", "a:", "a/", "a//", "a/33", "a//129", "a/024",
        "a/00", "a/-1", "a/1/2", "a//1/2", "a///1", "a:e.com/",
        "mx:", "ptr:", "ptr/24", "ip4", "ip4:", "ip4:1.2.3", "ip4:1.2.3.4/33",
        "ip4:1.2.3.4//24", "ip4:01.2.3.4", "ip4/24", "ip4:::1", "ip6",
        "ip6:1.2.3.4", "ip6:::/129", "ip6:::1%1", "exists",
        "exists:", "exists:e.com/24", "include", "include:", "include:e",
        "redirect=", "redirect:e.com", "+redirect=e.com", "exp=", "exp=e",
        "exp:e.com", "redirect=e.com redirect=e.com", "exp=a.com exp=b.com",
        "1x=y", "=", "x=%", "x=\xff", "a\t-all", "unknown", "unknown:e.com",
        "a:e.com\x7f", "a:\xc3\xbc.com", "ip4:1.2.3.4-all"};
    struct sli_spf_record record;
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        (void)strcat(strcpy(text, "v=spf1 "), good[i]);
        if (!sli_spf_record_is_one(sli_slice_text(text)) ||
            read(sli_slice_text(text), &record) != 0) {
            fail_msg("%s", text);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)strcat(strcpy(text, "v=spf1 "), bad[i]);
        if (read(sli_slice_text(text), &record) != SLIMTA_EINVAL) {
            fail_msg("%s", text);
        }
    }
}

static void reads_terms(void **state)
{
    struct slimta_slice terms = SLI_LITERAL(
        " ~a:e.com/24//64 ?ip6:2001:db8::1/32 x=y -exists:%{i}.e.com mx");
    struct sli_spf_term term;

    (void)state;
    assert_int_equal(sli_spf_record_next(&terms, &term), 1);
    assert_int_equal(term.type, SLI_SPF_TERM_A);
    assert_int_equal(term.result, SLIMTA_SPF_SOFTFAIL);
    assert_true(sli_slice_is(term.domain, SLI_LITERAL("e.com")));
    assert_int_equal(term.prefix4, 24);
    assert_int_equal(term.prefix6, 64);
    assert_int_equal(sli_spf_record_next(&terms, &term), 1);
    assert_int_equal(term.type, SLI_SPF_TERM_IP6);
    assert_int_equal(term.result, SLIMTA_SPF_NEUTRAL);
    assert_int_equal(term.prefix6, 32);
    assert_int_equal(term.ip[0], 0x20);
    assert_int_equal(term.ip[15], 1);
    assert_int_equal(sli_spf_record_next(&terms, &term), 1);
    assert_int_equal(term.type, SLI_SPF_TERM_OTHER);
    assert_int_equal(sli_spf_record_next(&terms, &term), 1);
    assert_int_equal(term.result, SLIMTA_SPF_FAIL);
    assert_int_equal(term.type, SLI_SPF_TERM_EXISTS);
    assert_int_equal(sli_spf_record_next(&terms, &term), 1);
    assert_int_equal(term.type, SLI_SPF_TERM_MX);
    assert_int_equal(term.result, SLIMTA_SPF_PASS);
    assert_int_equal(term.domain.size, 0);
    assert_int_equal(term.prefix4, 32);
    assert_int_equal(term.prefix6, 128);
    assert_int_equal(sli_spf_record_next(&terms, &term), 0);
}

static void notes_modifiers(void **state)
{
    struct sli_spf_record record;
    struct slimta_slice text =
        SLI_LITERAL("v=spf1 REDIRECT=%{d1}.e.com a Exp=x.e.com");

    (void)state;
    assert_int_equal(sli_spf_record_read(text, &record), 0);
    assert_true(sli_slice_is(record.redirect, SLI_LITERAL("%{d1}.e.com")));
    assert_true(sli_slice_is(record.exp, SLI_LITERAL("x.e.com")));
}

/* Each cut of a record is read to its end and no further. */
static void bears_any_cut(void **state)
{
    struct slimta_slice text = SLI_LITERAL(
        "v=spf1 a:%{ir}.%{v}.e.com/24//64 -mx:x/y.e.com ip4:1.2.3.4/32 "
        "ip6:::ffff:1.2.3.4/128 exists:%{l1r-}.e.com. redirect=%{d2} exp=a.b");
    struct sli_spf_record record;

    (void)state;
    for (size_t size = 6; size <= text.size; size++) {
        int err = read(sli_slice(text.data, size), &record);

        assert_true(err == 0 || err == SLIMTA_EINVAL);
    }
}

static void keeps_its_length(void **state)
{
    static char text[SLI_SPF_RECORD_MAX + 1];
    struct sli_spf_record record;

    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, "v=spf1", 6);
    assert_int_equal(read(sli_slice(text, sizeof text - 2), &record), 0);
    assert_int_equal(read(sli_slice(text, sizeof text - 1), &record), 0);
    assert_int_equal(
        read(sli_slice(text, sizeof text), &record), SLIMTA_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_records),
        cmocka_unit_test(refuses_a_wrong_term),
        cmocka_unit_test(reads_terms),
        cmocka_unit_test(notes_modifiers),
        cmocka_unit_test(bears_any_cut),
        cmocka_unit_test(keeps_its_length),
    };

    return cmocka_run_group_tests_name("spf/record", tests, NULL, NULL);
}
