/** Tests of sasl/mechanism.c. */
#include "test.h"

#include "base/slice.h"
#include "sasl/mechanism.h"

static const struct {
    const char *asked;
    const char *name; /* NULL: not spoken */
    unsigned traits;
} rows[] = {
    {"PLAIN", "PLAIN", SLI_SASL_IS_PLAINTEXT},
    {"plain", "PLAIN", SLI_SASL_IS_PLAINTEXT},
    {"Login", "LOGIN", SLI_SASL_IS_PLAINTEXT},
    {"CRAM-MD5", "CRAM-MD5", SLI_SASL_IS_CHALLENGE | SLI_SASL_SERVER_FIRST},
    {"SCRAM-SHA-1", "SCRAM-SHA-1", SLI_SASL_IS_CHALLENGE},
    {"scram-sha-256", "SCRAM-SHA-256", SLI_SASL_IS_CHALLENGE},
    {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1-PLUS",
        SLI_SASL_IS_CHALLENGE | SLI_SASL_NEEDS_BINDING},
    {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS",
        SLI_SASL_IS_CHALLENGE | SLI_SASL_NEEDS_BINDING},
    {"EXTERNAL", "EXTERNAL", SLI_SASL_NEEDS_CERTIFICATE},
    {"", NULL, 0},
    {"PLAI", NULL, 0},
    {"PLAIN ", NULL, 0},
    {"DIGEST-MD5", NULL, 0},
    {"NTLM", NULL, 0},
    {"ANONYMOUS", NULL, 0},
    {"GSSAPI", NULL, 0},
};

static void test_finds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct sli_sasl_mechanism *found =
            sli_sasl_mechanism_find(sli_slice_text(rows[i].asked));

        if (rows[i].name == NULL) {
            assert_null(found);
        } else {
            assert_non_null(found);
            assert_string_equal(found->name, rows[i].name);
            assert_int_equal(found->traits, rows[i].traits);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_finds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
