/** One connection to a next hop, whatever it speaks: from dialing to its end.
 */
#include "queue/link.h"

#include <string.h>
#include <unistd.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "io/loop.h"
#include "io/secure.h"
#include "mail/reply.h"
#include "queue/pool.h"

static void dial(struct sli_queue_link *link);

/* The timer */

static void on_timer(struct sli_io_timer *timer)
{
    struct sli_queue_link *link =
        SLI_LIST_ITEM(timer, struct sli_queue_link, timer);

    switch (link->state) {
    case SLI_QUEUE_LINK_IDLE:
        sli_queue_link_retire(link);
        break;
    case SLI_QUEUE_LINK_RETIRING:
        sli_queue_link_close(link, SLI_IO_CONN_NOW);
        break;
    case SLI_QUEUE_LINK_OPENING:
    case SLI_QUEUE_LINK_BUSY:
        link->pool->config->kind->timed_out(link);
        break;
    default:
        break;
    }
}

void sli_queue_link_set_timer(struct sli_queue_link *link, uint64_t after_ms)
{
    sli_io_timer_start(link->pool->loop, &link->timer, after_ms, on_timer);
}

/* Changes the state, which the pool counts. The timer belongs to a state. */
static void enter(struct sli_queue_link *link, enum sli_queue_link_state state)
{
    struct sli_queue_pool *pool = link->pool;
    int was_opening = link->state <= SLI_QUEUE_LINK_FAILING;
    int is_opening = state <= SLI_QUEUE_LINK_FAILING;

    if (link->state == SLI_QUEUE_LINK_IDLE) {
        sli_list_remove(&link->idle);
    }
    pool->opening_count += (uint64_t)is_opening - (uint64_t)was_opening;
    pool->busy_count += (uint64_t)(state == SLI_QUEUE_LINK_BUSY) -
        (uint64_t)(link->state == SLI_QUEUE_LINK_BUSY);
    if (state != SLI_QUEUE_LINK_BUSY) {
        link->turn = NULL;
    }
    link->state = state;
    sli_io_timer_stop(pool->loop, &link->timer);
}

/* A round through the hops */

static void end_round(struct sli_queue_link *link)
{
    enter(link, SLI_QUEUE_LINK_CLOSING);
    sli_queue_pool_round_failed(link->pool, link->was_connected);
    sli_queue_pool_link_is_gone(link);
}

static void try_next_hop(struct sli_queue_link *link)
{
    link->hop = sli_queue_pool_next_hop(link->pool, link->tried);
    if (link->hop == NULL) {
        end_round(link);
    } else {
        dial(link);
    }
}

/* The words for a message when nobody could be dialed. */
static void explain(struct sli_queue_link *link, int err)
{
    static const struct {
        int err;
        const char *text;
    } texts[] = {
        {SLIMTA_ENOENT, "4.4.4 Next hop not found"},
        {SLIMTA_EAGAIN, "4.4.3 Name of next hop cannot be looked up"},
        {SLIMTA_ENOMEM, "4.3.0 Unhandled system error"},
        {SLIMTA_EMFILE, "4.3.0 Unhandled system error"},
    };
    const char *text = "4.4.1 No answer from next hop";

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        text = texts[i].err == err ? texts[i].text : text;
    }
    sli_mail_reply_set_fixed(&link->pool->why, 451, text);
}

static void hop_failed(struct sli_queue_link *link, const char *reason)
{
    struct sli_queue_pool *pool = link->pool;

    sli_queue_pool_hop_is_missing(pool, link->hop);
    sli_queue_tell_hop_failed(
        &pool->config->tell, link->hop, &link->dial.address, reason);
}

static void dial_failed(
    struct sli_queue_link *link, int err, const char *reason)
{
    explain(link, err);
    hop_failed(link, reason);
    try_next_hop(link);
}

static uint64_t connect_left_ms(const struct sli_queue_link *link)
{
    uint64_t timeout_ms = link->pool->config->connect_timeout_ms;
    uint64_t took_ms = sli_io_loop_now(link->pool->loop) - link->dialed_ms;

    return took_ms < timeout_ms ? timeout_ms - took_ms : 0;
}

static void open_link(struct sli_queue_link *link, int fd)
{
    const struct sli_queue_link_kind *kind = link->pool->config->kind;
    int err = sli_io_conn_open(
        &link->conn, link->pool->loop, fd, kind->max_pending, kind->handler);

    if (err != 0) {
        (void)close(fd);
        dial_failed(link, err, slimta_strerror(err));
        return;
    }
    memset((char *)link + sizeof *link, 0, kind->size - sizeof *link);
    link->was_connected = 1;
    enter(link, SLI_QUEUE_LINK_OPENING);
    sli_queue_link_set_timer(link, connect_left_ms(link));
    kind->opened(link);
}

static void on_dialed(struct sli_io_dial *dial)
{
    struct sli_queue_link *link =
        SLI_LIST_ITEM(dial, struct sli_queue_link, dial);

    if (link->state == SLI_QUEUE_LINK_CLOSING) {
        sli_queue_pool_link_is_gone(link);
    } else if (dial->fd < 0) {
        dial_failed(link, dial->err, dial->reason);
    } else {
        open_link(link, dial->fd);
    }
}

static void dial(struct sli_queue_link *link)
{
    struct sli_queue_pool *pool = link->pool;

    link->tried |= UINT32_C(1) << sli_queue_pool_hop_index(pool, link->hop);
    link->dialed_ms = sli_io_loop_now(pool->loop);
    enter(link, SLI_QUEUE_LINK_DIALING);
    sli_io_dial_start(&link->dial, pool->loop, pool->resolver,
        &link->hop->target, pool->config->connect_timeout_ms, on_dialed);
}

struct sli_queue_link *sli_queue_link_new(struct sli_queue_pool *pool)
{
    struct sli_queue_link *link =
        sli_alloc_zero(&pool->config->alloc, pool->config->kind->size);

    if (link == NULL) {
        return NULL;
    }
    link->pool = pool;
    sli_list_init(&link->idle);
    sli_list_append(&pool->links, &link->all);
    pool->link_count++;
    pool->opening_count++; /* its state is one of these already */
    link->hop = sli_queue_pool_next_hop(pool, 0);
    dial(link);
    return link;
}

/* What the kind says */

/* The last words are in the pool already. */
static void fail(struct sli_queue_link *link, const char *reason)
{
    hop_failed(link, reason);
    enter(link, SLI_QUEUE_LINK_FAILING);
    sli_io_conn_close(&link->conn, SLI_IO_CONN_NOW);
}

void sli_queue_link_failed(struct sli_queue_link *link,
    const struct slimta_reply *why, const char *reason)
{
    if (link->state != SLI_QUEUE_LINK_OPENING) {
        return;
    }
    if (sli_mail_reply_copy(&link->pool->why, why) != 0) {
        sli_mail_reply_set_fixed(
            &link->pool->why, 451, "4.4.2 Next hop is not ready");
    }
    fail(link, reason);
}

void sli_queue_link_failed_with(
    struct sli_queue_link *link, int code, const char *text, const char *reason)
{
    if (link->state == SLI_QUEUE_LINK_OPENING) {
        sli_mail_reply_set_fixed(&link->pool->why, code, text);
        fail(link, reason);
    }
}

void sli_queue_link_ready(struct sli_queue_link *link)
{
    if (link->state == SLI_QUEUE_LINK_OPENING) {
        sli_queue_pool_hop_is_there(link->pool, link->hop);
    } else if (link->state == SLI_QUEUE_LINK_BUSY) {
        link->carried++;
    } else {
        return;
    }
    enter(link, SLI_QUEUE_LINK_IDLE);
    sli_queue_link_set_timer(link, link->pool->config->idle_ms);
    sli_queue_pool_link_is_free(link);
}

void sli_queue_link_close(
    struct sli_queue_link *link, enum sli_io_conn_close how)
{
    if (link->state == SLI_QUEUE_LINK_DIALING) {
        return; /* there is no connection */
    }
    if (link->state != SLI_QUEUE_LINK_CLOSING) {
        enter(link, SLI_QUEUE_LINK_CLOSING);
    }
    sli_io_conn_close(&link->conn, how);
}

int sli_queue_link_secure(struct sli_queue_link *link)
{
    const struct sli_io_secure_options options = {
        .tls = link->pool->config->tls,
        .role = SLI_TLS_CLIENT,
        .server_name = link->hop->name,
        .received = SLI_LITERAL(""),
    };

    return sli_io_secure_start(&link->conn, &options);
}

void sli_queue_link_closed(struct sli_io_conn *conn)
{
    struct sli_queue_link *link = sli_queue_link_of(conn);

    if (link->pool->config->kind->fini != NULL) {
        link->pool->config->kind->fini(link);
    }
    sli_io_conn_fini(conn);
    if (link->state == SLI_QUEUE_LINK_FAILING) {
        try_next_hop(link);
    } else {
        sli_queue_pool_link_is_gone(link);
    }
}

/* What the pool says */

void sli_queue_link_give(
    struct sli_queue_link *link, struct sli_queue_turn *turn)
{
    enter(link, SLI_QUEUE_LINK_BUSY);
    link->turn = turn;
    turn->came(turn, link);
}

void sli_queue_link_retire(struct sli_queue_link *link)
{
    enter(link, SLI_QUEUE_LINK_RETIRING);
    if (link->pool->config->kind->retire != NULL) {
        link->pool->config->kind->retire(link);
    } else {
        sli_queue_link_close(link, SLI_IO_CONN_FLUSH);
    }
}

void sli_queue_link_stop(struct sli_queue_link *link)
{
    switch (link->state) {
    case SLI_QUEUE_LINK_DIALING:
        enter(link, SLI_QUEUE_LINK_CLOSING);
        sli_io_dial_cancel(&link->dial);
        break;
    case SLI_QUEUE_LINK_BUSY:
        link->pool->config->kind->stop(link);
        break;
    default:
        sli_queue_link_close(link, SLI_IO_CONN_NOW);
        break;
    }
}
