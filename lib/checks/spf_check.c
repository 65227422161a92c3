/** One SPF check on its way: an engine, its look-ups, and the time they take.
 */
#include "checks/spf_check.h"

#include <time.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "checks/spf_report.h"

struct sli_checks_spf_check {
    struct sli_checks_spf_request request;
    char *helo;
    char *sender;
    char *receiver;
    struct sli_spf_table table; /* both identities share it */
    void *state;                /* the engine's */
    int is_helo;                /* the sender's identity is done */
    unsigned lookups;           /* of the identity at hand */
    struct slimta_query *query;
    struct sli_spf_answer *answer; /* that the query is to fill */
    uint64_t end_ms;
    struct sli_checks_spf_outcome outcome;
};

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t time_left_ms(const struct sli_checks_spf_check *check)
{
    uint64_t now = now_ms();

    return now < check->end_ms ? check->end_ms - now : 0;
}

static void free_check(struct sli_checks_spf_check *check)
{
    const struct slimta_alloc *alloc = check->request.alloc;

    check->request.engine->free(check->state, alloc);
    sli_spf_table_fini(&check->table);
    sli_free(alloc, check->helo);
    sli_free(alloc, check->sender);
    sli_free(alloc, check->receiver);
    sli_free(alloc, check);
}

void sli_checks_spf_check_cancel(struct sli_checks_spf_check *check)
{
    if (check != NULL) {
        slimta_query_cancel(check->query);
        free_check(check);
    }
}

/* RFC 7208 sections 2.3 and 2.4: the HELO identity is that of the null sender.
 */
static const char *sender_of(const struct sli_checks_spf_check *check)
{
    return check->is_helo ? "" : check->sender;
}

static int begin(struct sli_checks_spf_check *check)
{
    const struct sli_spf_question question = {
        .client = check->request.client,
        .helo = sli_slice_text(check->helo),
        .sender = sli_slice_text(sender_of(check)),
        .receiver = sli_slice_text(check->receiver),
        .time_s = (uint64_t)time(NULL),
    };

    check->lookups = 0;
    return check->request.engine->begin(
        &check->state, check->request.alloc, &question, &check->table);
}

/* The domain that the identity at hand is about. */
static struct slimta_slice domain_of(const struct sli_checks_spf_check *check)
{
    struct slimta_slice text = sli_slice_text(sender_of(check));
    size_t at = text.size;

    if (text.size == 0) {
        return sli_slice_text(check->helo);
    }
    while (at > 0 && text.data[at - 1] != '@') {
        at--;
    }
    return sli_slice_skip(text, at);
}

/* Tells and frees. */
static void finish(struct sli_checks_spf_check *check)
{
    check->request.done(&check->outcome.report, check->request.user);
    free_check(check);
}

/* One identity has its result. Returns 1 when another is to be checked. */
static int note(
    struct sli_checks_spf_check *check, const struct sli_checks_spf_run *run)
{
    if (check->is_helo) {
        check->outcome.report.helo_result = run->result;
        return 0;
    }
    sli_checks_spf_report_fill(
        &check->outcome, run, domain_of(check), &check->request.client);
    check->request.engine->free(check->state, check->request.alloc);
    check->state = NULL;
    check->is_helo = 1;
    if (check->sender[0] == '\0') {
        check->outcome.report.helo_result = run->result;
        return 0;
    }
    if (begin(check) != 0) {
        check->outcome.report.helo_result = SLIMTA_SPF_TEMPERROR;
        return 0;
    }
    return 1;
}

static void add_address(struct sli_spf_table *table,
    struct sli_spf_answer *entry, const struct slimta_answer *answer,
    size_t index)
{
    struct slimta_address address;
    struct sli_spf_value *value;

    if (slimta_answer_address(answer, index, &address)) {
        value = sli_spf_table_add_value(table, entry, SLI_LITERAL(""));
        if (value != NULL) {
            memcpy(value->ip, address.ip, sizeof value->ip);
        }
    }
}

static void add_record(struct sli_spf_table *table,
    struct sli_spf_answer *entry, const struct slimta_answer *answer,
    size_t index)
{
    struct slimta_slice text = {NULL, 0};

    switch (entry->type) {
    case SLI_SPF_TYPE_A:
    case SLI_SPF_TYPE_AAAA:
        add_address(table, entry, answer, index);
        return;
    case SLI_SPF_TYPE_TXT:
        (void)slimta_answer_text(answer, index, &text);
        break;
    case SLI_SPF_TYPE_MX:
    case SLI_SPF_TYPE_PTR:
    default:
        text = sli_slice_text(slimta_answer_name(answer, index));
        break;
    }
    (void)sli_spf_table_add_value(table, entry, text);
}

static enum sli_spf_status status_of(const struct slimta_answer *answer)
{
    switch (slimta_answer_status(answer)) {
    case SLIMTA_DNS_FOUND:
        /* Records that the resolver has left out are as none. */
        return slimta_answer_count(answer) > 0 ? SLI_SPF_FOUND : SLI_SPF_VOID;
    case SLIMTA_DNS_NO_DATA:
    case SLIMTA_DNS_NO_NAME:
        return SLI_SPF_VOID;
    case SLIMTA_DNS_UNKNOWN:
    default:
        return SLI_SPF_UNKNOWN;
    }
}

static void advance(struct sli_checks_spf_check *check);

static void answered(const struct slimta_answer *answer, void *user)
{
    struct sli_checks_spf_check *check = user;
    struct sli_spf_answer *entry = check->answer;

    check->query = NULL;
    entry->status = status_of(answer);
    for (size_t i = 0;
         i < slimta_answer_count(answer) && entry->status == SLI_SPF_FOUND;
         i++) {
        add_record(&check->table, entry, answer, i);
    }
    advance(check);
}

/* Begins a look-up. 0: it is on its way; else it has an answer already, or the
 * run cannot go on, and then `run` says with which result. */
static int look_up(
    struct sli_checks_spf_check *check, struct sli_checks_spf_run *run)
{
    uint64_t left = time_left_ms(check);
    int err;

    run->run = SLI_SPF_RUN_DONE;
    run->result = SLIMTA_SPF_TEMPERROR;
    if (left == 0 || check->lookups++ >= SLI_SPF_LOOKUPS_MAX) {
        run->problem = left == 0 ? "it takes too long" : "too many look-ups";
        return SLIMTA_ELIMIT;
    }
    check->answer = sli_spf_table_add(
        &check->table, sli_slice_text(run->name), run->type, SLI_SPF_UNKNOWN);
    if (check->answer == NULL) {
        run->problem = "out of memory";
        return SLIMTA_ENOMEM;
    }
    err = slimta_resolver_query(&check->query, check->request.resolver,
        run->name, (enum slimta_dns_type)run->type, left, answered, check);
    if (err == 0) {
        return 0;
    }
    /* What the resolver takes for no name is one that does not exist. */
    check->answer->status =
        err == SLIMTA_EINVAL ? SLI_SPF_VOID : SLI_SPF_UNKNOWN;
    run->run = SLI_SPF_RUN_NEEDS;
    return err;
}

static void advance(struct sli_checks_spf_check *check)
{
    for (;;) {
        struct sli_checks_spf_run run;

        check->request.engine->run(check->state, &run);
        if (run.run == SLI_SPF_RUN_NEEDS && look_up(check, &run) == 0) {
            return;
        }
        if (run.run == SLI_SPF_RUN_DONE && !note(check, &run)) {
            finish(check);
            return;
        }
    }
}

static int copy_texts(struct sli_checks_spf_check *check)
{
    const struct sli_checks_spf_request *request = &check->request;

    check->helo = sli_alloc_text(request->alloc, sli_slice_text(request->helo));
    check->sender =
        sli_alloc_text(request->alloc, sli_slice_text(request->sender));
    check->receiver =
        sli_alloc_text(request->alloc, sli_slice_text(request->receiver));
    return check->helo != NULL && check->sender != NULL &&
            check->receiver != NULL
        ? 0
        : SLIMTA_ENOMEM;
}

int sli_checks_spf_check_start(struct sli_checks_spf_check **out,
    const struct sli_checks_spf_request *request)
{
    struct sli_checks_spf_check *check =
        sli_alloc_zero(request->alloc, sizeof *check);
    int err;

    if (check == NULL) {
        return SLIMTA_ENOMEM;
    }
    check->request = *request;
    sli_spf_table_init(&check->table, request->alloc);
    check->end_ms = now_ms() + request->timeout_ms;
    err = copy_texts(check);
    if (err == 0) {
        err = begin(check);
    }
    if (err != 0) {
        free_check(check);
        return err;
    }
    *out = check;
    advance(check);
    return 0;
}
