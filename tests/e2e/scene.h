/** What tests of TLS and AUTH play on: an edge with one table, the log of its
 * events, and a client that talks with it. All of it asserts. */
#ifndef E2E_SCENE_H
#define E2E_SCENE_H

#include <slimta/auth.h>
#include <slimta/tls.h>

#include "policy.h"

#define SCENE_EHLO "EHLO client.example\r\n"

struct scene {
    struct host_policy policy;
    struct host_queue queue;
    struct host_edge host;
    struct host_client client;
    struct slimta_tls *tls;
    pthread_mutex_t lock;
    pthread_cond_t news;
    char log[65536]; /* events as lines of text */
};

/** An edge that runs with these options (hostname, event and, if `tls_mode` or
 * `tls` say nothing else, no TLS are the scene's), and a client that has
 * connected. With `is_secure` the scene has a certificate, unless the options
 * have one. */
struct scene *scene_new(const struct smtp_edge_options *options, int is_secure);

/** The same without the client, before it has started: for more tables. */
struct scene *scene_prepare(
    const struct smtp_edge_options *options, int is_secure);
void scene_start(struct scene *scene);

/** Connects the client anew; the one before is closed. */
void scene_connect(struct scene *scene);

/** Closes, and awaits the end of all; one session at least has ended for
 * `reason`. */
void scene_close(struct scene *scene, enum slimta_closed reason);

/** The next reply begins so. */
void scene_hear(struct scene *scene, const char *beginning);

/** Says something, then hears. */
void scene_ask(struct scene *scene, const char *words, const char *beginning);

/** The connection ends, and nothing was said before. */
void scene_hear_end(struct scene *scene);

/** The handshake succeeds. */
void scene_secure(struct scene *scene);

/** The banner and EHLO. */
void scene_greet(struct scene *scene);

/** One message, from MAIL on. */
void scene_deliver(struct scene *scene);

/** QUIT, and the end. */
void scene_quit(struct scene *scene);

/** Waits until the log has this text. */
void scene_await(struct scene *scene, const char *text);

/** Whether it has it now. */
int scene_has_told(struct scene *scene, const char *text);

struct slimta_counters scene_counters(const struct scene *scene);

#endif
