/** What every dialogue has: octets for the engine, and what comes of them. */
#ifndef DIALOGUES_SCRIPT_H
#define DIALOGUES_SCRIPT_H

#include "text.h"

/** What an engine says, and what it tells. */
struct outcome {
    struct text output;
    struct text events; /* a line for each */
};

struct script {
    struct text input;
    struct outcome wanted; /* no events: none are written down */
};

/** The rest of a dialogue is its runner's own. */
struct dialogue;

void init_outcome(struct outcome *outcome);
void free_outcome(struct outcome *outcome);

/** Whether the engine has told of the end. */
int has_closed(const struct outcome *outcome);

void init_script(struct script *script);
void free_script(struct script *script);

/**
 * Reads the line if it is one of these; `peer` is who speaks to the engine, 'C'
 * or 'S', the engine is the other one:
 *
 *     C: TEXT          TEXT and CRLF
 *     c: TEXT          TEXT
 *     x: COUNT TEXT    TEXT of the peer's that often
 *     E: EVENT
 */
int read_script_line(struct script *script, const char *line, char peer);

/** Calls `read_line` with every line of the file that is neither empty nor a
 * comment. Returns 0 when there is no file. */
int read_lines(struct dialogue *dialogue, const char *path,
    void (*read_line)(struct dialogue *dialogue, char *line));

#endif
