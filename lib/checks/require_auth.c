/** The check that lets only authenticated clients send. */
#include <slimta/checks.h>

#include <string.h>

#include <slimta/reply.h>
#include <slimta/session.h>
#include <slimta/validators.h>

/* "HTTP" or "HTTPS" */
static int is_http(const struct slimta_session *session)
{
    return strncmp(slimta_session_protocol(session), "HTTP", 4) == 0;
}

static void check_mail(struct slimta_session *session,
    struct slimta_reply *reply, const char *sender,
    const struct slimta_mail_params *params, struct slimta_op *op, void *user)
{
    (void)sender;
    (void)params;
    (void)op;
    (void)user;
    if (slimta_session_auth(session) != NULL) {
        return;
    }
    /* slimta_reply_set never fails towards acceptance. */
    if (is_http(session)) {
        /* RFC 4954 section 6; RFC 9110 section 15.5.2: a client without
         * credentials is told which to send, by a 401 with its challenge. */
        (void)slimta_reply_set(reply, 530, "5.7.0 Authentication required");
    } else {
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
