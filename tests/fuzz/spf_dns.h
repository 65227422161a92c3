/**
 * A DNS that says whatever the input says. Lines: the client's family ('4', or
 * '6') and address in octets, the HELO name, the sender; then each look-up gets
 * the next line, from the first one again when none is left: "v" or nothing for
 * no record, "u" for no answer, else records, parted by tabs.
 */
#ifndef FUZZ_SPF_DNS_H
#define FUZZ_SPF_DNS_H

#include <string.h>

#include "base/slice.h"
#include "fuzz.h"
#include "spf/check.h"

struct spf_dns {
    struct sli_spf_question question;
    struct slimta_slice text; /* all answers */
    struct slimta_slice rest;
};

static inline struct slimta_slice spf_dns_take(
    struct slimta_slice *text, char mark)
{
    const char *end =
        text->size == 0 ? NULL : memchr(text->data, mark, text->size);
    size_t size = end == NULL ? text->size : (size_t)(end - text->data);
    struct slimta_slice piece = sli_slice(text->data, size);

    *text = sli_slice_skip(*text, end == NULL ? size : size + 1);
    return piece;
}

static inline void spf_dns_read(
    struct spf_dns *dns, const uint8_t *data, size_t size)
{
    struct slimta_slice text = sli_slice(data, size);
    struct slimta_slice client = spf_dns_take(&text, '\n');

    *dns = (struct spf_dns){0};
    dns->question.client.family = client.size > 0 && client.data[0] == '6'
        ? SLIMTA_FAMILY_IPV6
        : SLIMTA_FAMILY_IPV4;
    if (client.size > 1) {
        memcpy(dns->question.client.ip, client.data + 1,
            client.size < 17 ? client.size - 1 : 16);
    }
    dns->question.helo = spf_dns_take(&text, '\n');
    dns->question.sender = spf_dns_take(&text, '\n');
    dns->text = text;
    dns->rest = text;
}

/* "=" is the client's own address. */
static inline void spf_dns_set_address(const struct spf_dns *dns,
    struct sli_spf_value *value, struct slimta_slice text)
{
    memcpy(value->ip, dns->question.client.ip, sizeof value->ip);
    if (text.size > 0 && text.data[0] != '=') {
        memcpy(value->ip, text.data, text.size < 16 ? text.size : 16);
    }
}

static inline enum sli_spf_status spf_dns_status(struct slimta_slice line)
{
    if (line.size == 0 || (line.size == 1 && line.data[0] == 'v')) {
        return SLI_SPF_VOID;
    }
    return line.size == 1 && line.data[0] == 'u' ? SLI_SPF_UNKNOWN
                                                 : SLI_SPF_FOUND;
}

/** Adds what the next line says to the table. */
static inline void spf_dns_answer(struct spf_dns *dns,
    struct sli_spf_table *table, const char *name, enum sli_spf_type type)
{
    struct slimta_slice line;
    struct sli_spf_answer *answer;

    if (dns->rest.size == 0) {
        dns->rest = dns->text;
    }
    line = spf_dns_take(&dns->rest, '\n');
    answer = sli_spf_table_add(
        table, sli_slice_text(name), type, spf_dns_status(line));
    demand(answer != NULL);
    while (answer->status == SLI_SPF_FOUND && line.size > 0) {
        struct slimta_slice text = spf_dns_take(&line, '\t');
        struct sli_spf_value *value =
            sli_spf_table_add_value(table, answer, text);

        if (value != NULL) {
            spf_dns_set_address(dns, value, text);
        }
    }
}

#endif
