/** Takes mail at one path of an HTTP server that the host runs already. */
#include <stdlib.h>

#include <slimta/edge.h>

/** The host's server, of which a few calls stand here. */
struct exchange;
void *exchange_user(struct exchange *exchange);
void exchange_set_user(struct exchange *exchange, void *user);
void exchange_read_request(
    struct exchange *exchange, struct http_edge_request *request);
void exchange_pause(struct exchange *exchange);
void exchange_resume(struct exchange *exchange); /* repeats the refused part */
void exchange_send_field(struct exchange *exchange, struct slimta_slice name,
    struct slimta_slice value);
void exchange_send(struct exchange *exchange, int status, int closes);

static void respond(struct http_edge_call *call,
    const struct http_edge_response *response, void *user)
{
    struct exchange *exchange = user;

    (void)call; /* gone when this returns */
    exchange_set_user(exchange, NULL);
    for (size_t i = 0; i < response->field_count; i++) {
        exchange_send_field(
            exchange, response->fields[i].name, response->fields[i].value);
    }
    exchange_send(exchange, response->status, response->ends_early);
}

static void more(struct http_edge_call *call, void *user)
{
    (void)call;
    exchange_resume(user);
}

/** The server has parsed a head for our path. */
void mail_begin(struct exchange *exchange, struct http_edge *edge)
{
    static const struct http_edge_call_methods methods = {
        .size = sizeof methods,
        .respond = respond,
        .more = more,
    };
    struct http_edge_request request = {.size = sizeof request};
    struct http_edge_call *call = NULL;

    exchange_read_request(exchange, &request);
    if (http_edge_call(&call, edge, &request, &methods, exchange) != 0) {
        exchange_send(exchange, 503, 1);
    }
    exchange_set_user(exchange, call);
}

/** The server has read octets of the body: 1 when they were taken. */
int mail_body(struct exchange *exchange, const char *data, size_t size)
{
    struct http_edge_call *call = exchange_user(exchange);
    const struct slimta_slice octets = {data, size};

    if (call == NULL) {
        return 1; /* answered already: the rest is read and dropped */
    }
    if (http_edge_call_body(call, octets) == SLIMTA_EAGAIN) {
        exchange_pause(exchange);
        return 0;
    }
    return 1;
}

void mail_end(struct exchange *exchange)
{
    struct http_edge_call *call = exchange_user(exchange);

    if (call != NULL) {
        http_edge_call_end(call);
    }
}

/** The client is gone. */
void mail_lost(struct exchange *exchange)
{
    http_edge_call_cancel(exchange_user(exchange));
    exchange_set_user(exchange, NULL);
}

/** No listener: the edge only needs a loop, which the server's thread turns. */
int mail_mount(struct http_edge **out, struct slimta_queue *queue,
    struct slimta_loop *loop, struct slimta_error *error)
{
    struct http_edge *edge = NULL;
    int err = http_edge_new(&edge, NULL, queue, error);

    if (err == 0) {
        err = http_edge_start(edge, loop, error);
    }
    if (err != 0) {
        http_edge_free(edge); /* never started: gone at once */
        return err;
    }
    *out = edge;
    return 0;
}
