/** The certificates that the build made for the tests. */
#ifndef SUPPORT_CERTIFICATES_H
#define SUPPORT_CERTIFICATES_H

#include <stdio.h>
#include <stdlib.h>

#include <slimta/tls.h>

enum { CERTIFICATE_PATH_SIZE = 4096 };

/** Writes the path of `name` with `ending` behind it; returns `out`. */
static inline const char *certificate_path(
    char out[CERTIFICATE_PATH_SIZE], const char *name, const char *ending)
{
    const char *directory = getenv("CERTIFICATES");

    (void)snprintf(out, CERTIFICATE_PATH_SIZE, "%s/%s%s",
        directory == NULL ? "." : directory, name, ending);
    return out;
}

/** Adds NAME.pem and KEY.key. */
static inline int certificate_add_pair(struct slimta_tls *tls, const char *name,
    const char *key, struct slimta_error *error)
{
    char certificate_file[CERTIFICATE_PATH_SIZE];
    char key_file[CERTIFICATE_PATH_SIZE];
    const struct slimta_tls_certificate pair = {
        .size = sizeof pair,
        .certificate_file = certificate_path(certificate_file, name, ".pem"),
        .key_file = certificate_path(key_file, key, ".key"),
    };

    return slimta_tls_add_certificate(tls, &pair, error);
}

static inline int certificate_add(
    struct slimta_tls *tls, const char *name, struct slimta_error *error)
{
    return certificate_add_pair(tls, name, name, error);
}

#endif
