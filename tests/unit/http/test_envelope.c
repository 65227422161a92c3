/** Tests of lib/http/envelope.c. */
#include "test.h"

#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include "http/envelope.h"

static const struct sli_http_rules rules = {
    .sender = {"X-Envelope-Sender", 17},
    .recipient = {"X-Envelope-Recipient", 20},
    .ehlo = {"X-Ehlo", 6},
    .max_recipients = 3,
};

#define REFUSAL(name) SLI_HTTP_REFUSAL_##name

static void expect_text(struct slimta_slice got, const char *wanted)
{
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
}

/* A request of one field, or of two with the same name. */
static struct sli_http_request request_of(struct sli_http_field fields[2],
    struct slimta_slice name, struct slimta_slice first, const char *second)
{
    fields[0] = (struct sli_http_field){name, first};
    fields[1] = (struct sli_http_field){name, sli_slice_text(second)};
    return (struct sli_http_request){
        .fields = fields, .field_count = second == NULL ? 1 : 2};
}

static enum sli_http_refusal read_sender(
    struct slimta_slice value, struct sli_http_address *sender)
{
    struct sli_http_field fields[2];
    struct sli_http_request request =
        request_of(fields, rules.sender, value, NULL);

    return sli_http_envelope_sender(&rules, &request, sender);
}

static void reads_senders(void **state)
{
    static const struct {
        const char *value;
        const char *mailbox;
        int has_utf8;
    } cases[] = {
        {"", "", 0},
        {" \t", "", 0},
        {"c2VuZGVyQGV4YW1wbGUuY29t", "sender@example.com", 0},
        {"YUBi", "a@b", 0},
        {" YUBi\t", "a@b", 0},
        {"YWJAYg==", "ab@b", 0},
        {"YWJAYg", "ab@b", 0},
        {"YWJjQGI=", "abc@b", 0},
        {"YWJjQGI", "abc@b", 0},
        {"w6lAYg==", "\xc3\xa9@b", 1},
        {"ImEgYiJAYw==", "\"a b\"@c", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_http_address sender;

        assert_int_equal(read_sender(sli_slice_text(cases[i].value), &sender),
            REFUSAL(NONE));
        expect_text(sender.path.mailbox, cases[i].mailbox);
        assert_int_equal(sender.path.has_utf8, cases[i].has_utf8);
    }
}

static void refuses_senders(void **state)
{
    static const struct {
        const char *value;
        enum sli_http_refusal refusal;
    } cases[] = {
        {"a@b", REFUSAL(SENDER_NOT_BASE64)},
        {"user@host", REFUSAL(SENDER_NOT_BASE64)},
        {"c2V!uZGVy", REFUSAL(SENDER_NOT_BASE64)},
        {"YU Bi", REFUSAL(SENDER_NOT_BASE64)},
        {"YUBi,YUBi", REFUSAL(SENDER_NOT_BASE64)},
        {"YUBi=", REFUSAL(SENDER_NOT_BASE64)},
        {"YUBiY", REFUSAL(SENDER_NOT_BASE64)},    /* 1 mod 4 */
        {"YWJAYh==", REFUSAL(SENDER_NOT_BASE64)}, /* unused bits */
        {"YWJAYh", REFUSAL(SENDER_NOT_BASE64)},
        {"/0Bi", REFUSAL(SENDER_NOT_UTF8)},
        {"abc", REFUSAL(SENDER_NOT_UTF8)}, /* decoded without padding */
        {"abd", REFUSAL(SENDER_NOT_BASE64)},
        {"YQ==", REFUSAL(BAD_SENDER)},         /* a */
        {"PGFAYj4=", REFUSAL(BAD_SENDER)},     /* <a@b> */
        {"YUBiDQpSQ1BU", REFUSAL(BAD_SENDER)}, /* a@b CRLF RCPT */
        {"YUBiAA==", REFUSAL(BAD_SENDER)},     /* a@b NUL */
        {"YSBiQGM=", REFUSAL(BAD_SENDER)},     /* a b@c */
        {"cG9zdG1hc3Rlcg==", REFUSAL(BAD_SENDER)},
        {"YUBbeDp5XQ==", REFUSAL(SENDER_TAG)}, /* a@[x:y] */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_http_address sender;
        enum sli_http_refusal refusal =
            read_sender(sli_slice_text(cases[i].value), &sender);

        if (refusal != cases[i].refusal) {
            print_error("%s\n", cases[i].value);
        }
        assert_int_equal(refusal, cases[i].refusal);
    }
}

static void wants_one_sender(void **state)
{
    struct sli_http_rules strict = rules;
    struct sli_http_field fields[2];
    struct sli_http_request request =
        request_of(fields, rules.sender, SLI_LITERAL("YUBi"), "YUBi");
    struct sli_http_address sender;

    (void)state;
    strict.needs_sender = 1;
    assert_int_equal(sli_http_envelope_sender(&rules, &request, &sender),
        REFUSAL(TWO_SENDERS));
    request.field_count = 0;
    assert_int_equal(
        sli_http_envelope_sender(&rules, &request, &sender), REFUSAL(NONE));
    assert_int_equal(sender.path.mailbox.size, 0);
    assert_int_equal(sli_http_envelope_sender(&strict, &request, &sender),
        REFUSAL(NO_SENDER));
    request = request_of(fields, rules.sender, SLI_LITERAL(""), NULL);
    assert_int_equal(
        sli_http_envelope_sender(&strict, &request, &sender), REFUSAL(NONE));
}

/* A domain of labels of 60 octets, so that the address has `size` octets. */
static struct slimta_slice long_address(char *out, size_t size)
{
    memset(out, 'x', size);
    out[SLI_MAIL_LOCAL_MAX] = '@';
    for (size_t i = SLI_MAIL_LOCAL_MAX + 61; i < size; i += 61) {
        out[i] = '.';
    }
    return sli_slice(out, size);
}

static void limits_addresses(void **state)
{
    char octets[2 * SLI_HTTP_ADDRESS_MAX];
    char text[SLI_BASE64_ENCODED_SIZE(sizeof octets)];

    (void)state;
    for (size_t more = 0; more < sizeof octets - SLI_HTTP_ADDRESS_MAX; more++) {
        struct sli_http_address sender;
        size_t size = SLI_HTTP_ADDRESS_MAX - 1 + more;
        size_t encoded = sli_base64_encode(long_address(octets, size), text);

        assert_int_equal(read_sender(sli_slice(text, encoded), &sender),
            more < 2 ? REFUSAL(NONE) : REFUSAL(LONG_SENDER));
    }
}

static void expect_recipients(const struct sli_http_request *request,
    const char *const *wanted, enum sli_http_refusal last)
{
    struct sli_http_recipients recipients;
    struct sli_http_address recipient;

    sli_http_envelope_recipients(&recipients, &rules, request);
    for (; *wanted != NULL; wanted++) {
        assert_int_equal(
            sli_http_envelope_next(&recipients, &recipient), REFUSAL(NONE));
        expect_text(recipient.path.mailbox, *wanted);
    }
    assert_int_equal(sli_http_envelope_next(&recipients, &recipient), last);
    if (last == REFUSAL(NONE)) {
        assert_int_equal(recipient.path.mailbox.size, 0);
    }
}

static void reads_recipients(void **state)
{
    static const struct {
        const char *first;
        const char *second;
        const char *wanted[4];
        enum sli_http_refusal last;
    } cases[] = {
        {"YUBi", NULL, {"a@b", NULL}, REFUSAL(NONE)},
        {"YUBi, Y0Bk", NULL, {"a@b", "c@d", NULL}, REFUSAL(NONE)},
        {"YUBi;Y0Bk", "ZUBm", {"a@b", "c@d", "e@f", NULL}, REFUSAL(NONE)},
        {"Y0Bk, ;", "", {"c@d", NULL}, REFUSAL(NONE)},
        {" ; ,", "\tYUBi ,", {"a@b", NULL}, REFUSAL(NONE)},
        {"YUBi", "YUBi", {"a@b", "a@b", NULL}, REFUSAL(NONE)},
        {"YUBi,YUBi", "YUBi,,;", {"a@b", "a@b", "a@b", NULL}, REFUSAL(NONE)},
        {"YUBi,YUBi", "YUBi,YUBi", {"a@b", "a@b", "a@b", NULL},
            REFUSAL(TOO_MANY_RECIPIENTS)},
        {"", NULL, {NULL}, REFUSAL(NO_RECIPIENTS)},
        {" , ;", "", {NULL}, REFUSAL(NO_RECIPIENTS)},
        {"YUBi, a@b", NULL, {"a@b", NULL}, REFUSAL(RECIPIENT_NOT_BASE64)},
        {"/0Bi", NULL, {NULL}, REFUSAL(RECIPIENT_NOT_UTF8)},
        {"YQ==", NULL, {NULL}, REFUSAL(BAD_RECIPIENT)},
        {"YUBbeDp5XQ==", NULL, {NULL}, REFUSAL(RECIPIENT_TAG)},
        {"cG9zdG1hc3Rlcg", "UE9TVE1BU1RFUg==",
            {"postmaster", "POSTMASTER", NULL}, REFUSAL(NONE)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_http_field fields[2];
        struct sli_http_request request = request_of(fields, rules.recipient,
            sli_slice_text(cases[i].first), cases[i].second);

        expect_recipients(&request, cases[i].wanted, cases[i].last);
    }
    expect_recipients(&(struct sli_http_request){0},
        (const char *const[]){NULL}, REFUSAL(NO_RECIPIENTS));
}

static void reads_ehlo(void **state)
{
    struct sli_http_field fields[2];
    struct sli_http_request request;
    struct slimta_slice ehlo;

    (void)state;
    request = request_of(fields, rules.ehlo, SLI_LITERAL(" a_b.[1] "), NULL);
    assert_int_equal(sli_http_envelope_ehlo(&rules, &request, &ehlo), 0);
    expect_text(ehlo, "a_b.[1]");
    request.field_count = 0;
    assert_int_equal(sli_http_envelope_ehlo(&rules, &request, &ehlo), 0);
    expect_text(ehlo, "");
    request = request_of(fields, rules.ehlo, SLI_LITERAL(" "), NULL);
    assert_int_equal(sli_http_envelope_ehlo(&rules, &request, &ehlo), 0);
    expect_text(ehlo, "");
}

static void refuses_ehlo(void **state)
{
    static const char *const cases[] = {
        "a b", "a\tb", "a\x01", "a\x7f", "\xc3\xa9"};
    static char name[256];
    struct sli_http_field fields[2];
    struct sli_http_request request;
    struct slimta_slice ehlo;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        request =
            request_of(fields, rules.ehlo, sli_slice_text(cases[i]), NULL);
        assert_int_equal(
            sli_http_envelope_ehlo(&rules, &request, &ehlo), REFUSAL(BAD_EHLO));
    }
    request = request_of(fields, rules.ehlo, SLI_LITERAL("a"), "a");
    assert_int_equal(
        sli_http_envelope_ehlo(&rules, &request, &ehlo), REFUSAL(BAD_EHLO));
    memset(name, 'a', sizeof name);
    for (size_t size = 254; size <= 256; size++) {
        request = request_of(fields, rules.ehlo, sli_slice(name, size), NULL);
        assert_int_equal(sli_http_envelope_ehlo(&rules, &request, &ehlo),
            size > 255 ? REFUSAL(BAD_EHLO) : REFUSAL(NONE));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_senders),
        cmocka_unit_test(refuses_senders),
        cmocka_unit_test(wants_one_sender),
        cmocka_unit_test(limits_addresses),
        cmocka_unit_test(reads_recipients),
        cmocka_unit_test(reads_ehlo),
        cmocka_unit_test(refuses_ehlo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
