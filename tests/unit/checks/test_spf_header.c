/** Tests of lib/checks/spf_header.c. */
#include "test.h"

#include <string.h>

#include "sample.h"
#include "base/alloc.h"
#include "checks/spf_header.h"

static const struct slimta_spf_report report = {
    .size = sizeof report,
    .result = SLIMTA_SPF_SOFTFAIL,
    .helo_result = SLIMTA_SPF_NONE,
    .domain = "e.com",
    .reason = "\"why\" (or \\ not)",
};

/* The field as it stands in the message. */
static const char *field_of(struct sample *sample, enum slimta_spf_header kind)
{
    static char text[8192];
    struct slimta_alloc alloc;
    struct slimta_envelope *envelope;
    struct slimta_slice fields;
    int err;

    assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
    envelope = sample_build(sample, &alloc, &err);
    assert_non_null(envelope);
    assert_int_equal(sli_checks_spf_header_prepend(envelope, kind, &report), 0);
    fields = slimta_envelope_prepended(envelope);
    memcpy(text, fields.data, fields.size);
    text[fields.size] = '\0';
    slimta_envelope_unref(envelope);
    return text;
}

/* RFC 7208 section 9.1: what is foreign stands in quotes or in a comment. */
static void escapes_in_received_spf(void **state)
{
    struct sample sample = sample_make();

    (void)state;
    sample.sender = "\"a \\\"b\"@e.com";
    sample.facts.client.ehlo_as = "[192.0.2.1]";
    sample.facts.client.address.family = SLIMTA_FAMILY_IPV6;
    assert_string_equal(field_of(&sample, SLIMTA_SPF_HEADER_RECEIVED_SPF),
        "Received-SPF: softfail (\"why\" \\(or \\\\ not\\))\r\n"
        " client-ip=\"c000:201::\";\r\n"
        " envelope-from=\"\\\"a \\\\\\\"b\\\"@e.com\";\r\n"
        " helo=\"[192.0.2.1]\";\r\n"
        " receiver=mx.example.com;\r\n"
        " identity=mailfrom\r\n");
}

static void knows_the_null_sender(void **state)
{
    struct sample sample = sample_make();

    (void)state;
    sample.sender = "";
    sample.facts.receiver = "";
    assert_string_equal(field_of(&sample, SLIMTA_SPF_HEADER_RECEIVED_SPF),
        "Received-SPF: softfail (\"why\" \\(or \\\\ not\\))\r\n"
        " client-ip=192.0.2.1;\r\n"
        " envelope-from=\"\";\r\n"
        " helo=client.example.org;\r\n"
        " receiver=unknown;\r\n"
        " identity=helo\r\n");
    assert_string_equal(
        field_of(&sample, SLIMTA_SPF_HEADER_AUTHENTICATION_RESULTS),
        "Authentication-Results: unknown;\r\n"
        " spf=none reason=\"\\\"why\\\" (or \\\\ not)\"\r\n"
        " smtp.helo=client.example.org\r\n");
}

/* RFC 8601 section 2.2. */
static void escapes_in_authentication_results(void **state)
{
    struct sample sample = sample_make();

    (void)state;
    sample.sender = "\"a;b\"@e.com";
    sample.facts.client.ehlo_as = "x;spf=pass";
    assert_string_equal(
        field_of(&sample, SLIMTA_SPF_HEADER_AUTHENTICATION_RESULTS),
        "Authentication-Results: mx.example.com;\r\n"
        " spf=softfail reason=\"\\\"why\\\" (or \\\\ not)\"\r\n"
        " smtp.mailfrom=\"\\\"a;b\\\"@e.com\";\r\n"
        " spf=none\r\n"
        " smtp.helo=\"x;spf=pass\"\r\n");
}

/* RFC 5322 section 2.1.1: no line of more than 998 octets. */
static void keeps_lines_short(void **state)
{
    char sender[600];
    struct sample sample = sample_make();

    (void)state;
    memset(sender, '\\', sizeof sender);
    sender[0] = '"';
    memcpy(sender + 510, "\"@\xc3\xbc.com", 9);
    sample.sender = sender;
    for (int kind = 1; kind <= 2; kind++) {
        const char *line = field_of(&sample, (enum slimta_spf_header)kind);

        while (*line != '\0') {
            const char *end = strstr(line, "\r\n");

            assert_non_null(end);
            assert_in_range(end - line, 1, 998);
            line = end + 2;
        }
    }
}

static void leaves_a_sealed_envelope(void **state)
{
    struct slimta_alloc alloc;
    struct sample sample = sample_make();
    struct slimta_envelope *envelope;
    int err;

    (void)state;
    assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
    envelope = sample_build(&sample, &alloc, &err);
    assert_int_equal(
        sli_checks_spf_header_prepend(envelope, SLIMTA_SPF_HEADER_OFF, &report),
        0);
    sli_mail_envelope_seal(envelope, 0);
    assert_int_equal(sli_checks_spf_header_prepend(
                         envelope, SLIMTA_SPF_HEADER_RECEIVED_SPF, &report),
        0);
    assert_int_equal(slimta_envelope_prepended(envelope).size, 0);
    slimta_envelope_unref(envelope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_in_received_spf),
        cmocka_unit_test(knows_the_null_sender),
        cmocka_unit_test(escapes_in_authentication_results),
        cmocka_unit_test(keeps_lines_short),
        cmocka_unit_test(leaves_a_sealed_envelope),
    };

    return cmocka_run_group_tests_name("checks/spf_header", tests, NULL, NULL);
}
