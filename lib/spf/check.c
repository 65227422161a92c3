/** One evaluation of check_host (RFC 7208 section 4) over known look-ups. */
#include "spf/check.h"

#include <string.h>

#include "base/address.h"
#include "base/slice.h"
#include "spf/expand.h"
#include "spf/macro.h"
#include "spf/step.h"
#include "spf/term.h"

void sli_spf_step_set(struct sli_spf_part *part, struct slimta_slice text)
{
    part->size = text.size < SLI_SPF_PART_MAX ? text.size : SLI_SPF_PART_MAX;
    if (part->size > 0) {
        memmove(part->data, text.data, part->size);
    }
    part->data[part->size] = '\0';
}

enum sli_spf_step sli_spf_step_fail(
    struct sli_spf_check *check, enum sli_spf_step step, const char *problem)
{
    check->problem = problem;
    return step;
}

const struct sli_spf_answer *sli_spf_step_ask(struct sli_spf_check *check,
    struct slimta_slice name, enum sli_spf_type type)
{
    const struct sli_spf_answer *answer =
        sli_spf_table_find(check->table, name, type);

    if (answer == NULL) {
        sli_spf_step_set(&check->need_name, sli_spf_name_trim(name));
        check->need_type = type;
    }
    return answer;
}

enum sli_spf_type sli_spf_step_address_type(const struct sli_spf_check *check)
{
    return check->client.family == SLIMTA_FAMILY_IPV6 ? SLI_SPF_TYPE_AAAA
                                                      : SLI_SPF_TYPE_A;
}

enum sli_spf_step sli_spf_step_count(struct sli_spf_check *check)
{
    check->terms++;
    return check->terms <= SLI_SPF_TERMS_MAX
        ? SLI_SPF_STEP_YES
        : sli_spf_step_fail(check, SLI_SPF_STEP_PERMERROR, "too many look-ups");
}

/* Takes local part and domain from the sender. A domain alone is one. */
static void set_sender(struct sli_spf_check *check, struct slimta_slice sender)
{
    size_t at = sender.size;

    while (at > 0 && sender.data[at - 1] != '@') {
        at--;
    }
    sli_spf_step_set(&check->sender_domain,
        sender.size == 0 ? sli_spf_step_slice(&check->helo)
                         : sli_slice_skip(sender, at));
    sli_spf_step_set(&check->local,
        at > 1 ? sli_slice(sender.data, at - 1) : SLI_LITERAL("postmaster"));
}

static void finish(struct sli_spf_check *check, enum slimta_spf_result result)
{
    int wants_text = result == SLIMTA_SPF_FAIL && check->depth > 0 &&
        check->frames[0].record.exp.size > 0;

    check->result = result;
    check->stage = wants_text ? SLI_SPF_EXPLAINING : SLI_SPF_DONE;
}

static void finish_error(struct sli_spf_check *check, enum sli_spf_step step)
{
    finish(check,
        step == SLI_SPF_STEP_TEMPERROR ? SLIMTA_SPF_TEMPERROR
                                       : SLIMTA_SPF_PERMERROR);
}

/* A check of its own, for the domain: an include pushes, a redirect replaces.
 */
static void enter(struct sli_spf_frame *frame, struct slimta_slice domain)
{
    *frame = (struct sli_spf_frame){.is_read = 0};
    sli_spf_step_set(&frame->domain, domain);
}

void sli_spf_check_init(struct sli_spf_check *check,
    const struct sli_spf_question *question, const struct sli_spf_table *table)
{
    memset(check, 0, sizeof *check);
    check->table = table;
    check->client = question->client;
    /* RFC 7208 section 5: an IPv4-mapped address is IPv4. */
    sli_address_unmap(&check->client);
    sli_spf_step_set(&check->helo, question->helo);
    sli_spf_step_set(&check->receiver, question->receiver);
    set_sender(check, question->sender);
    check->time_s = question->time_s;
    /* RFC 7208 section 4.3: no look-up for what is no domain. */
    if (!sli_spf_name_is_domain(sli_spf_step_slice(&check->sender_domain)) ||
        (check->client.family != SLIMTA_FAMILY_IPV4 &&
            check->client.family != SLIMTA_FAMILY_IPV6)) {
        finish(check, SLIMTA_SPF_NONE);
        return;
    }
    enter(&check->frames[0], sli_spf_step_slice(&check->sender_domain));
    check->depth = 1;
}

/* A record that includes or redirects has met one that is not there. */
static void finish_none(struct sli_spf_check *check)
{
    if (check->depth == 1 && check->terms == 0) {
        finish(check, SLIMTA_SPF_NONE);
        return;
    }
    /* RFC 7208 sections 5.2 and 6.1. */
    finish_error(check,
        sli_spf_step_fail(check, SLI_SPF_STEP_PERMERROR,
            "a domain that it names has no SPF record"));
}

/* RFC 7208 section 4.5: exactly one, or NULL. */
static const struct sli_spf_value *select_record(
    const struct sli_spf_answer *answer, size_t *count)
{
    const struct sli_spf_value *found = NULL;

    *count = 0;
    for (const struct sli_spf_value *value = answer->values; value != NULL;
         value = value->next) {
        if (sli_spf_record_is_one(value->text)) {
            found = value;
            (*count)++;
        }
    }
    return *count == 1 ? found : NULL;
}

static void read_record(
    struct sli_spf_check *check, const struct sli_spf_answer *answer)
{
    struct sli_spf_frame *frame = &check->frames[check->depth - 1];
    size_t count;
    const struct sli_spf_value *value = select_record(answer, &count);

    if (answer->status == SLI_SPF_UNKNOWN) {
        check->problem = "a look-up failed";
        finish(check, SLIMTA_SPF_TEMPERROR);
    } else if (count == 0) {
        finish_none(check);
    } else if (value == NULL) {
        check->problem = "more than one SPF record";
        finish(check, SLIMTA_SPF_PERMERROR);
    } else if (sli_spf_record_read(value->text, &frame->record) != 0) {
        /* RFC 7208 section 4.6: an error anywhere in it counts. */
        check->problem = "an SPF record with an error";
        finish(check, SLIMTA_SPF_PERMERROR);
    } else {
        frame->terms = frame->record.terms;
        frame->is_read = 1;
    }
}

/* The first step of a check: its record. */
static enum sli_spf_step step_record(struct sli_spf_check *check)
{
    struct slimta_slice domain = sli_spf_step_domain(check);
    const struct sli_spf_answer *answer;

    /* RFC 7208 section 4.3. */
    if (!sli_spf_name_can_be_asked(domain) ||
        memchr(domain.data, '.', domain.size) == NULL) {
        finish_none(check);
        return SLI_SPF_STEP_YES;
    }
    answer = sli_spf_step_ask(check, domain, SLI_SPF_TYPE_TXT);
    if (answer == NULL) {
        return SLI_SPF_STEP_MISS;
    }
    read_record(check, answer);
    return SLI_SPF_STEP_YES;
}

/* The check at hand has its result. That of the first one is all; an include
 * goes on, or takes over what its mechanism says: RFC 7208 section 5.2. */
static void leave(struct sli_spf_check *check, enum slimta_spf_result result)
{
    while (check->depth > 1) {
        check->depth--;
        if (result != SLIMTA_SPF_PASS) {
            return;
        }
        result = check->frames[check->depth - 1].result;
    }
    finish(check, result);
}

static int asks_dns(const struct sli_spf_term *term)
{
    return term->type == SLI_SPF_TERM_INCLUDE || term->type == SLI_SPF_TERM_A ||
        term->type == SLI_SPF_TERM_MX || term->type == SLI_SPF_TERM_PTR ||
        term->type == SLI_SPF_TERM_EXISTS ||
        term->type == SLI_SPF_TERM_REDIRECT;
}

/* Counts the term, once, and finds what it is about. SLI_SPF_STEP_YES: it can
 * be evaluated. */
static enum sli_spf_step begin(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    if (!asks_dns(term)) {
        return SLI_SPF_STEP_YES;
    }
    if (!check->has_begun) {
        enum sli_spf_step step = sli_spf_step_count(check);

        if (step != SLI_SPF_STEP_YES) {
            return step;
        }
        check->has_begun = 1;
    }
    return sli_spf_term_target(check, term);
}

static void end(struct sli_spf_check *check)
{
    check->has_begun = 0;
    check->has_target = 0;
    check->has_client_name = 0;
}

/* No mechanism has matched: RFC 7208 sections 4.7 and 6.1. */
static enum sli_spf_step step_end(struct sli_spf_check *check)
{
    struct sli_spf_frame *frame = &check->frames[check->depth - 1];
    struct sli_spf_term redirect = {
        .type = SLI_SPF_TERM_REDIRECT, .domain = frame->record.redirect};
    enum sli_spf_step step;

    if (redirect.domain.size == 0) {
        leave(check, SLIMTA_SPF_NEUTRAL);
        return SLI_SPF_STEP_YES;
    }
    step = begin(check, &redirect);
    if (step == SLI_SPF_STEP_YES) {
        enter(frame, sli_spf_step_slice(&check->target));
        end(check);
    }
    return step;
}

static void include(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    check->frames[check->depth - 1].result = term->result;
    /* Each include was counted, so there is room. */
    enter(&check->frames[check->depth++], sli_spf_step_slice(&check->target));
}

/* The next term of the record at hand. Modifiers were noted when it was read.
 */
static enum sli_spf_step step_term(struct sli_spf_check *check)
{
    struct sli_spf_frame *frame = &check->frames[check->depth - 1];
    struct slimta_slice rest = frame->terms;
    struct sli_spf_term term;
    enum sli_spf_step step = SLI_SPF_STEP_NO;

    if (sli_spf_record_next(&rest, &term) != 1) {
        return step_end(check);
    }
    if (term.type < SLI_SPF_TERM_REDIRECT) {
        step = begin(check, &term);
        if (step == SLI_SPF_STEP_YES && term.type != SLI_SPF_TERM_INCLUDE) {
            step = sli_spf_term_match(check, &term);
        }
    }
    if (step == SLI_SPF_STEP_MISS) {
        return step;
    }
    frame->terms = rest;
    end(check);
    if (step == SLI_SPF_STEP_YES && term.type == SLI_SPF_TERM_INCLUDE) {
        include(check, &term);
    } else if (step == SLI_SPF_STEP_YES) {
        leave(check, term.result);
    }
    return step;
}

/* RFC 7208 section 6.2: whatever is wrong with it, there is none then. */
static enum sli_spf_step step_explanation(struct sli_spf_check *check)
{
    const struct sli_spf_answer *answer;
    struct sli_spf_term term = {
        .type = SLI_SPF_TERM_EXP, .domain = check->frames[0].record.exp};
    struct slimta_slice text;
    enum sli_spf_step step = sli_spf_term_target(check, &term);

    if (step != SLI_SPF_STEP_YES || check->target.size == 0) {
        return step == SLI_SPF_STEP_YES ? SLI_SPF_STEP_NO : step;
    }
    answer = sli_spf_step_ask(
        check, sli_spf_step_slice(&check->target), SLI_SPF_TYPE_TXT);
    if (answer == NULL) {
        return SLI_SPF_STEP_MISS;
    }
    if (answer->count != 1) {
        return SLI_SPF_STEP_NO;
    }
    text = answer->values->text;
    return text.size <= SLI_SPF_RECORD_MAX &&
            sli_spf_macro_is_string(text, SLI_SPF_MACRO_EXPLANATION)
        ? sli_spf_expand_text(check, text, check->explanation)
        : SLI_SPF_STEP_NO;
}

static enum sli_spf_step evaluate(struct sli_spf_check *check)
{
    enum sli_spf_step step = check->frames[check->depth - 1].is_read
        ? step_term(check)
        : step_record(check);

    if (step == SLI_SPF_STEP_TEMPERROR || step == SLI_SPF_STEP_PERMERROR) {
        finish_error(check, step);
    }
    return step;
}

enum sli_spf_run sli_spf_check_run(struct sli_spf_check *check)
{
    while (check->stage == SLI_SPF_EVALUATING) {
        if (evaluate(check) == SLI_SPF_STEP_MISS) {
            return SLI_SPF_RUN_NEEDS;
        }
    }
    if (check->stage == SLI_SPF_EXPLAINING) {
        if (step_explanation(check) == SLI_SPF_STEP_MISS) {
            return SLI_SPF_RUN_NEEDS;
        }
        check->stage = SLI_SPF_DONE;
    }
    return SLI_SPF_RUN_DONE;
}
