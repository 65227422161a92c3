/** A certificate with its key, out of two files. */
#ifndef CERTIFICATE_H
#define CERTIFICATE_H

#include <slimta/edge.h>

/** A new context with the certificate of `files`[0] and the key of `files`[1],
 * both in PEM; the caller's to unref. 0, or a code, and `error` says what is
 * wrong with which file. */
int certificate_load(
    struct slimta_tls **out, char **files, struct slimta_error *error);

/** Reads the files anew: sessions to come get what they hold now, those that
 * run keep what they have. When the files cannot be used, says so. */
void certificate_renew(struct smtp_edge *edge, char **files);

#endif
