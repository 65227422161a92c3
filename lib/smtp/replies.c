/** The fixed replies of the SMTP engines: what they say, and nothing else. */
#include "smtp/replies.h"

#include <assert.h>
#include <string.h>

#include "base/slice.h"
#include "mail/reply.h"

/* RFC 5321 section 4.5.3.1.5: a reply line has at most 512 octets. */
#define FIXED(name, number, words) \
    static_assert(sizeof #number " " words "\r\n" <= 513, "too long");
SLI_SMTP_REPLY_MAP(FIXED)
#undef FIXED

static const struct sli_smtp_reply replies[] = {
#define FIXED(name, number, words) \
    [SLI_SMTP_REPLY_##name] = {.code = number, \
        .text = words, \
        .wire = { \
            #number " " words "\r\n", sizeof(#number " " words "\r\n") - 1}},
    SLI_SMTP_REPLY_MAP(FIXED)
#undef FIXED
};

const struct sli_smtp_reply *sli_smtp_replies_get(enum sli_smtp_reply_id id)
{
    assert(id > SLI_SMTP_REPLY_NONE && id < SLI_SMTP_REPLY_COUNT);
    return &replies[id];
}

/* The longest id that is named: a line of 512 octets holds it with the rest. */
enum { QUEUED_ID_MAX = 400 };

int sli_smtp_replies_set_queued(struct slimta_reply *reply, const char *id)
{
    static const char plain[] = "2.6.0 Message queued";
    static const char as[] = " as ";
    char text[sizeof plain + sizeof as + QUEUED_ID_MAX];
    struct slimta_slice name = sli_slice_text(id);
    size_t size = sizeof plain - 1;

    memcpy(text, plain, size);
    if (name.size > QUEUED_ID_MAX) {
        name.size = QUEUED_ID_MAX;
    }
    if (name.size > 0) {
        memcpy(text + size, as, sizeof as - 1);
        size += sizeof as - 1;
        memcpy(text + size, name.data, name.size);
        size += name.size;
    }
    return sli_mail_reply_set(reply, 250, sli_slice(text, size));
}
