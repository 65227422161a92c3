/** slimta-smtpd: an SMTP server over the public headers of slimta-edge. */
#include <stddef.h>

#include "checks.h"
#include "server/server.h"
#include "server/values.h"

/** What its command line says. */
struct smtpd {
    struct settings common;
    struct smtp_edge_options edge; /**< what no other server has */
    int tls_is_immediate;
    int auth_is_insecure;
    int is_lmtp;
    struct checks checks;
};

#define AT(member) offsetof(struct smtpd, member)

static const char whole_seconds[] = "a whole number of seconds, at least 1";

static const struct flag flags[] = {
    {"--tls-immediately", NULL, "TLS before the banner, not STARTTLS", NULL,
        value_switch, AT(tls_is_immediate)},
    {"--auth", "MECH[,MECH]...",
        "offer AUTH: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1,\n"
        "SCRAM-SHA-256, these two with -PLUS, EXTERNAL",
        "a list of mechanisms", value_text, AT(edge.auth_mechanisms)},
    {"--allow-insecure-auth", NULL, "offer PLAIN and LOGIN without TLS", NULL,
        value_switch, AT(auth_is_insecure)},
    {"--max-errors", "N", "errors of a session, the last ends it [20]",
        "a whole number of at least 1", value_count, AT(edge.max_errors)},
    {"--lmtp", NULL, "speak LMTP; not on port 25", NULL, value_switch,
        AT(is_lmtp)},
    {"--xclient-from", "LIST",
        "peers that may use XCLIENT and XFORWARD:\n"
        "addresses, networks and \"unix\", parted by commas",
        "a list of addresses and networks", value_text, AT(edge.xclient_from)},
    {"--command-timeout", "SECONDS", "for a command [300]", whole_seconds,
        value_seconds, AT(edge.command_timeout_ms)},
    {"--data-timeout", "SECONDS", "for a whole message [600]", whole_seconds,
        value_seconds, AT(edge.data_timeout_ms)},
    {"--dnsbl", "ZONE", "refuse whom this block list names; repeatable",
        "the name of a zone", checks_read_zone, AT(checks.zones)},
    {"--spf", "RULE",
        "what an SPF result is answered with; repeatable:\n"
        "RESULT=CODE[:MESSAGE], which may hold {reason}",
        "RESULT=CODE[:MESSAGE]", checks_read_spf, AT(checks.spf_rules)},
    {"--spf-engine", "ENGINE", "strict or libspf2 [strict]",
        "strict or libspf2", checks_read_spf_engine, AT(checks.spf_engine)},
};

/* The common settings are the first member. */
static struct smtpd *smtpd_of(struct settings *settings)
{
    return (struct smtpd *)settings;
}

static const char *find_flaw(const struct settings *settings)
{
    const struct smtpd *smtpd = (const struct smtpd *)settings;

    if (smtpd->tls_is_immediate && settings->certs.count == 0) {
        return "--tls-immediately needs --tls-cert and --tls-key";
    }
    if (smtpd->edge.auth_mechanisms != NULL && settings->users == NULL) {
        return "--auth needs --users";
    }
    if (settings->requires_auth && smtpd->edge.auth_mechanisms == NULL) {
        return "--require-auth needs --auth";
    }
    return NULL;
}

static struct smtp_edge_options options_of(struct smtpd *smtpd)
{
    struct smtp_edge_options options = smtpd->edge;

    SETTINGS_APPLY(&options, &smtpd->common);
    options.tls_mode =
        smtpd->tls_is_immediate ? SLIMTA_TLS_IMMEDIATE : SLIMTA_TLS_OFFERED;
    options.auth_flags = smtpd->auth_is_insecure ? SLIMTA_AUTH_CLEAR : 0;
    options.dialect =
        smtpd->is_lmtp ? SLIMTA_DIALECT_LMTP : SLIMTA_DIALECT_SMTP;
    return options;
}

static int make(void **edge, struct settings *settings,
    struct slimta_queue *queue, struct slimta_tls *tls,
    struct slimta_error *error)
{
    struct smtpd *smtpd = smtpd_of(settings);
    struct smtp_edge_options options = options_of(smtpd);
    struct smtp_edge *made = NULL;
    int err = checks_make(&smtpd->checks, error);

    options.tls = tls;
    if (err == 0) {
        err = smtp_edge_new(&made, &options, queue, error);
    }
    if (err == 0) {
        *edge = made;
        err = checks_add(&smtpd->checks, made, error);
    }
    return err;
}

static void clean(struct settings *settings)
{
    checks_free(&smtpd_of(settings)->checks);
}

int main(int argc, char **argv)
{
    static const struct program program = {
        .usage =
            {
                .name = "slimta-smtpd",
                .purpose = "Receives mail over SMTP and puts it into a queue.",
                .address = "127.0.0.1:2525",
                .own = {"SMTP", flags, sizeof flags / sizeof *flags},
                .flaw = find_flaw,
            },
        .methods = &door_smtp,
        .make = make,
        .clean = clean,
    };
    static struct smtpd smtpd;

    return server_main(&program, &smtpd.common, argc, argv);
}
