/** The options that every demo server has, and the reading of a command line.
 */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "complain.h"
#include "values.h"

/** The column at which --help tells what a flag does. */
enum { HELP_COLUMN = 30 };

#define AT(member) offsetof(struct settings, member)

static const char whole_number[] = "a whole number of at least 1";

static const struct flag common_flags[] = {
    {"--listen", "ADDRESS",
        "where to listen; repeatable:\n"
        "ADDR:PORT, [::1]:PORT, *:PORT, unix:PATH,\n"
        "fd:N, or systemd for inherited sockets",
        "ADDR:PORT, [ADDR]:PORT, unix:PATH, fd:N or systemd", value_listen,
        AT(listeners)},
    {"--hostname", "NAME",
        "this server's name in what it says and in\n"
        "Received [the machine's full name]",
        "1 to 255 printable characters without spaces", value_name,
        AT(hostname)},
    {"--queue", "URI",
        "where messages go [maildir:./mail]:\n"
        "maildir:DIR[?newlines=lf|crlf], discard:,\n"
        "smtp://HOST:PORT, smtps://HOST:PORT,\n"
        "lmtp://HOST:PORT, lmtp:unix:PATH,\n"
        "http://HOST:PORT/PATH, https://HOST:PORT/PATH",
        "maildir:DIR[?newlines=lf|crlf], discard:, smtp://HOST:PORT, "
        "smtps://HOST:PORT, lmtp://HOST:PORT, lmtp:unix:PATH, "
        "http://HOST:PORT/PATH or https://HOST:PORT/PATH",
        value_queue, AT(queue)},
    {"--max-size", "BYTES", "longest message [52428800]", whole_number,
        value_count, AT(max_message_bytes)},
    {"--max-recipients", "N", "recipients of a message [1000]", whole_number,
        value_count, AT(max_recipients)},
    {"--max-connections", "N", "connections at once [10000]", whole_number,
        value_count, AT(max_connections)},
    {"--max-connections-per-ip", "N", "of them from one address [100]",
        whole_number, value_count, AT(max_connections_per_ip)},
    {"--tls-cert", "FILE",
        "a certificate with its chain, in PEM; repeatable\n"
        "in pairs with --tls-key, chosen by SNI",
        "a file, at most 64 times", value_texts, AT(certs)},
    {"--tls-key", "FILE", "the certificate's key, in PEM",
        "a file, at most 64 times", value_texts, AT(keys)},
    {"--users", "FILE", "who may authenticate: lines user:password", "a file",
        value_text, AT(users)},
    {"--make-user", "NAME",
        "print the line for NAME's password, which is\n"
        "a line of the input and cannot be read there",
        "a name", value_text, AT(new_user)},
    {"--require-auth", NULL, "take mail only from who has authenticated", NULL,
        value_switch, AT(requires_auth)},
    {"--proxy-protocol", "v1|v2|auto",
        "each connection begins with a PROXY header", "v1, v2 or auto",
        value_proxy, AT(proxy)},
    {"--resolver", "ADDRESS",
        "name server [the machine's], and look up the\n"
        "names of clients [not looked up]:\n"
        "ADDR, ADDR:PORT, [::1]:PORT",
        "ADDR, ADDR:PORT or [ADDR]:PORT", value_servers, AT(dns_servers)},
    {"--drain-timeout", "SECONDS", "for what runs when told to stop [10]",
        "a whole number of seconds", value_seconds_or_none, AT(drain_ms)},
    {"--threads", "N", "threads that serve [1]", "a number from 1 to 256",
        value_threads, AT(threads)},
    {"--metrics", "ADDRESS",
        "serve counters for Prometheus at /metrics:\n"
        "ADDR:PORT, [::1]:PORT, *:PORT, unix:PATH",
        "ADDR:PORT, [ADDR]:PORT or unix:PATH", value_metrics, AT(metrics)},
    {"--log-level", "LEVEL", "error, warning, info or debug [info]",
        "error, warning, info or debug", value_log_level, AT(log.level)},
    {"--log-format", "FORMAT", "text or json, on stderr [text]", "text or json",
        value_log_format, AT(log.format)},
    {"--help", NULL, "this text", NULL, NULL, 0},
    {"--version", NULL, "the version", NULL, NULL, 0},
};

static const struct flags common = {
    "Every server", common_flags, sizeof common_flags / sizeof *common_flags};

static void print_flag(const struct flag *flag)
{
    const char *line = flag->help;
    int width = printf(
        "  %s %s", flag->name, flag->argument == NULL ? "" : flag->argument);

    while (line != NULL) {
        const char *end = strchr(line, '\n');
        int length = (int)(end == NULL ? strlen(line) : (size_t)(end - line));

        printf("%*s%.*s\n", HELP_COLUMN - width, "", length, line);
        line = end == NULL ? NULL : end + 1;
        width = 0;
    }
}

static void print_flags(const struct flags *flags)
{
    printf("\n%s:\n", flags->title);
    for (size_t i = 0; i < flags->count; i++) {
        print_flag(&flags->rows[i]);
    }
}

static enum verdict print_help(const struct usage *usage)
{
    printf(
        "usage: %s [OPTION]...\n%s\nListens on %s when nothing else is "
        "said.\n",
        usage->name, usage->purpose, usage->address);
    print_flags(&common);
    print_flags(&usage->own);
    puts(
        "\nSIGTERM and SIGINT let running messages end, then it exits; SIGHUP "
        "reads\ncertificates and users again.");
    return VERDICT_DONE;
}

/* Compares up to an "=": --name=VALUE is the same as --name VALUE. */
static const struct flag *find_in(
    const struct flags *flags, const char *argument)
{
    size_t length = strcspn(argument, "=");

    for (size_t i = 0; i < flags->count; i++) {
        if (strlen(flags->rows[i].name) == length &&
            memcmp(flags->rows[i].name, argument, length) == 0) {
            return &flags->rows[i];
        }
    }
    return NULL;
}

static const struct flag *find_flag(
    const struct usage *usage, const char *argument)
{
    const struct flag *flag = find_in(&common, argument);

    return flag != NULL ? flag : find_in(&usage->own, argument);
}

static int read_into(
    struct settings *settings, const struct flag *flag, const char *value)
{
    return flag->read(value, (char *)settings + flag->offset);
}

static enum verdict without_value(struct settings *settings,
    const struct usage *usage, const struct flag *flag)
{
    if (flag->read != NULL) {
        (void)read_into(settings, flag, NULL);
        return VERDICT_SERVE;
    }
    if (strcmp(flag->name, "--help") == 0) {
        return print_help(usage);
    }
    printf("%s %s\n", usage->name, slimta_version());
    return VERDICT_DONE;
}

static enum verdict with_value(
    struct settings *settings, const struct flag *flag, const char *value)
{
    if (value == NULL) {
        complain("%s needs a value: %s", flag->name, flag->argument);
        return VERDICT_USAGE;
    }
    if (!read_into(settings, flag, value)) {
        complain("%s '%s': not %s", flag->name, value, flag->wants);
        return VERDICT_USAGE;
    }
    return VERDICT_SERVE;
}

/* Reads one flag, at `*at`, with its value, and goes behind it. */
static enum verdict read_flag(
    struct settings *settings, const struct usage *usage, char **argv, int *at)
{
    const char *argument = argv[(*at)++];
    const struct flag *flag = find_flag(usage, argument);
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
    return without_value(settings, usage, flag);
}

/* Flags that make no sense without each other. */
static enum verdict check_together(
    const struct settings *settings, const struct usage *usage)
{
    const char *flaw = settings->certs.count != settings->keys.count
        ? "--tls-cert and --tls-key come in pairs"
        : usage->flaw(settings);

    if (flaw == NULL) {
        return VERDICT_SERVE;
    }
    complain("%s", flaw);
    return VERDICT_USAGE;
}

static void set_defaults(struct settings *settings)
{
    (void)value_queue("maildir:./mail", &settings->queue);
    settings->max_connections = 10000;
    settings->drain_ms = 10000;
    settings->log = (struct log){.level = LOG_INFO, .format = SLIMTA_LOG_TEXT};
}

enum verdict options_read(
    struct settings *settings, const struct usage *usage, int argc, char **argv)
{
    enum verdict verdict = VERDICT_SERVE;
    int at = 1;

    set_defaults(settings);
    while (verdict == VERDICT_SERVE && at < argc) {
        verdict = read_flag(settings, usage, argv, &at);
    }
    if (settings->listeners.count == 0) {
        (void)value_listen(usage->address, &settings->listeners);
    }
    if (verdict == VERDICT_SERVE && settings->new_user != NULL) {
        return VERDICT_MAKE_USER;
    }
    return verdict == VERDICT_SERVE ? check_together(settings, usage) : verdict;
}
