/** The table of slimta-smtpd's options, and the reading of a command line. */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "values.h"

enum { LONGEST_TIME_S = 1000000000 };

/** A flag: what it is called, what it takes, and what it does to the settings.
 */
struct flag {
    const char *name;
    const char *argument; /**< NULL: it takes none */
    const char *help;     /**< lines parted by LF */
    const char *wants;    /**< what a bad value is not */
    int (*apply)(struct settings *settings, const char *value);
};

static int apply_listen(struct settings *settings, const char *value)
{
    if (settings->listener_count == MAX_LISTENERS) {
        return 0;
    }
    return value_listen(
        value, &settings->listeners[settings->listener_count++]);
}

static int apply_hostname(struct settings *settings, const char *value)
{
    settings->edge.hostname = value;
    return value_name(value);
}

static int apply_queue(struct settings *settings, const char *value)
{
    return value_queue(value, settings);
}

/* UINT64_MAX would be SLIMTA_UNLIMITED: one less is as good. */
static int count(const char *value, uint64_t *out)
{
    return value_number(value, 1, SLIMTA_UNLIMITED - 1, out);
}

static int apply_max_size(struct settings *settings, const char *value)
{
    return count(value, &settings->edge.max_message_bytes);
}

static int apply_max_recipients(struct settings *settings, const char *value)
{
    return count(value, &settings->edge.max_recipients);
}

static int apply_max_connections(struct settings *settings, const char *value)
{
    return count(value, &settings->edge.max_connections);
}

static int apply_max_connections_per_ip(
    struct settings *settings, const char *value)
{
    return count(value, &settings->edge.max_connections_per_ip);
}

static int apply_max_errors(struct settings *settings, const char *value)
{
    return count(value, &settings->edge.max_errors);
}

static int seconds(const char *value, uint64_t min, uint64_t *out_ms)
{
    if (!value_number(value, min, LONGEST_TIME_S, out_ms)) {
        return 0;
    }
    *out_ms *= 1000;
    return 1;
}

static int apply_command_timeout(struct settings *settings, const char *value)
{
    return seconds(value, 1, &settings->edge.command_timeout_ms);
}

static int apply_data_timeout(struct settings *settings, const char *value)
{
    return seconds(value, 1, &settings->edge.data_timeout_ms);
}

static int apply_tls_cert(struct settings *settings, const char *value)
{
    if (settings->cert_count == MAX_CERTIFICATES) {
        return 0;
    }
    settings->certs[settings->cert_count++] = value;
    return *value != '\0';
}

static int apply_tls_key(struct settings *settings, const char *value)
{
    if (settings->key_count == MAX_CERTIFICATES) {
        return 0;
    }
    settings->keys[settings->key_count++] = value;
    return *value != '\0';
}

static int apply_tls_immediately(struct settings *settings, const char *value)
{
    (void)value;
    settings->edge.tls_mode = SLIMTA_TLS_IMMEDIATE;
    return 1;
}

static int apply_auth(struct settings *settings, const char *value)
{
    settings->edge.auth_mechanisms = value;
    return *value != '\0';
}

static int apply_users(struct settings *settings, const char *value)
{
    settings->users = value;
    return *value != '\0';
}

static int apply_make_user(struct settings *settings, const char *value)
{
    settings->new_user = value;
    return *value != '\0';
}

static int apply_require_auth(struct settings *settings, const char *value)
{
    (void)value;
    settings->requires_auth = 1;
    return 1;
}

static int apply_allow_insecure_auth(
    struct settings *settings, const char *value)
{
    (void)value;
    settings->edge.auth_flags |= SLIMTA_AUTH_CLEAR;
    return 1;
}

static int apply_proxy_protocol(struct settings *settings, const char *value)
{
    settings->proxy.size = sizeof settings->proxy;
    settings->edge.proxy = &settings->proxy;
    return value_proxy_version(value, &settings->proxy.version);
}

static int apply_lmtp(struct settings *settings, const char *value)
{
    (void)value;
    settings->edge.dialect = SLIMTA_DIALECT_LMTP;
    return 1;
}

static int apply_drain_timeout(struct settings *settings, const char *value)
{
    return seconds(value, 0, &settings->drain_ms);
}

static int apply_threads(struct settings *settings, const char *value)
{
    uint64_t number;

    if (!value_number(value, 1, 256, &number)) {
        return 0;
    }
    settings->edge.threads = (unsigned)number;
    return 1;
}

/* Who names a resolver has a use for the names of clients. */
static int apply_resolver(struct settings *settings, const char *value)
{
    settings->edge.dns_servers = value;
    settings->edge.reverse_names = SLIMTA_REVERSE_NAMES_ON;
    return value_servers(value);
}

static int apply_dnsbl(struct settings *settings, const char *value)
{
    if (settings->zone_count == MAX_ZONES) {
        return 0;
    }
    settings->zones[settings->zone_count++] = value;
    return value_zone(value);
}

static int apply_spf(struct settings *settings, const char *value)
{
    if (settings->spf_rule_count == MAX_SPF_RULES) {
        return 0;
    }
    return value_spf_rule(
        value, &settings->spf_rules[settings->spf_rule_count++]);
}

static int apply_spf_engine(struct settings *settings, const char *value)
{
    settings->spf_engine =
        strcmp(value, "strict") == 0 ? SLIMTA_SPF_STRICT : SLIMTA_SPF_LIBSPF2;
    return strcmp(value, "strict") == 0 || strcmp(value, "libspf2") == 0;
}

static int apply_log_level(struct settings *settings, const char *value)
{
    return log_level_of(value, &settings->log.level);
}

static int apply_log_format(struct settings *settings, const char *value)
{
    return log_format_of(value, &settings->log.format);
}

static const char whole_number[] = "a whole number of at least 1";
static const char whole_seconds[] = "a whole number of seconds";

static const struct flag flags[] = {
    {"--listen", "ADDRESS",
        "where to listen [127.0.0.1:2525]; repeatable:\n"
        "ADDR:PORT, [::1]:PORT, *:PORT, unix:PATH,\n"
        "fd:N, or systemd for inherited sockets",
        "ADDR:PORT, [ADDR]:PORT, unix:PATH, fd:N or systemd", apply_listen},
    {"--hostname", "NAME", "name in the banner [the machine's full name]",
        "1 to 255 printable characters without spaces", apply_hostname},
    {"--queue", "URI",
        "where messages go [maildir:./mail]:\n"
        "maildir:DIR[?newlines=lf|crlf], discard:",
        "maildir:DIR[?newlines=lf|crlf] or discard:", apply_queue},
    {"--max-size", "BYTES", "longest message [52428800]", whole_number,
        apply_max_size},
    {"--max-recipients", "N", "recipients of a message [1000]", whole_number,
        apply_max_recipients},
    {"--max-connections", "N", "connections at once [10000]", whole_number,
        apply_max_connections},
    {"--max-connections-per-ip", "N", "of them from one address [100]",
        whole_number, apply_max_connections_per_ip},
    {"--max-errors", "N", "errors of a session, the last ends it [20]",
        whole_number, apply_max_errors},
    {"--tls-cert", "FILE",
        "a certificate with its chain, in PEM; repeatable\n"
        "in pairs with --tls-key, chosen by SNI",
        "a file, at most 64 times", apply_tls_cert},
    {"--tls-key", "FILE", "the certificate's key, in PEM",
        "a file, at most 64 times", apply_tls_key},
    {"--tls-immediately", NULL, "TLS before the banner, not STARTTLS", NULL,
        apply_tls_immediately},
    {"--auth", "MECH[,MECH]...",
        "offer AUTH: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1,\n"
        "SCRAM-SHA-256, these two with -PLUS, EXTERNAL",
        "a list of mechanisms", apply_auth},
    {"--users", "FILE", "who may authenticate: lines user:password", "a file",
        apply_users},
    {"--make-user", "NAME",
        "print the line for NAME's password, which is\n"
        "a line of the input and cannot be read there",
        "a name", apply_make_user},
    {"--require-auth", NULL, "refuse MAIL before AUTH", NULL,
        apply_require_auth},
    {"--allow-insecure-auth", NULL, "offer PLAIN and LOGIN without TLS", NULL,
        apply_allow_insecure_auth},
    {"--proxy-protocol", "v1|v2|auto",
        "each connection begins with a PROXY header", "v1, v2 or auto",
        apply_proxy_protocol},
    {"--lmtp", NULL, "speak LMTP; not on port 25", NULL, apply_lmtp},
    {"--command-timeout", "SECONDS", "for a command [300]",
        "a whole number of seconds, at least 1", apply_command_timeout},
    {"--data-timeout", "SECONDS", "for a whole message [600]",
        "a whole number of seconds, at least 1", apply_data_timeout},
    {"--drain-timeout", "SECONDS", "for what runs when told to stop [10]",
        whole_seconds, apply_drain_timeout},
    {"--resolver", "ADDRESS",
        "name server for block lists and SPF [the machine's],\n"
        "and for the names of clients [not looked up]:\n"
        "ADDR, ADDR:PORT, [::1]:PORT",
        "ADDR, ADDR:PORT or [ADDR]:PORT", apply_resolver},
    {"--dnsbl", "ZONE", "refuse whom this block list names; repeatable",
        "the name of a zone", apply_dnsbl},
    {"--spf", "RULE",
        "what an SPF result is answered with; repeatable:\n"
        "RESULT=CODE[:MESSAGE], which may hold {reason}",
        "RESULT=CODE[:MESSAGE]", apply_spf},
    {"--spf-engine", "ENGINE", "strict or libspf2 [strict]",
        "strict or libspf2", apply_spf_engine},
    {"--threads", "N", "threads that serve [1]", "a number from 1 to 256",
        apply_threads},
    {"--log-level", "LEVEL", "error, warning, info or debug [info]",
        "error, warning, info or debug", apply_log_level},
    {"--log-format", "FORMAT", "text or json, on stderr [text]", "text or json",
        apply_log_format},
    {"--help", NULL, "this text", NULL, NULL},
    {"--version", NULL, "the version", NULL, NULL},
};

enum { FLAG_COUNT = sizeof flags / sizeof *flags };

void complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs(PROGRAM ": ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static void print_flag(const struct flag *flag)
{
    const char *line = flag->help;
    int width = printf(
        "  %s %s", flag->name, flag->argument == NULL ? "" : flag->argument);

    while (line != NULL) {
        const char *end = strchr(line, '\n');
        int length = (int)(end == NULL ? strlen(line) : (size_t)(end - line));

        printf("%*s%.*s\n", 30 - width, "", length, line);
        line = end == NULL ? NULL : end + 1;
        width = 0;
    }
}

static enum verdict print_help(void)
{
    puts("usage: " PROGRAM
         " [OPTION]...\n"
         "Receives mail over SMTP and puts it into a queue.\n");
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        print_flag(&flags[i]);
    }
    puts("\nSIGTERM and SIGINT let running messages end, then it exits.");
    return VERDICT_DONE;
}

/* Compares up to an "=": --name=VALUE is the same as --name VALUE. */
static const struct flag *find_flag(const char *argument)
{
    size_t length = strcspn(argument, "=");

    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (strlen(flags[i].name) == length &&
            memcmp(flags[i].name, argument, length) == 0) {
            return &flags[i];
        }
    }
    return NULL;
}

static enum verdict without_value(
    struct settings *settings, const struct flag *flag)
{
    if (flag->apply != NULL) {
        (void)flag->apply(settings, NULL);
        return VERDICT_SERVE;
    }
    if (strcmp(flag->name, "--help") == 0) {
        return print_help();
    }
    printf(PROGRAM " %s\n", slimta_version());
    return VERDICT_DONE;
}

static enum verdict with_value(
    struct settings *settings, const struct flag *flag, const char *value)
{
    if (value == NULL) {
        complain("%s needs a value: %s", flag->name, flag->argument);
        return VERDICT_USAGE;
    }
    if (!flag->apply(settings, value)) {
        complain("%s '%s': not %s", flag->name, value, flag->wants);
        return VERDICT_USAGE;
    }
    return VERDICT_SERVE;
}

/* Reads one flag, at `*at`, with its value, and goes behind it. */
static enum verdict read_flag(struct settings *settings, char **argv, int *at)
{
    const char *argument = argv[(*at)++];
    const struct flag *flag = find_flag(argument);
    const char *equals = strchr(argument, '=');

    if (flag == NULL) {
        complain("unknown option '%s' (--help lists them)", argument);
        return VERDICT_USAGE;
    }
    if (flag->argument != NULL) {
        const char *value = equals != NULL ? equals + 1 : argv[*at];

        *at += equals == NULL && value != NULL;
        return with_value(settings, flag, value);
    }
    if (equals != NULL) {
        complain("%s takes no value", flag->name);
        return VERDICT_USAGE;
    }
    return without_value(settings, flag);
}

/* Flags that make no sense without each other. */
static enum verdict check_together(const struct settings *settings)
{
    const char *flaw = NULL;

    if (settings->cert_count != settings->key_count) {
        flaw = "--tls-cert and --tls-key come in pairs";
    } else if (settings->edge.tls_mode == SLIMTA_TLS_IMMEDIATE &&
        settings->cert_count == 0) {
        flaw = "--tls-immediately needs --tls-cert and --tls-key";
    } else if (settings->edge.auth_mechanisms != NULL &&
        settings->users == NULL) {
        flaw = "--auth needs --users";
    } else if (settings->requires_auth &&
        settings->edge.auth_mechanisms == NULL) {
        flaw = "--require-auth needs --auth";
    }
    if (flaw == NULL) {
        return VERDICT_SERVE;
    }
    complain("%s", flaw);
    return VERDICT_USAGE;
}

enum verdict options_read(struct settings *settings, int argc, char **argv)
{
    enum verdict verdict = VERDICT_SERVE;
    int at = 1;

    *settings = (struct settings){
        .edge = {.size = sizeof settings->edge,
            .max_connections = 10000,
            .event = log_event,
            .event_user = &settings->log},
        .queue = QUEUE_MAILDIR,
        .directory = "./mail",
        .drain_ms = 10000,
        .log = {.level = LOG_INFO, .format = SLIMTA_LOG_TEXT},
    };
    while (verdict == VERDICT_SERVE && at < argc) {
        verdict = read_flag(settings, argv, &at);
    }
    if (settings->listener_count == 0) {
        (void)apply_listen(settings, "127.0.0.1:2525");
    }
    if (verdict == VERDICT_SERVE && settings->new_user != NULL) {
        return VERDICT_MAKE_USER;
    }
    return verdict == VERDICT_SERVE ? check_together(settings) : verdict;
}
