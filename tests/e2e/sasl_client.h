/** The client's side of AUTH for test hosts: libgsasl's own. */
#ifndef E2E_SASL_CLIENT_H
#define E2E_SASL_CLIENT_H

#include "host.h"

/** One attempt, and what was seen of it. Nothing asserts. */
struct sasl_client {
    const char *mechanism;
    const char *name;
    const char *password;
    const char *authzid; /**< NULL: none */
    int has_initial;     /**< the first message goes with the command */
    unsigned challenges; /**< how many 334 came */
    char first[512];     /**< the first challenge that was not empty */
};

/** Runs the whole exchange; the code of the last reply, or -1. */
int sasl_client_run(struct sasl_client *sasl, struct host_client *client);

/** PLAIN with an initial response and these; the code of the reply, or -1. */
int sasl_client_plain(
    struct host_client *client, const char *name, const char *password);

#endif
