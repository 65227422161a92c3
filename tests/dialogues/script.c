/** What every dialogue has: octets for the engine, and what comes of them. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

enum { LINE_MAX_OCTETS = 8192 };

void init_outcome(struct outcome *outcome)
{
    *outcome = (struct outcome){.output = {NULL, 0}};
    add(&outcome->output, "", 0);
    add(&outcome->events, "", 0);
}

void free_outcome(struct outcome *outcome)
{
    free_text(&outcome->output);
    free_text(&outcome->events);
}

int has_closed(const struct outcome *outcome)
{
    return strstr(outcome->events.data, "CLOSE") != NULL;
}

void init_script(struct script *script)
{
    script->input = (struct text){NULL, 0};
    add(&script->input, "", 0);
    init_outcome(&script->wanted);
}

void free_script(struct script *script)
{
    free_text(&script->input);
    free_outcome(&script->wanted);
}

/* A line that this side says, or, in a small letter, a part of one. */
static int read_side(struct text *text, const char *line, char side)
{
    int is_whole = line[0] == side;

    if ((!is_whole && line[0] != sli_ascii_lower(side)) || line[1] != ':') {
        return 0;
    }
    add_unescaped(text, line + 2 + (line[2] == ' '));
    add_text(text, is_whole ? "\r\n" : "");
    return 1;
}

static void add_repeated(struct text *text, const char *from)
{
    for (int count = atoi(from); count > 0; count--) {
        add_unescaped(text, from + strcspn(from, " ") + 1);
    }
}

int read_script_line(struct script *script, const char *line, char peer)
{
    if (has_prefix(&line, "x: ")) {
        add_repeated(&script->input, line);
    } else if (has_prefix(&line, "E: ")) {
        add_text(&script->wanted.events, line);
        add_text(&script->wanted.events, "\n");
    } else {
        return read_side(&script->input, line, peer) ||
            read_side(&script->wanted.output, line, peer == 'C' ? 'S' : 'C');
    }
    return 1;
}

int read_lines(struct dialogue *dialogue, const char *path,
    void (*read_line)(struct dialogue *dialogue, char *line))
{
    static char line[LINE_MAX_OCTETS];
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#') {
            read_line(dialogue, line);
        }
    }
    (void)fclose(file);
    return 1;
}
