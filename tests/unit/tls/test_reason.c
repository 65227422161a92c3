/** Tests of tls/reason.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "tls/compat.h"
#include "tls/reason.h"

static void knows_when_memory_is_out(void **state)
{
    (void)state;
    assert_int_equal(sli_tls_reason_code(0), 0);
    assert_int_equal(
        sli_tls_reason_code(MBEDTLS_ERR_SSL_ALLOC_FAILED), SLIMTA_ENOMEM);
    assert_int_equal(
        sli_tls_reason_code(MBEDTLS_ERR_MPI_ALLOC_FAILED), SLIMTA_ENOMEM);
    /* A high code and a low one are added. */
    assert_int_equal(sli_tls_reason_code(MBEDTLS_ERR_PK_KEY_INVALID_FORMAT +
                         MBEDTLS_ERR_ASN1_ALLOC_FAILED),
        SLIMTA_ENOMEM);
    assert_int_equal(sli_tls_reason_code(MBEDTLS_ERR_X509_ALLOC_FAILED +
                         MBEDTLS_ERR_ASN1_OUT_OF_DATA),
        SLIMTA_ENOMEM);
    assert_int_equal(
        sli_tls_reason_code(MBEDTLS_ERR_SSL_INVALID_MAC), SLIMTA_EINVAL);
}

/* Every code there could be gives a sentence that a log can take. */
static void has_words_for_every_code(void **state)
{
    char reason[SLI_TLS_REASON_SIZE];

    (void)state;
    for (int ret = -1; ret > -0x8000; ret -= 7) {
        memset(reason, 'x', sizeof reason);
        sli_tls_reason_write(ret, reason);
        assert_non_null(memchr(reason, '\0', sizeof reason));
        assert_int_not_equal(reason[0], '\0');
        assert_true(sli_ascii_all(sli_slice_text(reason), SLI_ASCII_PRINT));
    }
}

static void names_alerts(void **state)
{
    (void)state;
    assert_string_equal(sli_tls_reason_alert(48), "unknown_ca");
    assert_string_equal(sli_tls_reason_alert(120), "no_application_protocol");
    assert_string_equal(sli_tls_reason_alert(255), "unknown alert");
    assert_string_equal(sli_tls_reason_alert(-1), "unknown alert");
}

static void names_the_gravest_fault(void **state)
{
    (void)state;
    assert_non_null(strstr(sli_tls_reason_verify(MBEDTLS_X509_BADCERT_EXPIRED |
                               MBEDTLS_X509_BADCERT_NOT_TRUSTED),
        "no CA"));
    assert_non_null(
        strstr(sli_tls_reason_verify(MBEDTLS_X509_BADCERT_BAD_KEY), "weak"));
    assert_non_null(strstr(
        sli_tls_reason_verify(MBEDTLS_X509_BADCERT_OTHER), "not acceptable"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_when_memory_is_out),
        cmocka_unit_test(has_words_for_every_code),
        cmocka_unit_test(names_alerts),
        cmocka_unit_test(names_the_gravest_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
