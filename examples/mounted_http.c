/** Takes mail at one path of the host's own server: `mounted_http [PORT]`. */
#include <stdio.h>

#include "web.h"

static void respond(struct http_edge_call *call,
    const struct http_edge_response *response, void *user)
{
    (void)call; /* gone when this returns */
    web_set_user(user, NULL);
    for (size_t i = 0; i < response->field_count; i++) {
        web_field(user, response->fields[i].name, response->fields[i].value);
    }
    web_send(user, response->status, response->reason, response->body);
}

static void more(struct http_edge_call *call, void *user)
{
    (void)call;
    web_resume(user);
}

static void mail_begin(struct exchange *exchange, void *user)
{
    static const struct http_edge_call_methods methods = {
        .size = sizeof methods, .respond = respond, .more = more};
    struct http_edge_request request;
    struct http_edge_call *call = NULL;

    web_request(exchange, &request);
    if (http_edge_call(&call, user, &request, &methods, exchange) != 0) {
        web_send(exchange, 503, "Unavailable", (struct slimta_slice){0});
    }
    web_set_user(exchange, call);
}

static int mail_body(struct exchange *exchange, struct slimta_slice octets)
{
    return http_edge_call_body(web_user(exchange), octets) == 0;
}

static void mail_end(struct exchange *exchange)
{
    http_edge_call_end(web_user(exchange));
}

static void mail_lost(struct exchange *exchange)
{
    http_edge_call_cancel(web_user(exchange));
}

int main(int argc, char **argv)
{
    static const struct web_app mail = {
        "/mail", mail_begin, mail_body, mail_end, mail_lost};
    const struct slimta_maildir_options maildir = {
        .size = sizeof maildir, .directory = "./mail"};
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct http_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_maildir_queue_new(&queue, &maildir, &error) == 0 &&
        http_edge_new(&edge, NULL, queue, &error) == 0 &&
        http_edge_start(edge, loop, &error) == 0) { /* nowhere: calls alone */
        error.code = web_serve(argc > 1 ? argv[1] : "8025", loop, &mail, edge);
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    http_edge_free(edge);
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code == 0 ? 0 : 1;
}
