/** A host whose clients authenticate with their certificates.
 *
 * Usage: external_host CERTIFICATE KEY CA. Says its port, then a line for each
 * time that somebody has authenticated; ends with its input.
 */
#include <stdio.h>
#include <string.h>

#include <slimta/edge.h>

/* Alice may act for the team. */
static void judge(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_credentials *credentials, struct slimta_op *op, void *user)
{
    (void)session, (void)op, (void)user;
    if (slimta_credentials_are_proved(credentials) &&
        strcmp(slimta_credentials_authcid(credentials), "alice@example.com") ==
            0 &&
        strcmp(slimta_credentials_authzid(credentials), "team") == 0) {
        slimta_reply_set(reply, 235, "2.7.0 For the team");
    }
}

static void tell(const struct slimta_event *event, void *user)
{
    char line[1024];

    (void)user;
    if (event->type == SLIMTA_EVENT_AUTH) {
        (void)slimta_event_format(event, SLIMTA_LOG_TEXT, line, sizeof line);
        printf("%s\n", line);
        fflush(stdout);
    }
}

static int load(
    struct slimta_tls **out, char **files, struct slimta_error *error)
{
    const struct slimta_tls_options options = {
        .size = sizeof options,
        .verify = SLIMTA_TLS_VERIFY_OPTIONAL,
        .ca_file = files[2],
    };
    const struct slimta_tls_certificate pair = {
        .size = sizeof pair,
        .certificate_file = files[0],
        .key_file = files[1],
    };
    int err = slimta_tls_new(out, &options, error);

    return err != 0 ? err : slimta_tls_add_certificate(*out, &pair, error);
}

static int serve(struct smtp_edge **out, struct slimta_queue *queue,
    struct slimta_tls *tls, struct slimta_error *error)
{
    static const struct slimta_validators policy = {
        .size = sizeof policy, .auth = judge};
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .hostname = "mx.example.net",
        .tls = tls,
        .auth_mechanisms = "EXTERNAL",
        .event = tell,
    };
    struct slimta_address address;

    if (smtp_edge_new(out, &options, queue, error) != 0 ||
        smtp_edge_add_validators(*out, &policy, error) != 0 ||
        smtp_edge_listen(*out, "127.0.0.1", 0, error) != 0 ||
        smtp_edge_start(*out, NULL, error) != 0 ||
        !smtp_edge_address(*out, 0, &address)) {
        return error->code;
    }
    printf("%u\n", address.port);
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct slimta_error error = {0};
    struct slimta_queue *queue = NULL;
    struct slimta_tls *tls = NULL;
    struct smtp_edge *edge = NULL;

    if (argc == 4 && load(&tls, argv + 1, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        serve(&edge, queue, tls, &error) == 0) {
        while (getchar() != EOF) {
        }
    } else {
        fprintf(stderr, "external_host: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    slimta_tls_unref(tls);
    return edge == NULL || error.code != 0;
}
