/** The inside of a TLS context: certificates, trust and rules. */
#include "tls/context.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/slice.h"
#include "tls/certificate.h"
#include "tls/compat.h"
#include "tls/name.h"
#include "tls/reason.h"
#include "tls/rules.h"
#include "tls/stream_inside.h"

static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";

/* RFC 7301 section 3.1: a protocol's name has one length octet. */
enum { TICKET_SECONDS = 24 * 60 * 60, ALPN_NAME_MAX = 255 };

struct slimta_tls {
    struct slimta_alloc alloc;
    atomic_size_t references;
    atomic_int is_used;   /* nothing changes any more */
    atomic_int is_client; /* `client` is complete */
    enum slimta_tls_verify verify;

    char *alpn_text;   /* the names, each terminated */
    const char **alpn; /* into it, NULL at the end; NULL without any */

    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_ticket_context tickets;
    mbedtls_x509_crt authorities;
    int has_authorities;
    struct sli_tls_certificate *certificates;

    mbedtls_ssl_config server;
    mbedtls_ssl_config client;
    mbedtls_threading_mutex_t mutex; /* of completing `client` */
};

/* --- Life ----------------------------------------------------------------- */

static void init(struct slimta_tls *tls, const struct slimta_alloc *alloc)
{
    tls->alloc = *alloc;
    atomic_init(&tls->references, 1);
    atomic_init(&tls->is_used, 0);
    atomic_init(&tls->is_client, 0);
    mbedtls_entropy_init(&tls->entropy);
    mbedtls_ctr_drbg_init(&tls->random);
    mbedtls_ssl_ticket_init(&tls->tickets);
    mbedtls_x509_crt_init(&tls->authorities);
    mbedtls_ssl_config_init(&tls->server);
    mbedtls_ssl_config_init(&tls->client);
    mbedtls_mutex_init(&tls->mutex);
}

static void free_certificates(struct slimta_tls *tls)
{
    while (tls->certificates != NULL) {
        struct sli_tls_certificate *next = tls->certificates->next;

        sli_tls_certificate_free(tls->certificates, &tls->alloc);
        tls->certificates = next;
    }
}

static void destroy(struct slimta_tls *tls)
{
    struct slimta_alloc alloc = tls->alloc;

    mbedtls_ssl_config_free(&tls->server);
    mbedtls_ssl_config_free(&tls->client);
    free_certificates(tls);
    mbedtls_x509_crt_free(&tls->authorities);
    mbedtls_ssl_ticket_free(&tls->tickets);
    mbedtls_ctr_drbg_free(&tls->random);
    mbedtls_entropy_free(&tls->entropy);
    mbedtls_mutex_free(&tls->mutex);
    sli_free(&alloc, tls->alpn);
    sli_free(&alloc, tls->alpn_text);
    sli_free(&alloc, tls);
}

struct slimta_tls *slimta_tls_ref(struct slimta_tls *tls)
{
    (void)atomic_fetch_add_explicit(&tls->references, 1, memory_order_relaxed);
    return tls;
}

void slimta_tls_unref(struct slimta_tls *tls)
{
    if (tls != NULL && atomic_fetch_sub(&tls->references, 1) == 1) {
        destroy(tls);
    }
}

/* --- Options -------------------------------------------------------------- */

static int fail(int err, struct slimta_error *error)
{
    return sli_error_set(error, err, "TLS: %s", slimta_strerror(err));
}

static int fail_with(int ret, struct slimta_error *error)
{
    char reason[SLI_TLS_REASON_SIZE];

    sli_tls_reason_write(ret, reason);
    return sli_error_set(error, sli_tls_reason_code(ret), "TLS: %s", reason);
}

static int check(
    const struct slimta_tls_options *options, struct slimta_error *error)
{
    if (options->min_version == SLIMTA_TLS_1_3 && !SLI_TLS_HAS_1_3) {
        return sli_error_set(error, SLIMTA_ENOTSUP,
            "min_version: this mbedTLS (%s) has no TLS 1.3",
            MBEDTLS_VERSION_STRING);
    }
    if ((unsigned)options->min_version > SLIMTA_TLS_1_3) {
        return sli_error_set(error, SLIMTA_EINVAL, "min_version: unknown");
    }
    if ((unsigned)options->verify > SLIMTA_TLS_VERIFY_REQUIRED) {
        return sli_error_set(error, SLIMTA_EINVAL, "verify: unknown");
    }
    if ((unsigned)options->tickets > SLIMTA_TLS_TICKETS_OFF) {
        return sli_error_set(error, SLIMTA_EINVAL, "tickets: unknown");
    }
    return 0;
}

static size_t count(const char *text, char octet)
{
    size_t found = 0;

    for (; *text != '\0'; text++) {
        found += *text == octet;
    }
    return found;
}

/* Cuts the copy of the list at its commas. 1, or 0 at a wrong name. */
static int cut_alpn(struct slimta_tls *tls)
{
    char *at = tls->alpn_text;
    size_t n = 0;

    while (at != NULL) {
        char *comma = strchr(at, ',');

        if (comma != NULL) {
            *comma = '\0';
        }
        if (*at == '\0' || strlen(at) > ALPN_NAME_MAX) {
            return 0;
        }
        tls->alpn[n++] = at;
        at = comma == NULL ? NULL : comma + 1;
    }
    return 1;
}

static int set_alpn(
    struct slimta_tls *tls, const char *list, struct slimta_error *error)
{
    int ret;

    if (list == NULL || *list == '\0') {
        return 0;
    }
    tls->alpn_text = sli_alloc_text(&tls->alloc, sli_slice_text(list));
    tls->alpn =
        sli_alloc_array(&tls->alloc, count(list, ',') + 2, sizeof *tls->alpn);
    if (tls->alpn_text == NULL || tls->alpn == NULL) {
        return fail(SLIMTA_ENOMEM, error);
    }
    if (!cut_alpn(tls)) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "alpn: a name has 1 to %d octets", ALPN_NAME_MAX);
    }
    ret = mbedtls_ssl_conf_alpn_protocols(&tls->server, tls->alpn);
    if (ret == 0) {
        ret = mbedtls_ssl_conf_alpn_protocols(&tls->client, tls->alpn);
    }
    return ret == 0 ? 0 : fail_with(ret, error);
}

static int read_authorities(struct slimta_tls *tls, const char *file,
    struct slimta_slice pem, struct slimta_error *error)
{
    const struct sli_tls_source source = {"CA", file, pem};
    int err;

    if (!sli_tls_source_is_given(&source)) {
        return 0;
    }
    err = sli_tls_certificate_read_authorities(
        &tls->authorities, &tls->alloc, &source, error);
    if (err != 0) {
        mbedtls_x509_crt_free(&tls->authorities);
        mbedtls_x509_crt_init(&tls->authorities);
        return err;
    }
    tls->has_authorities = 1;
    return 0;
}

/* --- Choosing a certificate ------------------------------------------------
 */

/* All that are for the name: mbedTLS takes the first whose key the client can
 * verify. Without any, the default stands. */
static int offer_named(
    struct slimta_tls *tls, mbedtls_ssl_context *ssl, struct slimta_slice name)
{
    int ret = 0;

    for (struct sli_tls_certificate *it = tls->certificates;
         it != NULL && ret == 0; it = it->next) {
        if (sli_tls_certificate_is_for(it, name)) {
            ret = mbedtls_ssl_set_hs_own_cert(ssl, &it->chain, &it->key);
        }
    }
    return ret;
}

/* What is no host name is as good as none: clients send addresses, too. */
static int choose(
    void *user, mbedtls_ssl_context *ssl, const unsigned char *octets, size_t n)
{
    struct slimta_slice name = sli_slice(octets, n);

    return sli_tls_name_is_host(name)
        ? sli_tls_stream_named(ssl, name, offer_named(user, ssl, name))
        : 0;
}

/* --- Rules ---------------------------------------------------------------- */

/* An edge asks nobody by itself, a queue's client everybody. */
static int authmode(const struct slimta_tls *tls, enum sli_tls_role role)
{
    switch (tls->verify) {
    case SLIMTA_TLS_VERIFY_NONE:
        return MBEDTLS_SSL_VERIFY_NONE;
    case SLIMTA_TLS_VERIFY_OPTIONAL:
        return MBEDTLS_SSL_VERIFY_OPTIONAL;
    case SLIMTA_TLS_VERIFY_REQUIRED:
        return MBEDTLS_SSL_VERIFY_REQUIRED;
    case SLIMTA_TLS_VERIFY_DEFAULT:
    default:
        return role == SLI_TLS_SERVER ? MBEDTLS_SSL_VERIFY_NONE
                                      : MBEDTLS_SSL_VERIFY_REQUIRED;
    }
}

int sli_tls_context_verifies(
    const struct slimta_tls *tls, enum sli_tls_role role)
{
    return authmode(tls, role) != MBEDTLS_SSL_VERIFY_NONE;
}

/* Who is asked for a certificate shows it each time: a ticket of TLS 1.3 does
 * not hold it, and one of TLS 1.2 outlives it. */
static int set_tickets(
    struct slimta_tls *tls, const struct slimta_tls_options *options)
{
    int ret = 0;

    if (options->tickets == SLIMTA_TLS_TICKETS_ON &&
        !sli_tls_context_verifies(tls, SLI_TLS_SERVER)) {
        ret = mbedtls_ssl_ticket_setup(&tls->tickets, mbedtls_ctr_drbg_random,
            &tls->random, MBEDTLS_CIPHER_AES_256_GCM, TICKET_SECONDS);
        mbedtls_ssl_conf_session_tickets_cb(&tls->server,
            mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, &tls->tickets);
    }
    return ret;
}

static int set_server(
    struct slimta_tls *tls, const struct slimta_tls_options *options)
{
    int ret = sli_tls_rules_set(
        &tls->server, MBEDTLS_SSL_IS_SERVER, options->min_version);

    mbedtls_ssl_conf_rng(&tls->server, mbedtls_ctr_drbg_random, &tls->random);
    mbedtls_ssl_conf_authmode(&tls->server, authmode(tls, SLI_TLS_SERVER));
    mbedtls_ssl_conf_sni(&tls->server, choose, tls);
    if (tls->has_authorities) {
        mbedtls_ssl_conf_ca_chain(&tls->server, &tls->authorities, NULL);
    }
    return ret == 0 ? set_tickets(tls, options) : ret;
}

static int set_client(
    struct slimta_tls *tls, const struct slimta_tls_options *options)
{
    int ret = sli_tls_rules_set(
        &tls->client, MBEDTLS_SSL_IS_CLIENT, options->min_version);

    mbedtls_ssl_conf_rng(&tls->client, mbedtls_ctr_drbg_random, &tls->random);
    mbedtls_ssl_conf_authmode(&tls->client, authmode(tls, SLI_TLS_CLIENT));
    mbedtls_ssl_conf_session_tickets(
        &tls->client, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    return ret;
}

static int set_rules(struct slimta_tls *tls,
    const struct slimta_tls_options *options, struct slimta_error *error)
{
    static const char name[] = "slimta-edge";
    int ret;
    int err = sli_tls_compat_start();

    if (err != 0) {
        return fail(err, error);
    }
    ret = mbedtls_ctr_drbg_seed(&tls->random, mbedtls_entropy_func,
        &tls->entropy, (const unsigned char *)name, sizeof name - 1);
    if (ret == 0) {
        ret = set_server(tls, options);
    }
    if (ret == 0) {
        ret = set_client(tls, options);
    }
    return ret == 0 ? 0 : fail_with(ret, error);
}

static int fill(struct slimta_tls *tls,
    const struct slimta_tls_options *options, struct slimta_error *error)
{
    int err;

    tls->verify = options->verify;
    err = read_authorities(tls, options->ca_file, options->ca_pem, error);
    if (err == 0) {
        err = set_rules(tls, options, error);
    }
    return err == 0 ? set_alpn(tls, options->alpn, error) : err;
}

int slimta_tls_new(struct slimta_tls **out,
    const struct slimta_tls_options *options, struct slimta_error *error)
{
    struct slimta_tls_options own = {.size = sizeof own};
    struct slimta_alloc alloc;
    struct slimta_tls *tls;
    int err = SLI_OPTIONS_TAKE("options", &own, options, error);

    if (err == 0) {
        err = sli_alloc_take(&alloc, own.alloc, error);
    }
    if (err == 0) {
        err = check(&own, error);
    }
    if (err != 0) {
        return err;
    }
    tls = sli_alloc_zero(&alloc, sizeof *tls);
    if (tls == NULL) {
        return fail(SLIMTA_ENOMEM, error);
    }
    init(tls, &alloc);
    err = fill(tls, &own, error);
    if (err != 0) {
        destroy(tls);
        return err;
    }
    *out = tls;
    return 0;
}

/* --- Certificates --------------------------------------------------------- */

static int offer(mbedtls_ssl_config *config, struct sli_tls_certificate *it)
{
    return mbedtls_ssl_conf_own_cert(config, &it->chain, &it->key);
}

/* Without SNI the first is shown, or one for the same name with a key that
 * suits the client better. */
static int offer_default(
    struct slimta_tls *tls, struct sli_tls_certificate *certificate)
{
    if (tls->certificates != NULL &&
        !sli_tls_certificate_is_like(tls->certificates, certificate)) {
        return 0;
    }
    return offer(&tls->server, certificate);
}

static void append(
    struct slimta_tls *tls, struct sli_tls_certificate *certificate)
{
    struct sli_tls_certificate **end = &tls->certificates;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = certificate;
}

int slimta_tls_add_certificate(struct slimta_tls *tls,
    const struct slimta_tls_certificate *certificate,
    struct slimta_error *error)
{
    struct slimta_tls_certificate from = {.size = sizeof from};
    struct sli_tls_certificate *added = NULL;
    int ret;
    int err = SLI_OPTIONS_TAKE("certificate", &from, certificate, error);

    if (err != 0) {
        return err;
    }
    if (atomic_load(&tls->is_used)) {
        return sli_error_set(
            error, SLIMTA_ESTATE, "the TLS context is in use already");
    }
    err = sli_tls_certificate_new(
        &added, &tls->alloc, &from, &tls->random, error);
    if (err != 0) {
        return err;
    }
    ret = offer_default(tls, added);
    if (ret != 0) {
        sli_tls_certificate_free(added, &tls->alloc);
        return fail_with(ret, error);
    }
    append(tls, added);
    return 0;
}

/* --- Use ------------------------------------------------------------------ */

const char *sli_tls_context_flaw(const struct slimta_tls *tls)
{
    if (tls->certificates == NULL) {
        return "it has no certificate";
    }
    if (tls->verify == SLIMTA_TLS_VERIFY_REQUIRED && !tls->has_authorities) {
        return "clients are to show certificates, but no CA is given";
    }
    return NULL;
}

void sli_tls_context_use(struct slimta_tls *tls)
{
    atomic_store(&tls->is_used, 1);
}

/* A client shows the first certificate. */
static int complete_client(struct slimta_tls *tls, struct slimta_error *error)
{
    int ret = 0;

    if (!tls->has_authorities && tls->verify != SLIMTA_TLS_VERIFY_NONE) {
        int err = read_authorities(
            tls, system_authorities, (struct slimta_slice){NULL, 0}, error);

        if (err != 0) {
            return err;
        }
    }
    mbedtls_ssl_conf_ca_chain(&tls->client, &tls->authorities, NULL);
    if (tls->certificates != NULL) {
        ret = offer(&tls->client, tls->certificates);
    }
    if (ret != 0) {
        return fail_with(ret, error);
    }
    atomic_store(&tls->is_client, 1);
    return 0;
}

int sli_tls_context_use_as_client(
    struct slimta_tls *tls, struct slimta_error *error)
{
    int ret = mbedtls_mutex_lock(&tls->mutex);
    int err = 0;

    if (ret != 0) {
        return fail_with(ret, error);
    }
    sli_tls_context_use(tls);
    if (!atomic_load(&tls->is_client)) {
        err = complete_client(tls, error);
    }
    (void)mbedtls_mutex_unlock(&tls->mutex);
    return err;
}

const struct mbedtls_ssl_config *sli_tls_context_server(
    const struct slimta_tls *tls)
{
    return &tls->server;
}

const struct mbedtls_ssl_config *sli_tls_context_client(
    const struct slimta_tls *tls)
{
    return atomic_load(&tls->is_client) ? &tls->client : NULL;
}
