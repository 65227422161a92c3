/** Mail submission with TLS and AUTH: `submission PORT PORT CERTIFICATE KEY`.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "certificate.h"
#include "host.h"

/* What a database keeps of the password. */
static char stored[SLIMTA_STORED_SECRET_MAX];

static void look_up(struct slimta_session *session, struct slimta_reply *reply,
    const char *mechanism, const char *authcid, struct slimta_op *op,
    void *user)
{
    (void)session, (void)reply, (void)mechanism, (void)user;
    if (strcmp(authcid, "tim") == 0) {
        (void)slimta_op_secret_stored(op, stored);
    } /* else: unknown, which the client cannot tell from a wrong password */
}

static int open_edge(struct smtp_edge **edge, const char *port,
    enum slimta_tls_mode mode, struct slimta_tls *tls,
    struct slimta_queue *queue, struct slimta_error *error)
{
    static const struct slimta_validators users = {
        .size = sizeof users, .secret = look_up};
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .tls = tls,
        .tls_mode = mode,
        .auth_mechanisms = "SCRAM-SHA-256-PLUS,SCRAM-SHA-256,PLAIN,LOGIN",
        .auth_salt_key = "a secret of your own, the same everywhere",
    };

    return smtp_edge_new(edge, &options, queue, error) == 0 &&
            smtp_edge_add_validators(*edge, &users, error) == 0 &&
            smtp_edge_add_validators(*edge, slimta_require_auth(), error) == 0
        ? host_start(*edge, port, error)
        : error->code;
}

int main(int argc, char **argv)
{
    struct slimta_error error = {SLIMTA_EINVAL, "it needs four arguments"};
    struct slimta_queue *queue = NULL;
    struct slimta_tls *tls = NULL;
    struct smtp_edge *edges[2] = {NULL, NULL};
    int status = 1;

    host_hold_signals();
    if (argc == 5 && certificate_load(&tls, argv + 3, &error) == 0 &&
        slimta_stored_secret_make(
            stored, "SCRAM-SHA-256", "sesame", 0, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        open_edge(
            &edges[0], argv[1], SLIMTA_TLS_REQUIRED, tls, queue, &error) == 0 &&
        open_edge(&edges[1], argv[2], SLIMTA_TLS_IMMEDIATE, tls, queue,
            &error) == 0) {
        while (host_wait() == SIGHUP) {
            certificate_renew(edges[0], argv + 3);
            certificate_renew(edges[1], argv + 3);
        }
        status = 0;
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edges[0]);
    smtp_edge_free(edges[1]);
    slimta_queue_free(queue);
    slimta_tls_unref(tls);
    return status;
}
