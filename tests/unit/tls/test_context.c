/** Tests of tls/context.c, and of reading certificates. */
#include "test.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "certificates.h"
#include "fail_alloc.h"
#include "tls/context.h"
#include "tls/source.h"

static struct fail_alloc alloc;
static struct slimta_tls *tls;
static struct slimta_error error;

static int set_up(void **state)
{
    const struct slimta_tls_options options = {
        .size = sizeof options, .alloc = &alloc.table};

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    error = (struct slimta_error){0, ""};
    return slimta_tls_new(&tls, &options, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    slimta_tls_unref(tls);
    tls = NULL;
    assert_int_equal(alloc.live, 0);
    return 0;
}

/* The text of a file that the build made. */
static struct slimta_slice text_of(
    char *out, size_t size, const char *name, const char *ending)
{
    char path[CERTIFICATE_PATH_SIZE];
    FILE *file = fopen(certificate_path(path, name, ending), "r");
    size_t got;

    assert_non_null(file);
    got = fread(out, 1, size, file);
    assert_int_equal(fclose(file), 0);
    return sli_slice(out, got);
}

static void assert_fails(int err, int code, const char *words)
{
    assert_int_equal(err, code);
    assert_int_equal(error.code, code);
    if (strstr(error.text, words) == NULL) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(sli_tls_context_flaw(tls), "it has no certificate");
}

static void has_defaults(void **state)
{
    struct slimta_tls *other = NULL;

    (void)state;
    assert_int_equal(slimta_tls_new(&other, NULL, NULL), 0);
    assert_non_null(sli_tls_context_flaw(other));
    assert_ptr_equal(slimta_tls_ref(other), other);
    slimta_tls_unref(other);
    slimta_tls_unref(other);
    slimta_tls_unref(NULL);
}

static void refuses_wrong_options(void **state)
{
    const struct slimta_tls_options wrong[] = {
        {.size = 0},
        {.size = sizeof *wrong, .verify = (enum slimta_tls_verify)9},
        {.size = sizeof *wrong, .min_version = (enum slimta_tls_version)9},
        {.size = sizeof *wrong, .tickets = (enum slimta_tls_tickets)9},
        {.size = sizeof *wrong, .alpn = "a,,b"},
        {.size = sizeof *wrong, .alpn = ","},
        {.size = sizeof *wrong, .alpn = "a,"},
        {.size = sizeof *wrong, .ca_pem = SLI_LITERAL("nonsense")},
        {.size = sizeof *wrong, .ca_file = "x", .ca_pem = SLI_LITERAL("x")},
    };
    struct slimta_tls *other = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        error.text[0] = '\0';
        assert_int_equal(
            slimta_tls_new(&other, &wrong[i], &error), SLIMTA_EINVAL);
        assert_string_not_equal(error.text, "");
        assert_null(other);
    }
}

/* RFC 7301 section 3.1: a name has 1 to 255 octets. */
static void takes_names_of_protocols_up_to_the_limit(void **state)
{
    char name[257];
    struct slimta_tls_options options = {.size = sizeof options, .alpn = name};
    struct slimta_tls *other = NULL;

    (void)state;
    memset(name, 'a', sizeof name);
    for (size_t size = 254; size <= 256; size++) {
        name[size] = '\0';
        assert_int_equal(slimta_tls_new(&other, &options, NULL),
            size <= 255 ? 0 : SLIMTA_EINVAL);
        slimta_tls_unref(other);
        other = NULL;
        name[size] = 'a';
    }
}

static void names_a_missing_file(void **state)
{
    struct slimta_tls_options options = {
        .size = sizeof options, .ca_file = "/nowhere/ca.pem"};
    struct slimta_tls *other = NULL;

    (void)state;
    assert_fails(certificate_add(tls, "nobody", &error), SLIMTA_ENOENT,
        "/nobody.pem: no such file");
    assert_fails(certificate_add_pair(tls, "server", "nobody", &error),
        SLIMTA_ENOENT, "/nobody.key: no such file");
    assert_fails(slimta_tls_new(&other, &options, &error), SLIMTA_ENOENT,
        "CA file /nowhere/ca.pem: no such file");
    assert_null(other);
}

static void names_a_file_that_is_no_text(void **state)
{
    char path[CERTIFICATE_PATH_SIZE];
    const struct slimta_tls_certificate directory = {
        .size = sizeof directory,
        .certificate_file = certificate_path(path, "", ""),
        .key_file = path,
    };

    (void)state;
    assert_fails(slimta_tls_add_certificate(tls, &directory, &error),
        SLIMTA_EINVAL, path);
}

static void names_a_file_that_it_may_not_read(void **state)
{
    char path[] = "/tmp/slimta-tls-XXXXXX";
    int fd = mkstemp(path);
    const struct slimta_tls_certificate locked = {
        .size = sizeof locked, .certificate_file = path, .key_file = path};
    int err;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0), 0);
    err = slimta_tls_add_certificate(tls, &locked, &error);
    (void)close(fd);
    (void)unlink(path);
    /* root may read it, and finds nothing in it. */
    assert_fails(err, geteuid() == 0 ? SLIMTA_EINVAL : SLIMTA_EACCES, path);
}

static void wants_both_and_each_once(void **state)
{
    const struct slimta_tls_certificate wrong[] = {
        {.size = sizeof *wrong},
        {.size = sizeof *wrong, .certificate_file = "x"},
        {.size = sizeof *wrong, .key_pem = SLI_LITERAL("x")},
        {.size = sizeof *wrong,
            .certificate_file = "x",
            .certificate_pem = SLI_LITERAL("x"),
            .key_file = "x"},
        {.size = 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_fails(slimta_tls_add_certificate(tls, &wrong[i], &error),
            SLIMTA_EINVAL, "");
    }
}

static void wants_a_key_that_fits(void **state)
{
    (void)state;
    assert_fails(certificate_add_pair(tls, "server", "second", &error),
        SLIMTA_EINVAL, "second.key: it does not fit the certificate");
    assert_fails(certificate_add_pair(tls, "server", "rsa", &error),
        SLIMTA_EINVAL, "rsa.key: it does not fit the certificate");
    assert_int_equal(certificate_add(tls, "server", &error), 0);
    assert_null(sli_tls_context_flaw(tls));
}

/* A client could never show what nobody can judge. */
static void wants_an_authority_to_require_certificates(void **state)
{
    char path[CERTIFICATE_PATH_SIZE];
    struct slimta_tls_options options = {
        .size = sizeof options,
        .verify = SLIMTA_TLS_VERIFY_REQUIRED,
    };
    struct slimta_tls *made = NULL;

    (void)state;
    assert_int_equal(slimta_tls_new(&made, &options, NULL), 0);
    assert_int_equal(certificate_add(made, "server", NULL), 0);
    assert_string_equal(sli_tls_context_flaw(made),
        "clients are to show certificates, but no CA is given");
    slimta_tls_unref(made);
    options.ca_file = certificate_path(path, "ca", ".pem");
    assert_int_equal(slimta_tls_new(&made, &options, NULL), 0);
    assert_int_equal(certificate_add(made, "server", NULL), 0);
    assert_null(sli_tls_context_flaw(made));
    slimta_tls_unref(made);
}

static int add_texts(struct slimta_slice certificate, struct slimta_slice key,
    const char *password)
{
    const struct slimta_tls_certificate texts = {
        .size = sizeof texts,
        .certificate_pem = certificate,
        .key_pem = key,
        .key_password = password,
    };

    return slimta_tls_add_certificate(tls, &texts, &error);
}

static void reads_texts_in_memory(void **state)
{
    char certificate[8192];
    char two[2 * sizeof certificate];
    char key[8192];
    struct slimta_slice chain =
        text_of(certificate, sizeof certificate, "server", ".pem");
    struct slimta_slice secret = text_of(key, sizeof key, "server", ".key");

    (void)state;
    assert_fails(add_texts(SLI_LITERAL("nonsense"), secret, NULL),
        SLIMTA_EINVAL, "certificate in memory: ");
    assert_fails(add_texts(chain, SLI_LITERAL("nonsense"), NULL), SLIMTA_EINVAL,
        "key in memory: ");
    assert_fails(add_texts(sli_slice(chain.data, chain.size / 2), secret, NULL),
        SLIMTA_EINVAL, "certificate in memory: ");
    /* A chain is read whole or not at all. */
    memcpy(two, chain.data, chain.size);
    memcpy(two + chain.size, chain.data, chain.size);
    assert_fails(add_texts(sli_slice(two, chain.size * 2 - 40), secret, NULL),
        SLIMTA_EINVAL, "certificate in memory: ");
    two[chain.size + chain.size / 2] = '!';
    assert_fails(add_texts(sli_slice(two, chain.size * 2), secret, NULL),
        SLIMTA_EINVAL, "certificate in memory: ");
    /* Each is taken for what it is meant to be. */
    assert_fails(
        add_texts(secret, chain, NULL), SLIMTA_EINVAL, "certificate in memory");
    assert_int_equal(add_texts(chain, secret, NULL), 0);
}

static void opens_keys_with_a_password(void **state)
{
    char certificate[8192];
    char key[8192];
    struct slimta_slice chain =
        text_of(certificate, sizeof certificate, "server", ".pem");
    struct slimta_slice secret = text_of(key, sizeof key, "locked", ".key");

    (void)state;
    assert_fails(add_texts(chain, secret, NULL), SLIMTA_EINVAL,
        "key in memory: it is encrypted and there is no password");
    assert_fails(add_texts(chain, secret, "wrong"), SLIMTA_EINVAL,
        "key in memory: the password does not fit");
    assert_int_equal(add_texts(chain, secret, "secret"), 0);
}

static void reads_up_to_the_limit(void **state)
{
    char *text = malloc(SLI_TLS_TEXT_MAX + 1);

    (void)state;
    assert_non_null(text);
    memset(text, ' ', SLI_TLS_TEXT_MAX + 1);
    assert_fails(
        add_texts(sli_slice(text, SLI_TLS_TEXT_MAX), SLI_LITERAL("x"), NULL),
        SLIMTA_EINVAL, "certificate in memory");
    assert_fails(add_texts(sli_slice(text, SLI_TLS_TEXT_MAX + 1),
                     SLI_LITERAL("x"), NULL),
        SLIMTA_ELIMIT, "certificate in memory");
    free(text);
}

/* A CA that mbedTLS cannot read is not trusted; the others are. */
static void leaves_out_authorities_that_it_cannot_read(void **state)
{
    char text[2 * 8192];
    struct slimta_tls_options options = {.size = sizeof options};
    struct slimta_slice good = text_of(text, 8192, "ca", ".pem");
    struct slimta_tls *other = NULL;

    (void)state;
    memcpy(text + good.size, good.data, good.size);
    text[good.size / 2] = '!';
    options.ca_pem = good;
    assert_int_equal(slimta_tls_new(&other, &options, &error), SLIMTA_EINVAL);
    options.ca_pem.size *= 2;
    assert_int_equal(slimta_tls_new(&other, &options, &error), 0);
    slimta_tls_unref(other);
}

static void is_left_alone_when_in_use(void **state)
{
    (void)state;
    assert_int_equal(certificate_add(tls, "server", &error), 0);
    sli_tls_context_use(tls);
    assert_int_equal(certificate_add(tls, "second", &error), SLIMTA_ESTATE);
    assert_non_null(strstr(error.text, "in use"));
}

/* A context with all there may be in it; what fails for lack of memory says so
 * and leaves the rest as it was. */
static void build(struct fail_alloc *failing, void *user)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    const struct slimta_tls_options options = {
        .size = sizeof options,
        .alloc = &failing->table,
        .alpn = "h2,http/1.1",
        .verify = SLIMTA_TLS_VERIFY_OPTIONAL,
        .ca_file = certificate_path(ca_file, "ca", ".pem"),
    };
    struct slimta_tls *made = NULL;
    int err = slimta_tls_new(&made, &options, &error);

    (void)user;
    if (err == 0) {
        err = certificate_add(made, "rsa", &error);
        assert_int_equal(sli_tls_context_flaw(made) == NULL, err == 0);
    }
    if (err == 0) {
        err = certificate_add_pair(made, "chain", "leaf", &error);
    }
    slimta_tls_unref(made);
    if (err != 0) {
        assert_int_equal(err, SLIMTA_ENOMEM);
        assert_true(fail_alloc_has_failed(failing));
    }
}

static void survives_without_memory(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(build, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown((name), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(has_defaults),
        TEST(refuses_wrong_options),
        TEST(takes_names_of_protocols_up_to_the_limit),
        TEST(names_a_missing_file),
        TEST(names_a_file_that_is_no_text),
        TEST(names_a_file_that_it_may_not_read),
        TEST(wants_both_and_each_once),
        TEST(wants_a_key_that_fits),
        cmocka_unit_test(wants_an_authority_to_require_certificates),
        TEST(reads_texts_in_memory),
        TEST(opens_keys_with_a_password),
        TEST(reads_up_to_the_limit),
        TEST(leaves_out_authorities_that_it_cannot_read),
        TEST(is_left_alone_when_in_use),
        TEST(survives_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
