/** A certificate with its key, out of two files. */
#include "certificate.h"

#include <stdio.h>

int certificate_load(
    struct slimta_tls **out, char **files, struct slimta_error *error)
{
    const struct slimta_tls_certificate pair = {
        .size = sizeof pair,
        .certificate_file = files[0],
        .key_file = files[1],
    };
    struct slimta_tls *tls = NULL;
    int err = slimta_tls_new(&tls, NULL, error);

    if (err == 0) {
        err = slimta_tls_add_certificate(tls, &pair, error);
    }
    if (err != 0) {
        slimta_tls_unref(tls);
        return err;
    }
    *out = tls;
    return 0;
}

void certificate_renew(struct smtp_edge *edge, char **files)
{
    struct slimta_error error = {0};
    struct slimta_tls *tls = NULL;

    if (certificate_load(&tls, files, &error) != 0 ||
        smtp_edge_set_tls(edge, tls, &error) != 0) {
        fprintf(stderr, "the old certificate stays: %s\n", error.text);
    }
    slimta_tls_unref(tls); /* the edge has a reference of its own */
}
