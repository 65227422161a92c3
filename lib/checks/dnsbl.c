/** The public object of a group of block lists. */
#include <slimta/dnsbl.h>

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/slice.h"
#include "checks/dnsbl_check.h"
#include "checks/reason.h"

#define DEFAULT_TIMEOUT_MS 10000
#define TIMEOUT_MAX_MS 3600000
#define DEFAULT_CODE 550
#define DEFAULT_TEXT "Access denied"

/* The stages as they stand in a table of validators. */

static void at_connect(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_op *op, void *user)
{
    sli_checks_dnsbl_check_stage(session, reply, op, user);
}

static void at_ehlo(struct slimta_session *session, struct slimta_reply *reply,
    const char *name, struct slimta_op *op, void *user)
{
    (void)name;
    sli_checks_dnsbl_check_stage(session, reply, op, user);
}

static void at_mail(struct slimta_session *session, struct slimta_reply *reply,
    const char *sender, const struct slimta_mail_params *params,
    struct slimta_op *op, void *user)
{
    (void)sender;
    (void)params;
    sli_checks_dnsbl_check_stage(session, reply, op, user);
}

static void at_rcpt(struct slimta_session *session, struct slimta_reply *reply,
    const struct slimta_recipient *rcpt, struct slimta_op *op, void *user)
{
    (void)rcpt;
    sli_checks_dnsbl_check_stage(session, reply, op, user);
}

static void closed(
    struct slimta_session *session, enum slimta_closed reason, void *user)
{
    (void)reason;
    sli_checks_dnsbl_check_closed(session, user);
}

static void fill_validators(
    struct slimta_dnsbl *dnsbl, enum slimta_dnsbl_stage stage)
{
    struct slimta_validators *table = &dnsbl->validators;

    *table = (struct slimta_validators){
        .size = sizeof *table, .user = dnsbl, .closed = closed};
    switch (stage) {
    case SLIMTA_DNSBL_AT_EHLO:
        table->ehlo = at_ehlo;
        table->helo = at_ehlo;
        break;
    case SLIMTA_DNSBL_AT_MAIL:
        table->mail = at_mail;
        break;
    case SLIMTA_DNSBL_AT_RCPT:
        table->rcpt = at_rcpt;
        break;
    case SLIMTA_DNSBL_AT_CONNECT:
    default:
        table->connect = at_connect;
        break;
    }
}

/* The options */

static int check_text(
    const struct slimta_dnsbl_options *options, struct slimta_error *error)
{
    if (options->text != NULL &&
        strlen(options->text) > SLI_CHECKS_TEMPLATE_MAX) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "text: it is longer than %d octets", SLI_CHECKS_TEMPLATE_MAX);
    }
    if (options->text != NULL &&
        !sli_checks_reason_fits(options->text, options->code)) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "text: its enhanced code does not fit %d", options->code);
    }
    return 0;
}

static int check_options(
    struct slimta_dnsbl_options *options, struct slimta_error *error)
{
    options->code = options->code == 0 ? DEFAULT_CODE : options->code;
    options->timeout_ms =
        options->timeout_ms == 0 ? DEFAULT_TIMEOUT_MS : options->timeout_ms;
    if (options->timeout_ms > TIMEOUT_MAX_MS) {
        options->timeout_ms = TIMEOUT_MAX_MS;
    }
    if ((unsigned)options->stage > SLIMTA_DNSBL_AT_RCPT) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "stage: %d is not one of its values", (int)options->stage);
    }
    if ((unsigned)options->strictness > SLIMTA_DNSBL_STRICT) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "strictness: %d is not one of its values",
            (int)options->strictness);
    }
    if (options->code < 400 || options->code > 599) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "code: %d is not between 400 and 599", options->code);
    }
    return check_text(options, error);
}

static int make(struct slimta_dnsbl **out,
    const struct slimta_dnsbl_options *options,
    const struct slimta_alloc *alloc, struct slimta_error *error)
{
    const char *text = options->text == NULL ? DEFAULT_TEXT : options->text;
    struct slimta_dnsbl *dnsbl = sli_alloc_zero(alloc, sizeof *dnsbl);

    if (dnsbl == NULL) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    dnsbl->alloc = *alloc;
    dnsbl->strictness = options->strictness;
    dnsbl->timeout_ms = options->timeout_ms;
    dnsbl->code = options->code;
    dnsbl->last = &dnsbl->zones;
    dnsbl->wants_reason = sli_checks_reason_is_wanted(text);
    dnsbl->text = sli_alloc_text(alloc, sli_slice_text(text));
    if (dnsbl->text == NULL) {
        sli_free(alloc, dnsbl);
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    fill_validators(dnsbl, options->stage);
    *out = dnsbl;
    return 0;
}

int slimta_dnsbl_new(struct slimta_dnsbl **out,
    const struct slimta_dnsbl_options *options, struct slimta_error *error)
{
    struct slimta_dnsbl_options known = {.size = sizeof known};
    struct slimta_alloc alloc;
    int err;

    if (out == NULL) {
        return sli_error_set(error, SLIMTA_EINVAL, "out: it is NULL");
    }
    err = SLI_OPTIONS_TAKE("options", &known, options, error);
    if (err == 0) {
        err = sli_alloc_take(&alloc, known.alloc, error);
    }
    if (err == 0) {
        err = check_options(&known, error);
    }
    return err != 0 ? err : make(out, &known, &alloc, error);
}

static int add_zone(struct slimta_dnsbl *dnsbl,
    const struct slimta_dnsbl_zone *given, struct slimta_error *error)
{
    struct sli_checks_dnsbl_zone *zone =
        sli_alloc_zero(&dnsbl->alloc, sizeof *zone);
    int err;

    if (zone == NULL) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    err = sli_checks_dnsbl_zone_read(zone, given, error);
    if (err != 0) {
        sli_free(&dnsbl->alloc, zone);
        return err;
    }
    *dnsbl->last = zone;
    dnsbl->last = &zone->next;
    dnsbl->zone_count++;
    return 0;
}

int slimta_dnsbl_add_zone(struct slimta_dnsbl *dnsbl,
    const struct slimta_dnsbl_zone *zone, struct slimta_error *error)
{
    struct slimta_dnsbl_zone known = {.size = sizeof known};
    int err;

    if (dnsbl->is_in_use) {
        return sli_error_set(
            error, SLIMTA_ESTATE, "zones are added before the group is used");
    }
    if (zone == NULL) {
        return sli_error_set(error, SLIMTA_EINVAL, "zone: it is NULL");
    }
    err = SLI_OPTIONS_TAKE("zone", &known, zone, error);
    return err != 0 ? err : add_zone(dnsbl, &known, error);
}

const struct slimta_validators *slimta_dnsbl_validators(
    struct slimta_dnsbl *dnsbl)
{
    dnsbl->is_in_use = 1;
    return &dnsbl->validators;
}

void slimta_dnsbl_free(struct slimta_dnsbl *dnsbl)
{
    struct slimta_alloc alloc;
    struct sli_checks_dnsbl_zone *next;

    if (dnsbl == NULL) {
        return;
    }
    alloc = dnsbl->alloc;
    for (struct sli_checks_dnsbl_zone *zone = dnsbl->zones; zone != NULL;
         zone = next) {
        next = zone->next;
        sli_free(&alloc, zone);
    }
    sli_free(&alloc, dnsbl->text);
    sli_free(&alloc, dnsbl);
}
