/** What a next hop offers: its reply to EHLO or LHLO, read. */
#include "smtp/capabilities.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "smtp/words.h"

/* RFC 1870 section 3: no number, or 0, means that there is no fixed limit. */
static void read_size(
    struct sli_smtp_capabilities *capabilities, struct slimta_slice params)
{
    struct slimta_slice word;
    uint64_t size = 0;

    if (sli_smtp_words_next(&params, &word) &&
        sli_ascii_number(word, 20, &size)) {
        capabilities->max_size = size;
    }
}

static void keep_mechanism(
    struct sli_smtp_capabilities *capabilities, struct slimta_slice name)
{
    size_t used = strlen(capabilities->mechanisms);
    size_t space = used > 0;

    if (sli_smtp_words_find(sli_slice(capabilities->mechanisms, used), name) >=
            0 ||
        used + space + name.size > SLI_SMTP_CAPABILITIES_MECHANISMS_MAX) {
        return;
    }
    if (space > 0) {
        capabilities->mechanisms[used] = ' ';
    }
    memcpy(capabilities->mechanisms + used + space, name.data, name.size);
    capabilities->mechanisms[used + space + name.size] = '\0';
}

static void read_mechanisms(
    struct sli_smtp_capabilities *capabilities, struct slimta_slice params)
{
    struct slimta_slice word;

    while (sli_smtp_words_next(&params, &word)) {
        if (sli_ascii_all(word, SLI_ASCII_PRINT)) {
            keep_mechanism(capabilities, word);
        }
    }
}

static const struct {
    struct slimta_slice keyword;
    unsigned capability;
    void (*read)(
        struct sli_smtp_capabilities *capabilities, struct slimta_slice params);
} known[] = {
    {{"PIPELINING", 10}, SLI_SMTP_CAPABILITY_PIPELINING, NULL},
    {{"SIZE", 4}, SLI_SMTP_CAPABILITY_SIZE, read_size},
    {{"8BITMIME", 8}, SLI_SMTP_CAPABILITY_8BITMIME, NULL},
    {{"SMTPUTF8", 8}, SLI_SMTP_CAPABILITY_SMTPUTF8, NULL},
    {{"STARTTLS", 8}, SLI_SMTP_CAPABILITY_STARTTLS, NULL},
    {{"AUTH", 4}, SLI_SMTP_CAPABILITY_AUTH, read_mechanisms},
    {{"DSN", 3}, SLI_SMTP_CAPABILITY_DSN, NULL},
    {{"REQUIRETLS", 10}, SLI_SMTP_CAPABILITY_REQUIRETLS, NULL},
    {{"DELIVERBY", 9}, SLI_SMTP_CAPABILITY_DELIVERBY, NULL},
    {{"MT-PRIORITY", 11}, SLI_SMTP_CAPABILITY_MT_PRIORITY, NULL},
    {{"FUTURERELEASE", 13}, SLI_SMTP_CAPABILITY_FUTURERELEASE, NULL},
};

/* "AUTH=LOGIN PLAIN", as servers from before RFC 2554 say it, often in a line
 * of its own beside the right one. */
static void part_old_auth(
    struct slimta_slice *keyword, struct slimta_slice *params)
{
    struct slimta_slice prefix = SLI_LITERAL("AUTH=");
    const char *end = params->data + params->size;

    if (keyword->size >= prefix.size &&
        sli_ascii_same(sli_slice(keyword->data, prefix.size), prefix)) {
        const char *start = keyword->data + prefix.size;

        *params = sli_slice(start, (size_t)(end - start));
        keyword->size = prefix.size - 1;
    }
}

void sli_smtp_capabilities_read(
    struct sli_smtp_capabilities *capabilities, struct slimta_slice text)
{
    struct slimta_slice keyword;

    if (!sli_smtp_words_next(&text, &keyword)) {
        return;
    }
    part_old_auth(&keyword, &text);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (sli_ascii_same(keyword, known[i].keyword)) {
            capabilities->offered |= known[i].capability;
            if (known[i].read != NULL) {
                known[i].read(capabilities, text);
            }
        }
    }
}

/* RFC 6531 sections 3.1 and 3.4: what the client has asserted of the message
 * holds for the next hop, too. */
int sli_smtp_capabilities_needs_utf8(const struct sli_smtp_mail *mail)
{
    return mail->params->smtputf8 ||
        !sli_ascii_all(mail->sender, SLI_ASCII_PRINT);
}

/* What the sender insists on, and no next hop may be without. */
static enum sli_smtp_reply_id check_demands(
    unsigned offered, const struct slimta_mail_params *params)
{
    /* RFC 8689 section 4.2.1. */
    if (params->requiretls && (offered & SLI_SMTP_CAPABILITY_REQUIRETLS) == 0) {
        return SLI_SMTP_REPLY_HOP_NO_REQUIRETLS;
    }
    /* RFC 2852 section 4.1.4: nobody would return it in time. */
    if (params->by == SLIMTA_BY_RETURN &&
        (offered & SLI_SMTP_CAPABILITY_DELIVERBY) == 0) {
        return SLI_SMTP_REPLY_HOP_NO_DELIVERBY;
    }
    /* RFC 4865 section 4: nor hold it. */
    if (params->hold_until_ms != 0 &&
        (offered & SLI_SMTP_CAPABILITY_FUTURERELEASE) == 0) {
        return SLI_SMTP_REPLY_HOP_NO_FUTURERELEASE;
    }
    return SLI_SMTP_REPLY_NONE;
}

enum sli_smtp_reply_id sli_smtp_capabilities_check(
    const struct sli_smtp_capabilities *capabilities,
    const struct sli_smtp_mail *mail)
{
    if (sli_smtp_capabilities_needs_utf8(mail) &&
        (capabilities->offered & SLI_SMTP_CAPABILITY_SMTPUTF8) == 0) {
        return SLI_SMTP_REPLY_HOP_NEEDS_UTF8;
    }
    /* RFC 3030 section 3: not without BINARYMIME, which is not spoken here.
     * What merely might be 8-bit is judged by its octets. */
    if (mail->params->has_body &&
        mail->params->body == SLIMTA_BODY_BINARYMIME) {
        return SLI_SMTP_REPLY_HOP_NEEDS_8BIT;
    }
    if (capabilities->max_size > 0 &&
        mail->size_bytes > capabilities->max_size) {
        return SLI_SMTP_REPLY_HOP_TOO_LARGE;
    }
    return check_demands(capabilities->offered, mail->params);
}
