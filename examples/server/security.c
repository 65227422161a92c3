/** Certificates of a demo server, and what SIGHUP does to them. */
#include "security.h"

#include "complain.h"

static int add_pairs(struct slimta_tls *tls, const struct settings *settings,
    struct slimta_error *error)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < settings->certs.count; i++) {
        const struct slimta_tls_certificate pair = {
            .size = sizeof pair,
            .certificate_file = settings->certs.items[i],
            .key_file = settings->keys.items[i],
        };

        err = slimta_tls_add_certificate(tls, &pair, error);
    }
    return err;
}

int security_load(struct slimta_tls **out, const struct settings *settings,
    struct slimta_error *error)
{
    int err;

    *out = NULL;
    if (settings->certs.count == 0) {
        return 0;
    }
    err = slimta_tls_new(out, NULL, error);
    if (err == 0) {
        err = add_pairs(*out, settings, error);
    }
    if (err != 0) {
        slimta_tls_unref(*out);
        *out = NULL;
    }
    return err;
}

void security_reload(const struct door *door, const struct settings *settings)
{
    struct slimta_error error = {0};
    struct slimta_tls *tls;
    int err = security_load(&tls, settings, &error);

    if (err == 0 && tls != NULL) {
        err = door->methods->set_tls(door->edge, tls, &error);
    }
    if (err != 0) {
        complain("%s; the old certificates stay", error.text);
    }
    slimta_tls_unref(tls);
}
