/** What came back from the DNS: a message becomes records. */
#include "io/resolver_answer.h"

#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "io/resolver_wire.h"

enum {
    CLASS_IN = 1,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    FLAG_TRUNCATED = 0x0200,
    RCODE_MASK = 0x000F,
    RCODE_OK = 0,
    RCODE_NO_NAME = 3,
    IPV4_BYTES = 4,
    IPV6_BYTES = 16,
    /* RFC 1035 section 4.2.2: a message has at most 65,535 octets; records of
     * it need a few times that in memory. */
    OCTETS_MAX = 2 * 65536,
    RECORDS_MAX = 65536 / 11 * (int)sizeof(struct sli_io_resolver_record)
};

/* The head of one record; its data is read next and ends at `end`. */
struct head {
    uint16_t type;
    uint16_t class;
    uint32_t ttl_s;
    size_t end;
};

static struct head read_head(struct sli_io_resolver_wire *wire)
{
    struct sli_io_resolver_wire_name owner;
    struct head head;
    size_t size;

    sli_io_resolver_wire_read_name(wire, &owner);
    head.type = sli_io_resolver_wire_u16(wire);
    head.class = sli_io_resolver_wire_u16(wire);
    head.ttl_s = sli_io_resolver_wire_u32(wire);
    size = sli_io_resolver_wire_u16(wire);
    head.end = wire->at + size;
    if (size > wire->message.size - wire->at) {
        wire->is_bad = 1;
    }
    /* RFC 2181 section 8: with the first bit set it is 0. */
    head.ttl_s = head.ttl_s > INT32_MAX ? 0 : head.ttl_s;
    return head;
}

static void lower_ttl(struct sli_io_resolver_answer *answer, uint32_t ttl_s)
{
    answer->ttl_s = ttl_s < answer->ttl_s ? ttl_s : answer->ttl_s;
}

static int add_record(struct sli_io_resolver_answer *answer,
    const struct sli_io_resolver_record *record)
{
    int err =
        sli_buf_append(&answer->records, sli_slice(record, sizeof *record));

    answer->count += err == 0;
    return err;
}

/* Octets with a NUL behind them. */
static int add_octets(struct sli_io_resolver_answer *answer,
    struct sli_io_resolver_record *record, struct slimta_slice octets)
{
    record->at = (uint32_t)sli_buf_size(&answer->octets);
    record->size = (uint32_t)octets.size;
    return sli_buf_append(&answer->octets, octets) != 0 ||
            sli_buf_append(&answer->octets, SLI_LITERAL("\0")) != 0
        ? SLIMTA_ENOMEM
        : add_record(answer, record);
}

static int read_ip(
    struct sli_io_resolver_answer *answer, struct slimta_slice octets)
{
    struct sli_io_resolver_record record = {.size = (uint32_t)octets.size};

    if (octets.size > 0) {
        memcpy(record.ip, octets.data, octets.size);
    }
    return add_record(answer, &record);
}

static int read_name(struct sli_io_resolver_answer *answer,
    struct sli_io_resolver_wire *wire, uint16_t preference)
{
    struct sli_io_resolver_record record = {.preference = preference};
    struct sli_io_resolver_wire_name name;

    sli_io_resolver_wire_read_name(wire, &name);
    return wire->is_bad || !name.is_host
        ? 0
        : add_octets(answer, &record, sli_slice(name.text, name.size));
}

/* RFC 1035 section 3.3.14: one or more strings, which are read as one. */
static int read_text(struct sli_io_resolver_answer *answer,
    struct sli_io_resolver_wire *wire, size_t end)
{
    struct sli_io_resolver_record record = {
        .at = (uint32_t)sli_buf_size(&answer->octets)};

    while (!wire->is_bad && wire->at < end) {
        size_t size = sli_io_resolver_wire_u8(wire);

        if (sli_buf_append(&answer->octets,
                sli_io_resolver_wire_octets(wire, size)) != 0) {
            return SLIMTA_ENOMEM;
        }
    }
    record.size = (uint32_t)sli_buf_size(&answer->octets) - record.at;
    return sli_buf_append(&answer->octets, SLI_LITERAL("\0")) != 0
        ? SLIMTA_ENOMEM
        : add_record(answer, &record);
}

static int read_data(struct sli_io_resolver_answer *answer,
    struct sli_io_resolver_wire *wire, size_t end)
{
    switch (answer->type) {
    case SLIMTA_DNS_A:
        return read_ip(answer, sli_io_resolver_wire_octets(wire, IPV4_BYTES));
    case SLIMTA_DNS_AAAA:
        return read_ip(answer, sli_io_resolver_wire_octets(wire, IPV6_BYTES));
    case SLIMTA_DNS_PTR:
        return read_name(answer, wire, 0);
    case SLIMTA_DNS_MX:
        return read_name(answer, wire, sli_io_resolver_wire_u16(wire));
    case SLIMTA_DNS_TXT:
    default:
        return read_text(answer, wire, end);
    }
}

/* Aliases stand before what they lead to; their owners are not compared: who
 * has sent all of it is the server that we have chosen to believe. */
static int read_answers(struct sli_io_resolver_answer *answer,
    struct sli_io_resolver_wire *wire, unsigned count)
{
    int err = 0;

    for (; count > 0 && err == 0 && !wire->is_bad; count--) {
        struct head head = read_head(wire);

        if (wire->is_bad || head.class != CLASS_IN ||
            (head.type != (uint16_t)answer->type && head.type != TYPE_CNAME)) {
            wire->at = wire->is_bad ? wire->at : head.end;
            continue;
        }
        lower_ttl(answer, head.ttl_s);
        if (head.type == TYPE_CNAME) {
            wire->at = head.end;
            continue;
        }
        err = read_data(answer, wire, head.end);
        wire->is_bad = wire->is_bad || wire->at != head.end;
    }
    return err;
}

/* RFC 2308 section 5: what is not there stays so for the lesser of the SOA's
 * TTL and its last field; without one the answer is not kept. */
static void read_authority(struct sli_io_resolver_answer *answer,
    struct sli_io_resolver_wire *wire, unsigned count)
{
    int has_soa = 0;

    for (; count > 0 && !wire->is_bad; count--) {
        struct head head = read_head(wire);

        if (wire->is_bad || head.type != TYPE_SOA ||
            head.end - wire->at < sizeof(uint32_t)) {
            wire->at = wire->is_bad ? wire->at : head.end;
            continue;
        }
        wire->at = head.end - sizeof(uint32_t);
        lower_ttl(answer, head.ttl_s);
        lower_ttl(answer, sli_io_resolver_wire_u32(wire));
        has_soa = 1;
    }
    lower_ttl(answer, has_soa ? SLI_IO_RESOLVER_NEGATIVE_TTL_MAX_S : 0);
}

static void skip_questions(struct sli_io_resolver_wire *wire, unsigned count)
{
    struct sli_io_resolver_wire_name name;

    for (; count > 0 && !wire->is_bad; count--) {
        sli_io_resolver_wire_read_name(wire, &name);
        (void)sli_io_resolver_wire_u32(wire); /* type and class */
    }
}

static int read_message(
    struct sli_io_resolver_answer *answer, struct sli_io_resolver_wire *wire)
{
    uint16_t id = sli_io_resolver_wire_u16(wire);
    unsigned flags = sli_io_resolver_wire_u16(wire);
    unsigned questions = sli_io_resolver_wire_u16(wire);
    unsigned answers = sli_io_resolver_wire_u16(wire);
    unsigned authorities = sli_io_resolver_wire_u16(wire);
    unsigned rcode = flags & RCODE_MASK;
    int err;

    (void)id; /* was compared by who has asked */
    (void)sli_io_resolver_wire_u16(wire);
    if (wire->is_bad || (flags & FLAG_TRUNCATED) != 0 ||
        (rcode != RCODE_OK && rcode != RCODE_NO_NAME)) {
        return SLIMTA_EINVAL;
    }
    skip_questions(wire, questions);
    err = read_answers(answer, wire, answers);
    if (rcode == RCODE_NO_NAME) {
        answer->status = SLIMTA_DNS_NO_NAME;
        answer->count = 0;
    } else {
        answer->status =
            answer->count > 0 ? SLIMTA_DNS_FOUND : SLIMTA_DNS_NO_DATA;
    }
    if (err == 0 && answer->status != SLIMTA_DNS_FOUND) {
        read_authority(answer, wire, authorities);
    }
    return err == 0 && wire->is_bad ? SLIMTA_EINVAL : err;
}

int sli_io_resolver_answer_read(struct sli_io_resolver_answer **out,
    const struct slimta_alloc *alloc, enum slimta_dns_type type,
    struct slimta_slice message)
{
    struct sli_io_resolver_wire wire = {.message = message};
    struct sli_io_resolver_answer *answer =
        sli_alloc_zero(alloc, sizeof *answer);
    int err;

    if (answer == NULL) {
        return SLIMTA_ENOMEM;
    }
    answer->alloc = alloc;
    answer->refs = 1;
    answer->type = type;
    answer->ttl_s = SLI_IO_RESOLVER_TTL_MAX_S;
    sli_buf_init(&answer->records, alloc, RECORDS_MAX);
    sli_buf_init(&answer->octets, alloc, OCTETS_MAX);
    err = read_message(answer, &wire);
    if (err != 0) {
        sli_io_resolver_answer_unref(answer);
        return err;
    }
    *out = answer;
    return 0;
}

void sli_io_resolver_answer_ref(struct sli_io_resolver_answer *answer)
{
    answer->refs++;
}

void sli_io_resolver_answer_unref(struct sli_io_resolver_answer *answer)
{
    if (answer != NULL && --answer->refs == 0) {
        sli_buf_fini(&answer->records);
        sli_buf_fini(&answer->octets);
        sli_free(answer->alloc, answer);
    }
}

size_t sli_io_resolver_answer_bytes(const struct sli_io_resolver_answer *answer)
{
    return sizeof *answer + answer->records.capacity + answer->octets.capacity;
}

/* The record, when there is one and its type is among these two. */
static const struct sli_io_resolver_record *record_of(
    const struct slimta_answer *answer, size_t index,
    enum slimta_dns_type one_type, enum slimta_dns_type other_type)
{
    const struct sli_io_resolver_answer *body = answer->body;

    if (index >= body->count ||
        (body->type != one_type && body->type != other_type)) {
        return NULL;
    }
    return (const struct sli_io_resolver_record *)(const void *)
               body->records.data +
        index;
}

enum slimta_dns_status slimta_answer_status(const struct slimta_answer *answer)
{
    return answer->body->status;
}

size_t slimta_answer_count(const struct slimta_answer *answer)
{
    return answer->body->count;
}

uint32_t slimta_answer_ttl_s(const struct slimta_answer *answer)
{
    return answer->ttl_s;
}

int slimta_answer_address(const struct slimta_answer *answer, size_t index,
    struct slimta_address *address)
{
    const struct sli_io_resolver_record *record =
        record_of(answer, index, SLIMTA_DNS_A, SLIMTA_DNS_AAAA);

    if (record == NULL) {
        return 0;
    }
    *address = (struct slimta_address){
        .family = answer->body->type == SLIMTA_DNS_A ? SLIMTA_FAMILY_IPV4
                                                     : SLIMTA_FAMILY_IPV6};
    memcpy(address->ip, record->ip, sizeof address->ip);
    return 1;
}

const char *slimta_answer_name(const struct slimta_answer *answer, size_t index)
{
    const struct sli_io_resolver_record *record =
        record_of(answer, index, SLIMTA_DNS_PTR, SLIMTA_DNS_MX);

    return record == NULL ? NULL : answer->body->octets.data + record->at;
}

unsigned slimta_answer_preference(
    const struct slimta_answer *answer, size_t index)
{
    const struct sli_io_resolver_record *record =
        record_of(answer, index, SLIMTA_DNS_MX, SLIMTA_DNS_MX);

    return record == NULL ? 0 : record->preference;
}

int slimta_answer_text(
    const struct slimta_answer *answer, size_t index, struct slimta_slice *text)
{
    const struct sli_io_resolver_record *record =
        record_of(answer, index, SLIMTA_DNS_TXT, SLIMTA_DNS_TXT);

    if (record == NULL) {
        return 0;
    }
    *text = sli_slice(answer->body->octets.data + record->at, record->size);
    return 1;
}
