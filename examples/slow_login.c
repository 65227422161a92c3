/** AUTH against a slow database, which another thread asks. */
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

#include "host.h"

/** An attempt that waits for the worker. */
struct attempt {
    struct job job;
    struct slimta_op *op;
    struct slimta_credentials *credentials;
};

/* What the host's database has in place of Tim's password. */
static char stored[SLIMTA_STORED_SECRET_MAX];

/* On the worker's thread: looking up takes its time, and so does hashing, which
 * is done for names that nobody has, too. The reply is 535 unless it is set. */
static void check(void *user)
{
    struct attempt *attempt = user;
    const struct slimta_credentials *who = attempt->credentials;

    if (!slimta_op_is_cancelled(attempt->op) &&
        slimta_credentials_match_stored(who, stored) &&
        *slimta_credentials_authzid(who) == '\0' && /* as nobody else */
        strcmp(slimta_credentials_authcid(who), "tim") == 0) {
        slimta_reply_set(slimta_op_reply(attempt->op), 235, "2.7.0 Welcome");
    }
    slimta_op_finish(attempt->op); /* also when the client has left */
    slimta_credentials_unref(attempt->credentials); /* wipes the password */
    free(attempt);
}

/* On the loop: keeps the credentials for the worker and returns at once. */
static void check_login(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_credentials *credentials,
    struct slimta_op *op, void *user)
{
    struct attempt *attempt = malloc(sizeof *attempt);

    (void)session, (void)user;
    if (attempt == NULL) {
        slimta_reply_set(reply, 454, "4.7.0 Try again later");
        return;
    }
    slimta_op_take(op); /* before another thread can see it */
    attempt->op = op;
    attempt->credentials = slimta_credentials_ref(credentials);
    host_post(&attempt->job, check, attempt);
}

int main(int argc, char **argv)
{
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .auth_mechanisms = "PLAIN",
        .auth_flags = SLIMTA_AUTH_CLEAR, /* here, where nobody listens */
    };
    const struct slimta_validators policy = {
        .size = sizeof policy, .auth = check_login};
    struct slimta_queue *queue = NULL;

    return slimta_stored_secret_make(
               stored, "SCRAM-SHA-256", "sesame", 0, NULL) == 0 &&
            slimta_discard_queue_new(&queue, NULL, NULL) == 0
        ? host_run(argc, argv, queue, &options, &policy)
        : 1;
}
