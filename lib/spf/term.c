/** Does a mechanism match? RFC 7208 section 5. */
#include "spf/term.h"

#include <string.h>

#include "base/slice.h"
#include "spf/client.h"
#include "spf/expand.h"

enum sli_spf_step sli_spf_term_target(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    enum sli_spf_step step = SLI_SPF_STEP_YES;

    if (check->has_target) {
        return SLI_SPF_STEP_YES;
    }
    if (term->domain.size == 0) {
        sli_spf_step_set(&check->target, sli_spf_step_domain(check));
    } else {
        step = sli_spf_expand_domain(check, term->domain, &check->target);
    }
    if (step == SLI_SPF_STEP_YES) {
        check->has_target = 1;
        /* RFC 7208 section 4.8: what is no name does not exist. */
        if (!sli_spf_name_can_be_asked(sli_spf_step_slice(&check->target))) {
            sli_spf_step_set(&check->target, SLI_LITERAL(""));
        }
    }
    return step;
}

static int has_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned octets = bits / 8;
    unsigned mask = 0xFF00U >> bits % 8 & 0xFF;

    return memcmp(a, b, octets) == 0 &&
        (mask == 0 || ((a[octets] ^ b[octets]) & mask) == 0);
}

/* Whether the client's address is the one at `ip`, of the client's family. */
static int is_client(const struct sli_spf_check *check, const uint8_t *ip,
    const struct sli_spf_term *term)
{
    return has_prefix(check->client.ip, ip,
        check->client.family == SLIMTA_FAMILY_IPV4 ? term->prefix4
                                                   : term->prefix6);
}

static enum sli_spf_step match_answer(const struct sli_spf_check *check,
    const struct sli_spf_answer *answer, const struct sli_spf_term *term)
{
    const struct sli_spf_value *value = answer->values;

    while (value != NULL && !is_client(check, value->ip, term)) {
        value = value->next;
    }
    return value == NULL ? SLI_SPF_STEP_NO : SLI_SPF_STEP_YES;
}

/* The question that a term is about. SLI_SPF_STEP_YES: it was answered with
 * records. RFC 7208 section 4.6.4: a term that finds nothing is counted. */
static enum sli_spf_step ask_target(struct sli_spf_check *check,
    enum sli_spf_type type, const struct sli_spf_answer **answer)
{
    if (check->target.size == 0) {
        return SLI_SPF_STEP_NO;
    }
    *answer = sli_spf_step_ask(check, sli_spf_step_slice(&check->target), type);
    if (*answer == NULL) {
        return SLI_SPF_STEP_MISS;
    }
    if ((*answer)->status == SLI_SPF_VOID) {
        check->voids++;
        return check->voids <= SLI_SPF_VOIDS_MAX
            ? SLI_SPF_STEP_NO
            : sli_spf_step_fail(check, SLI_SPF_STEP_PERMERROR,
                  "too many look-ups that find nothing");
    }
    return (*answer)->status == SLI_SPF_FOUND
        ? SLI_SPF_STEP_YES
        : sli_spf_step_fail(check, SLI_SPF_STEP_TEMPERROR, "a look-up failed");
}

static enum sli_spf_step match_all(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    (void)check;
    (void)term;
    return SLI_SPF_STEP_YES;
}

static enum sli_spf_step match_a(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    const struct sli_spf_answer *answer;
    enum sli_spf_step step =
        ask_target(check, sli_spf_step_address_type(check), &answer);

    return step == SLI_SPF_STEP_YES ? match_answer(check, answer, term) : step;
}

/* One name that an mx has led to; an answer of nothing is not counted there:
 * the ten names are its limit. */
static enum sli_spf_step match_name(struct sli_spf_check *check,
    struct slimta_slice name, const struct sli_spf_term *term)
{
    const struct sli_spf_answer *answer;

    if (!sli_spf_name_can_be_asked(name)) {
        return SLI_SPF_STEP_NO;
    }
    answer = sli_spf_step_ask(check, name, sli_spf_step_address_type(check));
    if (answer == NULL) {
        return SLI_SPF_STEP_MISS;
    }
    return answer->status == SLI_SPF_UNKNOWN
        ? sli_spf_step_fail(check, SLI_SPF_STEP_TEMPERROR, "a look-up failed")
        : match_answer(check, answer, term);
}

static enum sli_spf_step match_mx(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    const struct sli_spf_answer *answer;
    enum sli_spf_step step = ask_target(check, SLI_SPF_TYPE_MX, &answer);
    const struct sli_spf_value *value;
    unsigned names = 0;

    if (step != SLI_SPF_STEP_YES) {
        return step;
    }
    step = SLI_SPF_STEP_NO;
    value = answer->values;
    while (value != NULL && step == SLI_SPF_STEP_NO) {
        if (names++ == SLI_SPF_NAMES_MAX) {
            /* RFC 7208 section 4.6.4. */
            return sli_spf_step_fail(
                check, SLI_SPF_STEP_PERMERROR, "an mx with too many names");
        }
        step = match_name(check, value->text, term);
        value = value->next;
    }
    return step;
}

/* RFC 7208 section 5.5. */
static enum sli_spf_step match_ptr(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    struct slimta_slice name;

    (void)term;
    check->has_asked_names = 1;
    return check->target.size == 0
        ? SLI_SPF_STEP_NO
        : sli_spf_client_name(check, SLI_SPF_CLIENT_IN,
              sli_spf_step_slice(&check->target), &name);
}

static enum sli_spf_step match_ip(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    enum slimta_family family = term->type == SLI_SPF_TERM_IP4
        ? SLIMTA_FAMILY_IPV4
        : SLIMTA_FAMILY_IPV6;

    return check->client.family == family && is_client(check, term->ip, term)
        ? SLI_SPF_STEP_YES
        : SLI_SPF_STEP_NO;
}

/* RFC 7208 section 5.7: A, whatever the client's family is. */
static enum sli_spf_step match_exists(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    const struct sli_spf_answer *answer;

    (void)term;
    return ask_target(check, SLI_SPF_TYPE_A, &answer);
}

enum sli_spf_step sli_spf_term_match(
    struct sli_spf_check *check, const struct sli_spf_term *term)
{
    static enum sli_spf_step (*const matches[])(
        struct sli_spf_check *, const struct sli_spf_term *) = {
        [SLI_SPF_TERM_ALL] = match_all,
        [SLI_SPF_TERM_A] = match_a,
        [SLI_SPF_TERM_MX] = match_mx,
        [SLI_SPF_TERM_PTR] = match_ptr,
        [SLI_SPF_TERM_IP4] = match_ip,
        [SLI_SPF_TERM_IP6] = match_ip,
        [SLI_SPF_TERM_EXISTS] = match_exists,
    };

    return matches[term->type](check, term);
}
