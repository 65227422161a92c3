/** Macro strings to text (RFC 7208 sections 7.2 to 7.4). */
#include "spf/expand.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"
#include "spf/client.h"
#include "spf/macro.h"

enum {
    /* The longest value: a sender. */
    VALUE_MAX = SLI_SPF_PART_MAX + 1 + SLI_SPF_PART_MAX,
    /* A domain and one octet of what stands before it, to see where it was
     * cut, and a final dot. */
    TAIL_MAX = SLI_SPF_NAME_MAX + 2,
    SINK_MAX = 2 * TAIL_MAX
};

/** Where the octets go: the first of a text, the last of a domain. */
struct sink {
    char data[SINK_MAX];
    size_t size;
    int is_text;
};

static int is_full(const struct sink *sink)
{
    return sink->is_text && sink->size == SLI_SPF_EXPLANATION_MAX;
}

static void put(struct sink *sink, char octet)
{
    if (is_full(sink)) {
        return;
    }
    if (sink->size == SINK_MAX) {
        memcpy(sink->data, sink->data + SINK_MAX - TAIL_MAX, TAIL_MAX);
        sink->size = TAIL_MAX;
    }
    sink->data[sink->size++] = octet;
}

static void put_slice(
    struct sink *sink, struct slimta_slice octets, int is_escaped)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < octets.size; i++) {
        unsigned char octet = (unsigned char)octets.data[i];

        /* RFC 7208 section 7.3: all but the unreserved set. */
        if (is_escaped && !sli_ascii_is((char)octet, SLI_ASCII_ALNUM) &&
            (octet == '\0' || strchr("-._~", octet) == NULL)) {
            put(sink, '%');
            put(sink, hex[octet >> 4]);
            put(sink, hex[octet & 0xF]);
        } else {
            put(sink, (char)octet);
        }
    }
}

/* Where the parts of a value begin; behind the last one stands the end, as if a
 * delimiter were there. Returns how many parts there are. */
static size_t split(struct slimta_slice value, struct slimta_slice delimiters,
    uint16_t starts[VALUE_MAX + 2])
{
    size_t count = 1;

    starts[0] = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (memchr(delimiters.data, value.data[i], delimiters.size) != NULL) {
            starts[count++] = (uint16_t)(i + 1);
        }
    }
    starts[count] = (uint16_t)(value.size + 1);
    return count;
}

/* RFC 7208 section 7.3: split, reverse, take from the right, join with dots. */
static void put_value(struct sink *sink, const struct sli_spf_piece *piece,
    struct slimta_slice value)
{
    uint16_t starts[VALUE_MAX + 2];
    size_t count = split(value, piece->delimiters, starts);
    size_t wanted =
        piece->parts == 0 || piece->parts > count ? count : piece->parts;

    for (size_t i = count - wanted; i < count; i++) {
        size_t part = piece->is_reversed ? count - 1 - i : i;
        size_t size = (size_t)(starts[part + 1] - starts[part]) - 1;

        if (i > count - wanted) {
            put(sink, '.');
        }
        put_slice(sink, sli_slice(value.data + starts[part], size),
            piece->is_escaped);
    }
}

/* RFC 7208 section 4.6.4: the PTR query counts as a term does; not for an
 * explanation, which comes after the evaluation. */
static enum sli_spf_step count_names(struct sli_spf_check *check)
{
    if (check->stage != SLI_SPF_EVALUATING || check->has_asked_names) {
        return SLI_SPF_STEP_YES;
    }
    check->has_asked_names = 1;
    return sli_spf_step_count(check);
}

/* The best of the client's confirmed names: RFC 7208 section 7.3. */
static enum sli_spf_step find_client_name(struct sli_spf_check *check)
{
    static const enum sli_spf_client_names order[] = {
        SLI_SPF_CLIENT_IS, SLI_SPF_CLIENT_IN, SLI_SPF_CLIENT_ANY};
    struct slimta_slice name = SLI_LITERAL("unknown");
    enum sli_spf_step step = count_names(check);

    if (step != SLI_SPF_STEP_YES) {
        return step;
    }
    step = SLI_SPF_STEP_NO;
    for (size_t i = 0; i < 3 && step == SLI_SPF_STEP_NO; i++) {
        struct slimta_slice found;

        step = sli_spf_client_name(
            check, order[i], sli_spf_step_domain(check), &found);
        if (step == SLI_SPF_STEP_YES) {
            name = found;
        }
    }
    if (step == SLI_SPF_STEP_MISS) {
        return step;
    }
    sli_spf_step_set(&check->client_name, name);
    check->has_client_name = 1;
    return SLI_SPF_STEP_YES;
}

static void put_sender(const struct sli_spf_check *check, struct sli_text *text)
{
    sli_text_put_slice(text, sli_spf_step_slice(&check->local));
    sli_text_put(text, '@');
    sli_text_put_slice(text, sli_spf_step_slice(&check->sender_domain));
}

/* What a letter stands for; in `out`, or in the check. */
static struct slimta_slice value_of(
    const struct sli_spf_check *check, char letter, char out[VALUE_MAX + 1])
{
    struct sli_text text = sli_text_in(out, VALUE_MAX + 1);

    switch (letter) {
    case 's':
        put_sender(check, &text);
        break;
    case 'l':
        return sli_spf_step_slice(&check->local);
    case 'o':
        return sli_spf_step_slice(&check->sender_domain);
    case 'd':
        return sli_spf_step_domain(check);
    case 'h':
        return sli_spf_step_slice(&check->helo);
    case 'i':
        text.length = sli_spf_client_dotted(&check->client, out);
        break;
    case 'p':
        return sli_spf_step_slice(&check->client_name);
    case 'v':
        return sli_slice_text(sli_spf_client_zone(&check->client));
    case 'c':
        text.length = slimta_address_format_ip(&check->client, out, VALUE_MAX);
        break;
    case 'r':
        return check->receiver.size > 0 ? sli_spf_step_slice(&check->receiver)
                                        : SLI_LITERAL("unknown");
    default: /* t */
        sli_text_put_number(&text, check->time_s);
        break;
    }
    return sli_slice(out, text.length);
}

static enum sli_spf_step expand(
    struct sli_spf_check *check, struct slimta_slice spec, struct sink *sink)
{
    struct sli_spf_piece piece;

    sink->size = 0;
    while (!is_full(sink) && sli_spf_macro_next(&spec, &piece) == 1) {
        char out[VALUE_MAX + 1];
        enum sli_spf_step step = SLI_SPF_STEP_YES;

        if (piece.letter == 'p' && !check->has_client_name) {
            step = find_client_name(check);
        }
        if (step != SLI_SPF_STEP_YES) {
            return step;
        }
        if (piece.letter == '\0') {
            put_slice(sink, piece.literal, 0);
        } else {
            put_value(sink, &piece, value_of(check, piece.letter, out));
        }
    }
    return SLI_SPF_STEP_YES;
}

/* RFC 7208 section 7.3: labels are taken off the left until it fits. */
static struct slimta_slice fit(struct slimta_slice name)
{
    const char *dot;

    name = sli_spf_name_trim(name);
    if (name.size <= SLI_SPF_NAME_MAX) {
        return name;
    }
    name = sli_slice_skip(name, name.size - SLI_SPF_NAME_MAX - 1);
    dot = memchr(name.data, '.', name.size);
    return dot == NULL ? SLI_LITERAL("")
                       : sli_slice_skip(name, (size_t)(dot - name.data) + 1);
}

enum sli_spf_step sli_spf_expand_domain(struct sli_spf_check *check,
    struct slimta_slice spec, struct sli_spf_part *name)
{
    struct sink sink = {.is_text = 0};
    enum sli_spf_step step = expand(check, spec, &sink);

    sli_spf_step_set(name, fit(sli_slice(sink.data, sink.size)));
    return step;
}

enum sli_spf_step sli_spf_expand_text(
    struct sli_spf_check *check, struct slimta_slice text, char *out)
{
    struct sink sink = {.is_text = 1};
    enum sli_spf_step step = expand(check, text, &sink);

    for (size_t i = 0; i < sink.size; i++) {
        out[i] =
            sli_ascii_is(sink.data[i], SLI_ASCII_PRINT) ? sink.data[i] : '?';
    }
    out[step == SLI_SPF_STEP_YES ? sink.size : 0] = '\0';
    return step;
}
