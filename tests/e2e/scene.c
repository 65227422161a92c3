/** What tests of TLS and AUTH play on: an edge with one table, the log of its
 * events, and a client that talks with it. */
#include "scene.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void write_down(const struct slimta_event *event, void *user)
{
    struct scene *scene = user;
    char line[1024];

    (void)slimta_event_format(event, SLIMTA_LOG_TEXT, line, sizeof line);
    pthread_mutex_lock(&scene->lock);
    if (strlen(scene->log) + strlen(line) + 2 < sizeof scene->log) {
        strcat(strcat(scene->log, line), "\n");
    }
    pthread_cond_broadcast(&scene->news);
    pthread_mutex_unlock(&scene->lock);
}

struct scene *scene_prepare(
    const struct smtp_edge_options *options, int is_secure)
{
    struct smtp_edge_options own = *options;
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    pthread_mutex_init(&scene->lock, NULL);
    pthread_cond_init(&scene->news, NULL);
    if (is_secure) {
        scene->tls = own.tls != NULL ? slimta_tls_ref(own.tls)
                                     : host_tls(NULL, "server", NULL);
        own.tls = scene->tls;
    }
    own.size = sizeof own;
    own.hostname = "mx.example.net";
    own.event = write_down;
    own.event_user = scene;
    host_policy_init(&scene->policy);
    host_queue_init(&scene->queue, HOST_QUEUED);
    scene->client.fd = -1;
    host_edge_open(&scene->host, &own, &scene->queue.queue);
    return scene;
}

void scene_start(struct scene *scene)
{
    struct slimta_error error = {0};

    if (smtp_edge_add_validators(
            scene->host.edge, &scene->policy.table, &error) != 0 ||
        smtp_edge_start(scene->host.edge, NULL, &error) != 0) {
        fail_msg("%s", error.text);
    }
}

struct scene *scene_new(const struct smtp_edge_options *options, int is_secure)
{
    struct scene *scene = scene_prepare(options, is_secure);

    scene_start(scene);
    scene_connect(scene);
    return scene;
}

void scene_connect(struct scene *scene)
{
    host_client_close(&scene->client);
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
}

void scene_close(struct scene *scene, enum slimta_closed reason)
{
    host_client_close(&scene->client);
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    if (scene->host.edge != NULL) {
        host_edge_stop(&scene->host, 1000);
    }
    if (scene->policy.reasons[reason] == 0) {
        fail_msg("another reason:\n%s", scene->log);
    }
    host_policy_fini(&scene->policy);
    host_queue_fini(&scene->queue);
    slimta_tls_unref(scene->tls);
    pthread_cond_destroy(&scene->news);
    pthread_mutex_destroy(&scene->lock);
    free(scene);
}

void scene_hear(struct scene *scene, const char *beginning)
{
    int code = host_client_reply(&scene->client);

    if (code <= 0 ||
        strncmp(scene->client.line, beginning, strlen(beginning)) != 0) {
        fail_msg("heard %d '%s', not '%s'\n%s", code, scene->client.line,
            beginning, scene->log);
    }
}

void scene_ask(struct scene *scene, const char *words, const char *beginning)
{
    assert_int_equal(host_client_send(&scene->client, words, strlen(words)), 0);
    scene_hear(scene, beginning);
}

void scene_hear_end(struct scene *scene)
{
    int code = host_client_reply(&scene->client);

    if (code != 0) {
        fail_msg("heard %d '%s'\n%s", code, scene->client.line, scene->log);
    }
}

void scene_secure(struct scene *scene)
{
    if (host_client_secure(&scene->client, NULL) != 0) {
        fail_msg("no handshake:\n%s", scene->log);
    }
}

void scene_greet(struct scene *scene)
{
    scene_hear(scene, "220 ");
    scene_ask(scene, SCENE_EHLO, "250");
}

void scene_deliver(struct scene *scene)
{
    scene_ask(scene,
        "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n",
        "250 2.1.0");
    scene_hear(scene, "250 2.1.5");
    scene_hear(scene, "354");
    scene_ask(scene, HOST_MESSAGE ".\r\n", "250 2.6.0 Message queued");
}

void scene_quit(struct scene *scene)
{
    scene_ask(scene, "QUIT\r\n", "221 ");
    scene_hear_end(scene);
    if (scene->client.tls != NULL) {
        assert_true(tls_client_is_ended(scene->client.tls));
    }
}

void scene_await(struct scene *scene, const char *text)
{
    struct timespec end;
    int is_there = 0;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    pthread_mutex_lock(&scene->lock);
    while (strstr(scene->log, text) == NULL &&
        pthread_cond_timedwait(&scene->news, &scene->lock, &end) == 0) {
    }
    is_there = strstr(scene->log, text) != NULL;
    pthread_mutex_unlock(&scene->lock);
    if (!is_there) {
        fail_msg("not told: %s\n%s", text, scene->log);
    }
}

int scene_has_told(struct scene *scene, const char *text)
{
    int is_there = 0;

    pthread_mutex_lock(&scene->lock);
    is_there = strstr(scene->log, text) != NULL;
    pthread_mutex_unlock(&scene->lock);
    return is_there;
}

struct slimta_counters scene_counters(const struct scene *scene)
{
    struct slimta_counters counters = {.size = sizeof counters};

    smtp_edge_count(scene->host.edge, &counters);
    return counters;
}
