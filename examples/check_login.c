/** AUTH with names and passwords of the host's; without it nobody may send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

struct login {
    const char *name;
    const char *password;
};

/* For whom nothing is said here, the reply is 535 already. */
static void check_login(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_credentials *credentials,
    struct slimta_op *op, void *user)
{
    const char *name = slimta_credentials_authcid(credentials);
    const char *wanted = slimta_credentials_authzid(credentials);

    (void)session, (void)op;
    if (*wanted != '\0' && strcmp(wanted, name) != 0) {
        return; /* nobody acts as somebody else */
    }
    for (const struct login *login = user; login->name != NULL; login++) {
        if (strcmp(login->name, name) == 0 &&
            slimta_credentials_match(credentials, login->password)) {
            slimta_reply_set(reply, 235, "2.7.0 Authentication successful");
        }
    }
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    static struct login logins[] = {
        {"tim", "sesame"}, {"ursel", "open it"}, {NULL, NULL}};
    static const struct slimta_validators policy = {
        .size = sizeof policy,
        .user = logins,
        .auth = check_login,
    };
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .auth_mechanisms = "PLAIN,LOGIN",
        .auth_flags = SLIMTA_AUTH_CLEAR, /* here, where nobody listens */
    };
    struct slimta_address address;
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        smtp_edge_new(&edge, &options, queue, &error) == 0 &&
        smtp_edge_add_validators(edge, &policy, &error) == 0 &&
        smtp_edge_add_validators(edge, slimta_require_auth(), &error) == 0 &&
        smtp_edge_listen(edge, "127.0.0.1", port, &error) == 0 &&
        smtp_edge_start(edge, loop, &error) == 0 &&
        smtp_edge_address(edge, 0, &address)) {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
        slimta_loop_run(loop); /* until the process is ended */
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code == 0 ? 0 : 1;
}
