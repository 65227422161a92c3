/** Tests of proxy/crc32c.c. */
#include "test.h"

#include <string.h>

#include "proxy/crc32c.h"

static uint32_t checksum(const uint8_t *octets, size_t size)
{
    uint32_t crc = SLI_PROXY_CRC32C_START;

    for (size_t i = 0; i < size; i++) {
        crc = sli_proxy_crc32c_add(crc, octets[i]);
    }
    return sli_proxy_crc32c_end(crc);
}

/* RFC 3720 appendix B.4, and the check value of the polynomial. */
static void knows_the_vectors(void **state)
{
    uint8_t octets[32];

    (void)state;
    memset(octets, 0, sizeof octets);
    assert_int_equal(checksum(octets, sizeof octets), 0x8A9136AA);
    memset(octets, 0xFF, sizeof octets);
    assert_int_equal(checksum(octets, sizeof octets), 0x62A8AB43);
    for (size_t i = 0; i < sizeof octets; i++) {
        octets[i] = (uint8_t)i;
    }
    assert_int_equal(checksum(octets, sizeof octets), 0x46DD794E);
    for (size_t i = 0; i < sizeof octets; i++) {
        octets[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(checksum(octets, sizeof octets), 0x113FDB5C);
    assert_int_equal(checksum((const uint8_t *)"123456789", 9), 0xE3069283);
    assert_int_equal(checksum(octets, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
