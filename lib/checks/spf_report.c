/** What an SPF check has come to, in a report with its texts. */
#include "checks/spf_report.h"

#include "base/slice.h"
#include "base/text.h"

/* Around the domain: what stands before it, what after it, and whether the
 * client's address or the problem ends the sentence. */
enum ending { PLAIN, CLIENT, PROBLEM };

static const struct {
    const char *before;
    const char *after;
    enum ending ending;
} sentences[] = {
    [SLIMTA_SPF_UNCHECKED] = {"", " was not checked", PLAIN},
    [SLIMTA_SPF_NONE] = {"", " has no SPF record", PLAIN},
    [SLIMTA_SPF_NEUTRAL] = {"", " says nothing about ", CLIENT},
    [SLIMTA_SPF_PASS] = {"", " permits ", CLIENT},
    [SLIMTA_SPF_FAIL] = {"", " does not permit ", CLIENT},
    [SLIMTA_SPF_SOFTFAIL] = {"", " probably does not permit ", CLIENT},
    [SLIMTA_SPF_TEMPERROR] = {"SPF of ", " cannot be checked now: ", PROBLEM},
    [SLIMTA_SPF_PERMERROR] = {"SPF of ", " cannot be checked: ", PROBLEM},
};

static void put_sentence(struct sli_text *text,
    const struct sli_checks_spf_run *run, const char *domain,
    const struct slimta_address *client)
{
    char address[SLIMTA_ADDRESS_TEXT_MAX];

    if (*domain == '\0') {
        sli_text_put_string(text, "no domain to check");
        return;
    }
    sli_text_put_string(text, sentences[run->result].before);
    sli_text_put_string(text, domain);
    sli_text_put_string(text, sentences[run->result].after);
    if (sentences[run->result].ending == CLIENT) {
        (void)slimta_address_format_ip(client, address, sizeof address);
        sli_text_put_string(text, address);
    } else if (sentences[run->result].ending == PROBLEM) {
        sli_text_put_string(
            text, run->problem == NULL ? "an error" : run->problem);
    }
}

static void point(struct sli_checks_spf_outcome *outcome)
{
    outcome->report.size = sizeof outcome->report;
    outcome->report.domain = outcome->domain;
    outcome->report.reason = outcome->reason;
}

void sli_checks_spf_report_fill(struct sli_checks_spf_outcome *outcome,
    const struct sli_checks_spf_run *run, struct slimta_slice domain,
    const struct slimta_address *client)
{
    struct sli_text name = sli_text_in(outcome->domain, sizeof outcome->domain);
    struct sli_text text = sli_text_in(outcome->reason, sizeof outcome->reason);

    if (sli_spf_name_is_domain(domain)) {
        sli_text_put_slice(&name, domain);
    }
    /* Foreign text (RFC 7208 section 6.2). */
    if (run->explanation == NULL ||
        sli_checks_reason_clean(
            sli_slice_text(run->explanation), outcome->reason) == 0) {
        put_sentence(&text, run, outcome->domain, client);
    }
    outcome->report.result = run->result;
    point(outcome);
}

void sli_checks_spf_report_copy(struct sli_checks_spf_outcome *outcome,
    const struct slimta_spf_report *report)
{
    struct sli_text name = sli_text_in(outcome->domain, sizeof outcome->domain);
    struct sli_text text = sli_text_in(outcome->reason, sizeof outcome->reason);

    sli_text_put_string(&name, report->domain);
    sli_text_put_string(&text, report->reason);
    outcome->report = *report;
    point(outcome);
}
