/** Tests of proxy/proxy.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "counting.h"
#include "proxy/proxy.h"

static struct slimta_proxy *build(struct slimta_slice tlvs)
{
    struct slimta_proxy *proxy = NULL;

    assert_int_equal(
        sli_proxy_proxy_new(&proxy, &counting.table, 2, 0, tlvs), 0);
    return proxy;
}

static void release(struct slimta_proxy *proxy)
{
    sli_proxy_proxy_free(proxy, &counting.table);
}

static void tells_nothing_without_tlvs(void **state)
{
    struct slimta_proxy *proxy = NULL;
    struct slimta_slice value;

    (void)state;
    assert_int_equal(sli_proxy_proxy_new(&proxy, &counting.table, 1, 1,
                         (struct slimta_slice){NULL, 0}),
        0);
    assert_int_equal(proxy->size, sizeof *proxy);
    assert_int_equal(proxy->version, 1);
    assert_true(proxy->is_local);
    assert_null(proxy->authority);
    assert_null(proxy->netns);
    assert_null(proxy->alpn.data);
    assert_null(proxy->unique_id.data);
    assert_false(proxy->has_ssl);
    assert_null(proxy->ssl_version);
    assert_false(slimta_proxy_tlv(proxy, 2, 0, &value));
    release(proxy);
    assert_false(slimta_proxy_tlv(NULL, 2, 0, &value));
    release(NULL);
}

static void tells_every_part(void **state)
{
    static const char tlvs[] =
        "\x01\x00\x02h2"
        "\x02\x00\x0Bmx.\xC3\xA9xample"
        "\x05\x00\x03\x00id"
        "\x30\x00\x05inner"
        "\x20\x00\x37\x03\x00\x00\x00\x00"
        "\x21\x00\x07TLSv1.3"
        "\x22\x00\x06"
        "client"
        "\x23\x00\x06"
        "cipher"
        "\x24\x00\x07"
        "RSA-256"
        "\x25\x00\x09"
        "EC-secp25";
    char copy[sizeof tlvs];
    struct slimta_proxy *proxy;

    (void)state;
    memcpy(copy, tlvs, sizeof tlvs);
    proxy = build(sli_slice(copy, sizeof tlvs - 1));
    memset(copy, 'x', sizeof copy);
    assert_int_equal(proxy->version, 2);
    assert_true(sli_slice_is(proxy->alpn, SLI_LITERAL("h2")));
    assert_string_equal(proxy->authority, "mx.\xC3\xA9xample");
    assert_true(sli_slice_is(proxy->unique_id, SLI_LITERAL("\0id")));
    assert_string_equal(proxy->netns, "inner");
    assert_true(proxy->has_ssl);
    assert_int_equal(
        proxy->ssl_client, SLIMTA_PROXY_SSL | SLIMTA_PROXY_CERT_CONN);
    assert_true(proxy->ssl_is_verified);
    assert_string_equal(proxy->ssl_version, "TLSv1.3");
    assert_string_equal(proxy->ssl_cn, "client");
    assert_string_equal(proxy->ssl_cipher, "cipher");
    assert_string_equal(proxy->ssl_signature_algorithm, "RSA-256");
    assert_string_equal(proxy->ssl_key_algorithm, "EC-secp25");
    release(proxy);
}

/* The whole room for texts is used, and each text is right. */
static void has_room_for_the_most_texts(void **state)
{
    struct slimta_proxy *proxy =
        build(SLI_LITERAL("\x02\x00\x01"
                          "a\x30\x00\x01"
                          "b"));

    (void)state;
    assert_string_equal(proxy->authority, "a");
    assert_string_equal(proxy->netns, "b");
    release(proxy);
}

/* PROXY protocol 2.2.6: verified means that there was a certificate. */
static void trusts_only_a_certificate(void **state)
{
    static const struct {
        struct slimta_slice tlvs;
        int is_verified;
    } cases[] = {
        {{"\x20\x00\x05\x00\x00\x00\x00\x00", 8}, 0},
        {{"\x20\x00\x05\x01\x00\x00\x00\x00", 8}, 0},
        {{"\x20\x00\x05\x03\x00\x00\x00\x00", 8}, 1},
        {{"\x20\x00\x05\x05\x00\x00\x00\x00", 8}, 1},
        {{"\x20\x00\x05\x07\x00\x00\x00\x00", 8}, 1},
        {{"\x20\x00\x05\x07\x00\x00\x00\x01", 8}, 0},
        {{"\x20\x00\x05\x07\x01\x00\x00\x00", 8}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_proxy *proxy = build(cases[i].tlvs);

        assert_true(proxy->has_ssl);
        assert_int_equal(proxy->ssl_client, cases[i].tlvs.data[3]);
        assert_int_equal(proxy->ssl_is_verified, cases[i].is_verified);
        release(proxy);
    }
}

static void tells_clean_texts_only(void **state)
{
    static const struct {
        struct slimta_slice value;
        int as_utf8;
        int as_ascii;
    } cases[] = {
        {{"a", 1}, 1, 1},
        {{" ~", 2}, 1, 1},
        {{"", 0}, 0, 0},
        {{"a\0b", 3}, 0, 0},
        {{"a\n", 2}, 0, 0},
        {{"\x1F", 1}, 0, 0},
        {{"\x7F", 1}, 0, 0},
        {{"\xC3\xA9", 2}, 1, 0},
        {{"\xC3", 1}, 0, 0},
        {{"\xED\xA0\x80", 3}, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char tlvs[16] = {0x02, 0, (char)cases[i].value.size};
        size_t size = cases[i].value.size;
        struct slimta_proxy *proxy;
        struct slimta_slice value;

        memcpy(tlvs + 3, cases[i].value.data, size);
        memcpy(tlvs + 3 + size, tlvs, 3 + size);
        tlvs[3 + size] = 0x30;
        proxy = build(sli_slice(tlvs, 6 + size + size));
        assert_int_equal(proxy->authority != NULL, cases[i].as_utf8);
        assert_int_equal(proxy->netns != NULL, cases[i].as_ascii);
        assert_true(slimta_proxy_tlv(proxy, 0x02, 0, &value));
        assert_true(sli_slice_is(value, cases[i].value));
        release(proxy);
    }
}

static void numbers_those_of_a_type(void **state)
{
    struct slimta_proxy *proxy = build(
        SLI_LITERAL("\x02\x00\x01x\xE0\x00\x00\x02\x00\x01y\xE0\x00\x01z"));
    struct slimta_slice value;

    (void)state;
    assert_string_equal(proxy->authority, "x");
    assert_true(slimta_proxy_tlv(proxy, 0x02, 0, &value));
    assert_true(sli_slice_is(value, SLI_LITERAL("x")));
    assert_true(slimta_proxy_tlv(proxy, 0x02, 1, &value));
    assert_true(sli_slice_is(value, SLI_LITERAL("y")));
    assert_false(slimta_proxy_tlv(proxy, 0x02, 2, &value));
    assert_true(slimta_proxy_tlv(proxy, 0xE0, 0, &value));
    assert_int_equal(value.size, 0);
    assert_non_null(value.data);
    assert_true(slimta_proxy_tlv(proxy, 0xE0, 1, &value));
    assert_true(sli_slice_is(value, SLI_LITERAL("z")));
    assert_false(slimta_proxy_tlv(proxy, 0xE0, SIZE_MAX, &value));
    assert_false(slimta_proxy_tlv(proxy, 0x03, 0, &value));
    release(proxy);
}

static void bears_no_memory(void **state)
{
    struct slimta_proxy *proxy = NULL;

    (void)state;
    fail_alloc_init(&counting, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_proxy_proxy_new(&proxy, &counting.table, 2, 0,
                         SLI_LITERAL("\x02\x00\x01x")),
        SLIMTA_ENOMEM);
    assert_null(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COUNTED(tells_nothing_without_tlvs),
        COUNTED(tells_every_part),
        COUNTED(has_room_for_the_most_texts),
        COUNTED(trusts_only_a_certificate),
        COUNTED(tells_clean_texts_only),
        COUNTED(numbers_those_of_a_type),
        COUNTED(bears_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
