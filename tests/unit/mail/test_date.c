/** Tests of mail/date.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "mail/date.h"

#define SECONDS(number) (INT64_C(number) * 1000)

static void test_format(void **state)
{
    static const struct {
        int64_t timestamp_ms;
        const char *text;
    } cases[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 +0000"},
        {999, "Thu, 01 Jan 1970 00:00:00 +0000"},
        {1000, "Thu, 01 Jan 1970 00:00:01 +0000"},
        {-1, "Wed, 31 Dec 1969 23:59:59 +0000"},
        {-1000, "Wed, 31 Dec 1969 23:59:59 +0000"},
        {-1001, "Wed, 31 Dec 1969 23:59:58 +0000"},
        {SECONDS(86399), "Thu, 01 Jan 1970 23:59:59 +0000"},
        {SECONDS(86400), "Fri, 02 Jan 1970 00:00:00 +0000"},
        {SECONDS(951782399), "Mon, 28 Feb 2000 23:59:59 +0000"},
        {SECONDS(951782400), "Tue, 29 Feb 2000 00:00:00 +0000"},
        {SECONDS(951868800), "Wed, 01 Mar 2000 00:00:00 +0000"},
        {SECONDS(978307199), "Sun, 31 Dec 2000 23:59:59 +0000"},
        {SECONDS(1709164800), "Thu, 29 Feb 2024 00:00:00 +0000"},
        {SECONDS(1795364474), "Sun, 22 Nov 2026 16:21:14 +0000"},
        {SECONDS(2147483648), "Tue, 19 Jan 2038 03:14:08 +0000"},
        /* 2100 is no leap year. */
        {SECONDS(4107542399), "Sun, 28 Feb 2100 23:59:59 +0000"},
        {SECONDS(4107542400), "Mon, 01 Mar 2100 00:00:00 +0000"},
        {SECONDS(253402300799), "Fri, 31 Dec 9999 23:59:59 +0000"},
        {SECONDS(253402300800), "Sat, 01 Jan 10000 00:00:00 +0000"},
        /* RFC 5322 section 3.3: no year before 1900. */
        {SECONDS(-2208988799), "Mon, 01 Jan 1900 00:00:01 +0000"},
        {SECONDS(-2208988800), "Mon, 01 Jan 1900 00:00:00 +0000"},
        {SECONDS(-2208988801), "Mon, 01 Jan 1900 00:00:00 +0000"},
        {INT64_MIN, "Mon, 01 Jan 1900 00:00:00 +0000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[SLI_MAIL_DATE_MAX];
        size_t length = sli_mail_date_format(cases[i].timestamp_ms, text);

        assert_string_equal(text, cases[i].text);
        assert_int_equal(length, strlen(text));
    }
}

static void test_longest_fits(void **state)
{
    char text[SLI_MAIL_DATE_MAX];

    (void)state;
    assert_in_range(
        sli_mail_date_format(INT64_MAX, text), 32, SLI_MAIL_DATE_MAX - 1);
    assert_string_equal(text, "Sun, 17 Aug 292278994 07:12:55 +0000");
}

/* RFC 3339 section 5.6. */
static void test_internet(void **state)
{
    static const struct {
        const char *text;
        int64_t timestamp_ms; /* -1: it is none */
        const char *again;    /* NULL: the text */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, NULL},
        {"2000-02-29T23:59:59Z", SECONDS(951868799), NULL},
        {"2026-11-22T16:21:14Z", SECONDS(1795364474), NULL},
        {"2100-03-01T00:00:00Z", SECONDS(4107542400), NULL},
        {"9999-12-31T23:59:59Z", SECONDS(253402300799), NULL},
        {"2026-11-22t16:21:14.999z", SECONDS(1795364474),
            "2026-11-22T16:21:14Z"},
        {"2026-11-22T15:21:14-01:00", SECONDS(1795364474),
            "2026-11-22T16:21:14Z"},
        {"2026-11-23T00:00:00+07:38", SECONDS(1795364520),
            "2026-11-22T16:22:00Z"},
        {"", -1, NULL},
        {"2026-11-22T16:21:14", -1, NULL},
        {"2026-11-22T16:21:14ZZ", -1, NULL},
        {"2026-11-22T16:21:14.Z", -1, NULL},
        {"2026-11-22 16:21:14Z", -1, NULL},
        {"2026-02-29T16:21:14Z", -1, NULL},
        {"2026-00-22T16:21:14Z", -1, NULL},
        {"2026-13-22T16:21:14Z", -1, NULL},
        {"2026-11-00T16:21:14Z", -1, NULL},
        {"2026-11-31T16:21:14Z", -1, NULL},
        {"2026-11-22T24:00:00Z", -1, NULL},
        {"2026-11-22T16:60:14Z", -1, NULL},
        {"2026-11-22T16:21:61Z", -1, NULL},
        {"2026-11-22T16:21:14+24:00", -1, NULL},
        {"2026-11-22T16:21:14+1:000", -1, NULL},
        {"1969-12-31T23:59:59Z", -1, NULL},
        {"26-11-22T16:21:14Z", -1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_slice text = sli_slice_text(cases[i].text);
        char again[SLI_MAIL_DATE_INTERNET_MAX];
        int64_t timestamp_ms = -1;

        assert_int_equal(sli_mail_date_parse_internet(text, &timestamp_ms),
            cases[i].timestamp_ms >= 0);
        if (cases[i].timestamp_ms < 0) {
            continue;
        }
        assert_true(timestamp_ms == cases[i].timestamp_ms);
        assert_int_equal(
            sli_mail_date_format_internet(timestamp_ms, again), 20);
        assert_string_equal(
            again, cases[i].again == NULL ? cases[i].text : cases[i].again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_longest_fits),
        cmocka_unit_test(test_internet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
