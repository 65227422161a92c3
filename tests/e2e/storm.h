/** 2,000 sessions at once: what the client and the server side agree on. */
#ifndef E2E_STORM_H
#define E2E_STORM_H

#include <stddef.h>
#include <stdint.h>

#define STORM_SESSIONS 2000u
#define STORM_MESSAGES 3u /* of each session */
#define STORM_TOTAL (STORM_SESSIONS * STORM_MESSAGES)

/** The most that a message has, dots added. */
#define STORM_TEXT_MAX 32768

/** Writes the message number `number` as it is stored, and returns its size:
 * up to 20 KB, different for each. */
size_t storm_message(unsigned number, char *out);

/** Runs all clients against 127.0.0.1:`port` until each has delivered all that
 * it has. Half of them then quit, the others stay. Returns 0, or says what went
 * wrong and returns -1. */
int storm_deliver(uint16_t port);

/** The ones that stayed have been told 421, and nothing else, before the end.
 * Returns 0 or -1. */
int storm_be_told(void);

/** Closes whatever is open. */
void storm_close(void);

#endif
