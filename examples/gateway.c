/** A submission gateway before an MTA of the same host, which believes whoever
 * is there: `gateway PORT CERTIFICATE KEY 127.0.0.1:25`. */
#include <stdio.h>
#include <string.h>

#include "certificate.h"
#include "host.h"

static void look_up(struct slimta_session *session, struct slimta_reply *reply,
    const char *mechanism, const char *authcid, struct slimta_op *op,
    void *user)
{
    (void)session, (void)reply, (void)mechanism, (void)user;
    if (strcmp(authcid, "tim") == 0) {
        (void)slimta_op_secret(op, "sesame");
    } /* else: unknown, which the client cannot tell from a wrong password */
}

/* What goes to the MTA does not leave the machine: no TLS. */
static int open_queue(
    struct slimta_queue **queue, const char *mta, struct slimta_error *error)
{
    const struct slimta_smtp_queue_options options = {
        .size = sizeof options,
        .hosts = mta,
        .tls_policy = SLIMTA_HOP_TLS_OFF,
    };

    return slimta_smtp_queue_new(queue, &options, error);
}

static int open_edge(struct smtp_edge **edge, struct slimta_tls *tls,
    struct slimta_queue *queue, struct slimta_error *error)
{
    static const struct slimta_validators users = {
        .size = sizeof users, .secret = look_up};
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .tls = tls,
        .tls_mode = SLIMTA_TLS_REQUIRED,
        .auth_mechanisms = SLIMTA_AUTH_DEFAULT,
    };

    return smtp_edge_new(edge, &options, queue, error) == 0 &&
            smtp_edge_add_validators(*edge, &users, error) == 0
        ? smtp_edge_add_validators(*edge, slimta_require_auth(), error)
        : error->code;
}

int main(int argc, char **argv)
{
    struct slimta_error error = {SLIMTA_EINVAL, "it needs four arguments"};
    struct slimta_queue *queue = NULL;
    struct slimta_tls *tls = NULL;
    struct smtp_edge *edge = NULL;
    int is_open;

    host_hold_signals();
    is_open = argc == 5 && certificate_load(&tls, argv + 2, &error) == 0 &&
        open_queue(&queue, argv[4], &error) == 0 &&
        open_edge(&edge, tls, queue, &error) == 0 &&
        host_start(edge, argv[1], &error) == 0;
    if (is_open) {
        (void)host_wait();
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    slimta_tls_unref(tls);
    return !is_open;
}
