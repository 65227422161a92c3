/** Checks SPF: a fail is refused, a broken DNS asks the client to come back. */
#include <stdio.h>

#include <slimta/edge.h>

/** Both rules, or the reason why not. */
static int make_spf(struct slimta_spf **out, struct slimta_error *error)
{
    const struct slimta_spf_options options = {
        .size = sizeof options,
        .header = SLIMTA_SPF_HEADER_RECEIVED_SPF,
    };
    struct slimta_spf *spf = NULL;
    int err = slimta_spf_new(&spf, &options, error);

    if (err == 0) {
        err = slimta_spf_add_rule(
            spf, SLIMTA_SPF_FAIL, 550, "5.7.1 Access denied: {reason}", error);
    }
    if (err == 0) {
        err = slimta_spf_add_rule(
            spf, SLIMTA_SPF_TEMPERROR, 451, "4.4.3 Try again later", error);
    }
    if (err != 0) {
        slimta_spf_free(spf);
        return err;
    }
    *out = spf;
    return 0;
}

int main(void)
{
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .dns_servers = "127.0.0.1:5353",
    };
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct slimta_spf *spf = NULL;
    struct smtp_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        make_spf(&spf, &error) == 0 &&
        smtp_edge_new(&edge, &options, queue, &error) == 0 &&
        smtp_edge_add_validators(edge, slimta_spf_validators(spf), &error) ==
            0 &&
        smtp_edge_listen(edge, NULL, 2525, &error) == 0 &&
        smtp_edge_start(edge, loop, &error) == 0) {
        slimta_loop_run(loop);
    }
    if (error.code != 0) {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_spf_free(spf);
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code != 0;
}
