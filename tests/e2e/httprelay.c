/** A client that sends mail over HTTP as python-slimta's HttpRelay does, and
 * understands no more of the answer than that. */
#include "httprelay.h"

#include <gsasl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Python's patterns, in POSIX' words: white space must stand before a name,
 * nothing is unescaped, and the last one of a name wins. */
#define CODE "^[[:space:]]*([0-9]{3})[[:space:]]*;"
#define PARAMETER \
    "[[:space:]]([[:alnum:]_]+)[[:space:]]*=[[:space:]]*\"([^\"]*)\""

const char *const httprelay_outcome_names[HTTPRELAY_LOST + 1] = {
    "delivered", "permanent", "transient", "not ready", "lost"};

void httprelay_init(
    struct httprelay *relay, const struct slimta_address *address, int keeps)
{
    memset(relay, 0, sizeof *relay);
    relay->address = *address;
    relay->keeps = keeps;
}

static void disconnect(struct httprelay *relay)
{
    if (relay->is_connected) {
        host_client_close(&relay->client);
    }
    relay->is_connected = 0;
    relay->has_unread = 0;
}

void httprelay_fini(struct httprelay *relay)
{
    disconnect(relay);
}

/* The request */

static void put_address(FILE *out, const char *field, const char *address)
{
    char *text = NULL;
    size_t size = 0;

    if (gsasl_base64_to(address, strlen(address), &text, &size) == GSASL_OK) {
        fprintf(out, "%s: %.*s\r\n", field, (int)size, text);
    }
    gsasl_free(text);
}

static char *make_head(const struct httprelay_mail *mail, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);

    if (out == NULL) {
        return NULL;
    }
    fprintf(out,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Accept-Encoding: identity\r\nContent-Length: %zu\r\n"
        "Content-Type: message/rfc822\r\nX-Ehlo: %s\r\n",
        mail->path, mail->head.size + mail->body.size, mail->ehlo);
    put_address(out, "X-Envelope-Sender", mail->sender);
    for (size_t i = 0; i < mail->recipient_count; ++i) {
        put_address(out, "X-Envelope-Recipient", mail->recipients[i]);
    }
    fputs("\r\n", out);
    return fclose(out) == 0 ? text : NULL;
}

static int send_all(struct httprelay *relay, const struct httprelay_mail *mail)
{
    size_t size = 0;
    char *head = make_head(mail, &size);
    int is_sent = head != NULL &&
        host_client_send(&relay->client, head, size) == 0 &&
        host_client_send(&relay->client, mail->head.data, mail->head.size) ==
            0 &&
        host_client_send(&relay->client, mail->body.data, mail->body.size) == 0;

    free(head);
    return is_sent;
}

/* The answer */

static void copy_match(
    const char *text, regmatch_t match, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)(match.rm_eo - match.rm_so),
        text + match.rm_so);
}

static void read_code(const char *value, struct httprelay_answer *answer)
{
    regmatch_t matches[2];
    regex_t pattern;

    if (regcomp(&pattern, CODE, REG_EXTENDED) != 0) {
        return;
    }
    if (regexec(&pattern, value, 2, matches, 0) == 0) {
        answer->code = atoi(value + matches[1].rm_so);
    }
    regfree(&pattern);
}

static void read_parameters(const char *value, struct httprelay_answer *answer)
{
    regmatch_t matches[3];
    regex_t pattern;
    char name[32];

    if (regcomp(&pattern, PARAMETER, REG_EXTENDED) != 0) {
        return;
    }
    for (; regexec(&pattern, value, 3, matches, 0) == 0;
         value += matches[0].rm_eo) {
        copy_match(value, matches[1], name, sizeof name);
        if (strcmp(name, "message") == 0) {
            copy_match(
                value, matches[2], answer->message, sizeof answer->message);
        } else if (strcmp(name, "command") == 0) {
            copy_match(
                value, matches[2], answer->command, sizeof answer->command);
        }
    }
    regfree(&pattern);
}

static enum httprelay_outcome judge(const struct httprelay_answer *answer)
{
    if (answer->status / 100 == 2) {
        return HTTPRELAY_DELIVERED;
    }
    if (answer->code != 0) {
        return answer->code / 100 == 5 ? HTTPRELAY_PERMANENT
                                       : HTTPRELAY_TRANSIENT;
    }
    return answer->status / 100 == 4 ? HTTPRELAY_PERMANENT
                                     : HTTPRELAY_TRANSIENT;
}

static enum httprelay_outcome read_answer(
    struct httprelay *relay, struct httprelay_answer *answer)
{
    struct web_response *response = calloc(1, sizeof *response);
    char value[1024] = "";
    enum httprelay_outcome outcome = HTTPRELAY_LOST;

    /* The head alone: it never asks for more. */
    if (response != NULL && web_read(&relay->client, response, 1) > 0) {
        answer->status = response->status;
        if (web_header(response, "X-Smtp-Reply", value)) {
            read_code(value, answer);
            read_parameters(value, answer);
        }
        relay->has_unread = 1;
        if (!relay->keeps ||
            (web_header(response, "Connection", value) &&
                strcmp(value, "close") == 0)) {
            disconnect(relay);
        }
        outcome = judge(answer);
    }
    free(response);
    return outcome;
}

static int connect_if_needed(struct httprelay *relay)
{
    if (!relay->is_connected) {
        relay->is_connected =
            host_client_open(&relay->client, &relay->address) == 0;
        relay->connections += (size_t)relay->is_connected;
    }
    return relay->is_connected;
}

enum httprelay_outcome httprelay_deliver(struct httprelay *relay,
    const struct httprelay_mail *mail, struct httprelay_answer *answer)
{
    enum httprelay_outcome outcome = HTTPRELAY_LOST;

    memset(answer, 0, sizeof *answer);
    if (connect_if_needed(relay) && send_all(relay, mail)) {
        /* http.client finds out only now. */
        outcome = relay->has_unread ? HTTPRELAY_NOT_READY
                                    : read_answer(relay, answer);
    }
    if (outcome == HTTPRELAY_LOST || outcome == HTTPRELAY_NOT_READY) {
        disconnect(relay);
    }
    return outcome;
}
