/** What every runner of dialogues needs: text that grows, and its escapes. */
#ifndef DIALOGUES_TEXT_H
#define DIALOGUES_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/slice.h>

struct text {
    char *data; /* terminated once something was added */
    size_t size;
};

/** Says it and ends the program. */
void die(const char *what);

void add(struct text *text, const char *data, size_t size);
void add_text(struct text *text, const char *string);
void add_number(struct text *text, uint64_t number);
int is_same(struct text a, struct text b);
void free_text(struct text *text);

/** Printable: \r \n \\ \xNN. */
void add_escaped(struct text *text, struct slimta_slice octets);

/** The octets that such a text stands for. */
void add_unescaped(struct text *text, const char *from);

/** The same as a string that the caller frees. */
char *unescaped(const char *from);

/** The octets in memory of their own, that the caller frees: who reads them
 * once they are given back is seen by the address sanitizer. */
char *copied(const char *data, size_t size);

/** A number, or "unlimited". */
uint64_t number_of(const char *text);

/** Takes the prefix off if it is there. */
int has_prefix(const char **text, const char *prefix);

/** Prints what was wanted and what came. */
void complain(
    const char *way, const char *what, struct text wanted, struct text got);

#endif
