/** How a link proves to its hop who we are. */
#include "queue/smtp/auth.h"

#include "base/alloc.h"
#include "base/slice.h"
#include "io/loop.h"
#include "io/secure.h"
#include "io/work.h"
#include "sasl/initiate.h"

/* One exchange. While a job runs, `initiate`, `challenge` and `next` are the
 * job's, and it is not freed. */
struct sli_queue_smtp_auth {
    struct sli_io_work work;
    struct sli_queue_smtp_link *link; /* NULL: it is gone */
    struct sli_queue_pool *pool;
    struct sli_sasl_initiate *initiate;
    struct sli_buf challenge;
    enum sli_sasl_initiate_next next;
    int is_working;
};

static void auth_free(struct sli_queue_smtp_auth *auth)
{
    const struct slimta_alloc *alloc = &auth->pool->config->alloc;

    sli_sasl_initiate_free(auth->initiate);
    sli_buf_fini(&auth->challenge);
    sli_free(alloc, auth);
}

void sli_queue_smtp_auth_drop(struct sli_queue_smtp_link *link)
{
    struct sli_queue_smtp_auth *auth = link->auth;

    link->auth = NULL;
    if (auth == NULL) {
        return;
    }
    auth->link = NULL;
    if (!auth->is_working) {
        auth_free(auth);
    }
}

static void fail_without_memory(struct sli_queue_smtp_link *link)
{
    sli_queue_smtp_link_fail(
        link, SLI_SMTP_REPLY_HOP_NO_MEMORY, "no memory for AUTH");
}

/* Says what the last step has brought. What the engine cannot do it tells with
 * CLOSE. */
static void answer(struct sli_queue_smtp_auth *auth)
{
    struct sli_smtp_client *engine = &auth->link->engine;

    if (auth->next == SLI_SASL_INITIATE_SEND) {
        (void)sli_smtp_client_auth_answer(
            engine, sli_sasl_initiate_message(auth->initiate));
    } else {
        (void)sli_smtp_client_auth_cancel(engine);
    }
}

static void begin(struct sli_queue_smtp_auth *auth,
    const struct sli_sasl_mechanism *mechanism)
{
    struct sli_smtp_client *engine = &auth->link->engine;
    struct slimta_slice initial;

    auth->next = sli_sasl_initiate_step(auth->initiate, NULL);
    if (auth->next == SLI_SASL_INITIATE_FAILED) {
        fail_without_memory(auth->link);
        return;
    }
    initial = sli_sasl_initiate_message(auth->initiate);
    (void)sli_smtp_client_auth(engine, mechanism->name,
        auth->next == SLI_SASL_INITIATE_SEND ? &initial : NULL);
}

static struct sli_queue_smtp_auth *auth_new(struct sli_queue_smtp_link *link,
    const struct sli_sasl_mechanism *mechanism,
    const struct sli_sasl_identity *identity)
{
    const struct slimta_alloc *alloc = &link->queue->pools.config.alloc;
    struct sli_queue_smtp_auth *auth = sli_alloc_zero(alloc, sizeof *auth);

    if (auth == NULL) {
        return NULL;
    }
    auth->link = link;
    auth->pool = link->link.pool;
    sli_buf_init(&auth->challenge, alloc, SIZE_MAX);
    if (sli_sasl_initiate_new(&auth->initiate, alloc, link->queue->sasl,
            mechanism, identity) != 0) {
        auth_free(auth);
        return NULL;
    }
    return auth;
}

void sli_queue_smtp_auth_start(struct sli_queue_smtp_link *link)
{
    const struct sli_queue_smtp *queue = link->queue;
    const struct sli_tls_stream *stream =
        sli_io_secure_stream(&link->link.conn);
    unsigned char exporter[SLI_TLS_EXPORTER_SIZE];
    struct sli_sasl_identity identity = {
        .authcid = queue->user,
        .password = queue->password,
        .is_secure = link->is_private,
    };
    const struct sli_sasl_mechanism *mechanism;

    if (stream != NULL && sli_tls_stream_exporter(stream, exporter)) {
        identity.exporter = exporter;
    }
    mechanism = sli_sasl_initiate_choose(
        sli_slice_text(sli_smtp_client_capabilities(&link->engine)->mechanisms),
        queue->mechanism, &identity);
    if (mechanism == NULL) {
        sli_queue_smtp_link_fail(link, SLI_SMTP_REPLY_HOP_NO_MECHANISM,
            "no mechanism of AUTH that may be used");
        return;
    }
    link->auth = auth_new(link, mechanism, &identity);
    if (link->auth == NULL) {
        fail_without_memory(link);
        return;
    }
    begin(link->auth, mechanism);
}

static void step(struct sli_queue_smtp_auth *auth)
{
    struct slimta_slice challenge = sli_buf_slice(&auth->challenge);

    auth->next = sli_sasl_initiate_step(auth->initiate, &challenge);
}

static void run_job(struct sli_io_work *work)
{
    step(SLI_LIST_ITEM(work, struct sli_queue_smtp_auth, work));
}

static void on_job_done(struct sli_io_work *work)
{
    struct sli_queue_smtp_auth *auth =
        SLI_LIST_ITEM(work, struct sli_queue_smtp_auth, work);
    struct sli_queue_smtp_link *link = auth->link;
    struct sli_queue_pool *pool = auth->pool;

    auth->is_working = 0;
    if (link == NULL) {
        auth_free(auth);
    } else {
        answer(auth);
        sli_queue_smtp_link_act(link);
    }
    sli_queue_pool_job_ends(pool);
}

void sli_queue_smtp_auth_challenged(
    struct sli_queue_smtp_link *link, struct slimta_slice challenge)
{
    struct sli_queue_smtp_auth *auth = link->auth;

    sli_buf_clear(&auth->challenge);
    if (sli_buf_append(&auth->challenge, challenge) != 0) {
        fail_without_memory(link);
    } else if (sli_sasl_initiate_is_slow(auth->initiate)) {
        auth->is_working = 1;
        sli_queue_pool_job_begins(auth->pool);
        sli_io_work_start(auth->pool->loop, &auth->work, SLI_IO_WORK_OTHER,
            run_job, on_job_done);
    } else {
        step(auth);
        answer(auth);
    }
}

void sli_queue_smtp_auth_ended(
    struct sli_queue_smtp_link *link, const struct sli_smtp_client_event *end)
{
    int is_done =
        link->auth != NULL && sli_sasl_initiate_is_done(link->auth->initiate);

    sli_queue_smtp_auth_drop(link);
    if (!end->is_accepted) {
        sli_queue_smtp_link_fail(link, SLI_SMTP_REPLY_HOP_AUTH_FAILED,
            slimta_reply_text(end->reply));
    } else if (!is_done) {
        /* RFC 5802 section 5: it has not proved that it knows us. */
        sli_queue_smtp_link_fail(link, SLI_SMTP_REPLY_HOP_AUTH_FAILED,
            "the hop has accepted us without knowing the password");
    } else {
        link->is_known = 1;
    }
}
