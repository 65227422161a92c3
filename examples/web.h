/** The HTTP server that a host has already, as small as can be: one connection
 * at a time, one request each, no chunks, no time limits. For mounted_http.c.
 */
#ifndef WEB_H
#define WEB_H

#include <slimta/edge.h>

/** A request on its way to its answer. */
struct exchange;

/** What stands below a path. */
struct web_app {
    const char *path;
    /** A head was read; `user` is that of web_serve. */
    void (*begin)(struct exchange *exchange, void *user);
    /** Octets of the body: 1 when they were taken; 0: again after web_resume,
     * and nothing is read until then. */
    int (*body)(struct exchange *exchange, struct slimta_slice octets);
    void (*end)(struct exchange *exchange);
    void (*lost)(struct exchange *exchange); /**< the client is gone */
};

/** The app's pointer: NULL at first. */
void *web_user(const struct exchange *exchange);
void web_set_user(struct exchange *exchange, void *user);

/** Fills in what the head says; it lives until `begin` returns. */
void web_request(
    const struct exchange *exchange, struct http_edge_request *request);

void web_resume(struct exchange *exchange);

/** A field of the answer, then the answer itself, which ends the exchange. */
void web_field(struct exchange *exchange, struct slimta_slice name,
    struct slimta_slice value);
void web_send(struct exchange *exchange, int status, const char *reason,
    struct slimta_slice body);

/** Serves on 127.0.0.1, and turns `loop`, until nothing runs in there any more;
 * says where on stderr. 0, or -1 when it cannot. */
int web_serve(const char *port, struct slimta_loop *loop,
    const struct web_app *app, void *user);

#endif
