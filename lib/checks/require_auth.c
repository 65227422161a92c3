/** The check that lets only authenticated clients send. */
#include <slimta/checks.h>

#include <slimta/reply.h>
#include <slimta/session.h>
#include <slimta/validators.h>

static void check_mail(struct slimta_session *session,
    struct slimta_reply *reply, const char *sender,
    const struct slimta_mail_params *params, struct slimta_op *op, void *user)
{
    (void)sender;
    (void)params;
    (void)op;
    (void)user;
    if (slimta_session_auth(session) == NULL) {
        /* Never fails towards acceptance. */
        (void)slimta_reply_set(reply, 550, "5.7.1 Sender not allowed");
    }
}

const struct slimta_validators *slimta_require_auth(void)
{
    static const struct slimta_validators table = {
        .size = sizeof table,
        .mail = check_mail,
    };

    return &table;
}
