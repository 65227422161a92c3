/** Links and turns: reuse, limits, hops that fail, staleness, leaving. */
#include "test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail_alloc.h"
#include "queue/pool.h"
#include "station.h"

enum { HOPS = 2, TURNS = 32 };

/* A next hop that says one octet to each who connects: 'Y' it is ready, 'N' it
 * is not; 0: nothing. */
struct hop {
    int fd; /* -1: nobody listens */
    uint16_t port;
    uv_poll_t poll;
    char greeting;
    int clients[TURNS];
    size_t count;
};

/* A message, as a queue has it. */
struct message {
    struct sli_queue_turn turn; /* first */
    struct sli_queue_link *link;
    int came;
    int failed;
    char text[80];
    uint64_t carried;
    size_t hop;
};

/* The fake protocol's link. */
struct fake {
    struct sli_queue_link link; /* first */
    int opened;
};

/* A queue with nothing but its pools. */
struct fake_queue {
    struct slimta_queue queue; /* first */
    struct sli_queue_pools pools;
};

struct bench {
    struct fake_queue fake;
    struct station station;
    struct hop hops[HOPS];
    struct message messages[TURNS];
    int retired;
    int stopped;
    int finished; /* `fini` */
    char told[1024];
};

static struct bench bench;

/* The hops */

static void on_client(uv_poll_t *poll, int status, int events)
{
    struct hop *hop = poll->data;
    int fd = accept(hop->fd, NULL, NULL);

    (void)status;
    (void)events;
    assert_true(fd >= 0);
    assert_true(hop->count < TURNS);
    hop->clients[hop->count++] = fd;
    if (hop->greeting != 0) {
        assert_int_equal(send(fd, &hop->greeting, 1, MSG_NOSIGNAL), 1);
    }
}

static void hop_open(struct hop *hop, char greeting)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;

    hop->greeting = greeting;
    hop->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(hop->fd, (struct sockaddr *)&name, size), 0);
    assert_int_equal(listen(hop->fd, TURNS), 0);
    assert_int_equal(getsockname(hop->fd, (struct sockaddr *)&name, &size), 0);
    hop->port = ntohs(name.sin_port);
}

static void hop_serve(struct hop *hop)
{
    uv_loop_t *uv = bench.station.loop->uv;

    hop->poll.data = hop;
    assert_int_equal(uv_poll_init(uv, &hop->poll, hop->fd), 0);
    assert_int_equal(uv_poll_start(&hop->poll, UV_READABLE, on_client), 0);
    uv_unref((uv_handle_t *)&hop->poll);
}

/* From now on nobody listens there. */
static void hop_close(struct hop *hop)
{
    if (hop->fd >= 0) {
        uv_close((uv_handle_t *)&hop->poll, NULL);
        assert_int_equal(close(hop->fd), 0);
        hop->fd = -1;
    }
}

static void hop_cut(struct hop *hop)
{
    for (size_t i = 0; i < hop->count; i++) {
        (void)close(hop->clients[i]);
    }
    hop->count = 0;
}

/* The protocol */

static void on_received(struct sli_io_conn *conn, struct slimta_slice octets)
{
    struct sli_queue_link *link = sli_queue_link_of(conn);

    assert_int_equal(octets.size, 1);
    if (octets.data[0] == 'Y') {
        sli_queue_link_ready(link);
    } else {
        sli_queue_link_failed_with(
            link, 451, "4.7.0 Not you", "the hop said no");
    }
}

static void on_over(struct sli_io_conn *conn)
{
    struct sli_queue_link *link = sli_queue_link_of(conn);

    if (link->state == SLI_QUEUE_LINK_OPENING) {
        sli_queue_link_failed_with(
            link, 451, "4.4.2 Connection lost", "connection lost");
    } else if (link->state != SLI_QUEUE_LINK_BUSY) {
        sli_queue_link_close(link, SLI_IO_CONN_NOW);
    }
}

static void on_lost(struct sli_io_conn *conn, int error)
{
    (void)error;
    on_over(conn);
}

static void on_drained(struct sli_io_conn *conn)
{
    (void)conn;
}

static const struct sli_io_conn_handler handler = {
    .received = on_received,
    .ended = on_over,
    .drained = on_drained,
    .lost = on_lost,
    .closed = sli_queue_link_closed,
};

static void fake_opened(struct sli_queue_link *link)
{
    struct fake *fake = (struct fake *)link;

    assert_int_equal(fake->opened, 0);
    assert_int_equal(link->carried, 0);
    fake->opened = 1;
}

static void fake_timed_out(struct sli_queue_link *link)
{
    sli_queue_link_failed_with(
        link, 451, "4.4.2 Next hop timed out", "timed out");
}

static void fake_retire(struct sli_queue_link *link)
{
    bench.retired++;
    sli_queue_link_close(link, SLI_IO_CONN_FLUSH);
}

static void fake_stop(struct sli_queue_link *link)
{
    struct message *message = (struct message *)link->turn;

    bench.stopped++;
    message->link = NULL;
    sli_queue_link_close(link, SLI_IO_CONN_NOW);
}

static void fake_fini(struct sli_queue_link *link)
{
    assert_int_equal(((struct fake *)link)->opened, 1);
    bench.finished++;
}

static const struct sli_queue_link_kind kind = {
    .size = sizeof(struct fake),
    .handler = &handler,
    .max_pending = 1024,
    .opened = fake_opened,
    .timed_out = fake_timed_out,
    .retire = fake_retire,
    .stop = fake_stop,
    .fini = fake_fini,
};

/* The queue */

static struct sli_queue_pools *pools_of(struct slimta_queue *queue)
{
    return &((struct fake_queue *)queue)->pools;
}

static int attach(struct slimta_queue *queue, struct slimta_loop *loop)
{
    return sli_queue_pool_attach(pools_of(queue), loop);
}

static void detach(
    struct slimta_queue *queue, struct slimta_loop *loop, struct slimta_op *op)
{
    sli_queue_pool_detach(pools_of(queue), loop, op);
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods, .attach = attach, .detach = detach};

static void on_event(const struct slimta_event *event, void *user)
{
    size_t size = strlen(bench.told);

    (void)user;
    (void)slimta_event_format(event, SLIMTA_LOG_TEXT, bench.told + size,
        sizeof bench.told - size - 1);
    strcat(bench.told, "\n");
}

static void fill_config(const struct slimta_alloc *alloc, uint64_t connections)
{
    struct sli_queue_pool_config *config = &bench.fake.pools.config;
    char hosts[64];

    assert_int_equal(sli_alloc_init(&config->alloc, alloc), 0);
    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%d,127.0.0.1:%d",
        bench.hops[0].port, bench.hops[1].port);
    config->kind = &kind;
    config->connect_timeout_ms = 30000;
    config->max_connections = connections;
    config->idle_ms = 10000;
    config->tell = (struct sli_queue_tell){.event = on_event, .hostname = ""};
    bench.fake.queue.methods = &methods;
    /* Not what is under test here: from malloc. */
    static struct slimta_alloc plain;
    assert_int_equal(sli_alloc_init(&plain, NULL), 0);
    assert_int_equal(
        sli_queue_hop_read_hosts(&config->hops, &plain, hosts, 25, "", NULL),
        0);
}

static void open_bench(const char *greetings, uint64_t connections,
    const struct slimta_alloc *alloc)
{
    memset(&bench, 0, sizeof bench);
    for (size_t i = 0; i < HOPS; i++) {
        hop_open(&bench.hops[i], greetings[i] == '-' ? 0 : greetings[i]);
    }
    fill_config(alloc, connections);
    bench.station.queue = &bench.fake.queue;
}

static void serve(void)
{
    hop_serve(&bench.hops[0]);
    hop_serve(&bench.hops[1]);
}

static void begin(const char *greetings, uint64_t connections)
{
    open_bench(greetings, connections, NULL);
    assert_int_equal(station_open(&bench.station, NULL), 0);
    serve();
}

static void end(void)
{
    for (size_t i = 0; i < HOPS; i++) {
        hop_close(&bench.hops[i]);
    }
    station_finish(&bench.station);
    station_close(&bench.station);
    for (size_t i = 0; i < HOPS; i++) {
        hop_cut(&bench.hops[i]);
    }
    sli_queue_hop_fini(&bench.fake.pools.config.hops);
    sli_queue_pool_fini(&bench.fake.pools);
}

static struct sli_queue_pool *pool(void)
{
    return sli_queue_pool_find(&bench.fake.pools, bench.station.loop);
}

static void turn(void)
{
    for (int i = 0; i < 8; i++) {
        (void)uv_run(bench.station.loop->uv, UV_RUN_NOWAIT);
    }
}

static void skip_ms(uint64_t ms)
{
    sli_io_wheel_turn(&bench.station.loop->wheel,
        sli_io_loop_now(bench.station.loop) + ms + SLI_IO_TICK_MS);
}

/* The messages */

static void came(struct sli_queue_turn *turn, struct sli_queue_link *link)
{
    struct message *message = (struct message *)turn;

    assert_ptr_equal(link->turn, turn);
    message->came++;
    message->link = link;
    message->carried = link->carried;
    message->hop = (size_t)(link->hop - bench.fake.pools.config.hops.items);
}

static void failed(struct sli_queue_turn *turn, const struct slimta_reply *why)
{
    struct message *message = (struct message *)turn;

    message->failed++;
    (void)snprintf(message->text, sizeof message->text, "%d %s %s",
        slimta_reply_code(why), slimta_reply_enhanced(why),
        slimta_reply_text(why));
}

static struct message *ask(size_t i)
{
    struct message *message = &bench.messages[i];

    *message = (struct message){.turn = {.came = came, .failed = failed}};
    sli_queue_pool_ask(pool(), &message->turn);
    return message;
}

static void give_back(struct message *message)
{
    struct sli_queue_link *link = message->link;

    message->link = NULL;
    sli_queue_link_ready(link);
}

static void run_until(const int *flag)
{
    while (*flag == 0) {
        (void)uv_run(bench.station.loop->uv, UV_RUN_ONCE);
    }
}

static struct message *ask_and_get(size_t i)
{
    struct message *message = ask(i);

    run_until(&message->came);
    return message;
}

static void a_link_is_used_again(void **state)
{
    struct message *message;

    (void)state;
    begin("YY", 4);
    message = ask_and_get(0);
    assert_int_equal(message->carried, 0);
    assert_int_equal(message->hop, 0);
    give_back(message);
    message = ask(1);
    assert_int_equal(message->came, 1); /* at once */
    assert_int_equal(message->carried, 1);
    give_back(message);
    assert_int_equal(bench.hops[0].count, 1);
    assert_int_equal(bench.hops[1].count, 0);

    skip_ms(9000);
    assert_int_equal(bench.retired, 0);
    skip_ms(10000);
    assert_int_equal(bench.retired, 1);
    turn();
    assert_int_equal(pool()->link_count, 0);
    assert_int_equal(bench.finished, 1);
    assert_string_equal(bench.told, "");
    end();
}

/* The last one used is the next: what is too many grows old. */
static void the_last_one_used_is_the_first(void **state)
{
    struct message *first;
    struct message *second;
    struct sli_queue_link *last;

    (void)state;
    begin("YY", 4);
    first = ask(0);
    second = ask(1);
    run_until(&first->came);
    run_until(&second->came);
    last = second->link;
    give_back(first);
    give_back(second);
    assert_ptr_equal(ask(2)->link, last);
    give_back(&bench.messages[2]);
    end();
}

static void the_hop_that_leaves_takes_its_idle_links(void **state)
{
    (void)state;
    begin("YY", 4);
    give_back(ask_and_get(0));
    hop_cut(&bench.hops[0]);
    turn();
    assert_int_equal(pool()->link_count, 0);
    assert_int_equal(bench.retired, 0);
    end();
}

static void only_so_many_links_and_turns(void **state)
{
    (void)state;
    begin("YY", 2);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(ask(i)->failed, 0);
    }
    assert_int_equal(ask(20)->failed, 1);
    run_until(&bench.messages[0].came);
    run_until(&bench.messages[1].came);
    turn();
    assert_int_equal(pool()->link_count, 2);
    assert_int_equal(bench.hops[0].count, 2);
    /* First come, first served. */
    for (size_t i = 2; i < 20; i++) {
        assert_int_equal(bench.messages[i].came, 0);
        give_back(&bench.messages[i - 2]);
        assert_int_equal(bench.messages[i].came, 1);
    }
    give_back(&bench.messages[18]);
    give_back(&bench.messages[19]);
    assert_int_equal(bench.hops[0].count, 2);
    end();
}

static void the_limit_of_those_who_wait(void **state)
{
    (void)state;
    begin("--", 1);
    for (size_t i = 0; i < SLI_QUEUE_POOL_WAITING_FACTOR; i++) {
        assert_int_equal(ask(i)->failed, 0);
    }
    assert_int_equal(ask(20)->failed, 1);
    assert_string_equal(bench.messages[20].text,
        "451 4.4.5 Too many messages wait for the next hop");
    sli_queue_pool_forget(&bench.messages[3].turn);
    sli_queue_pool_forget(&bench.messages[3].turn);
    assert_int_equal(ask(20)->failed, 0);
    end();
    assert_int_equal(bench.messages[0].failed, 1);
    assert_string_equal(
        bench.messages[0].text, "451 4.3.2 Service is stopping");
    assert_int_equal(bench.messages[3].failed, 0);
}

static void a_hop_that_is_not_there(void **state)
{
    struct message *message;

    (void)state;
    begin("YY", 4);
    hop_close(&bench.hops[0]);
    message = ask_and_get(0);
    assert_int_equal(message->hop, 1);
    assert_non_null(strstr(bench.told, "hop_failed next_hop=127.0.0.1:"));
    assert_non_null(strstr(bench.told, "reason=\"connection refused\""));
    give_back(message);
    end();
}

/* It is asked behind the others for a while, and then first again. */
static void a_hop_that_said_no_is_avoided(void **state)
{
    struct message *first;
    struct message *second;

    (void)state;
    begin("NY", 8);
    first = ask_and_get(0);
    assert_int_equal(first->hop, 1);
    second = ask_and_get(1);
    assert_int_equal(second->hop, 1);
    assert_int_equal(bench.hops[0].count, 1);
    assert_int_equal(bench.hops[1].count, 2);
    assert_non_null(strstr(bench.told, "reason=\"the hop said no\""));
    assert_int_equal(bench.finished, 1);
    /* Its time is over. */
    pool()->avoid_until_ms[0] = sli_io_loop_now(bench.station.loop);
    bench.hops[0].greeting = 'Y';
    assert_int_equal(ask_and_get(2)->hop, 0);
    /* It is asked even so when nobody else is there. */
    bench.hops[0].greeting = 'N';
    assert_int_equal(ask_and_get(3)->hop, 1);
    bench.hops[0].greeting = 'Y';
    hop_close(&bench.hops[1]);
    assert_int_equal(ask_and_get(4)->hop, 0);
    for (size_t i = 0; i < 5; i++) {
        give_back(&bench.messages[i]);
    }
    end();
}

static void no_hop_at_all(void **state)
{
    (void)state;
    begin("YY", 2);
    hop_close(&bench.hops[0]);
    hop_close(&bench.hops[1]);
    for (size_t i = 0; i < 5; i++) {
        (void)ask(i);
    }
    run_until(&bench.messages[0].failed);
    /* All at once, those too for whom there was no link. */
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(bench.messages[i].failed, 1);
        assert_string_equal(
            bench.messages[i].text, "451 4.4.1 No answer from next hop");
    }
    turn();
    assert_int_equal(pool()->link_count, 0);
    end();
}

/* While one is served the others may yet be. */
static void a_hop_that_serves_only_one(void **state)
{
    struct message *served;

    (void)state;
    begin("YN", 4);
    hop_close(&bench.hops[1]);
    served = ask_and_get(0);
    bench.hops[0].greeting = 'N';
    (void)ask(1);
    (void)ask(2);
    run_until(&bench.messages[1].failed);
    run_until(&bench.messages[2].failed);
    assert_int_equal(served->came, 1);
    give_back(served);
    end();
}

static void a_hop_that_says_nothing(void **state)
{
    struct message *message;

    (void)state;
    begin("--", 4);
    message = ask(0);
    turn();
    assert_int_equal(pool()->opening_count, 1);
    skip_ms(29000);
    assert_int_equal(bench.told[0], '\0');
    skip_ms(30000);
    assert_non_null(strstr(bench.told, "reason=\"timed out\""));
    turn();
    assert_int_equal(message->failed, 0);
    skip_ms(30000);
    run_until(&message->failed);
    assert_string_equal(message->text, "451 4.4.2 Next hop timed out");
    end();
}

/* What it left behind is no better: all of them go. */
static void asking_again_is_asking_a_fresh_one(void **state)
{
    struct message *message;

    (void)state;
    begin("YY", 4);
    (void)ask(0);
    (void)ask(1);
    (void)ask(2);
    for (size_t i = 0; i < 3; i++) {
        run_until(&bench.messages[i].came);
    }
    for (size_t i = 0; i < 3; i++) {
        give_back(&bench.messages[i]);
    }
    message = ask(3);
    assert_int_equal(message->carried, 1);
    message->came = 0;
    sli_queue_link_close(message->link, SLI_IO_CONN_NOW);
    sli_queue_pool_ask_again(
        pool(), &message->turn, &bench.fake.pools.config.hops.items[0]);
    assert_int_equal(bench.retired, 2);
    run_until(&message->came);
    assert_int_equal(message->carried, 0);
    give_back(message);
    end();
}

/* With every link in another state. */
static void leaving_in_every_state(void **state)
{
    (void)state;
    for (int turns = 0; turns < 10; turns++) {
        begin("YY", 4);
        (void)ask(0);
        for (int i = 0; i < turns; i++) {
            (void)uv_run(bench.station.loop->uv, UV_RUN_NOWAIT);
        }
        if (bench.messages[0].came && turns % 2 == 0) {
            give_back(&bench.messages[0]);
        }
        end();
        assert_int_equal(
            bench.stopped, bench.messages[0].came && turns % 2 != 0);
        assert_int_equal(bench.messages[0].came + bench.messages[0].failed, 1);
    }
    begin("--", 4);
    (void)ask(0);
    turn();
    assert_int_equal(pool()->links.next != &pool()->links, 1);
    end();
}

static void two_edges_in_one_loop(void **state)
{
    struct station other = {.queue = &bench.fake.queue};

    (void)state;
    begin("YY", 4);
    assert_int_equal(station_open(&other, bench.station.loop), 0);
    other.queue = &bench.fake.queue;
    assert_int_equal(pool()->users, 2);
    give_back(ask_and_get(0));
    /* The other one still has it. */
    station_detach(&other);
    while (!other.has_left) {
        (void)uv_run(bench.station.loop->uv, UV_RUN_ONCE);
    }
    assert_int_equal(pool()->users, 1);
    assert_int_equal(pool()->link_count, 1);
    end();
}

/* Threads come and go; each finds its own pool, and no more are made than were
 * in use at a time. */
static void *come_and_go(void *user)
{
    struct station station = {.queue = user};

    for (int i = 0; i < 50; i++) {
        struct sli_queue_pool *mine;

        assert_int_equal(station_open(&station, NULL), 0);
        mine = sli_queue_pool_find(&bench.fake.pools, station.loop);
        assert_non_null(mine);
        assert_ptr_equal(mine->loop, station.loop);
        station_finish(&station);
        station_close(&station);
        station = (struct station){.queue = user};
    }
    return NULL;
}

static void several_threads(void **state)
{
    pthread_t threads[4];
    size_t made = 0;

    (void)state;
    open_bench("YY", 4, NULL);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, come_and_go, &bench.fake.queue),
            0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (struct sli_queue_pool *at = bench.fake.pools.first; at != NULL;
         at = at->next) {
        made++;
    }
    assert_true(made >= 1 && made <= 4);
    sli_queue_pool_fini(&bench.fake.pools);
    sli_queue_hop_fini(&bench.fake.pools.config.hops);
    (void)close(bench.hops[0].fd);
    (void)close(bench.hops[1].fd);
}

static void scenario(struct fail_alloc *alloc, void *user)
{
    (void)user;
    open_bench("YY", 2, &alloc->table);
    if (station_open(&bench.station, NULL) == 0) {
        serve();
        for (size_t i = 0; i < 3; i++) {
            (void)ask(i);
        }
        for (size_t i = 0; i < 3; i++) {
            while (!bench.messages[i].came && !bench.messages[i].failed) {
                (void)uv_run(bench.station.loop->uv, UV_RUN_ONCE);
            }
            if (bench.messages[i].came) {
                give_back(&bench.messages[i]);
            }
        }
        end();
        return;
    }
    assert_true(fail_alloc_has_failed(alloc));
    station_go(&bench.station);
    station_run(&bench.station);
    station_close(&bench.station);
    (void)close(bench.hops[0].fd);
    (void)close(bench.hops[1].fd);
    sli_queue_hop_fini(&bench.fake.pools.config.hops);
    sli_queue_pool_fini(&bench.fake.pools);
}

static void every_allocation_failing(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(scenario, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_is_used_again),
        cmocka_unit_test(the_last_one_used_is_the_first),
        cmocka_unit_test(the_hop_that_leaves_takes_its_idle_links),
        cmocka_unit_test(only_so_many_links_and_turns),
        cmocka_unit_test(the_limit_of_those_who_wait),
        cmocka_unit_test(a_hop_that_is_not_there),
        cmocka_unit_test(a_hop_that_said_no_is_avoided),
        cmocka_unit_test(no_hop_at_all),
        cmocka_unit_test(a_hop_that_serves_only_one),
        cmocka_unit_test(a_hop_that_says_nothing),
        cmocka_unit_test(asking_again_is_asking_a_fresh_one),
        cmocka_unit_test(leaving_in_every_state),
        cmocka_unit_test(two_edges_in_one_loop),
        cmocka_unit_test(several_threads),
        cmocka_unit_test(every_allocation_failing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
