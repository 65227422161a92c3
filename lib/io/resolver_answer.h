/** What came back from the DNS: a message becomes records. */
#ifndef IO_RESOLVER_ANSWER_H
#define IO_RESOLVER_ANSWER_H

#include <slimta/resolver.h>

#include "base/buf.h"

/** The most that is believed of a TTL: a day, and five minutes for what is not
 * there (RFC 2308 section 5 lets both be cut). */
#define SLI_IO_RESOLVER_TTL_MAX_S 86400
#define SLI_IO_RESOLVER_NEGATIVE_TTL_MAX_S 300

/** One record of the asked type. */
struct sli_io_resolver_record {
    uint8_t ip[16];      /* A, AAAA */
    uint32_t at;         /* PTR, MX, TXT: where in the octets */
    uint32_t size;       /* and how many, without the NUL behind them */
    uint16_t preference; /* MX */
};

/** Counted: held by the cache, and by those whom it answers. Not for several
 * threads. */
struct sli_io_resolver_answer {
    const struct slimta_alloc *alloc; /* borrowed: the resolver's */
    unsigned refs;
    enum slimta_dns_status status;
    enum slimta_dns_type type;
    uint32_t ttl_s;
    size_t count;
    struct sli_buf records; /* of struct sli_io_resolver_record */
    struct sli_buf octets;
};

/** What a callback is lent. */
struct slimta_answer {
    const struct sli_io_resolver_answer *body;
    uint32_t ttl_s; /* what is left of it */
};

/** Reads a DNS message, the answer to a question for `type`. SLIMTA_EINVAL when
 * it is broken, cut or an error of the server's; SLIMTA_ENOMEM. */
int sli_io_resolver_answer_read(struct sli_io_resolver_answer **out,
    const struct slimta_alloc *alloc, enum slimta_dns_type type,
    struct slimta_slice message);

void sli_io_resolver_answer_ref(struct sli_io_resolver_answer *answer);

/** NULL is accepted. */
void sli_io_resolver_answer_unref(struct sli_io_resolver_answer *answer);

/** The octets of memory that it takes. */
size_t sli_io_resolver_answer_bytes(
    const struct sli_io_resolver_answer *answer);

#endif
