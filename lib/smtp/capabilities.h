/** What a next hop offers: its reply to EHLO or LHLO, read. */
#ifndef SMTP_CAPABILITIES_H
#define SMTP_CAPABILITIES_H

#include <stdint.h>

#include <slimta/envelope.h>
#include <slimta/slice.h>

#include "smtp/replies.h"

/** The extensions that are used. */
enum sli_smtp_capability {
    SLI_SMTP_CAPABILITY_PIPELINING = 1 << 0,    /**< RFC 2920 */
    SLI_SMTP_CAPABILITY_SIZE = 1 << 1,          /**< RFC 1870 */
    SLI_SMTP_CAPABILITY_8BITMIME = 1 << 2,      /**< RFC 6152 */
    SLI_SMTP_CAPABILITY_SMTPUTF8 = 1 << 3,      /**< RFC 6531 */
    SLI_SMTP_CAPABILITY_STARTTLS = 1 << 4,      /**< RFC 3207 */
    SLI_SMTP_CAPABILITY_AUTH = 1 << 5,          /**< RFC 4954 */
    SLI_SMTP_CAPABILITY_DSN = 1 << 6,           /**< RFC 3461 */
    SLI_SMTP_CAPABILITY_REQUIRETLS = 1 << 7,    /**< RFC 8689 */
    SLI_SMTP_CAPABILITY_DELIVERBY = 1 << 8,     /**< RFC 2852 */
    SLI_SMTP_CAPABILITY_MT_PRIORITY = 1 << 9,   /**< RFC 6710 */
    SLI_SMTP_CAPABILITY_FUTURERELEASE = 1 << 10 /**< RFC 4865 */
};

/** The most octets of names of mechanisms that are kept. */
#define SLI_SMTP_CAPABILITIES_MECHANISMS_MAX 255

/** All zero: nothing is offered, as after HELO. A plain value, so that the
 * owner may keep what one connection has learnt for the next one. */
struct sli_smtp_capabilities {
    unsigned offered;  /**< enum sli_smtp_capability, or-ed */
    uint64_t max_size; /**< of a message; 0: none was said */
    /** Of AUTH, parted by single spaces; those without room are left out. */
    char mechanisms[SLI_SMTP_CAPABILITIES_MECHANISMS_MAX + 1];
};

/** Reads the text of one line behind the first. What is not known, or not well
 * formed, says nothing. */
void sli_smtp_capabilities_read(
    struct sli_smtp_capabilities *capabilities, struct slimta_slice text);

/** What MAIL will say. The slice and the params are borrowed. */
struct sli_smtp_mail {
    struct slimta_slice sender; /**< without brackets; "": the null sender */
    const struct slimta_mail_params *params; /**< as the client gave them */
    uint64_t size_bytes; /**< of the content as far as that is known, what was
                              put before it included; 0: it is not */
};

/** Why that message cannot be sent to such a hop, before anybody is asked;
 * NONE when it can. */
enum sli_smtp_reply_id sli_smtp_capabilities_check(
    const struct sli_smtp_capabilities *capabilities,
    const struct sli_smtp_mail *mail);

/** Whether MAIL has to say SMTPUTF8. */
int sli_smtp_capabilities_needs_utf8(const struct sli_smtp_mail *mail);

#endif
