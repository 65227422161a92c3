/** The grammar of mailboxes and paths (RFC 5321 section 4.1.2, RFC 6531). */
#ifndef MAIL_PATH_H
#define MAIL_PATH_H

#include <slimta/slice.h>

/** The longest local part and domain that are taken (RFC 5321 section 4.5.3.1
 * asks for at least 64 and 255). */
#define SLI_MAIL_LOCAL_MAX 255
#define SLI_MAIL_DOMAIN_MAX 255

/** The longest label of a domain (RFC 1035 section 2.3.4); of one in UTF-8 the
 * characters are counted that its A-label would have at least. */
#define SLI_MAIL_LABEL_MAX 63

enum sli_mail_domain_type {
    SLI_MAIL_DOMAIN_NONE, /**< `<>` or `<Postmaster>` */
    SLI_MAIL_DOMAIN_NAME,
    SLI_MAIL_DOMAIN_IPV4,  /**< [192.0.2.1] */
    SLI_MAIL_DOMAIN_IPV6,  /**< [IPv6:2001:db8::1] */
    SLI_MAIL_DOMAIN_TAGGED /**< [tag:content], RFC 5321 section 4.1.3 */
};

/** What a path was read into; the slices stand in what was read. */
struct sli_mail_path {
    struct slimta_slice mailbox; /**< local part, "@", domain; "" for `<>` */
    struct slimta_slice local;   /**< with its quotes */
    struct slimta_slice domain;  /**< with its brackets */
    enum sli_mail_domain_type domain_type;
    int has_utf8; /**< an octet above 127 is in the mailbox */
};

enum sli_mail_path_result {
    SLI_MAIL_PATH_OK = 0,
    SLI_MAIL_PATH_SYNTAX,   /**< not a path */
    SLI_MAIL_PATH_TOO_LONG, /**< a limit above */
    SLI_MAIL_PATH_NOT_UTF8, /**< octets above 127 that are no UTF-8 */
    SLI_MAIL_PATH_TAG       /**< an address literal with an unknown tag */
};

/** Which empty or short paths are allowed. */
enum sli_mail_path_kind {
    SLI_MAIL_PATH_REVERSE, /**< `<>` is one */
    SLI_MAIL_PATH_FORWARD  /**< `<Postmaster>` is one, in any case */
};

/**
 * Reads a path in angle brackets at the beginning of `text`; a source route in
 * it is checked and left out. `used` becomes how many octets the path has,
 * brackets included. What follows it is not looked at. A wrong syntax outweighs
 * every other fault. `path` and `used` are for use with SLI_MAIL_PATH_OK only.
 */
enum sli_mail_path_result sli_mail_path_parse(struct slimta_slice text,
    enum sli_mail_path_kind kind, struct sli_mail_path *path, size_t *used);

/** Reads a mailbox without brackets that is all of `text`. The HTTP edge uses
 * it; the null sender and Postmaster are the caller's matter. */
enum sli_mail_path_result sli_mail_path_parse_mailbox(
    struct slimta_slice text, struct sli_mail_path *path);

#endif
