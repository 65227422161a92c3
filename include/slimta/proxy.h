/** The PROXY protocol: how a balancer tells whom it serves. */
#ifndef SLIMTA_PROXY_H
#define SLIMTA_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/export.h>
#include <slimta/slice.h>

/** Which header a connection must begin with. It is never guessed whether there
 * is one: without it the connection closes. */
enum slimta_proxy_version {
    SLIMTA_PROXY_AUTO = 0, /**< 1 or 2 */
    SLIMTA_PROXY_V1,
    SLIMTA_PROXY_V2
};

/**
 * An edge whose options point to one of these stands behind a balancer: every
 * connection begins with a header, in the clear also where TLS comes first.
 * Nothing is said before it is whole. One that is wrong, cut or late closes the
 * connection without a word, and the event PROXY tells why; a connection that
 * closes without an octet is no error.
 */
struct slimta_proxy_options {
    size_t size; /**< sizeof(struct slimta_proxy_options) */
    enum slimta_proxy_version version;
    /** Real peers that may send a header: addresses and networks, parted by
     * commas, "10.0.0.0/8,::1,unix" [everybody]; "" is nobody. Others are
     * closed at once. */
    const char *trusted;
    uint64_t timeout_ms;    /**< for the whole header [5 s]; command_timeout_ms
                                 caps it */
    uint64_t max_tlv_bytes; /**< of TLVs that are kept for slimta_session_proxy
                                 [4096], at most 65535 */
};

/** Flags of struct slimta_proxy's `ssl_client`. */
#define SLIMTA_PROXY_SSL 0x01u       /**< the client came over TLS */
#define SLIMTA_PROXY_CERT_CONN 0x02u /**< certificate on this connection */
#define SLIMTA_PROXY_CERT_SESS 0x04u /**< certificate in this TLS session */

/**
 * What a header said beside the addresses, which stand in the session. Only one
 * of version 2 says more than the first three members. Lives as long as the
 * session, and so does everything in it.
 *
 * Texts are well-formed UTF-8 (`authority`, `ssl_cn`) or printable ASCII, not
 * empty and without control octets. One that is anything else counts as not
 * told, and the value can still be had from slimta_proxy_tlv. Of a type that
 * came twice the first one stands here.
 */
struct slimta_proxy {
    size_t size;  /**< how much of the struct the library knows */
    int version;  /**< 1 or 2 */
    int is_local; /**< no client was told (LOCAL, UNKNOWN, UNSPEC, a UNIX
                       socket, datagrams): the real endpoints hold */

    const char *authority;         /**< as SNI; NULL when it was not told */
    const char *netns;             /**< NULL when it was not told */
    struct slimta_slice alpn;      /**< `data` NULL when it was not told */
    struct slimta_slice unique_id; /**< `data` NULL when it was not told */

    int has_ssl;
    unsigned ssl_client;     /**< SLIMTA_PROXY_SSL, … */
    int ssl_is_verified;     /**< the certificate held; only with a CERT flag */
    const char *ssl_version; /**< these five: NULL when not told */
    const char *ssl_cn;
    const char *ssl_cipher;
    const char *ssl_signature_algorithm;
    const char *ssl_key_algorithm;
};

SLIMTA_BEGIN_DECLS

/** The value of TLV number `index`, 0 first, among those of `type`, as it came;
 * it lives as long as `proxy`, which is one that the library lent, or NULL. 1
 * when there is one, else 0. Up to `max_tlv_bytes` of TLVs are kept, padding
 * (NOOP) apart; one that does not fit any more is skipped. */
SLIMTA_API int slimta_proxy_tlv(const struct slimta_proxy *proxy, uint8_t type,
    size_t index, struct slimta_slice *value);

SLIMTA_END_DECLS

#endif
