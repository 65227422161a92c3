/** The head of a request, or of a response: what its lines mean, once they have
 * been scanned. */
#include "http/head.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "http/target.h"

/* What the fields that matter here have said. */
struct notes {
    int hosts;
    int has_bad_host;
    struct slimta_slice length;
    int has_length;
    int has_bad_length;
    int has_coding;
    int has_bad_coding;
    size_t chunked;       /* how often that is named as a coding */
    size_t other_codings; /* and how often another one */
    int ends_chunked;     /* it is the last one so far */
    int asks_close;
    int asks_keep;
    int expects_continue;
    int expects_other;
};

/* RFC 9112 section 3.2: exactly one, and well formed. */
static void note_host(struct notes *notes, struct slimta_slice value)
{
    if (notes->hosts < 2) {
        notes->hosts++;
    }
    notes->has_bad_host |= !sli_http_target_is_host(value);
}

/* RFC 9112 section 6.3: repeated with the same value it may be taken as one.
 * The same text is asked for, so that nobody on the way reads another number.
 */
static void note_length(struct notes *notes, struct slimta_slice value)
{
    if (notes->has_length && !sli_slice_is(notes->length, value)) {
        notes->has_bad_length = 1;
    }
    notes->has_length = 1;
    notes->length = value;
}

static void note_coding(struct notes *notes, struct slimta_slice value)
{
    struct slimta_slice coding;

    notes->has_coding = 1;
    while (sli_http_fields_member(&value, SLI_LITERAL(","), &coding)) {
        notes->ends_chunked = sli_ascii_same(coding, SLI_LITERAL("chunked"));
        if (coding.size == 0 || !sli_ascii_all(coding, SLI_ASCII_TCHAR)) {
            notes->has_bad_coding = 1;
        } else if (notes->ends_chunked) {
            notes->chunked++;
        } else {
            notes->other_codings++;
        }
    }
}

static void note_connection(struct notes *notes, struct slimta_slice value)
{
    notes->asks_close |= sli_http_fields_has_word(value, SLI_LITERAL("close"));
    notes->asks_keep |=
        sli_http_fields_has_word(value, SLI_LITERAL("keep-alive"));
}

static void note_expectation(struct notes *notes, struct slimta_slice value)
{
    struct slimta_slice member;

    while (sli_http_fields_member(&value, SLI_LITERAL(","), &member)) {
        int is_known = sli_ascii_same(member, SLI_LITERAL("100-continue"));

        notes->expects_continue |= is_known;
        notes->expects_other |= !is_known && member.size > 0;
    }
}

static const struct {
    struct slimta_slice name;
    void (*note)(struct notes *notes, struct slimta_slice value);
} known[] = {
    {{"Host", 4}, note_host},
    {{"Content-Length", 14}, note_length},
    {{"Transfer-Encoding", 17}, note_coding},
    {{"Connection", 10}, note_connection},
    {{"Expect", 6}, note_expectation},
};

static void note(struct notes *notes, const struct sli_http_field *field)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (sli_ascii_same(field->name, known[i].name)) {
            known[i].note(notes, field->value);
            return;
        }
    }
}

/* Cuts a line of scanned text into name and value; `text` becomes what is
 * behind its CRLF. */
static struct sli_http_field cut_field(struct slimta_slice *text)
{
    const char *colon = memchr(text->data, ':', text->size);
    size_t name = (size_t)(colon - text->data);
    const char *end = memchr(colon, '\r', text->size - name);
    struct sli_http_field field = {
        .name = sli_slice(text->data, name),
        .value = sli_http_fields_trim(
            sli_slice(colon + 1, (size_t)(end - colon - 1))),
    };

    *text = sli_slice_skip(*text, (size_t)(end - text->data) + 2);
    return field;
}

/* `text` begins with the first field. */
static void cut_fields(struct slimta_slice text, size_t count,
    struct sli_http_field *fields, struct notes *notes)
{
    for (size_t i = 0; i < count; i++) {
        fields[i] = cut_field(&text);
        note(notes, &fields[i]);
    }
}

/* RFC 9112 section 3.2.4: "*" is for OPTIONS. CONNECT, which alone has the
 * authority-form, makes a tunnel, and there is none here. */
static enum sli_http_refusal check_target(
    const struct sli_http_request *request)
{
    struct sli_http_target target;

    if (sli_slice_is(request->method, SLI_LITERAL("CONNECT"))) {
        return SLI_HTTP_REFUSAL_UNKNOWN_METHOD;
    }
    if (!sli_http_target_read(request->target, &target) ||
        (target.form == SLI_HTTP_TARGET_ASTERISK &&
            !sli_slice_is(request->method, SLI_LITERAL("OPTIONS")))) {
        return SLI_HTTP_REFUSAL_BAD_TARGET;
    }
    return SLI_HTTP_REFUSAL_NONE;
}

static enum sli_http_refusal check_host(const struct notes *notes, int minor)
{
    return notes->has_bad_host || notes->hosts > 1 ||
            (notes->hosts == 0 && minor > 0)
        ? SLI_HTTP_REFUSAL_BAD_HOST
        : SLI_HTTP_REFUSAL_NONE;
}

/* RFC 9112 sections 6.1 and 6.3: chunked is there once, and last; what else may
 * stand before it is not known here. */
static enum sli_http_refusal check_coding(const struct notes *notes, int minor)
{
    if (notes->has_length || minor == 0 || notes->has_bad_coding ||
        notes->chunked > 1 || (notes->chunked == 1 && !notes->ends_chunked)) {
        return SLI_HTTP_REFUSAL_BAD_CODING;
    }
    return notes->other_codings > 0 ? SLI_HTTP_REFUSAL_UNKNOWN_CODING
                                    : SLI_HTTP_REFUSAL_NONE;
}

static enum sli_http_refusal set_framing(
    struct sli_http_head *head, const struct notes *notes)
{
    struct sli_http_request *request = &head->request;
    uint64_t length = 0;

    if (notes->has_coding) {
        request->framing = SLI_HTTP_FRAMING_CHUNKED;
        return check_coding(notes, head->minor);
    }
    if (!notes->has_length) {
        request->framing = SLI_HTTP_FRAMING_NONE;
        return SLI_HTTP_REFUSAL_NONE;
    }
    /* A number is capped at the largest, which nobody means. */
    if (notes->has_bad_length ||
        !sli_ascii_number(notes->length, 20, &length) || length == UINT64_MAX) {
        return SLI_HTTP_REFUSAL_BAD_LENGTH;
    }
    request->framing = SLI_HTTP_FRAMING_SIZED;
    request->body_bytes = length;
    return SLI_HTTP_REFUSAL_NONE;
}

/* A request that has no body by its framing, and would have one by its method,
 * is often one whose length was forgotten. What comes behind it is not read as
 * another request. */
static int has_clear_end(const struct sli_http_request *request)
{
    return request->framing != SLI_HTTP_FRAMING_NONE ||
        sli_slice_is(request->method, SLI_LITERAL("GET")) ||
        sli_slice_is(request->method, SLI_LITERAL("HEAD")) ||
        sli_slice_is(request->method, SLI_LITERAL("OPTIONS"));
}

/* RFC 9112 section 9.3. RFC 9110 section 10.1.1: a client of 1.0 expects
 * nothing. */
static void set_manners(struct sli_http_head *head, const struct notes *notes)
{
    head->keeps = !notes->asks_close && (head->minor > 0 || notes->asks_keep) &&
        has_clear_end(&head->request);
    head->expects_continue = head->minor > 0 && notes->expects_continue &&
        (head->request.framing == SLI_HTTP_FRAMING_CHUNKED ||
            head->request.body_bytes > 0);
}

static void set_line(struct slimta_slice text, const struct sli_http_scan *scan,
    struct sli_http_head *head)
{
    text = sli_slice_skip(text, scan->method_at);
    head->request.method = sli_slice(text.data, scan->method_size);
    head->request.target =
        sli_slice(text.data + scan->method_size + 1, scan->target_size);
    head->minor = scan->minor;
}

enum sli_http_refusal sli_http_head_read(struct slimta_slice text,
    const struct sli_http_scan *scan, struct sli_http_field *fields,
    struct sli_http_head *head)
{
    struct notes notes = {0};
    enum sli_http_refusal refusal;

    *head = (struct sli_http_head){
        .request = {.fields = fields, .field_count = (size_t)scan->fields}};
    set_line(text, scan, head);
    cut_fields(sli_slice_skip(text, scan->fields_at), head->request.field_count,
        fields, &notes);
    refusal = check_target(&head->request);
    if (refusal == SLI_HTTP_REFUSAL_NONE) {
        refusal = check_host(&notes, head->minor);
    }
    if (refusal == SLI_HTTP_REFUSAL_NONE) {
        refusal = set_framing(head, &notes);
    }
    if (refusal == SLI_HTTP_REFUSAL_NONE) {
        set_manners(head, &notes);
    }
    if (refusal == SLI_HTTP_REFUSAL_NONE && head->minor > 0 &&
        notes.expects_other) {
        refusal = SLI_HTTP_REFUSAL_BAD_EXPECTATION;
    }
    return refusal;
}

enum sli_http_refusal sli_http_head_read_response(struct slimta_slice text,
    const struct sli_http_scan *scan, struct sli_http_field *fields, int minor,
    struct sli_http_head *head)
{
    struct notes notes = {0};

    *head = (struct sli_http_head){
        .request = {.fields = fields, .field_count = (size_t)scan->fields},
        .minor = minor,
    };
    cut_fields(text, head->request.field_count, fields, &notes);
    head->keeps = !notes.asks_close && (minor > 0 || notes.asks_keep);
    return set_framing(head, &notes);
}
