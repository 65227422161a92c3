/** A store behind LMTP some of whose mailboxes are not there, or full.
 *
 * Usage: lmtp_host SOCKET MAILDIR. Says "ready"; ends with its input.
 */
#include <stdio.h>
#include <string.h>

#include <slimta/edge.h>

static int is_for(const struct slimta_recipient *recipient, const char *user)
{
    size_t size = strlen(user);

    return strncmp(recipient->address, user, size) == 0 &&
        recipient->address[size] == '@';
}

static void know(struct slimta_session *session, struct slimta_reply *reply,
    const struct slimta_recipient *recipient, struct slimta_op *op, void *user)
{
    (void)session, (void)op, (void)user;
    if (is_for(recipient, "nobody")) {
        slimta_reply_set(reply, 550, "5.1.1 No such mailbox");
    }
}

/* Each hears for itself: the message is stored once, for whom it was taken. */
static void judge(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_results *results, struct slimta_op *op, void *user)
{
    const struct slimta_envelope *envelope =
        slimta_results_envelope(results, 0);

    (void)session, (void)reply, (void)op, (void)user;
    for (size_t i = 0; i < slimta_envelope_recipient_count(envelope); i++) {
        const struct slimta_recipient *recipient =
            slimta_envelope_recipient(envelope, i);

        if (is_for(recipient, "full")) {
            slimta_reply_set(slimta_results_recipient_reply(results, i), 552,
                "5.2.2 Mailbox is full");
        }
    }
}

int main(int argc, char **argv)
{
    static const struct slimta_validators policy = {
        .size = sizeof policy, .rcpt = know, .queued = judge};
    const struct slimta_maildir_options store = {
        .size = sizeof store, .directory = argc == 3 ? argv[2] : ""};
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .dialect = SLIMTA_DIALECT_LMTP};
    struct slimta_error error = {0};
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;

    if (argc == 3 && slimta_maildir_queue_new(&queue, &store, &error) == 0 &&
        smtp_edge_new(&edge, &options, queue, &error) == 0 &&
        smtp_edge_add_validators(edge, &policy, &error) == 0 &&
        smtp_edge_listen_unix(edge, argv[1], &error) == 0 &&
        smtp_edge_start(edge, NULL, &error) == 0) {
        printf("ready\n");
        fflush(stdout);
        while (getchar() != EOF) {
        }
    } else {
        fprintf(stderr, "lmtp_host: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    return edge == NULL || error.code != 0;
}
