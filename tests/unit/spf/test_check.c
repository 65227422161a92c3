/** Tests of lib/spf/check.c, term.c, client.c and expand.c, beside the suite of
 * tests/spf. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "spf/check.h"
#include "zone.h"

static struct zone zone;
static struct sli_spf_check check;

static int start(void **state)
{
    (void)state;
    zone.count = 0;
    return 0;
}

static void put(const char *name, const char *type, const char *value)
{
    zone_add(&zone, name, type, sli_slice_text(value));
}

/* Runs it to its end; returns how many look-ups it took. */
static unsigned evaluate(
    const char *client, const char *helo, const char *sender)
{
    struct sli_spf_question question = {
        .client.family = SLIMTA_FAMILY_IPV4,
        .helo = sli_slice_text(helo),
        .sender = sli_slice_text(sender),
        .time_s = 1234567890,
    };
    struct slimta_alloc alloc;
    struct sli_spf_table table;
    unsigned asked = 0;

    if (!sli_address_parse_ipv4(sli_slice_text(client), question.client.ip)) {
        question.client.family = SLIMTA_FAMILY_IPV6;
        assert_true(
            sli_address_parse_ipv6(sli_slice_text(client), question.client.ip));
    }
    assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
    sli_spf_table_init(&table, &alloc);
    sli_spf_check_init(&check, &question, &table);
    while (sli_spf_check_run(&check) == SLI_SPF_RUN_NEEDS) {
        assert_true(
            zone_answer(&zone, &table, check.need_name.data, check.need_type));
        asked++;
        assert_in_range(asked, 1, SLI_SPF_LOOKUPS_MAX);
    }
    sli_spf_table_fini(&table);
    return asked;
}

static enum slimta_spf_result result_of(const char *record)
{
    zone.count = 0;
    put("e.com", "TXT", record);
    put("e.com", "A", "192.0.2.1");
    (void)evaluate("192.0.2.1", "helo.example", "user@e.com");
    return check.result;
}

/* RFC 7208 section 4.3. */
static void asks_nothing_for_no_domain(void **state)
{
    static const char *const senders[] = {"a@b", "a@[192.0.2.1]", "a@b..c",
        "a@.b.c", "a@192.0.2.1", "a@\xc3\xbc.example", "b", "@", "a@b c.d"};

    (void)state;
    for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
        assert_int_equal(evaluate("192.0.2.1", "h.example", senders[i]), 0);
        assert_int_equal(check.result, SLIMTA_SPF_NONE);
    }
    assert_int_equal(evaluate("192.0.2.1", "[192.0.2.1]", ""), 0);
    assert_int_equal(check.result, SLIMTA_SPF_NONE);
}

static void asks_nothing_for_no_address(void **state)
{
    struct sli_spf_question question = {
        .client.family = SLIMTA_FAMILY_UNIX, .sender = SLI_LITERAL("a@b.c")};
    struct sli_spf_table table = {0};

    (void)state;
    sli_spf_check_init(&check, &question, &table);
    assert_int_equal(sli_spf_check_run(&check), SLI_SPF_RUN_DONE);
    assert_int_equal(check.result, SLIMTA_SPF_NONE);
}

/* RFC 7208 sections 2.4 and 4.3. */
static void knows_the_sender(void **state)
{
    static const struct {
        const char *sender;
        const char *wanted;
    } cases[] = {
        {"", "postmaster@e.com"},
        {"e.com", "postmaster@e.com"},
        {"@e.com", "postmaster@e.com"},
        {"a@e.com", "a@e.com"},
        {"\"a@b\"@e.com", "\"a@b\"@e.com"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put("e.com", "TXT", "v=spf1 exp=x.e.com -all");
        put("x.e.com", "TXT", "%{s}");
        (void)evaluate("192.0.2.1", "e.com", cases[i].sender);
        assert_string_equal(check.explanation, cases[i].wanted);
        zone.count = 0;
    }
}

/* RFC 7208 section 4.6.4. */
static void limits_the_terms(void **state)
{
    (void)state;
    assert_int_equal(
        result_of("v=spf1 a//1 a a a a a a a a -all"), SLIMTA_SPF_PASS);
    assert_int_equal(result_of("v=spf1 -a -a -a a:n.e.com/0 a:n.e.com ?all"),
        SLIMTA_SPF_FAIL);
    assert_int_equal(
        result_of("v=spf1 exists:e.com exists:e.com"), SLIMTA_SPF_PASS);
    zone.count = 0;
    put("e.com", "A", "192.0.2.9");
    put("e.com", "TXT", "v=spf1 a a a a a a a a a a -all");
    (void)evaluate("192.0.2.1", "h.example", "a@e.com");
    assert_int_equal(check.result, SLIMTA_SPF_FAIL);
    put("f.com", "TXT",
        "v=spf1 a:e.com a:e.com a:e.com a:e.com a:e.com "
        "a:e.com a:e.com a:e.com a:e.com redirect=e.com");
    (void)evaluate("192.0.2.1", "h.example", "a@f.com");
    assert_int_equal(check.result, SLIMTA_SPF_PERMERROR);
    assert_string_equal(check.problem, "too many look-ups");
    put("g.com", "TXT",
        "v=spf1 a:e.com a:e.com a:e.com a:e.com a:e.com "
        "a:e.com a:e.com a:e.com a:e.com exists:%{p}.x -all");
    (void)evaluate("192.0.2.1", "h.example", "a@g.com");
    assert_int_equal(check.result, SLIMTA_SPF_PERMERROR);
}

static void limits_the_voids(void **state)
{
    (void)state;
    assert_int_equal(
        result_of("v=spf1 a:x.e.com mx:y.e.com -all"), SLIMTA_SPF_FAIL);
    assert_int_equal(
        result_of("v=spf1 a:x.e.com mx:y.e.com ptr -all"), SLIMTA_SPF_FAIL);
    assert_int_equal(result_of("v=spf1 a:x.e.com mx:y.e.com exists:z.e.com"),
        SLIMTA_SPF_PERMERROR);
    /* What is no name is not asked for. */
    assert_int_equal(
        result_of("v=spf1 a:x..com a:y..com a:z..com -all"), SLIMTA_SPF_FAIL);
}

static void limits_the_names_of_an_mx(void **state)
{
    (void)state;
    for (int names = 9; names <= 11; names++) {
        zone.count = 0;
        put("e.com", "TXT", "v=spf1 mx -all");
        for (int i = 0; i < names; i++) {
            char name[20];

            (void)snprintf(name, sizeof name, "m%d.e.com", i);
            put("e.com", "MX", name);
        }
        assert_int_equal(evaluate("192.0.2.1", "h.example", "a@e.com"),
            2 + (names < 10 ? names : 10));
        assert_int_equal(
            check.result, names > 10 ? SLIMTA_SPF_PERMERROR : SLIMTA_SPF_FAIL);
    }
}

static void limits_the_reverse_names(void **state)
{
    (void)state;
    for (int names = 9; names <= 11; names++) {
        zone.count = 0;
        put("e.com", "TXT", "v=spf1 ptr -all");
        for (int i = 1; i <= names; i++) {
            char name[20];

            (void)snprintf(name, sizeof name, "p%d.e.com", i);
            put("1.2.0.192.in-addr.arpa", "PTR", name);
            put(name, "A", i == names ? "192.0.2.1" : "192.0.2.2");
        }
        assert_int_equal(evaluate("192.0.2.1", "h.example", "a@e.com"),
            2 + (names < 10 ? names : 10));
        assert_int_equal(
            check.result, names > 10 ? SLIMTA_SPF_FAIL : SLIMTA_SPF_PASS);
    }
}

/* Names outside the domain are not even looked up for ptr. */
static void asks_for_wanted_names_only(void **state)
{
    (void)state;
    put("e.com", "TXT", "v=spf1 ptr -all");
    put("1.2.0.192.in-addr.arpa", "PTR", "other.example");
    assert_int_equal(evaluate("192.0.2.1", "h.example", "a@e.com"), 2);
    assert_int_equal(check.result, SLIMTA_SPF_FAIL);
}

/* The sum of all limits, and not one more. */
static void reaches_the_most_lookups(void **state)
{
    (void)state;
    put("e.com", "TXT",
        "v=spf1 mx:0.e.com mx:1.e.com mx:2.e.com mx:3.e.com mx:4.e.com "
        "mx:5.e.com mx:6.e.com mx:7.e.com mx:8.e.com mx:9.e.com -all "
        "exp=x.e.com");
    put("x.e.com", "TXT", "%{p}");
    for (int term = 0; term < 10; term++) {
        char name[20];
        char host[30];

        (void)snprintf(name, sizeof name, "%d.e.com", term);
        for (int i = 0; i < 10; i++) {
            (void)snprintf(host, sizeof host, "m%d%d.e.com", term, i);
            put(name, "MX", host);
        }
        (void)snprintf(host, sizeof host, "p%d.e.com", term);
        put("1.2.0.192.in-addr.arpa", "PTR", host);
    }
    assert_int_equal(
        evaluate("192.0.2.1", "h.example", "a@e.com"), SLI_SPF_LOOKUPS_MAX);
    assert_int_equal(check.result, SLIMTA_SPF_FAIL);
    assert_string_equal(check.explanation, "unknown");
}

/* RFC 7208 section 7.3. */
static void expands_macros(void **state)
{
    static const struct {
        const char *text;
        const char *wanted;
    } cases[] = {
        /* The examples of RFC 7208 section 7.4. */
        {"%{s}", "strong-bad@email.example.com"},
        {"%{o}", "email.example.com"},
        {"%{d}", "email.example.com"},
        {"%{d4}", "email.example.com"},
        {"%{d3}", "email.example.com"},
        {"%{d2}", "example.com"},
        {"%{d1}", "com"},
        {"%{dr}", "com.example.email"},
        {"%{d2r}", "example.email"},
        {"%{l}", "strong-bad"},
        {"%{l-}", "strong.bad"},
        {"%{lr}", "strong-bad"},
        {"%{lr-}", "bad.strong"},
        {"%{l1r-}", "strong"},
        {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
        {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
        {"%{d2}.trusted-domains.example.net",
            "example.com.trusted-domains.example.net"},
        {"%{d99999999999999999999}", "email.example.com"},
        {"%{S}", "strong-bad%40email.example.com"},
        {"%{c} %{r} %{t}", "192.0.2.3 unknown 1234567890"},
        {"%{h}", "h.example"},
        {"%{p} %%%_%-", "unknown % %20"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zone.count = 0;
        put("email.example.com", "TXT", "v=spf1 -all exp=x.example.com");
        put("x.example.com", "TXT", cases[i].text);
        (void)evaluate(
            "192.0.2.3", "h.example", "strong-bad@email.example.com");
        assert_string_equal(check.explanation, cases[i].wanted);
    }
}

static void expands_ipv6(void **state)
{
    (void)state;
    put("e.com", "TXT", "v=spf1 -all exp=x.e.com");
    put("x.e.com", "TXT", "%{c} %{ir}.%{v}._spf.%{d2}");
    (void)evaluate("2001:db8::cb01", "h.example", "a@e.com");
    assert_string_equal(check.explanation,
        "2001:db8::cb01 1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D."
        "0.1.0.0.2.ip6._spf.e.com");
}

static void prefers_the_domains_own_name(void **state)
{
    (void)state;
    put("e.com", "TXT", "v=spf1 -all exp=x.e.com");
    put("x.e.com", "TXT", "%{p}");
    put("1.2.0.192.in-addr.arpa", "PTR", "other.example");
    put("1.2.0.192.in-addr.arpa", "PTR", "false.e.com");
    put("1.2.0.192.in-addr.arpa", "PTR", "sub.e.com");
    put("other.example", "A", "192.0.2.1");
    put("false.e.com", "A", "192.0.2.2");
    put("sub.e.com", "A", "192.0.2.1");
    (void)evaluate("192.0.2.1", "h.example", "a@e.com");
    assert_string_equal(check.explanation, "sub.e.com");
    put("1.2.0.192.in-addr.arpa", "PTR", "E.com.");
    put("e.com", "A", "192.0.2.1");
    (void)evaluate("192.0.2.1", "h.example", "a@e.com");
    assert_string_equal(check.explanation, "E.com");
    (void)evaluate("192.0.2.1", "h.example", "a@e.com");
    zone.count = 0;
    put("e.com", "TXT", "v=spf1 -all exp=x.e.com");
    put("x.e.com", "TXT", "%{p}");
    put("1.2.0.192.in-addr.arpa", "PTR", "other.example");
    put("other.example", "A", "192.0.2.1");
    (void)evaluate("192.0.2.1", "h.example", "a@e.com");
    assert_string_equal(check.explanation, "other.example");
}

/* RFC 7208 section 6.2: foreign text; RFC 8616: a local part may be UTF-8. */
static void keeps_explanations_tame(void **state)
{
    char text[400];

    (void)state;
    put("e.com", "TXT", "v=spf1 -all exp=x.e.com");
    put("x.e.com", "TXT", "for %{l}");
    (void)evaluate("192.0.2.1", "h.example", "\xc3\xbc\x01@e.com");
    assert_string_equal(check.explanation, "for ???");
    memset(text, 'a', sizeof text);
    for (size_t size = 255; size <= 257; size++) {
        zone.count = 1;
        zone_add(&zone, "x.e.com", "TXT", sli_slice(text, size));
        (void)evaluate("192.0.2.1", "h.example", "a@e.com");
        assert_int_equal(strlen(check.explanation), size > 256 ? 256 : size);
    }
}

static void limits_an_explanation(void **state)
{
    static char text[SLI_SPF_RECORD_MAX + 1];

    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t size = sizeof text - 2; size <= sizeof text; size++) {
        zone.count = 0;
        put("e.com", "TXT", "v=spf1 -all exp=x.e.com");
        zone_add(&zone, "x.e.com", "TXT", sli_slice(text, size));
        (void)evaluate("192.0.2.1", "h.example", "a@e.com");
        assert_int_equal(strlen(check.explanation),
            size > SLI_SPF_RECORD_MAX ? 0 : SLI_SPF_EXPLANATION_MAX);
    }
}

/* RFC 7208 section 7.3: labels go from the left until 253 octets are left. */
static void cuts_long_names(void **state)
{
    static const char spec[] = "v=spf1 exists:%{l}.%{l}.%{l}.%{l}.e.com -all";
    char sender[80];
    char name[300];

    (void)state;
    for (size_t size = 58; size <= 63; size++) {
        int length;
        size_t before;

        zone.count = 0;
        memset(sender, 'a', size);
        (void)strcpy(sender + size, "@e.com");
        length = snprintf(name, sizeof name, "%.*s.%.*s.%.*s.%.*s.e.com",
            (int)size, sender, (int)size, sender, (int)size, sender, (int)size,
            sender);
        before = length > SLI_SPF_NAME_MAX ? size + 1 : 0;
        put("e.com", "TXT", spec);
        put(name + before, "A", "127.0.0.2");
        (void)evaluate("192.0.2.1", "h.example", sender);
        assert_int_equal(check.result, SLIMTA_SPF_PASS);
    }
}

/* However long a macro string becomes, its end is what counts; but there is an
 * end to the macro string. */
static void expands_without_end(void **state)
{
    static char record[SLI_SPF_SPEC_MAX + 100];
    char sender[300];

    (void)state;
    memset(sender, 'x', 255);
    for (size_t i = 9; i < 255; i += 10) {
        sender[i] = '.';
    }
    (void)strcpy(sender + 255, "@e.com");
    for (size_t size = SLI_SPF_SPEC_MAX - 1; size <= SLI_SPF_SPEC_MAX + 1;
         size++) {
        const size_t head = sizeof "v=spf1 -all exp=" - 1;

        memset(record, 'x', sizeof record);
        memcpy(record, "v=spf1 -all exp=", head);
        for (size_t i = 0; i + 20 < size; i += 4) {
            memcpy(record + head + i, "%{l}", 4);
        }
        memcpy(record + head + size - 8, ".x.e.com", 8);
        zone.count = 0;
        zone_add(&zone, "e.com", "TXT", sli_slice(record, head + size));
        (void)evaluate("192.0.2.1", "h.example", sender);
        assert_int_equal(check.result,
            size > SLI_SPF_SPEC_MAX ? SLIMTA_SPF_PERMERROR : SLIMTA_SPF_FAIL);
        if (check.result == SLIMTA_SPF_FAIL) {
            assert_in_range(check.need_name.size, 240, SLI_SPF_NAME_MAX);
        }
    }
}

static void names_its_problems(void **state)
{
    (void)state;
    assert_int_equal(result_of("v=spf1 foo"), SLIMTA_SPF_PERMERROR);
    assert_string_equal(check.problem, "an SPF record with an error");
    assert_int_equal(result_of("v=spf1 include:x.e.com"), SLIMTA_SPF_PERMERROR);
    assert_string_equal(
        check.problem, "a domain that it names has no SPF record");
    assert_int_equal(result_of("v=spf1 include:%{d1}"), SLIMTA_SPF_PERMERROR);
    assert_int_equal(result_of("v=spf1 a"), SLIMTA_SPF_PASS);
    assert_null(check.problem);
    zone.count = 0;
    put("e.com", "TIMEOUT", "");
    (void)evaluate("192.0.2.1", "h.example", "a@e.com");
    assert_int_equal(check.result, SLIMTA_SPF_TEMPERROR);
    assert_string_equal(check.problem, "a look-up failed");
}

/* RFC 7208 section 5.5: errors about reverse names are the client's. */
static void bears_a_lame_reverse_zone(void **state)
{
    (void)state;
    put("e.com", "TXT", "v=spf1 ptr -all");
    put("1.2.0.192.in-addr.arpa", "TIMEOUT", "");
    (void)evaluate("192.0.2.1", "h.example", "a@e.com");
    assert_int_equal(check.result, SLIMTA_SPF_FAIL);
    zone.count = 1;
    put("1.2.0.192.in-addr.arpa", "PTR", "lame.e.com");
    put("1.2.0.192.in-addr.arpa", "PTR", "good.e.com");
    put("lame.e.com", "TIMEOUT", "");
    put("good.e.com", "A", "192.0.2.1");
    (void)evaluate("192.0.2.1", "h.example", "a@e.com");
    assert_int_equal(check.result, SLIMTA_SPF_PASS);
}

/* RFC 7208 section 5: an IPv4-mapped address is IPv4. */
static void unmaps_the_client(void **state)
{
    (void)state;
    put("e.com", "TXT", "v=spf1 ip4:192.0.2.1 -all");
    (void)evaluate("::ffff:192.0.2.1", "h.example", "a@e.com");
    assert_int_equal(check.result, SLIMTA_SPF_PASS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(asks_nothing_for_no_domain, start),
        cmocka_unit_test_setup(asks_nothing_for_no_address, start),
        cmocka_unit_test_setup(knows_the_sender, start),
        cmocka_unit_test_setup(limits_the_terms, start),
        cmocka_unit_test_setup(limits_the_voids, start),
        cmocka_unit_test_setup(limits_the_names_of_an_mx, start),
        cmocka_unit_test_setup(limits_the_reverse_names, start),
        cmocka_unit_test_setup(asks_for_wanted_names_only, start),
        cmocka_unit_test_setup(reaches_the_most_lookups, start),
        cmocka_unit_test_setup(expands_macros, start),
        cmocka_unit_test_setup(expands_ipv6, start),
        cmocka_unit_test_setup(prefers_the_domains_own_name, start),
        cmocka_unit_test_setup(keeps_explanations_tame, start),
        cmocka_unit_test_setup(limits_an_explanation, start),
        cmocka_unit_test_setup(cuts_long_names, start),
        cmocka_unit_test_setup(expands_without_end, start),
        cmocka_unit_test_setup(names_its_problems, start),
        cmocka_unit_test_setup(bears_a_lame_reverse_zone, start),
        cmocka_unit_test_setup(unmaps_the_client, start),
    };

    return cmocka_run_group_tests_name("spf/check", tests, NULL, NULL);
}
