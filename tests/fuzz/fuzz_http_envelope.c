/**
 * Reads a request whose fields are lines of the input, and demands that no
 * address passes that could not stand in MAIL or RCPT, and no credentials with
 * control octets.
 */
#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "fuzz.h"
#include "http/authorization.h"
#include "http/envelope.h"
#include "http/rules.h"

enum { FIELDS_MAX = 32 };

static const struct sli_http_rules rules = {
    .method = {"POST", 4},
    .sender = {"s", 1},
    .recipient = {"r", 1},
    .ehlo = {"e", 1},
    .max_recipients = 8,
    .max_message_bytes = 1000,
};

/* Name, colon, value; a line without one is a recipient. */
static size_t cut_fields(
    struct slimta_slice text, struct sli_http_field *fields)
{
    size_t count = 0;

    while (text.size > 0 && count < FIELDS_MAX) {
        const char *end = memchr(text.data, '\n', text.size);
        struct slimta_slice line = sli_slice(
            text.data, end == NULL ? text.size : (size_t)(end - text.data));
        const char *colon =
            line.size == 0 ? NULL : memchr(line.data, ':', line.size);
        size_t name = colon == NULL ? 0 : (size_t)(colon - line.data);

        fields[count++] = colon == NULL
            ? (struct sli_http_field){rules.recipient, line}
            : (struct sli_http_field){
                  sli_slice(line.data, name), sli_slice_skip(line, name + 1)};
        text = sli_slice_skip(text, line.size + (end != NULL));
    }
    return count;
}

/* It is one mailbox still when it stands in a command. */
static void check_address(const struct sli_http_address *address)
{
    char command[SLI_HTTP_ADDRESS_MAX + 2];
    struct slimta_slice mailbox = address->path.mailbox;
    struct sli_mail_path path;
    size_t used;

    demand(mailbox.size <= SLI_HTTP_ADDRESS_MAX);
    command[0] = '<';
    memcpy(command + 1, mailbox.data, mailbox.size);
    command[mailbox.size + 1] = '>';
    demand(sli_mail_path_parse(sli_slice(command, mailbox.size + 2),
               SLI_MAIL_PATH_FORWARD, &path, &used) == SLI_MAIL_PATH_OK);
    demand(used == mailbox.size + 2);
}

static void read_envelope(const struct sli_http_request *request)
{
    struct sli_http_recipients recipients;
    struct sli_http_address address;
    struct slimta_slice name;
    enum sli_http_refusal refusal;
    uint64_t count = 0;

    if (sli_http_envelope_ehlo(&rules, request, &name) ==
        SLI_HTTP_REFUSAL_NONE) {
        demand(sli_ascii_all(name, SLI_ASCII_PRINT));
    }
    if (sli_http_envelope_sender(&rules, request, &address) ==
            SLI_HTTP_REFUSAL_NONE &&
        address.path.mailbox.size > 0) {
        check_address(&address);
    }
    sli_http_envelope_recipients(&recipients, &rules, request);
    do {
        refusal = sli_http_envelope_next(&recipients, &address);
        if (refusal == SLI_HTTP_REFUSAL_NONE && address.path.mailbox.size > 0) {
            check_address(&address);
            count++;
        }
    } while (refusal == SLI_HTTP_REFUSAL_NONE && address.path.mailbox.size > 0);
    demand(count <= rules.max_recipients);
    demand(count > 0 || refusal != SLI_HTTP_REFUSAL_NONE);
}

static void read_credentials(const struct sli_http_request *request)
{
    struct sli_http_authorization authorization;

    sli_http_authorization_read(request, &authorization);
    if (authorization.scheme == SLI_HTTP_AUTHORIZATION_BASIC) {
        demand(sli_ascii_all(
            authorization.name, SLI_ASCII_PRINT | SLI_ASCII_HIGH));
        demand(sli_ascii_all(
            authorization.password, SLI_ASCII_PRINT | SLI_ASCII_HIGH));
    } else if (authorization.scheme == SLI_HTTP_AUTHORIZATION_BEARER) {
        demand(authorization.token.size > 0);
        demand(sli_ascii_all(authorization.token, SLI_ASCII_PRINT));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sli_http_field fields[FIELDS_MAX];
    struct sli_http_request request = {.method = SLI_LITERAL("POST"),
        .fields = fields,
        .framing = SLI_HTTP_FRAMING_CHUNKED};

    request.field_count = cut_fields(sli_slice(data, size), fields);
    (void)sli_http_rules_check(&rules, &request);
    read_envelope(&request);
    read_credentials(&request);
    return 0;
}
