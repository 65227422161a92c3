/** SHA-256, by the examples of FIPS 180-4. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "tls/digest.h"

static void expect(const char *text, size_t piece, const char *wanted)
{
    unsigned char octets[SLI_TLS_DIGEST_SIZE];
    char got[2 * SLI_TLS_DIGEST_SIZE + 1];
    struct sli_tls_digest *digest = NULL;
    struct slimta_slice rest = sli_slice_text(text);
    struct fail_alloc alloc;

    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_tls_digest_new(&digest, &alloc.table), 0);
    while (rest.size > 0) {
        size_t size = rest.size < piece ? rest.size : piece;

        sli_tls_digest_add(digest, sli_slice(rest.data, size));
        rest = sli_slice_skip(rest, size);
    }
    sli_tls_digest_add(digest, sli_slice(NULL, 0));
    sli_tls_digest_finish(digest, octets);
    sli_tls_digest_free(digest);
    for (size_t i = 0; i < sizeof octets; i++) {
        (void)snprintf(got + 2 * i, 3, "%02x", octets[i]);
    }
    assert_string_equal(got, wanted);
    assert_int_equal(alloc.live, 0);
}

static void digests(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 100; piece++) {
        expect("", piece,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        expect("abc", piece,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            piece,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    }
}

static void needs_memory(void **state)
{
    struct sli_tls_digest *digest = NULL;
    struct fail_alloc alloc;

    (void)state;
    fail_alloc_init(&alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_not_equal(sli_tls_digest_new(&digest, &alloc.table), 0);
    sli_tls_digest_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),
        cmocka_unit_test(needs_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
