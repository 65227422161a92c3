/** A host that keeps secrets: who does not exist is not told from who does, no
 * event has a password, and no memory that is given back holds one. */
#include "sasl_client.h"
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER "juliet"
#define PASSWORD "pencil-of-r0ses-and-more"
#define PASSWORD64 "cGVuY2lsLW9mLXIwc2VzLWFuZC1tb3Jl"
#define PLAIN64 "AGp1bGlldABwZW5jaWwtb2YtcjBzZXMtYW5kLW1vcmU="
#define ALL "SCRAM-SHA-256,SCRAM-SHA-1,CRAM-MD5,PLAIN,LOGIN"
#define INVALID "535 5.7.8 Authentication credentials invalid"

static const char *const mechanisms[] = {
    "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"};

enum { MECHANISMS = sizeof mechanisms / sizeof mechanisms[0] };

/* A scene of one `secret` validator, without any TLS. */
static struct scene *new_scene(
    struct smtp_edge_options options, int code, const char *text)
{
    struct scene *scene;

    options.auth_mechanisms = ALL;
    options.auth_flags = SLIMTA_AUTH_CLEAR;
    scene = scene_prepare(&options, 0);
    scene->policy.table.auth = NULL;
    host_policy_order(&scene->policy, HOST_SECRET, HOST_SET, code, text);
    scene_start(scene);
    scene_connect(scene);
    scene_greet(scene);
    return scene;
}

/* --- Unknown users -------------------------------------------------------- */

/** What a client can see of a failure. */
struct view {
    int code;
    char line[1024];
    unsigned challenges;
    char first[512]; /* the first challenge, without what is random in it */
};

static void strip_nonce(char *challenge)
{
    char *comma = strchr(challenge, ',');

    if (strncmp(challenge, "r=", 2) == 0 && comma != NULL) {
        memmove(challenge + 2, comma, strlen(comma) + 1);
    } else if (challenge[0] == '<') {
        challenge[1] = '\0'; /* CRAM-MD5 */
    }
}

static struct view look(
    struct scene *scene, const char *mechanism, const char *name)
{
    struct sasl_client sasl = {
        .mechanism = mechanism, .name = name, .password = "wrong"};
    struct view view = {.code = sasl_client_run(&sasl, &scene->client)};

    snprintf(view.line, sizeof view.line, "%s", scene->client.line);
    snprintf(view.first, sizeof view.first, "%s", sasl.first);
    strip_nonce(view.first);
    view.challenges = sasl.challenges;
    return view;
}

static void expect_same(const struct view *one, const struct view *other)
{
    assert_int_equal(one->code, 535);
    assert_string_equal(one->line, INVALID);
    assert_int_equal(one->code, other->code);
    assert_string_equal(one->line, other->line);
    assert_int_equal(one->challenges, other->challenges);
    assert_string_equal(one->first, other->first);
}

/* The same name, once with a password that the client does not know and once
 * without any: the same words, steps and salt. */
static void test_unknown_users_look_like_others(void **state)
{
    const struct smtp_edge_options options = {.auth_salt_key = "a salt key"};

    (void)state;
    for (size_t i = 0; i < MECHANISMS; i++) {
        struct scene *scene = new_scene(options, HOST_PASSWORD, PASSWORD);
        struct view known = look(scene, mechanisms[i], USER);
        struct view unknown;

        host_policy_order(&scene->policy, HOST_SECRET, HOST_PASS, 0, NULL);
        unknown = look(scene, mechanisms[i], USER);
        expect_same(&known, &unknown);
        /* Again, and over a restart: nothing moves. */
        unknown = look(scene, mechanisms[i], USER);
        expect_same(&known, &unknown);
        /* A 5xx of the host's changes nothing either. */
        host_policy_order(
            &scene->policy, HOST_SECRET, HOST_SET, 550, "5.1.1 No such user");
        unknown = look(scene, mechanisms[i], USER);
        expect_same(&known, &unknown);
        scene_close(scene, SLIMTA_CLOSED_CLIENT);
        scene = new_scene(options, 0, NULL);
        unknown = look(scene, mechanisms[i], USER);
        expect_same(&known, &unknown);
        scene_close(scene, SLIMTA_CLOSED_CLIENT);
    }
}

/* Stored keys bring a salt of their own; the number of iterations and the size
 * of the salt are those that unknown users are shown. */
static void test_stored_keys_look_like_others(void **state)
{
    static char stored[SLIMTA_STORED_SECRET_MAX];
    struct scene *scene;
    struct view known;
    struct view unknown;

    (void)state;
    assert_int_equal(
        slimta_stored_secret_make(stored, "SCRAM-SHA-256", PASSWORD, 0, NULL),
        0);
    scene = new_scene((struct smtp_edge_options){0}, HOST_STORED, stored);
    known = look(scene, "SCRAM-SHA-256", USER);
    host_policy_order(&scene->policy, HOST_SECRET, HOST_PASS, 0, NULL);
    unknown = look(scene, "SCRAM-SHA-256", "nobody");
    assert_int_equal(known.code, unknown.code);
    assert_int_equal(known.challenges, unknown.challenges);
    assert_int_equal(strlen(known.first), strlen(unknown.first));
    assert_non_null(strstr(known.first, ",i=10000"));
    assert_non_null(strstr(unknown.first, ",i=10000"));
    assert_string_not_equal(known.first, unknown.first);
    scene_close(scene, SLIMTA_CLOSED_CLIENT);
}

static void test_salts_differ_by_name_and_key(void **state)
{
    struct scene *scene =
        new_scene((struct smtp_edge_options){.auth_salt_key = "one"}, 0, NULL);
    struct view first = look(scene, "SCRAM-SHA-256", USER);
    struct view second = look(scene, "SCRAM-SHA-256", "romeo");

    (void)state;
    assert_string_not_equal(first.first, second.first);
    scene_close(scene, SLIMTA_CLOSED_CLIENT);
    scene = new_scene(
        (struct smtp_edge_options){.auth_salt_key = "another"}, 0, NULL);
    second = look(scene, "SCRAM-SHA-256", USER);
    assert_string_not_equal(first.first, second.first);
    scene_close(scene, SLIMTA_CLOSED_CLIENT);
}

/* --- Too many failures ---------------------------------------------------- */

static void test_failures_end_the_session(void **state)
{
    for (size_t i = 0; i < MECHANISMS; i++) {
        struct scene *scene =
            new_scene((struct smtp_edge_options){.max_errors = 3}, 0, NULL);

        assert_int_equal(look(scene, mechanisms[i], USER).code, 535);
        assert_int_equal(look(scene, mechanisms[i], USER).code, 535);
        assert_int_equal(look(scene, mechanisms[i], USER).code, 421);
        assert_string_equal(scene->client.line, "421 4.7.0 Too many errors");
        scene_hear_end(scene);
        assert_int_equal(scene_counters(scene).auth_failures, 3);
        scene_close(scene, SLIMTA_CLOSED_LIMIT);
    }
    (void)state;
}

/* --- Memory --------------------------------------------------------------- */

/** What stands before each block: its neighbours and size. */
struct block {
    struct block *next;
    struct block *previous;
    size_t size;
    size_t unused; /* 16 octets on either side */
};

/** An allocator that looks at each block that comes back, and at those that are
 * out. */
struct guard {
    pthread_mutex_t lock;
    struct block all;
    size_t found; /* blocks that came back with a secret */
};

static const char *const secrets[] = {PASSWORD, PASSWORD64, PLAIN64};

static int holds_secret(const void *memory, size_t size)
{
    const char *at = memory;
    const char *end = at + size;

    for (; at < end; at++) {
        for (size_t i = 0; i < 3; i++) {
            size_t length = strlen(secrets[i]);

            if (*at == secrets[i][0] && (size_t)(end - at) >= length &&
                memcmp(at, secrets[i], length) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

static void *guard_allocate(size_t size, void *user)
{
    struct guard *guard = user;
    struct block *block = malloc(sizeof *block + size);

    if (block == NULL) {
        return NULL;
    }
    /* What malloc had there before is not the library's. */
    memset(block + 1, 0, size);
    block->size = size;
    pthread_mutex_lock(&guard->lock);
    block->next = guard->all.next;
    block->previous = &guard->all;
    block->next->previous = block;
    guard->all.next = block;
    pthread_mutex_unlock(&guard->lock);
    return block + 1;
}

static void guard_release(void *memory, void *user)
{
    struct guard *guard = user;
    struct block *block = (struct block *)memory - 1;

    pthread_mutex_lock(&guard->lock);
    guard->found += (size_t)holds_secret(memory, block->size);
    block->previous->next = block->next;
    block->next->previous = block->previous;
    pthread_mutex_unlock(&guard->lock);
    free(block);
}

/* Always moves: what is left behind counts as given back. */
static void *guard_reallocate(void *memory, size_t size, void *user)
{
    void *moved = guard_allocate(size, user);
    size_t held = memory == NULL ? 0 : ((struct block *)memory - 1)->size;

    if (moved != NULL && memory != NULL) {
        memcpy(moved, memory, held < size ? held : size);
        guard_release(memory, user);
    }
    return moved;
}

static struct guard guard;

static struct slimta_alloc guard_alloc(void)
{
    pthread_mutex_init(&guard.lock, NULL);
    guard.all.next = guard.all.previous = &guard.all;
    guard.found = 0;
    return (struct slimta_alloc){.size = sizeof(struct slimta_alloc),
        .allocate = guard_allocate,
        .reallocate = guard_reallocate,
        .release = guard_release,
        .user = &guard};
}

/* What came back with a secret, and what is out with one. */
static size_t secrets_found(void)
{
    size_t found;

    pthread_mutex_lock(&guard.lock);
    found = guard.found;
    for (struct block *at = guard.all.next; at != &guard.all; at = at->next) {
        found += (size_t)holds_secret(at + 1, at->size);
    }
    pthread_mutex_unlock(&guard.lock);
    return found;
}

/* Looks when the client says NOOP: on the loop, which owns all of it. */
static void look_for_secrets(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    (void)session;
    (void)argument;
    if (step == HOST_NOOP) {
        *(size_t *)policy->user = secrets_found();
    }
}

static size_t ask_for_secrets(struct scene *scene)
{
    size_t found = SIZE_MAX;

    scene->policy.user = &found;
    scene_ask(scene, "NOOP\r\n", "250");
    assert_int_not_equal(found, SIZE_MAX);
    return found;
}

/** How a session shows its password. */
struct showing {
    const char *mechanism;
    int has_initial;
    int is_secure;
    int is_cut; /* each octet alone, so that lines are parked */
    int code;   /* that it comes to */
    int asks_auth;
};

static void send_octets(struct scene *scene, const char *line)
{
    for (; *line != '\0'; line++) {
        assert_int_equal(host_client_send(&scene->client, line, 1), 0);
    }
}

static void show(struct scene *scene, const struct showing *showing)
{
    struct sasl_client sasl = {.mechanism = showing->mechanism,
        .name = USER,
        .password = PASSWORD,
        .has_initial = showing->has_initial};

    if (showing->is_cut) {
        send_octets(scene, "AUTH PLAIN " PLAIN64 "\r\n");
        assert_int_equal(host_client_reply(&scene->client), showing->code);
        return;
    }
    assert_int_equal(sasl_client_run(&sasl, &scene->client), showing->code);
}

static struct scene *guarded_scene(const struct showing *showing)
{
    static struct slimta_alloc alloc;
    struct scene *scene;

    alloc = guard_alloc();
    scene = scene_prepare(&(struct smtp_edge_options){.alloc = &alloc,
                              .auth_mechanisms = ALL,
                              .auth_flags = SLIMTA_AUTH_CLEAR},
        1);
    if (showing->asks_auth) {
        scene->policy.table.secret = NULL;
        host_policy_order(&scene->policy, HOST_AUTH, HOST_FINISH, showing->code,
            showing->code == 235 ? "2.7.0 Yes" : "5.7.8 No");
    } else {
        scene->policy.table.auth = NULL;
        host_policy_order(&scene->policy, HOST_SECRET, HOST_FINISH,
            showing->code == 235 ? HOST_PASSWORD : 0, PASSWORD);
    }
    scene->policy.look = look_for_secrets;
    scene_start(scene);
    scene_connect(scene);
    scene_greet(scene);
    if (showing->is_secure) {
        scene_ask(scene, "STARTTLS\r\n", "220");
        scene_secure(scene);
        scene_ask(scene, SCENE_EHLO, "250");
    }
    return scene;
}

/* After the answer, while the session is still there, nothing of the password
 * is: neither in what was given back nor in what is still used. */
static void expect_no_secret(const struct showing *showing)
{
    struct scene *scene = guarded_scene(showing);
    int has_log;

    show(scene, showing);
    assert_int_equal(ask_for_secrets(scene), 0);
    scene_quit(scene);
    has_log = scene_has_told(scene, PASSWORD) ||
        scene_has_told(scene, PASSWORD64) || scene_has_told(scene, PLAIN64);
    assert_false(has_log);
    assert_true(scene_has_told(scene,
        showing->code == 235 ? "auth session=" : "auth_failed session="));
    assert_true(scene_has_told(scene, "authcid=" USER));
    scene_close(scene, SLIMTA_CLOSED_QUIT);
    assert_int_equal(secrets_found(), 0);
    assert_ptr_equal(guard.all.next, &guard.all);
}

static void test_no_memory_holds_a_password(void **state)
{
    static const int codes[] = {235, 535};

    (void)state;
    for (size_t i = 0; i < MECHANISMS * 8; i++) {
        const struct showing showing = {
            .mechanism = mechanisms[i / 8],
            .has_initial = i / 4 % 2 &&
                strcmp(mechanisms[i / 8], "LOGIN") != 0 &&
                strcmp(mechanisms[i / 8], "CRAM-MD5") != 0,
            .is_secure = i / 2 % 2,
            .code = codes[i % 2],
        };

        expect_no_secret(&showing);
    }
}

static void test_no_memory_holds_a_judged_password(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        expect_no_secret(&(struct showing){.mechanism = "PLAIN",
            .has_initial = 1,
            .is_secure = i % 2,
            .is_cut = i / 2 % 2,
            .code = i / 4 ? 235 : 535,
            .asks_auth = 1});
        expect_no_secret(&(struct showing){.mechanism = "LOGIN",
            .is_secure = i % 2,
            .code = i / 4 ? 235 : 535,
            .asks_auth = 1});
    }
}

/* Cut off in the middle of the line, or while somebody judges it. */
static void test_no_memory_holds_half_a_session(void **state)
{
    static const struct showing showing = {.code = 535, .asks_auth = 1};

    (void)state;
    for (int way = 0; way < 3; way++) {
        struct scene *scene = guarded_scene(&showing);

        if (way == 0) {
            send_octets(scene, "AUTH PLAIN " PLAIN64);
        } else if (way == 1) {
            struct host_taken taken;

            host_policy_order(&scene->policy, HOST_AUTH, HOST_TAKE, 0, NULL);
            send_octets(scene, "AUTH PLAIN " PLAIN64 "\r\n");
            taken = host_policy_next(&scene->policy);
            assert_int_equal(host_taken_answer(&taken, 0, NULL), 0);
            scene_hear(scene, "535");
        } else {
            /* What a client sends behind the command, before any answer. */
            send_octets(scene, "AUTH LOGIN\r\n");
            scene_hear(scene, "334");
            send_octets(scene, "anVsaWV0\r\n");
            scene_hear(scene, "334");
            send_octets(scene, PASSWORD64);
        }
        host_client_reset(&scene->client);
        assert_true(
            host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
        scene_close(scene, SLIMTA_CLOSED_CLIENT);
        assert_int_equal(secrets_found(), 0);
    }
}

/* The guard sees what is there to be seen. */
static void test_the_guard_sees(void **state)
{
    static const struct showing showing = {.code = 235, .asks_auth = 1};
    struct scene *scene = guarded_scene(&showing);

    (void)state;
    scene_ask(scene, "MAIL FROM:<" PASSWORD "@example.com>\r\n", "250");
    scene_ask(scene, "RCPT TO:<b@example.net>\r\n", "250");
    assert_true(ask_for_secrets(scene) > 0);
    scene_close(scene, SLIMTA_CLOSED_CLIENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_users_look_like_others),
        cmocka_unit_test(test_stored_keys_look_like_others),
        cmocka_unit_test(test_salts_differ_by_name_and_key),
        cmocka_unit_test(test_failures_end_the_session),
        cmocka_unit_test(test_no_memory_holds_a_password),
        cmocka_unit_test(test_no_memory_holds_a_judged_password),
        cmocka_unit_test(test_no_memory_holds_half_a_session),
        cmocka_unit_test(test_the_guard_sees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
