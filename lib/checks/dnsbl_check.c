/** What the block lists say of one session's client. */
#include "checks/dnsbl_check.h"

#include <string.h>
#include <time.h>

#include <slimta/reply.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "base/text.h"
#include "checks/reason.h"

struct check;

/* What is asked of one zone. */
enum { QUESTION_ADDRESS, QUESTION_NEVER, QUESTION_REASON, QUESTIONS };

struct asked {
    struct check *check;
    const struct sli_checks_dnsbl_zone *zone;
    struct slimta_query *queries[QUESTIONS]; /* those on their way */
    unsigned char lists_all;
    char *reason; /* the zone's, or NULL */
};

/* Kept by the session, under the group's address. */
struct check {
    const struct slimta_dnsbl *dnsbl;
    struct slimta_resolver *resolver;
    struct slimta_address client;
    uint64_t end_ms; /* on the monotonic clock */
    struct slimta_op *op;
    int is_decided;
    int is_listed;
    size_t open;                            /* zones that have not said all */
    char reason[SLI_CHECKS_REASON_MAX + 1]; /* when it is listed */
    struct asked asked[];
};

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void refuse(const struct slimta_dnsbl *dnsbl, struct slimta_reply *reply,
    const char *reason)
{
    char text[SLI_CHECKS_TEXT_SIZE];

    sli_checks_reason_fill(dnsbl->text, dnsbl->code, reason, text);
    /* It never fails towards acceptance. */
    (void)slimta_reply_set(reply, dnsbl->code, text);
}

/* Deciding */

static void ask_no_more(struct check *check)
{
    for (size_t i = 0; i < check->dnsbl->zone_count; i++) {
        struct asked *asked = &check->asked[i];

        for (int question = 0; question < QUESTIONS; question++) {
            slimta_query_cancel(asked->queries[question]);
            asked->queries[question] = NULL;
        }
        sli_free(&check->dnsbl->alloc, asked->reason);
        asked->reason = NULL;
    }
}

/* `reason` NULL: it is not listed. */
static void decide(struct check *check, const char *reason)
{
    struct slimta_op *op = check->op;

    check->is_decided = 1;
    if (reason != NULL) {
        check->is_listed = 1;
        (void)sli_checks_reason_clean(sli_slice_text(reason), check->reason);
    }
    ask_no_more(check);
    check->op = NULL;
    if (op != NULL) {
        if (check->is_listed) {
            refuse(check->dnsbl, slimta_op_reply(op), check->reason);
        }
        (void)slimta_op_finish(op);
    }
}

/* A sentence of ours. */
static void decide_listed(
    struct check *check, const char *before, const char *zone)
{
    char words[SLIMTA_ADDRESS_TEXT_MAX + SLI_CHECKS_REASON_MAX];
    struct sli_text text = sli_text_in(words, sizeof words);

    sli_text_put_string(&text, before);
    sli_text_put_string(&text, zone);
    decide(check, words);
}

static void zone_is_done(struct check *check)
{
    check->open--;
    if (check->open == 0) {
        decide(check, NULL);
    }
}

/* Time-out, a failure, an answer that cannot be right. */
static void zone_has_failed(struct asked *asked)
{
    if (asked->check->dnsbl->strictness == SLIMTA_DNSBL_STRICT) {
        decide_listed(asked->check, "No answer from ", asked->zone->name);
    } else {
        zone_is_done(asked->check);
    }
}

static void zone_lists(struct asked *asked)
{
    char words[SLIMTA_ADDRESS_TEXT_MAX + sizeof " is listed by "];
    struct sli_text text = sli_text_in(words, sizeof words);
    char client[SLIMTA_ADDRESS_TEXT_MAX];

    if (asked->reason != NULL) {
        decide(asked->check, asked->reason);
        return;
    }
    (void)slimta_address_format_ip(
        &asked->check->client, client, sizeof client);
    sli_text_put_string(&text, client);
    sli_text_put_string(&text, " is listed by ");
    decide_listed(asked->check, words, asked->zone->name);
}

/* Asking */

typedef void (*answered_fn)(const struct slimta_answer *answer, void *user);

static int ask(struct asked *asked, int question, enum slimta_dns_type type,
    const struct slimta_address *address, answered_fn answered)
{
    uint64_t now = now_ms();
    char name[SLI_CHECKS_DNSBL_NAME_SIZE];

    if (now >= asked->check->end_ms) {
        return SLIMTA_ELIMIT;
    }
    sli_checks_dnsbl_zone_name(asked->zone, address, name);
    return slimta_resolver_query(&asked->queries[question],
        asked->check->resolver, name, type, asked->check->end_ms - now,
        answered, asked);
}

/* Both answers about a listing are there, or are not coming. */
static void conclude(struct asked *asked)
{
    if (asked->queries[QUESTION_NEVER] != NULL ||
        asked->queries[QUESTION_REASON] != NULL) {
        return;
    }
    if (asked->lists_all) {
        zone_has_failed(asked);
    } else {
        zone_lists(asked);
    }
}

static void never_came(const struct slimta_answer *answer, void *user)
{
    struct asked *asked = user;

    asked->queries[QUESTION_NEVER] = NULL;
    asked->lists_all = sli_checks_dnsbl_zone_judge(asked->zone, answer) ==
        SLI_CHECKS_DNSBL_LISTED;
    conclude(asked);
}

static void reason_came(const struct slimta_answer *answer, void *user)
{
    struct asked *asked = user;
    struct slimta_slice text;
    char reason[SLI_CHECKS_REASON_MAX + 1];

    asked->queries[QUESTION_REASON] = NULL;
    if (slimta_answer_text(answer, 0, &text) &&
        sli_checks_reason_clean(text, reason) > 0) {
        asked->reason =
            sli_alloc_text(&asked->check->dnsbl->alloc, sli_slice_text(reason));
    }
    conclude(asked);
}

/* RFC 5782 section 5: is it one that lists everything? And section 2.1: the TXT
 * record beside the address says why. What cannot be asked is left out. */
static void ask_about_listing(struct asked *asked)
{
    const struct slimta_address *client = &asked->check->client;
    struct slimta_address never = sli_checks_dnsbl_zone_never_listed(client);

    if (ask(asked, QUESTION_NEVER, SLIMTA_DNS_A, &never, never_came) != 0) {
        asked->queries[QUESTION_NEVER] = NULL;
    }
    if (asked->check->dnsbl->wants_reason &&
        ask(asked, QUESTION_REASON, SLIMTA_DNS_TXT, client, reason_came) != 0) {
        asked->queries[QUESTION_REASON] = NULL;
    }
    conclude(asked);
}

static void address_came(const struct slimta_answer *answer, void *user)
{
    struct asked *asked = user;

    asked->queries[QUESTION_ADDRESS] = NULL;
    switch (sli_checks_dnsbl_zone_judge(asked->zone, answer)) {
    case SLI_CHECKS_DNSBL_LISTED:
        ask_about_listing(asked);
        break;
    case SLI_CHECKS_DNSBL_ERROR:
        zone_has_failed(asked);
        break;
    case SLI_CHECKS_DNSBL_NOT_LISTED:
    default:
        zone_is_done(asked->check);
        break;
    }
}

static struct check *make_check(
    struct slimta_session *session, const struct slimta_dnsbl *dnsbl)
{
    struct check *check = sli_alloc_zero(&dnsbl->alloc,
        sizeof *check + dnsbl->zone_count * sizeof check->asked[0]);

    if (check == NULL) {
        return NULL;
    }
    check->dnsbl = dnsbl;
    check->resolver = slimta_session_resolver(session);
    check->client = *slimta_session_client(session);
    check->end_ms = now_ms() + dnsbl->timeout_ms;
    check->open = dnsbl->zone_count;
    if (slimta_session_set_user(session, dnsbl, check) != 0) {
        sli_free(&dnsbl->alloc, check);
        return NULL;
    }
    return check;
}

/* All zones at once. None of the answers comes before this has returned. */
static void ask_zones(struct check *check)
{
    const struct sli_checks_dnsbl_zone *zone = check->dnsbl->zones;

    for (size_t i = 0; zone != NULL; i++, zone = zone->next) {
        check->asked[i].check = check;
        check->asked[i].zone = zone;
    }
    for (size_t i = 0; i < check->dnsbl->zone_count && !check->is_decided;
         i++) {
        struct asked *asked = &check->asked[i];

        if (ask(asked, QUESTION_ADDRESS, SLIMTA_DNS_A, &check->client,
                address_came) != 0) {
            asked->queries[QUESTION_ADDRESS] = NULL;
            zone_has_failed(asked);
        }
    }
}

/* Answering */

/* The session does not wait any more; the lists may still be waited for. */
static void cancelled(struct slimta_op *op, void *user)
{
    struct check *check = user;

    check->op = NULL;
    (void)slimta_op_finish(op);
}

static void answer(
    struct check *check, struct slimta_reply *reply, struct slimta_op *op)
{
    if (check->is_decided) {
        if (check->is_listed) {
            refuse(check->dnsbl, reply, check->reason);
        }
        return;
    }
    slimta_op_take(op);
    check->op = op;
    slimta_op_on_cancel(op, cancelled, check);
}

/* What is known of this session's client, who may have become another. */
static struct check *find_check(
    struct slimta_session *session, const struct slimta_dnsbl *dnsbl)
{
    const struct slimta_address *client = slimta_session_client(session);
    struct check *check = slimta_session_user(session, dnsbl);

    if (check != NULL &&
        (check->client.family != client->family ||
            memcmp(check->client.ip, client->ip, sizeof client->ip) != 0)) {
        sli_checks_dnsbl_check_closed(session, dnsbl);
        check = NULL;
    }
    return check;
}

void sli_checks_dnsbl_check_stage(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_op *op,
    const struct slimta_dnsbl *dnsbl)
{
    struct check *check = find_check(session, dnsbl);

    if (check == NULL) {
        if (dnsbl->zone_count == 0 ||
            !sli_checks_dnsbl_zone_is_public(slimta_session_client(session))) {
            return;
        }
        check = make_check(session, dnsbl);
        if (check != NULL) {
            ask_zones(check);
        }
    }
    if (check != NULL) {
        answer(check, reply, op);
    } else if (dnsbl->strictness == SLIMTA_DNSBL_STRICT) {
        refuse(dnsbl, reply, "No answer from the block lists");
    }
}

void sli_checks_dnsbl_check_closed(
    struct slimta_session *session, const struct slimta_dnsbl *dnsbl)
{
    struct check *check = slimta_session_user(session, dnsbl);

    if (check != NULL) {
        ask_no_more(check);
        sli_free(&dnsbl->alloc, check);
        (void)slimta_session_set_user(session, dnsbl, NULL);
    }
}
