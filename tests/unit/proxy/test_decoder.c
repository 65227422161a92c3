/** Tests of proxy/decoder.c, proxy/v1.c and proxy/v2.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "counting.h"
#include "guard.h"
#include "proxy/crc32c.h"
#include "proxy/decoder.h"
#include "proxy/proxy.h"
#include "proxy/v1.h"
#include "proxy/v2.h"

#define AUTO SLIMTA_PROXY_AUTO
#define V1 SLIMTA_PROXY_V1
#define V2 SLIMTA_PROXY_V2

/* PROXY protocol 2.2. */
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define OCTETS(text) \
    { \
        text, sizeof(text) - 1 \
    }

/* What a decoder keeps here, when a test says nothing else. */
enum { TLVS_MAX = 4096 };

static struct sli_proxy_decoder *start_keeping(
    enum slimta_proxy_version version, size_t max_tlv_bytes)
{
    const struct sli_proxy_wanted wanted = {version, max_tlv_bytes};
    struct sli_proxy_decoder *decoder = NULL;

    assert_int_equal(
        sli_proxy_decoder_new(&decoder, &counting.table, &wanted), 0);
    return decoder;
}

static struct sli_proxy_decoder *start(enum slimta_proxy_version version)
{
    return start_keeping(version, TLVS_MAX);
}

/* Feeds one piece that ends where memory ends; returns how much was used. */
static size_t feed(struct sli_proxy_decoder *decoder, struct slimta_slice piece,
    enum sli_proxy_status *status)
{
    struct guard guard;
    size_t used = SIZE_MAX;

    *status = sli_proxy_decoder_feed(decoder, guard_copy(&guard, piece), &used);
    guard_free(&guard);
    assert_true(used <= piece.size);
    if (*status == SLI_PROXY_MORE) {
        assert_int_equal(used, piece.size);
    }
    return used;
}

/* Feeds all: `first` octets, then pieces of `step`; what follows an end is left
 * alone. Returns how much was used. */
static size_t feed_cut(struct sli_proxy_decoder *decoder,
    struct slimta_slice octets, size_t first, size_t step,
    enum sli_proxy_status *status)
{
    size_t used = 0;
    size_t piece = first;

    *status = SLI_PROXY_MORE;
    while (*status == SLI_PROXY_MORE && used < octets.size) {
        size_t left = octets.size - used;

        used += feed(decoder,
            sli_slice(octets.data + used, left < piece ? left : piece), status);
        piece = step;
    }
    return used;
}

/* What a case must come to, however it is cut. An octet behind the header
 * stands for what follows it. */
struct expected {
    enum slimta_proxy_version wanted;
    struct slimta_slice octets;
    const char *reason; /* NULL: it is right, and all of it */
    const char *client; /* NULL: the real endpoints hold */
    const char *local;
};

static void check_addresses(
    const struct expected *expected, const struct sli_proxy_result *result)
{
    char text[SLIMTA_ADDRESS_TEXT_MAX];

    assert_int_equal(result->has_addresses, expected->client != NULL);
    assert_int_equal(result->proxy->is_local, expected->client == NULL);
    assert_int_equal(
        result->proxy->version, expected->octets.data[0] == 'P' ? 1 : 2);
    if (expected->client != NULL) {
        slimta_address_format(&result->client, text, sizeof text);
        assert_string_equal(text, expected->client);
        slimta_address_format(&result->local, text, sizeof text);
        assert_string_equal(text, expected->local);
    }
}

static void check_result(
    const struct expected *expected, const struct sli_proxy_decoder *decoder)
{
    struct sli_proxy_result result;

    assert_null(sli_proxy_decoder_reason(decoder));
    assert_int_equal(sli_proxy_decoder_take(decoder, &result), 0);
    check_addresses(expected, &result);
    sli_proxy_proxy_free(result.proxy, &counting.table);
}

/* A wrong header is wrong with its last octet, not before: the cases end with
 * the octet that makes them so. */
static void play_cut(const struct expected *expected,
    struct slimta_slice followed, size_t first, size_t step)
{
    struct sli_proxy_decoder *decoder = start(expected->wanted);
    enum sli_proxy_status status;
    size_t used = feed_cut(decoder, followed, first, step, &status);

    if (status != (expected->reason ? SLI_PROXY_WRONG : SLI_PROXY_DONE) ||
        used != expected->octets.size) {
        fail_msg("%s: status %d after %zu of %zu, %s", expected->octets.data,
            (int)status, used, expected->octets.size,
            sli_proxy_decoder_reason(decoder));
    }
    assert_int_equal(feed(decoder, followed, &status), 0);
    if (expected->reason != NULL) {
        assert_string_equal(
            sli_proxy_decoder_reason(decoder), expected->reason);
    } else {
        check_result(expected, decoder);
    }
    sli_proxy_decoder_free(decoder);
}

/* Whole, cut in two at every offset, and octet by octet. */
static void play(const struct expected *expected)
{
    struct slimta_slice octets = expected->octets;
    char followed[512];

    assert_true(octets.size < sizeof followed);
    memcpy(followed, octets.data, octets.size);
    followed[octets.size] = '\x16';
    for (size_t first = 1; first <= octets.size + 1; first++) {
        play_cut(expected, sli_slice(followed, octets.size + 1), first, 512);
    }
    play_cut(expected, sli_slice(followed, octets.size + 1), 1, 1);
    assert_int_equal(counting.live, 0);
}

static void play_all(const struct expected *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        play(&cases[i]);
    }
}

#define PLAY_ALL(cases) play_all((cases), sizeof(cases) / sizeof *(cases))

#define ALL_F "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

static void reads_lines(void **state)
{
    static const struct expected cases[] = {
        {AUTO, OCTETS("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
            NULL, "192.168.0.1:56324", "192.168.0.11:443"},
        {V1,
            OCTETS("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535"
                   "\r\n"),
            NULL, "255.255.255.255:65535", "255.255.255.255:65535"},
        {V1, OCTETS("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), NULL, "0.0.0.0:0",
            "0.0.0.0:0"},
        {V1, OCTETS("PROXY TCP6 " ALL_F " " ALL_F " 65535 65535\r\n"), NULL,
            "[" ALL_F "]:65535", "[" ALL_F "]:65535"},
        {V1, OCTETS("PROXY TCP6 :: 2001:DB8:0:0::1 1 25\r\n"), NULL, "[::]:1",
            "[2001:db8::1]:25"},
        {V1, OCTETS("PROXY TCP6 ::ffff:192.0.2.1 ::1.2.3.4 1 25\r\n"), NULL,
            "192.0.2.1:1", "[::102:304]:25"},
        {AUTO, OCTETS("PROXY UNKNOWN\r\n"), NULL, NULL, NULL},
        {V1, OCTETS("PROXY UNKNOWN \r\n"), NULL, NULL, NULL},
        {V1, OCTETS("PROXY UNKNOWN \0any\x80thing TCP4 1\r\n"), NULL, NULL,
            NULL},
        {V1, OCTETS("PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n"), NULL, NULL,
            NULL},
        {V1, OCTETS("PROXY UNKNOWN " ALL_F " " ALL_F " 65535 65535\r\n"), NULL,
            NULL, NULL},
    };

    (void)state;
    PLAY_ALL(cases);
}

#define TCP4 "PROXY TCP4 1.2.3.4 5.6.7.8 "
#define SOURCE "source address is wrong"
#define DESTINATION "destination address is wrong"
#define SOURCE_PORT "source port is wrong"
#define DESTINATION_PORT "destination port is wrong"
#define LINE_END "line end is not CRLF"
#define PROTOCOL "protocol is not TCP4, TCP6 or UNKNOWN"
#define NO_HEADER "no PROXY header"
#define OCTET "octet is in no address or port"

static void refuses_lines(void **state)
{
    static const struct expected cases[] = {
        {AUTO, OCTETS("E"), NO_HEADER, NULL, NULL},
        {AUTO, OCTETS("p"), NO_HEADER, NULL, NULL},
        {AUTO, OCTETS("\x16"), NO_HEADER, NULL, NULL},
        {AUTO, OCTETS("\n"), NO_HEADER, NULL, NULL},
        {AUTO, OCTETS("\0"), NO_HEADER, NULL, NULL},
        {V1, OCTETS("\r"), "no PROXY header of version 1", NULL, NULL},
        {V1, OCTETS("E"), "no PROXY header of version 1", NULL, NULL},
        {V2, OCTETS("P"), "no PROXY header of version 2", NULL, NULL},
        {V2, OCTETS("E"), "no PROXY header of version 2", NULL, NULL},
        {AUTO, OCTETS("PO"), NO_HEADER, NULL, NULL},
        {AUTO, OCTETS("PROXY\r"), NO_HEADER, NULL, NULL},
        {AUTO, OCTETS("PROXY\t"), NO_HEADER, NULL, NULL},
        {AUTO, OCTETS("PROXY  "), PROTOCOL, NULL, NULL},
        {AUTO, OCTETS("PROXY t"), PROTOCOL, NULL, NULL},
        {AUTO, OCTETS("PROXY UD"), PROTOCOL, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP5"), PROTOCOL, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP4\r"), PROTOCOL, NULL, NULL},
        {AUTO, OCTETS("PROXY UNKNOWNX"), PROTOCOL, NULL, NULL},
        {AUTO, OCTETS("PROXY UNKNOWN\r "), LINE_END, NULL, NULL},
        {AUTO, OCTETS("PROXY UNKNOWN\n"), PROTOCOL, NULL, NULL},
        {AUTO, OCTETS("PROXY UNKNOWN x\n"), LINE_END, NULL, NULL},
        {AUTO, OCTETS("PROXY UNKNOWN x\rx"), LINE_END, NULL, NULL},
        {AUTO, OCTETS("PROXY UNKNOWN x\r\r"), LINE_END, NULL, NULL},
        {AUTO, OCTETS(TCP4 "1 2\n"), LINE_END, NULL, NULL},
        {AUTO, OCTETS(TCP4 "1 2\r "), LINE_END, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP4 1.2.3.4,"), OCTET, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP4 \0"), OCTET, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP6 ::1%"), OCTET, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP6 ["), OCTET, NULL, NULL},
        {AUTO, OCTETS(TCP4 "+"), OCTET, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP4 \r\n"), SOURCE, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n"), SOURCE, NULL,
            NULL},
        {AUTO, OCTETS("PROXY TCP4 ::1 5.6.7.8 1 2\r\n"), SOURCE, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n"), SOURCE, NULL,
            NULL},
        {AUTO, OCTETS("PROXY TCP4 256.2.3.4 5.6.7.8 1 2\r\n"), SOURCE, NULL,
            NULL},
        {AUTO, OCTETS("PROXY TCP6 1.2.3.4 ::1 1 2\r\n"), SOURCE, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP6 1:2 ::1 1 2\r\n"), SOURCE, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP4 1.2.3.4\r\n"), DESTINATION, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP4 1.2.3.4 \r\n"), DESTINATION, NULL, NULL},
        {AUTO, OCTETS("PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n"), DESTINATION, NULL,
            NULL},
        {AUTO, OCTETS("PROXY TCP6 ::1 1.2.3.4 1 2\r\n"), DESTINATION, NULL,
            NULL},
        {AUTO, OCTETS("PROXY TCP4 1.2.3.4 5.6.7.8\r\n"), SOURCE_PORT, NULL,
            NULL},
        {AUTO, OCTETS(TCP4 " 1 2\r\n"), SOURCE_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "01 2\r\n"), SOURCE_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "00 2\r\n"), SOURCE_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "a 2\r\n"), SOURCE_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "65536 2\r\n"), SOURCE_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "123456 2\r\n"), SOURCE_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "1\r\n"), DESTINATION_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "1 \r\n"), DESTINATION_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "1  2\r\n"), DESTINATION_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "1 02\r\n"), DESTINATION_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "1 65536\r\n"), DESTINATION_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "1 2 \r\n"), DESTINATION_PORT, NULL, NULL},
        {AUTO, OCTETS(TCP4 "1 2 3\r\n"), DESTINATION_PORT, NULL, NULL},
    };

    (void)state;
    PLAY_ALL(cases);
}

/* PROXY protocol 2.1: CRLF within 107 octets. */
static void limits_the_line(void **state)
{
    char line[SLI_PROXY_V1_MAX + 1];
    struct expected expected = {.wanted = AUTO, .octets = {line, 0}};

    (void)state;
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    expected.octets.size = SLI_PROXY_V1_MAX;
    expected.reason = "line is too long";
    play(&expected);
    line[SLI_PROXY_V1_MAX - 1] = '\r';
    play(&expected);
    line[SLI_PROXY_V1_MAX] = '\n';
    play(&expected);
    expected.reason = NULL;
    for (size_t size = SLI_PROXY_V1_MAX - 1; size <= SLI_PROXY_V1_MAX; size++) {
        memset(line + 14, 'x', sizeof line - 14);
        memcpy(line + size - 2, "\r\n", 2);
        expected.octets.size = size;
        play(&expected);
    }
}

#define IPV4_BLOCK "\x0A\x01\x02\x03\x0A\x04\x05\x06\xC8\x01\x00\x19"
#define IPV6_BLOCK \
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01" \
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x02\xFF\xFF\x00\x00"
#define MAPPED_BLOCK \
    "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC0\x00\x02\x01" \
    "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC0\x00\x02\x02\x00\x01\x00\x02"
#define FROM_IPV4 "10.1.2.3:51201", "10.4.5.6:25"

static void reads_blocks(void **state)
{
    static const struct expected cases[] = {
        {AUTO, OCTETS(SIGNATURE "\x21\x11\x00\x0C" IPV4_BLOCK), NULL,
            FROM_IPV4},
        {V2, OCTETS(SIGNATURE "\x21\x21\x00\x24" IPV6_BLOCK), NULL,
            "[2001:db8::1]:65535", "[2001:db8::2]:0"},
        {V2, OCTETS(SIGNATURE "\x21\x21\x00\x24" MAPPED_BLOCK), NULL,
            "192.0.2.1:1", "192.0.2.2:2"},
        {V2, OCTETS(SIGNATURE "\x21\x11\x00\x0F" IPV4_BLOCK "\x04\x00\x00"),
            NULL, FROM_IPV4},
        /* Unspecified, and datagrams: the real endpoints. */
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\x00"), NULL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x01\x00\x00"), NULL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x02\x00\x03\x04\x00\x00"), NULL, NULL,
            NULL},
        {V2, OCTETS(SIGNATURE "\x21\x10\x00\x0C" IPV4_BLOCK), NULL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x20\x00\x24" IPV6_BLOCK), NULL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x12\x00\x0C" IPV4_BLOCK), NULL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x22\x00\x24" IPV6_BLOCK), NULL, NULL, NULL},
        /* LOCAL: the block is skipped, whatever it is. */
        {AUTO, OCTETS(SIGNATURE "\x20\x00\x00\x00"), NULL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x20\x11\x00\x0C" IPV4_BLOCK), NULL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x20\x11\x00\x01x"), NULL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x20\xFF\x00\x05hello"), NULL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x20\x00\x00\x07\x03\x00\x04oops"), NULL, NULL,
            NULL},
    };

    (void)state;
    PLAY_ALL(cases);
}

#define CUT "TLV is cut"
#define TOO_SMALL "length is too small for addresses"

static void refuses_blocks(void **state)
{
    static const struct expected cases[] = {
        {AUTO, OCTETS("\r\r"), NO_HEADER, NULL, NULL},
        {AUTO, OCTETS("\r\n\r\n\x01"), NO_HEADER, NULL, NULL},
        {AUTO, OCTETS("\r\n\r\n\0\r\nQUIT\r"), NO_HEADER, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x11"), "version is not 2", NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x31"), "version is not 2", NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x01"), "version is not 2", NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x22"), "command is not LOCAL or PROXY", NULL,
            NULL},
        {V2, OCTETS(SIGNATURE "\x2F"), "command is not LOCAL or PROXY", NULL,
            NULL},
        {V2, OCTETS(SIGNATURE "\x21\x41"), "address family is unknown", NULL,
            NULL},
        {V2, OCTETS(SIGNATURE "\x21\xF1"), "address family is unknown", NULL,
            NULL},
        {V2, OCTETS(SIGNATURE "\x21\x13"), "transport protocol is unknown",
            NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x0F"), "transport protocol is unknown",
            NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x11\x00\x00"), TOO_SMALL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x11\x00\x0B"), TOO_SMALL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x12\x00\x0B"), TOO_SMALL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x10\x00\x0B"), TOO_SMALL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x21\x00\x23"), TOO_SMALL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x31\x00\xD7"), TOO_SMALL, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\x01"), CUT, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\x02"), CUT, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x11\x00\x0D" IPV4_BLOCK), CUT, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x11\x00\x0E" IPV4_BLOCK), CUT, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\x03\xE0\x00\x01"), CUT, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\x04\xE0\xFF\xFF"), CUT, NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\x05\xE0\x00\x01x"), CUT, NULL,
            NULL},
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\xFF\x20\x00\x04"),
            "SSL part is cut", NULL, NULL},
        {V2,
            OCTETS(SIGNATURE "\x21\x00\x00\xFF\x20\x00\x06"
                             "\0\0\0\0\0\x21"),
            "SSL part is cut", NULL, NULL},
        {V2,
            OCTETS(SIGNATURE "\x21\x00\x00\xFF\x20\x00\x0B\0\0\0\0\0"
                             "\x21\x00\x04"
                             "TLS"),
            "SSL part is cut", NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\xFF\x03\x00\x03"),
            "checksum has not 4 octets", NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\xFF\x03\x00\x05"),
            "checksum has not 4 octets", NULL, NULL},
        {V2,
            OCTETS(
                SIGNATURE "\x21\x00\x00\xFF\x03\x00\x04\0\0\0\0\x03\x00\x04"),
            "checksum is there twice", NULL, NULL},
        {V2, OCTETS(SIGNATURE "\x21\x00\x00\xFF\x05\x00\x81"),
            "unique id is too long", NULL, NULL},
    };

    (void)state;
    PLAY_ALL(cases);
}

/* A header of version 2 that grows. */
struct header {
    char octets[SLI_PROXY_V2_HEAD + UINT16_MAX];
    size_t size;
};

static struct header header;

static struct slimta_slice header_octets(void)
{
    return sli_slice(header.octets, header.size);
}

/* Its length is always that of what it has. */
static void add(struct slimta_slice octets)
{
    size_t length;

    assert_true(octets.size <= sizeof header.octets - header.size);
    memcpy(header.octets + header.size, octets.data, octets.size);
    header.size += octets.size;
    length = header.size - SLI_PROXY_V2_HEAD;
    header.octets[14] = (char)(length >> 8);
    header.octets[15] = (char)(length & 0xFF);
}

static void begin(struct slimta_slice beginning, struct slimta_slice block)
{
    memcpy(header.octets, beginning.data, SLI_PROXY_V2_HEAD);
    header.size = SLI_PROXY_V2_HEAD;
    add(block);
}

static void begin_ipv4(void)
{
    begin(SLI_LITERAL(SIGNATURE "\x21\x11\x00\x00"), SLI_LITERAL(IPV4_BLOCK));
}

static void add_tlv(int type, struct slimta_slice value)
{
    char head[3] = {
        (char)type, (char)(value.size >> 8), (char)(value.size & 0xFF)};

    add(sli_slice(head, sizeof head));
    add(value);
}

/* A TLV of `size` octets in all. */
static void add_filler(int type, size_t size)
{
    static const char filler[UINT16_MAX];

    add_tlv(type, sli_slice(filler, size - 3));
}

/* The checksum at `at`, which is zero, of all that there is. */
static void put_checksum(size_t at)
{
    uint32_t crc = SLI_PROXY_CRC32C_START;

    for (size_t i = 0; i < header.size; i++) {
        crc = sli_proxy_crc32c_add(crc, (uint8_t)header.octets[i]);
    }
    crc = sli_proxy_crc32c_end(crc);
    for (int i = 0; i < 4; i++) {
        header.octets[at + (size_t)i] = (char)(crc >> (24 - 8 * i) & 0xFF);
    }
}

static struct sli_proxy_result take(struct sli_proxy_decoder *decoder)
{
    struct sli_proxy_result result;
    enum sli_proxy_status status;

    assert_int_equal(
        feed_cut(decoder, header_octets(), 4096, 4096, &status), header.size);
    assert_int_equal(status, SLI_PROXY_DONE);
    assert_int_equal(sli_proxy_decoder_take(decoder, &result), 0);
    sli_proxy_decoder_free(decoder);
    return result;
}

/* What the header that was built tells. */
static struct slimta_proxy *decode(void)
{
    return take(start(AUTO)).proxy;
}

static void release(struct slimta_proxy *proxy)
{
    sli_proxy_proxy_free(proxy, &counting.table);
}

static void knows_unix(void **state)
{
    static const char paths[216] = "/run/proxy";
    struct expected expected = {.wanted = V2};
    struct slimta_proxy *proxy;

    (void)state;
    for (int protocol = 0; protocol <= 2; protocol++) {
        begin(SLI_LITERAL(SIGNATURE "\x21\x30\x00\x00"),
            sli_slice(paths, sizeof paths));
        header.octets[13] = (char)(0x30 | protocol);
        expected.octets = header_octets();
        play(&expected);
        add_tlv(0x02, SLI_LITERAL("mx"));
        expected.octets = header_octets();
        play(&expected);
        proxy = decode();
        assert_string_equal(proxy->authority, "mx");
        release(proxy);
    }
}

/* As HAProxy 2.6 sends it with crc32c and unique-id. */
static void knows_a_real_one(void **state)
{
    static const struct expected expected = {AUTO,
        OCTETS(SIGNATURE "\x21\x11\x00\x1B\x7F\x00\x00\x01\x7F\x00\x00\x01"
                         "\xCF\xE8\xAA\x5B\x03\x00\x04\xF8\x97\x70\x03"
                         "\x05\x00\x05id-42"),
        NULL, "127.0.0.1:53224", "127.0.0.1:43611"};
    struct slimta_proxy *proxy;

    (void)state;
    play(&expected);
    memcpy(header.octets, expected.octets.data, expected.octets.size);
    header.size = expected.octets.size;
    proxy = decode();
    assert_true(sli_slice_is(proxy->unique_id, SLI_LITERAL("id-42")));
    release(proxy);
}

/* PROXY protocol 2.2.3: wherever it stands, and whatever octet is wrong. */
static void checks_the_checksum(void **state)
{
    struct expected expected = {
        V2, {NULL, 0}, NULL, "10.1.2.3:51201", "10.4.5.6:25"};

    (void)state;
    for (int place = 0; place < 3; place++) {
        size_t at = 0;

        begin_ipv4();
        for (int i = 0; i < 3; i++) {
            if (i == place) {
                at = header.size + 3;
                add_tlv(0x03, SLI_LITERAL("\0\0\0\0"));
            } else {
                add_tlv(0xE0, SLI_LITERAL("something"));
            }
        }
        put_checksum(at);
        expected.octets = header_octets();
        expected.reason = NULL;
        play(&expected);
        expected.reason = "checksum is wrong";
        header.octets[at + 3] ^= 1;
        play(&expected);
        header.octets[at + 3] ^= 1;
        header.octets[17] ^= 1;
        play(&expected);
    }
}

/* Beyond what is kept, and in the longest header. */
static void checks_the_checksum_of_the_longest(void **state)
{
    struct sli_proxy_decoder *decoder = start(AUTO);
    enum sli_proxy_status status;
    size_t at;

    (void)state;
    begin_ipv4();
    add_filler(0xE0, TLVS_MAX);
    add_filler(0xE1, UINT16_MAX - 12 - TLVS_MAX - 7);
    at = header.size + 3;
    add_tlv(0x03, SLI_LITERAL("\0\0\0\0"));
    assert_int_equal(header.size, sizeof header.octets);
    put_checksum(at);
    release(decode());
    header.octets[30] ^= 1;
    assert_int_equal(
        feed_cut(decoder, header_octets(), 1000, 1000, &status), header.size);
    assert_int_equal(status, SLI_PROXY_WRONG);
    assert_string_equal(sli_proxy_decoder_reason(decoder), "checksum is wrong");
    sli_proxy_decoder_free(decoder);
}

static void tells_tlvs(void **state)
{
    struct sli_proxy_result result;
    struct slimta_slice value;

    (void)state;
    begin_ipv4();
    add_tlv(0x04, SLI_LITERAL("padding"));
    add_tlv(0x01, SLI_LITERAL("smtp"));
    add_tlv(0x02, SLI_LITERAL("mx.example.com"));
    add_tlv(0x20,
        SLI_LITERAL("\x01\x00\x00\x00\x01\x21\x00\x07TLSv1.2"
                    "\x23\x00\x03xyz"));
    add_tlv(0x30, SLI_LITERAL("inner"));
    add_tlv(0xE7, SLI_LITERAL("ours"));
    result = take(start(V2));
    assert_true(result.has_addresses);
    assert_true(sli_slice_is(result.proxy->alpn, SLI_LITERAL("smtp")));
    assert_string_equal(result.proxy->authority, "mx.example.com");
    assert_string_equal(result.proxy->netns, "inner");
    assert_int_equal(result.proxy->ssl_client, SLIMTA_PROXY_SSL);
    assert_false(result.proxy->ssl_is_verified);
    assert_string_equal(result.proxy->ssl_version, "TLSv1.2");
    assert_string_equal(result.proxy->ssl_cipher, "xyz");
    assert_null(result.proxy->ssl_cn);
    assert_true(slimta_proxy_tlv(result.proxy, 0xE7, 0, &value));
    assert_true(sli_slice_is(value, SLI_LITERAL("ours")));
    assert_false(slimta_proxy_tlv(result.proxy, 0x04, 0, &value));
    release(result.proxy);
}

/* Of LOCAL nothing is told. */
static void tells_nothing_of_local(void **state)
{
    struct slimta_slice value;
    struct slimta_proxy *proxy;

    (void)state;
    begin(SLI_LITERAL(SIGNATURE "\x20\x00\x00\x00"), SLI_LITERAL(""));
    add_tlv(0x02, SLI_LITERAL("mx"));
    proxy = decode();
    assert_true(proxy->is_local);
    assert_null(proxy->authority);
    assert_false(slimta_proxy_tlv(proxy, 0x02, 0, &value));
    release(proxy);
}

/* PROXY protocol 2.2.5. */
static void limits_the_unique_id(void **state)
{
    static const char id[SLI_PROXY_V2_UNIQUE_ID_MAX];

    (void)state;
    for (size_t size = sizeof id - 1; size <= sizeof id; size++) {
        struct slimta_proxy *proxy;

        begin_ipv4();
        add_tlv(0x05, sli_slice(id, size));
        proxy = decode();
        assert_true(sli_slice_is(proxy->unique_id, sli_slice(id, size)));
        release(proxy);
    }
    /* Above it: refuses_blocks. */
}

/* Two TLVs that together have `size` octets, and another behind them. */
static void check_kept(size_t max, size_t size)
{
    struct slimta_proxy *proxy;
    struct slimta_slice value;
    int fits = size <= max;

    begin_ipv4();
    add_filler(0x04, 5000);
    add_tlv(0xE0, SLI_LITERAL("12345"));
    add_filler(0xE1, size - 8);
    add_tlv(0x02, SLI_LITERAL("mx"));
    proxy = take(start_keeping(AUTO, max)).proxy;
    assert_true(slimta_proxy_tlv(proxy, 0xE0, 0, &value));
    assert_int_equal(slimta_proxy_tlv(proxy, 0xE1, 0, &value), fits);
    assert_int_equal(proxy->authority == NULL, fits);
    release(proxy);
}

/* At, below and above it; what does not fit hides nothing else. */
static void limits_what_is_kept(void **state)
{
    const size_t limits[] = {20, TLVS_MAX, 50000};

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        for (size_t size = limits[i] - 1; size <= limits[i] + 1; size++) {
            check_kept(limits[i], size);
        }
    }
}

/* An SSL part that is not kept is not told. */
static void skips_an_ssl_part_that_is_too_long(void **state)
{
    struct slimta_proxy *proxy;

    (void)state;
    begin_ipv4();
    add_filler(0x20, TLVS_MAX + 1);
    add_tlv(0x20, SLI_LITERAL("\x01\x00\x00\x00\x01"));
    proxy = decode();
    assert_int_equal(proxy->ssl_client, SLIMTA_PROXY_SSL);
    release(proxy);
}

static void scenario(struct fail_alloc *alloc, void *user)
{
    const struct sli_proxy_wanted wanted = {AUTO, TLVS_MAX};
    struct sli_proxy_decoder *decoder = NULL;
    struct sli_proxy_result result;
    enum sli_proxy_status status = SLI_PROXY_MORE;
    size_t used;

    (void)user;
    if (sli_proxy_decoder_new(&decoder, &alloc->table, &wanted) != 0) {
        assert_null(decoder);
        return;
    }
    status = sli_proxy_decoder_feed(decoder, header_octets(), &used);
    if (status == SLI_PROXY_NO_MEMORY) {
        assert_true(used < header.size);
        assert_int_equal(
            sli_proxy_decoder_feed(decoder, header_octets(), &used),
            SLI_PROXY_NO_MEMORY);
        assert_int_equal(used, 0);
        assert_null(sli_proxy_decoder_reason(decoder));
    } else {
        int err;

        assert_int_equal(status, SLI_PROXY_DONE);
        err = sli_proxy_decoder_take(decoder, &result);
        assert_int_equal(err != 0, fail_alloc_has_failed(alloc));
        if (err == 0) {
            assert_string_equal(result.proxy->authority, "mx");
            sli_proxy_proxy_free(result.proxy, &alloc->table);
        } else {
            assert_int_equal(err, SLIMTA_ENOMEM);
        }
    }
    sli_proxy_decoder_free(decoder);
}

static void bears_no_memory(void **state)
{
    (void)state;
    begin_ipv4();
    for (int i = 0; i < 10; i++) {
        add_filler(0xE0, 200);
    }
    add_tlv(0x02, SLI_LITERAL("mx"));
    assert_int_equal(fail_alloc_sweep(scenario, NULL), 0);
    sli_proxy_decoder_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COUNTED(reads_lines),
        COUNTED(refuses_lines),
        COUNTED(limits_the_line),
        COUNTED(reads_blocks),
        COUNTED(refuses_blocks),
        COUNTED(knows_unix),
        COUNTED(knows_a_real_one),
        COUNTED(checks_the_checksum),
        COUNTED(checks_the_checksum_of_the_longest),
        COUNTED(tells_tlvs),
        COUNTED(tells_nothing_of_local),
        COUNTED(limits_the_unique_id),
        COUNTED(limits_what_is_kept),
        COUNTED(skips_an_ssl_part_that_is_too_long),
        COUNTED(bears_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
