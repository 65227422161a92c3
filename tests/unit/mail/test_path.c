/** Tests of mail/path.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "mail/path.h"

enum {
    OK = SLI_MAIL_PATH_OK,
    SYNTAX = SLI_MAIL_PATH_SYNTAX,
    TOO_LONG = SLI_MAIL_PATH_TOO_LONG,
    NOT_UTF8 = SLI_MAIL_PATH_NOT_UTF8,
    TAG = SLI_MAIL_PATH_TAG,
    NAME = SLI_MAIL_DOMAIN_NAME,
    IPV4 = SLI_MAIL_DOMAIN_IPV4,
    IPV6 = SLI_MAIL_DOMAIN_IPV6
};

#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10
#define A63 A50 A10 "aaa"
/* 3 labels of 63 and one of `last`: 3 * 64 octets before the last label. */
#define LONG_DOMAIN(last) A63 "." A63 "." A63 "." last
#define A250 A50 A50 A50 A50 A50
/* One character, two octets. */
#define E_ACUTE "\xC3\xA9"
#define E10 \
    E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE \
        E_ACUTE

static enum sli_mail_path_result parse(const char *text,
    enum sli_mail_path_kind kind, struct sli_mail_path *path, size_t *used,
    struct guard *guard)
{
    return sli_mail_path_parse(
        guard_copy(guard, sli_slice_text(text)), kind, path, used);
}

static int slice_is(struct slimta_slice slice, const char *text)
{
    return sli_slice_is(slice, sli_slice_text(text));
}

/* RFC 5321 section 4.1.2, RFC 6531 section 3.3. */
static void test_taken(void **state)
{
    static const struct {
        const char *text;
        const char *mailbox;
        const char *local;
        const char *domain;
        int type;
        int has_utf8;
    } cases[] = {
        {"<a@b>", "a@b", "a", "b", NAME, 0},
        {"<user.name+tag@mail.example.com>", "user.name+tag@mail.example.com",
            "user.name+tag", "mail.example.com", NAME, 0},
        {"<!#$%&'*+-/=?^_`{|}~@b>", "!#$%&'*+-/=?^_`{|}~@b",
            "!#$%&'*+-/=?^_`{|}~", "b", NAME, 0},
        {"<\"a b\"@b>", "\"a b\"@b", "\"a b\"", "b", NAME, 0},
        {"<\"a@b>c\"@d>", "\"a@b>c\"@d", "\"a@b>c\"", "d", NAME, 0},
        {"<\"\\\"\\\\\\ \"@d>", "\"\\\"\\\\\\ \"@d", "\"\\\"\\\\\\ \"", "d",
            NAME, 0},
        {"<\"\"@d>", "\"\"@d", "\"\"", "d", NAME, 0},
        {"<\".a..b.\"@d>", "\".a..b.\"@d", "\".a..b.\"", "d", NAME, 0},
        {"<a@b-c.d_e._f>", "a@b-c.d_e._f", "a", "b-c.d_e._f", NAME, 0},
        {"<a@1.2.3.4>", "a@1.2.3.4", "a", "1.2.3.4", NAME, 0},
        {"<a@[192.0.2.1]>", "a@[192.0.2.1]", "a", "[192.0.2.1]", IPV4, 0},
        {"<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "a",
            "[IPv6:2001:db8::1]", IPV6, 0},
        {"<a@[ipV6:::]>", "a@[ipV6:::]", "a", "[ipV6:::]", IPV6, 0},
        {"<a@[IPv6:::ffff:192.0.2.1]>", "a@[IPv6:::ffff:192.0.2.1]", "a",
            "[IPv6:::ffff:192.0.2.1]", IPV6, 0},
        /* A source route is left out (RFC 5321 appendix C). */
        {"<@x:a@b>", "a@b", "a", "b", NAME, 0},
        {"<@x.y,@z:a@b>", "a@b", "a", "b", NAME, 0},
        {"<@x:\"a:b\"@b>", "\"a:b\"@b", "\"a:b\"", "b", NAME, 0},
        {"<@" E_ACUTE ":a@b>", "a@b", "a", "b", NAME, 0},
        {"<" E_ACUTE "@b>", E_ACUTE "@b", E_ACUTE, "b", NAME, 1},
        {"<a@b" E_ACUTE ".c>", "a@b" E_ACUTE ".c", "a", "b" E_ACUTE ".c", NAME,
            1},
        {"<\"" E_ACUTE "\"@b>", "\"" E_ACUTE "\"@b", "\"" E_ACUTE "\"", "b",
            NAME, 1},
        {"<postmaster@b>", "postmaster@b", "postmaster", "b", NAME, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;
        struct sli_mail_path path;
        size_t used = 0;
        int result = (int)parse(
            cases[i].text, SLI_MAIL_PATH_REVERSE, &path, &used, &guard);

        if (result != OK || used != strlen(cases[i].text) ||
            !slice_is(path.mailbox, cases[i].mailbox) ||
            !slice_is(path.local, cases[i].local) ||
            !slice_is(path.domain, cases[i].domain) ||
            (int)path.domain_type != cases[i].type ||
            path.has_utf8 != cases[i].has_utf8) {
            fail_msg("%s: %d, used %zu", cases[i].text, result, used);
        }
        guard_free(&guard);
        /* The same as a forward path. */
        assert_int_equal(
            parse(cases[i].text, SLI_MAIL_PATH_FORWARD, &path, &used, &guard),
            OK);
        guard_free(&guard);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"", SYNTAX},
        {"<", SYNTAX},
        {">", SYNTAX},
        {"a@b", SYNTAX},
        {" <a@b>", SYNTAX},
        {"< a@b>", SYNTAX},
        {"<a@b >", SYNTAX},
        {"<a@b", SYNTAX},
        {"<a@>", SYNTAX},
        {"<@b>", SYNTAX},
        {"<a>", SYNTAX},
        {"<a b@c>", SYNTAX},
        {"<a@b@c>", SYNTAX},
        {"<.a@b>", SYNTAX},
        {"<a.@b>", SYNTAX},
        {"<a..b@c>", SYNTAX},
        {"<a(x)@b>", SYNTAX},
        {"<a,b@c>", SYNTAX},
        {"<a\\b@c>", SYNTAX},
        {"<a\"b\"@c>", SYNTAX},
        {"<\"a@b>", SYNTAX},
        {"<\"a\\\"@b>", SYNTAX},
        {"<\"a\\", SYNTAX},
        {"<\"a\\\x7F\"@b>", SYNTAX},
        {"<\"a\\\xC3\xA9\"@b>", SYNTAX},
        {"<\"a\tb\"@c>", SYNTAX},
        {"<\"a\rb\"@c>", SYNTAX},
        {"<\"a\"b@c>", SYNTAX},
        {"<\"a\".b@c>", SYNTAX},
        {"<a\x01@b>", SYNTAX},
        {"<a@.b>", SYNTAX},
        {"<a@b.>", SYNTAX},
        {"<a@b..c>", SYNTAX},
        {"<a@-b>", SYNTAX},
        {"<a@b->", SYNTAX},
        {"<a@b-.c>", SYNTAX},
        {"<a@b.-c>", SYNTAX},
        {"<a@b!c>", SYNTAX},
        {"<a@b c>", SYNTAX},
        {"<a@b:25>", SYNTAX},
        {"<a@[>", SYNTAX},
        {"<a@[]>", SYNTAX},
        {"<a@[192.0.2.1>", SYNTAX},
        {"<a@[192.0.2.256]>", SYNTAX},
        {"<a@[192.0.2]>", SYNTAX},
        {"<a@[192.0.2.1]x>", SYNTAX},
        {"<a@[192.0.2.1].x>", SYNTAX},
        {"<a@[IPv6:]>", SYNTAX},
        {"<a@[IPv6:1::2::3]>", SYNTAX},
        {"<a@[IPv6:192.0.2.1]>", SYNTAX},
        {"<a@[2001:db8::1]>", TAG}, /* "2001" reads as a tag */
        {"<a@[::1]>", SYNTAX},
        {"<a@[x:]>", SYNTAX},
        {"<a@[x-:y]>", SYNTAX},
        {"<a@[x:y z]>", SYNTAX},
        {"<a@[x:[y]>", SYNTAX},
        {"<a@[x:\\y]>", SYNTAX},
        {"<a@[x-1:y]>", TAG},
        {"<a@[x:y:z]>", TAG},
        {"<a@[IPv7:z]>", TAG},
        {"<@x:>", SYNTAX},
        {"<@x:Postmaster>", SYNTAX},
        {"<@x,y:a@b>", SYNTAX},
        {"<@x,:a@b>", SYNTAX},
        {"<@x@y:a@b>", SYNTAX},
        {"<@:a@b>", SYNTAX},
        {"<@[192.0.2.1]:a@b>", SYNTAX},
        {"<@x a@b>", SYNTAX},
        {"<@x", SYNTAX},
        {"<@x,", SYNTAX},
        {"<\"\xFF\"@b>", NOT_UTF8},
        {"<\xC3@b>", NOT_UTF8},
        {"<a\xC0\xAF@b>", NOT_UTF8},
        {"<a@b\xED\xA0\x80>", NOT_UTF8},
        {"<a@\xC3.\xA9>", NOT_UTF8},
        {"<@\xFF:a@b>", NOT_UTF8},
        {"<\xFF@.b>", SYNTAX},
        {"<\xFF@b", SYNTAX},
        {"<Postmaster", SYNTAX},
        {"<\"Postmaster\">", SYNTAX},
        {"<Postmaste>", SYNTAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int kind = 0; kind < 2; kind++) {
            struct guard guard;
            struct sli_mail_path path;
            size_t used;
            int result = (int)parse(cases[i].text,
                (enum sli_mail_path_kind)kind, &path, &used, &guard);

            if (result != cases[i].result) {
                fail_msg("%s: %d", cases[i].text, result);
            }
            guard_free(&guard);
        }
    }
}

static void test_short_paths(void **state)
{
    static const struct {
        const char *text;
        const char *mailbox;
        enum sli_mail_path_kind kind;
        int result;
    } cases[] = {
        {"<>", "", SLI_MAIL_PATH_REVERSE, OK},
        {"<>", NULL, SLI_MAIL_PATH_FORWARD, SYNTAX},
        {"<Postmaster>", "Postmaster", SLI_MAIL_PATH_FORWARD, OK},
        {"<pOSTmASTER>", "pOSTmASTER", SLI_MAIL_PATH_FORWARD, OK},
        {"<Postmaster>", NULL, SLI_MAIL_PATH_REVERSE, SYNTAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;
        struct sli_mail_path path;
        size_t used;

        assert_int_equal(
            parse(cases[i].text, cases[i].kind, &path, &used, &guard),
            cases[i].result);
        if (cases[i].result == OK) {
            assert_int_equal(used, strlen(cases[i].text));
            assert_true(slice_is(path.mailbox, cases[i].mailbox));
            assert_true(slice_is(path.local, cases[i].mailbox));
            assert_int_equal(path.domain.size, 0);
            assert_int_equal(path.domain_type, SLI_MAIL_DOMAIN_NONE);
            assert_false(path.has_utf8);
        }
        guard_free(&guard);
    }
}

static void test_what_follows(void **state)
{
    static const char *const texts[] = {
        "<a@b> SIZE=1", "<a@b>>", "<a@b>x", "<a@b>\xFF"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct guard guard;
        struct sli_mail_path path;
        size_t used;

        assert_int_equal(
            parse(texts[i], SLI_MAIL_PATH_REVERSE, &path, &used, &guard), OK);
        assert_int_equal(used, 5);
        assert_true(slice_is(path.mailbox, "a@b"));
        guard_free(&guard);
    }
}

/* RFC 5321 section 4.5.3.1, RFC 1035 section 2.3.4. */
static void test_limits(void **state)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"<" A250 "aaaa@b>", OK},
        {"<" A250 "aaaaa@b>", OK},
        {"<" A250 "aaaaaa@b>", TOO_LONG},
        {"<\"" A250 "aaa\"@b>", OK},
        {"<\"" A250 "aaaa\"@b>", TOO_LONG},
        {"<" A250 "aaaaaa@.b>", SYNTAX},
        {"<" A250 "aaaaaa@b", SYNTAX},
        {"<a@" A50 A10 "aa.b>", OK},
        {"<a@" A63 ".b>", OK},
        {"<a@b." A63 "a>", TOO_LONG},
        {"<a@" A63 "a.b>", TOO_LONG},
        {"<a@" A63 "a..b>", SYNTAX},
        {"<a@" LONG_DOMAIN(A50 A10 "aa") ">", OK},
        {"<a@" LONG_DOMAIN(A63) ">", OK},
        {"<a@" LONG_DOMAIN(A50 A10 "a.a") ">", OK},
        {"<a@" LONG_DOMAIN(A50 A10 "aa.a") ">", TOO_LONG},
        {"<a@[x:" A250 "]>", TAG},        /* 254 octets */
        {"<a@[x:" A250 "a]>", TAG},       /* 255 */
        {"<a@[x:" A250 "aa]>", TOO_LONG}, /* 256 */
        {"<a@[x " A250 "aaa]>", SYNTAX},
        {"<@" A63 ":a@b>", OK},
        {"<@" A63 "a:a@b>", TOO_LONG},
        {"<@" A63 "a:a@>", SYNTAX},
        /* 58, 59 and 60 characters, each of two octets. */
        {"<a@" E10 E10 E10 E10 E10 E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE
                E_ACUTE E_ACUTE E_ACUTE ">",
            OK},
        {"<a@" E10 E10 E10 E10 E10 E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE
                E_ACUTE E_ACUTE E_ACUTE E_ACUTE ">",
            OK},
        {"<a@" E10 E10 E10 E10 E10 E10 ">", TOO_LONG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;
        struct sli_mail_path path;
        size_t used;
        int result = (int)parse(
            cases[i].text, SLI_MAIL_PATH_FORWARD, &path, &used, &guard);

        if (result != cases[i].result) {
            fail_msg("%s: %d", cases[i].text, result);
        }
        guard_free(&guard);
    }
}

/* Every octet in each place of a path: what is taken is what the grammar
 * names. */
static void test_every_octet(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        char in_local[] = {'<', 'x', (char)octet, 'x', '@', 'b', '>'};
        char in_quotes[] = {'<', '"', (char)octet, '"', '@', 'b', '>'};
        char escaped[] = {'<', '"', '\\', (char)octet, '"', '@', 'b', '>'};
        char in_domain[] = {'<', 'a', '@', 'x', (char)octet, 'x', '>'};
        struct sli_mail_path path;
        size_t used;
        int is_alnum = (octet >= '0' && octet <= '9') ||
            (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z');
        int is_atext = is_alnum ||
            (octet != 0 && strchr("!#$%&'*+-/=?^_`{|}~", octet) != NULL);
        int is_print = octet >= 32 && octet <= 126;
        int high = octet >= 128 ? NOT_UTF8 : SYNTAX;

        assert_int_equal(
            sli_mail_path_parse(sli_slice(in_local, sizeof in_local),
                SLI_MAIL_PATH_REVERSE, &path, &used),
            is_atext || octet == '.' ? OK : high);
        assert_int_equal(
            sli_mail_path_parse(sli_slice(in_quotes, sizeof in_quotes),
                SLI_MAIL_PATH_REVERSE, &path, &used),
            is_print && octet != '"' && octet != '\\' ? OK : high);
        assert_int_equal(sli_mail_path_parse(sli_slice(escaped, sizeof escaped),
                             SLI_MAIL_PATH_REVERSE, &path, &used),
            is_print ? OK : SYNTAX);
        assert_int_equal(
            sli_mail_path_parse(sli_slice(in_domain, sizeof in_domain),
                SLI_MAIL_PATH_REVERSE, &path, &used),
            octet == '>' ? OK
                : is_alnum || octet == '.' || octet == '-' || octet == '_'
                ? OK
                : high);
    }
}

static void test_mailbox(void **state)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"a@b", OK},
        {"\"a b\"@[192.0.2.1]", OK},
        {E_ACUTE "@b", OK},
        {"", SYNTAX},
        {"a", SYNTAX},
        {"Postmaster", SYNTAX},
        {"<a@b>", SYNTAX},
        {"a@b ", SYNTAX},
        {" a@b", SYNTAX},
        {"a@b>", SYNTAX},
        {"@x:a@b", SYNTAX},
        {"a@b\r\n", SYNTAX},
        {"a@[x:y]", TAG},
        {"a@[x:y]z", SYNTAX},
        {"\xFF@b", NOT_UTF8},
        {A250 "aaaaaa@b", TOO_LONG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;
        struct slimta_slice text =
            guard_copy(&guard, sli_slice_text(cases[i].text));
        struct sli_mail_path path;
        int result = (int)sli_mail_path_parse_mailbox(text, &path);

        if (result != cases[i].result) {
            fail_msg("%s: %d", cases[i].text, result);
        }
        if (result == OK) {
            assert_true(slice_is(path.mailbox, cases[i].text));
        }
        guard_free(&guard);
    }
}

/* Cut anywhere a path is none, and nothing past the cut is read. */
static void test_cut_anywhere(void **state)
{
    static const char text[] =
        "<@x.y,@z:\"a\\\" b\"@[IPv6:2001:db8::192.0.2.1]>";

    (void)state;
    for (size_t size = 0; size < sizeof text; size++) {
        struct guard guard;
        struct sli_mail_path path;
        size_t used;

        assert_int_equal(
            sli_mail_path_parse(guard_copy(&guard, sli_slice(text, size)),
                SLI_MAIL_PATH_REVERSE, &path, &used),
            size == sizeof text - 1 ? OK : SYNTAX);
        guard_free(&guard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_short_paths),
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_mailbox),
        cmocka_unit_test(test_cut_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
