/** One SASL exchange, the side that proves who it is. */
#include "sasl/initiate.h"

#include <gsasl.h>
#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/base64.h"
#include "base/secret.h"
#include "base/slice.h"
#include "sasl/keys.h"
#include "sasl/shared.h"
#include "sasl/state.h"

struct sli_sasl_initiate {
    const struct slimta_alloc *alloc; /* borrowed: outlives this */
    const struct sli_sasl_mechanism *mechanism;
    Gsasl_session *session;
    char *output; /* libgsasl's */
    size_t output_size;
    int has_begun;
    unsigned challenges;
    int is_done;
    int has_failed;
};

/* The best first: what binds itself to the channel, then what keeps the
 * password to itself, then the others. */
static const char *const ranking[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"};

static int is_scram(const struct sli_sasl_mechanism *mechanism)
{
    return mechanism->way == &sli_sasl_scram_way;
}

/* A password never crosses in the clear. */
static int is_usable(const struct sli_sasl_mechanism *mechanism,
    const struct sli_sasl_identity *identity)
{
    if ((mechanism->traits & SLI_SASL_NEEDS_BINDING) != 0) {
        return identity->exporter != NULL;
    }
    return (mechanism->traits & SLI_SASL_IS_PLAINTEXT) == 0 ||
        identity->is_secure;
}

static int is_offered(struct slimta_slice offered, struct slimta_slice name)
{
    while (offered.size > 0) {
        struct slimta_slice word = sli_slice_take_until(&offered, ' ');

        if (sli_ascii_same(word, name)) {
            return 1;
        }
    }
    return 0;
}

const struct sli_sasl_mechanism *sli_sasl_initiate_choose(
    struct slimta_slice offered, const char *only,
    const struct sli_sasl_identity *identity)
{
    for (size_t i = 0; i < sizeof ranking / sizeof *ranking; i++) {
        struct slimta_slice name = sli_slice_text(ranking[i]);
        const struct sli_sasl_mechanism *mechanism =
            sli_sasl_mechanism_find(name);

        if ((only == NULL || sli_ascii_same(name, sli_slice_text(only))) &&
            is_offered(offered, name) && is_usable(mechanism, identity)) {
            return mechanism;
        }
    }
    return NULL;
}

static int set(
    Gsasl_session *session, Gsasl_property property, const char *text)
{
    return text == NULL ||
            gsasl_property_set(session, property, text) == GSASL_OK
        ? 0
        : SLIMTA_ENOMEM;
}

static int set_exporter(Gsasl_session *session, const unsigned char *exporter)
{
    char text[SLI_BASE64_ENCODED_SIZE(SLI_SASL_EXPORTER_SIZE) + 1];
    int err;

    if (exporter == NULL) {
        return 0;
    }
    text[sli_base64_encode(sli_slice(exporter, SLI_SASL_EXPORTER_SIZE), text)] =
        '\0';
    err = set(session, GSASL_CB_TLS_EXPORTER, text);
    sli_secret_wipe(text, sizeof text);
    return err;
}

static int start(struct sli_sasl_initiate *initiate,
    const struct sli_sasl *sasl, const struct sli_sasl_identity *identity)
{
    int err;

    if (gsasl_client_start(sasl->gsasl, initiate->mechanism->name,
            &initiate->session) != GSASL_OK) {
        initiate->session = NULL;
        return SLIMTA_ENOMEM;
    }
    err = set(initiate->session, GSASL_AUTHID, identity->authcid);
    if (err == 0) {
        err = set(initiate->session, GSASL_AUTHZID, identity->authzid);
    }
    if (err == 0) {
        err = set(initiate->session, GSASL_PASSWORD, identity->password);
    }
    if (err == 0 &&
        (initiate->mechanism->traits & SLI_SASL_NEEDS_BINDING) != 0) {
        err = set_exporter(initiate->session, identity->exporter);
    }
    return err;
}

int sli_sasl_initiate_new(struct sli_sasl_initiate **out,
    const struct slimta_alloc *alloc, const struct sli_sasl *sasl,
    const struct sli_sasl_mechanism *mechanism,
    const struct sli_sasl_identity *identity)
{
    struct sli_sasl_initiate *initiate =
        sli_alloc_zero(alloc, sizeof *initiate);
    int err = SLIMTA_ENOMEM;

    if (initiate == NULL) {
        goto done;
    }
    initiate->alloc = alloc;
    initiate->mechanism = mechanism;
    err = start(initiate, sasl, identity);
    if (err != 0) {
        goto done;
    }
    *out = initiate;
    initiate = NULL;
done:
    sli_sasl_initiate_free(initiate);
    return err;
}

static void drop_output(struct sli_sasl_initiate *initiate)
{
    if (initiate->output != NULL) {
        sli_secret_wipe(initiate->output, initiate->output_size);
        gsasl_free(initiate->output);
    }
    initiate->output = NULL;
    initiate->output_size = 0;
}

/* libgsasl wipes nothing: what it lends to be read is its own copy. */
static void wipe_password(Gsasl_session *session)
{
    const char *password = gsasl_property_fast(session, GSASL_PASSWORD);

    if (password != NULL) {
        sli_secret_wipe((void *)(uintptr_t)password, strlen(password));
    }
}

void sli_sasl_initiate_free(struct sli_sasl_initiate *initiate)
{
    if (initiate == NULL) {
        return;
    }
    drop_output(initiate);
    if (initiate->session != NULL) {
        wipe_password(initiate->session);
        gsasl_finish(initiate->session);
    }
    sli_free(initiate->alloc, initiate);
}

/* RFC 5802 section 7: the server-first-message has nonce, salt and iterations,
 * in that order. Too few make the password cheap to guess for whoever poses as
 * the server; too many keep us busy for as long as it likes. */
static int has_good_iterations(struct slimta_slice message)
{
    struct slimta_slice part;
    uint64_t iterations = 0;

    (void)sli_slice_take_until(&message, ',');
    (void)sli_slice_take_until(&message, ',');
    part = sli_slice_take_until(&message, ',');
    return part.size > 2 && part.data[0] == 'i' && part.data[1] == '=' &&
        sli_ascii_number(sli_slice_skip(part, 2), 10, &iterations) &&
        iterations >= SLI_SASL_ITERATIONS_MIN &&
        iterations <= SLI_SASL_INITIATE_ITERATIONS_MAX;
}

static int may_step(const struct sli_sasl_initiate *initiate,
    const struct slimta_slice *challenge)
{
    if (initiate->is_done || initiate->has_failed) {
        return 0;
    }
    return !is_scram(initiate->mechanism) || initiate->challenges != 1 ||
        has_good_iterations(*challenge);
}

static enum sli_sasl_initiate_next fail(struct sli_sasl_initiate *initiate)
{
    drop_output(initiate);
    initiate->has_failed = 1;
    return SLI_SASL_INITIATE_FAILED;
}

static enum sli_sasl_initiate_next run(
    struct sli_sasl_initiate *initiate, struct slimta_slice challenge)
{
    int rc;

    drop_output(initiate);
    rc = gsasl_step(initiate->session, challenge.data, challenge.size,
        &initiate->output, &initiate->output_size);
    if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
        return fail(initiate);
    }
    initiate->is_done = rc == GSASL_OK;
    return SLI_SASL_INITIATE_SEND;
}

/* RFC 4954 section 4: where the server speaks first, and with LOGIN, whose
 * first challenge asks for the name. */
static int waits_first(const struct sli_sasl_mechanism *mechanism)
{
    return (mechanism->traits & SLI_SASL_SERVER_FIRST) != 0 ||
        mechanism->way == &sli_sasl_login_way;
}

enum sli_sasl_initiate_next sli_sasl_initiate_step(
    struct sli_sasl_initiate *initiate, const struct slimta_slice *challenge)
{
    if (!initiate->has_begun) {
        initiate->has_begun = 1;
        if (challenge != NULL) {
            return fail(initiate);
        }
        return waits_first(initiate->mechanism)
            ? SLI_SASL_INITIATE_WAIT
            : run(initiate, sli_slice("", 0));
    }
    initiate->challenges++;
    if (challenge == NULL || !may_step(initiate, challenge)) {
        return fail(initiate);
    }
    return run(initiate, *challenge);
}

int sli_sasl_initiate_is_slow(const struct sli_sasl_initiate *initiate)
{
    return is_scram(initiate->mechanism) && initiate->has_begun &&
        initiate->challenges == 0;
}

struct slimta_slice sli_sasl_initiate_message(
    const struct sli_sasl_initiate *initiate)
{
    return sli_slice(initiate->output, initiate->output_size);
}

int sli_sasl_initiate_is_done(const struct sli_sasl_initiate *initiate)
{
    return initiate->is_done;
}
