/** What the test hosts of the HTTP edge share: requests, responses, a running
 * edge. */
#ifndef E2E_WEB_H
#define E2E_WEB_H

#include "policy.h"

#define WEB_SENDER "X-Envelope-Sender: YUBleGFtcGxlLmNvbQ==\r\n"    /* a@ */
#define WEB_RCPT_B "X-Envelope-Recipient: YkBleGFtcGxlLm5ldA==\r\n" /* b@ */
#define WEB_RCPT_C "X-Envelope-Recipient: Y0BleGFtcGxlLm5ldA==\r\n" /* c@ */
#define WEB_LINE "POST /mail HTTP/1.1\r\nHost: mx.example.net\r\n"
#define WEB_TYPE "Content-Type: message/rfc822\r\n"
#define WEB_HEAD WEB_LINE WEB_TYPE WEB_SENDER WEB_RCPT_B
/** A whole request with HOST_MESSAGE, of 22 octets. */
#define WEB_POST WEB_HEAD "Content-Length: 22\r\n\r\n" HOST_MESSAGE
#define WEB_CHUNKED \
    WEB_HEAD \
    "Transfer-Encoding: chunked\r\n\r\n" \
    "10\r\nSubject: one\r\n\r\n\r\n6\r\nbody\r\n\r\n0\r\n\r\n"

#define WEB_HEADERS_MAX 16384

/** A response. */
struct web_response {
    int status; /* 0: the connection has ended; -1: an error, or nothing */
    char headers[WEB_HEADERS_MAX]; /* with the status line */
    char body[16384];
};

/** Reads the next response. `is_head`: it has no body whatever it says. */
int web_read(
    struct host_client *client, struct web_response *response, int is_head);

/** Sends a text, then reads one response; its status. */
int web_ask(struct host_client *client, struct web_response *response,
    const char *request);

/** The same over a connection of its own. */
int web_ask_once(const struct slimta_address *address,
    struct web_response *response, const char *request);

/** The value of a header field, cut at 1023 octets, in `value`; 0 when there is
 * none. */
int web_header(
    const struct web_response *response, const char *name, char value[1024]);

/** Asserts that a field has this value; NULL: that it is not there. */
void web_expect_header(
    const struct web_response *response, const char *name, const char *value);

/** A started edge with the given tables, NULL-terminated; or NULL. */
struct web_edge {
    struct http_edge *edge;
    struct slimta_address address;
    sem_t stopped;
};

void web_start(struct web_edge *web, const struct http_edge_options *options,
    struct slimta_queue *queue, struct host_policy *const policies[]);

/** Stops and waits for `stopped`; frees. Asserts. */
void web_stop(struct web_edge *web, uint64_t drain_ms);

/** A `stopped`: posts web->stopped. */
void web_stopped(struct http_edge *edge, void *user);

#endif
