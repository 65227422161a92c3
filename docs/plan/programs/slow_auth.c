/** Asks a slow database about each login, on a thread of its own. */
#include <pthread.h>
#include <stdlib.h>

#include <slimta/edge.h>

/** The host's database: 1 yes, 0 no, -1 when it cannot be asked. Blocks. */
int database_login(const char *name, const char *password);

struct login {
    struct slimta_op *op;
    struct slimta_credentials *credentials;
};

static void *ask_database(void *argument)
{
    struct login *login = argument;
    struct slimta_reply *reply = slimta_op_reply(login->op);
    int answer = -1;

    if (!slimta_op_is_cancelled(login->op)) {
        answer = database_login(slimta_credentials_authcid(login->credentials),
            slimta_credentials_password(login->credentials));
    }
    if (answer == 1) {
        slimta_reply_set(reply, 235, "2.7.0 Authentication successful");
    } else if (answer == -1) {
        slimta_reply_set(reply, 454, "4.7.0 The user database is away");
    }                            /* else: the reply is 535 already */
    slimta_op_finish(login->op); /* also when the client has left */
    slimta_credentials_unref(login->credentials); /* wipes the password */
    free(login);
    return NULL;
}

static void check_login(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_credentials *credentials,
    struct slimta_op *op, void *user)
{
    struct login *login = malloc(sizeof *login);
    pthread_t thread;

    (void)session, (void)user;
    if (login == NULL) {
        slimta_reply_set(reply, 454, "4.7.0 Try again later");
        return;
    }
    slimta_op_take(op); /* before another thread can see it */
    login->op = op;
    login->credentials = slimta_credentials_ref(credentials);
    if (pthread_create(&thread, NULL, ask_database, login) == 0) {
        pthread_detach(thread);
    } else {
        slimta_reply_set(slimta_op_reply(op), 454, "4.7.0 Try again later");
        slimta_op_finish(op);
        slimta_credentials_unref(login->credentials);
        free(login);
    }
}

int serve(struct slimta_queue *queue, struct slimta_loop *loop,
    struct slimta_tls *tls, struct slimta_error *error)
{
    static const struct slimta_validators policy = {
        .size = sizeof policy,
        .auth = check_login,
    };
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .tls = tls,
        .tls_mode = SLIMTA_TLS_REQUIRED,
        .auth_mechanisms = "PLAIN,LOGIN",
    };
    struct smtp_edge *edge = NULL;
    int err = SLIMTA_OK;

    if (smtp_edge_new(&edge, &options, queue, error) == 0 &&
        smtp_edge_add_validators(edge, &policy, error) == 0 &&
        smtp_edge_add_validators(edge, slimta_require_auth(), error) == 0 &&
        smtp_edge_listen(edge, NULL, 587, error) == 0 &&
        smtp_edge_start(edge, loop, error) == 0) {
        slimta_loop_run(loop);
    } else {
        err = error->code;
    }
    smtp_edge_free(edge);
    return err;
}
