/** Tests of lib/smtp/capabilities.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "smtp/capabilities.h"

static struct sli_smtp_capabilities read_lines(const char *lines)
{
    struct sli_smtp_capabilities found = {0};
    struct slimta_slice text = sli_slice_text(lines);

    while (text.size > 0) {
        struct guard guard;

        sli_smtp_capabilities_read(
            &found, guard_copy(&guard, sli_slice_take_until(&text, '|')));
        guard_free(&guard);
    }
    return found;
}

static void reads_keywords(void **state)
{
    struct sli_smtp_capabilities found;

    (void)state;
    found = read_lines(
        "PIPELINING|SIZE 5000|8BITMIME|smtputf8|STARTTLS|DSN|"
        "AUTH PLAIN LOGIN|X-WHAT ever||  |PIPELININGS|SIZES 7");
    assert_int_equal(found.offered, 127);
    assert_int_equal(found.max_size, 5000);
    assert_string_equal(found.mechanisms, "PLAIN LOGIN");
    found = read_lines("8BITMIME");
    assert_int_equal(found.offered, SLI_SMTP_CAPABILITY_8BITMIME);
    found = read_lines("AUTH=LOGIN|AUTH PLAIN login|AUTH=|AUTH");
    assert_int_equal(found.offered, SLI_SMTP_CAPABILITY_AUTH);
    assert_string_equal(found.mechanisms, "LOGIN PLAIN");
}

/* RFC 1870 section 3. */
static void reads_sizes(void **state)
{
    static const struct {
        const char *line;
        uint64_t size;
    } rows[] = {
        {"SIZE", 0},
        {"SIZE 0", 0},
        {"SIZE 1", 1},
        {"SIZE  12 x", 12},
        {"SIZE 99999999999999999999", UINT64_MAX},
        {"SIZE 999999999999999999999", 0},
        {"SIZE -1", 0},
        {"SIZE 1k", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sli_smtp_capabilities found = read_lines(rows[i].line);

        assert_int_equal(found.offered, SLI_SMTP_CAPABILITY_SIZE);
        assert_true(found.max_size == rows[i].size);
    }
}

static void keeps_what_mechanisms_it_has_room_for(void **state)
{
    char line[600] = "AUTH ";
    struct sli_smtp_capabilities found;

    (void)state;
    memset(line + 5, 'A', SLI_SMTP_CAPABILITIES_MECHANISMS_MAX);
    found = read_lines(line);
    assert_int_equal(
        strlen(found.mechanisms), SLI_SMTP_CAPABILITIES_MECHANISMS_MAX);
    line[5 + SLI_SMTP_CAPABILITIES_MECHANISMS_MAX] = 'A';
    found = read_lines(line);
    assert_string_equal(found.mechanisms, "");
    (void)strcat(line, " PLAIN");
    found = read_lines(line);
    assert_string_equal(found.mechanisms, "PLAIN");
    found = read_lines("AUTH a\x01 b\xff LOGIN");
    assert_string_equal(found.mechanisms, "LOGIN");
}

static void checks_a_message(void **state)
{
    const struct slimta_mail_params plain = {.size = sizeof plain};
    const struct slimta_mail_params utf8 = {.smtputf8 = 1};
    const struct slimta_mail_params binary = {
        .has_body = 1, .body = SLIMTA_BODY_BINARYMIME};
    struct sli_smtp_capabilities hop = {0};
    struct sli_smtp_mail mail = {SLI_LITERAL("a@b.example"), &plain, 1000};

    (void)state;
    assert_int_equal(
        sli_smtp_capabilities_check(&hop, &mail), SLI_SMTP_REPLY_NONE);
    hop.max_size = 1000;
    assert_int_equal(
        sli_smtp_capabilities_check(&hop, &mail), SLI_SMTP_REPLY_NONE);
    hop.max_size = 999;
    assert_int_equal(
        sli_smtp_capabilities_check(&hop, &mail), SLI_SMTP_REPLY_HOP_TOO_LARGE);
    hop.max_size = 0;
    mail.params = &binary;
    assert_int_equal(sli_smtp_capabilities_check(&hop, &mail),
        SLI_SMTP_REPLY_HOP_NEEDS_8BIT);
    mail.params = &utf8;
    assert_int_equal(sli_smtp_capabilities_check(&hop, &mail),
        SLI_SMTP_REPLY_HOP_NEEDS_UTF8);
    mail.params = &plain;
    mail.sender = SLI_LITERAL("s\xc3\xbc@b.example");
    assert_int_equal(sli_smtp_capabilities_check(&hop, &mail),
        SLI_SMTP_REPLY_HOP_NEEDS_UTF8);
    hop.offered = SLI_SMTP_CAPABILITY_SMTPUTF8;
    assert_int_equal(
        sli_smtp_capabilities_check(&hop, &mail), SLI_SMTP_REPLY_NONE);
}

/* What a sender insists on. */
static void checks_demands(void **state)
{
    static const struct {
        struct slimta_mail_params params;
        unsigned capability;
        enum sli_smtp_reply_id without;
    } rows[] = {
        {{.requiretls = 1}, SLI_SMTP_CAPABILITY_REQUIRETLS,
            SLI_SMTP_REPLY_HOP_NO_REQUIRETLS},
        {{.by = SLIMTA_BY_RETURN, .by_seconds = 1},
            SLI_SMTP_CAPABILITY_DELIVERBY, SLI_SMTP_REPLY_HOP_NO_DELIVERBY},
        {{.by = SLIMTA_BY_NOTIFY}, SLI_SMTP_CAPABILITY_DELIVERBY,
            SLI_SMTP_REPLY_NONE},
        {{.hold_until_ms = 1}, SLI_SMTP_CAPABILITY_FUTURERELEASE,
            SLI_SMTP_REPLY_HOP_NO_FUTURERELEASE},
        {{.has_priority = 1}, SLI_SMTP_CAPABILITY_MT_PRIORITY,
            SLI_SMTP_REPLY_NONE},
        {{.envid = "x"}, SLI_SMTP_CAPABILITY_DSN, SLI_SMTP_REPLY_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sli_smtp_mail mail = {SLI_LITERAL(""), &rows[i].params, 0};
        struct sli_smtp_capabilities hop = {.offered = rows[i].capability};

        assert_int_equal(
            sli_smtp_capabilities_check(&hop, &mail), SLI_SMTP_REPLY_NONE);
        hop.offered = ~rows[i].capability;
        assert_int_equal(
            sli_smtp_capabilities_check(&hop, &mail), rows[i].without);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_keywords),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(keeps_what_mechanisms_it_has_room_for),
        cmocka_unit_test(checks_a_message),
        cmocka_unit_test(checks_demands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
