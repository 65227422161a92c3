/** The client's side of AUTH for test hosts: libgsasl's own. */
#include "sasl_client.h"

#include <gsasl.h>
#include <stdio.h>
#include <string.h>

static void note_challenge(struct sasl_client *sasl, const char *text)
{
    char *octets = NULL;
    size_t size = 0;

    ++sasl->challenges;
    if (sasl->first[0] == '\0' && text[0] != '\0' &&
        gsasl_base64_from(text, strlen(text), &octets, &size) == GSASL_OK) {
        snprintf(sasl->first, sizeof sasl->first, "%.*s", (int)size, octets);
        gsasl_free(octets);
    }
}

/* The answer to a challenge, or the first message; what comes is sent. */
static int answer(Gsasl_session *session, struct host_client *client,
    const char *command, const char *challenge)
{
    char line[4096];
    char *text = NULL;
    int rc = gsasl_step64(session, challenge, &text);

    if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
        return host_client_ask(client, "*\r\n");
    }
    /* RFC 4954 section 4: how an empty initial response is told from none. */
    snprintf(line, sizeof line, "%s%s\r\n", command,
        command[0] != '\0' && text[0] == '\0' ? "=" : text);
    gsasl_free(text);
    return host_client_ask(client, line);
}

static int converse(struct sasl_client *sasl, Gsasl_session *session,
    struct host_client *client)
{
    char command[64];
    int code = 0;

    snprintf(command, sizeof command, "AUTH %s%s", sasl->mechanism,
        sasl->has_initial ? " " : "\r\n");
    code = sasl->has_initial ? answer(session, client, command, "")
                             : host_client_ask(client, command);
    while (code == 334) {
        const char *challenge = client->line + 4;

        note_challenge(sasl, challenge);
        code = answer(session, client, "", challenge);
    }
    return code;
}

static Gsasl_session *prepare(const struct sasl_client *sasl, Gsasl *gsasl)
{
    Gsasl_session *session = NULL;

    if (gsasl_client_start(gsasl, sasl->mechanism, &session) != GSASL_OK) {
        return NULL;
    }
    (void)gsasl_property_set(session, GSASL_AUTHID, sasl->name);
    (void)gsasl_property_set(session, GSASL_PASSWORD, sasl->password);
    if (sasl->authzid != NULL) {
        (void)gsasl_property_set(session, GSASL_AUTHZID, sasl->authzid);
    }
    return session;
}

int sasl_client_run(struct sasl_client *sasl, struct host_client *client)
{
    Gsasl_session *session = NULL;
    Gsasl *gsasl = NULL;
    int code = -1;

    sasl->challenges = 0;
    sasl->first[0] = '\0';
    if (gsasl_init(&gsasl) != GSASL_OK) {
        return -1;
    }
    session = prepare(sasl, gsasl);
    if (session != NULL) {
        code = converse(sasl, session, client);
        gsasl_finish(session);
    }
    gsasl_done(gsasl);
    return code;
}

int sasl_client_plain(
    struct host_client *client, const char *name, const char *password)
{
    struct sasl_client sasl = {.mechanism = "PLAIN",
        .name = name,
        .password = password,
        .has_initial = 1};

    return sasl_client_run(&sasl, client);
}
