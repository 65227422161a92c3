/** What a demo server has to say to its operator. */
#ifndef SERVER_COMPLAIN_H
#define SERVER_COMPLAIN_H

/** From now on it is `name` that complains. Borrows it. */
void complain_as(const char *name);

/** Prints one line to stderr: the program's name, ": ", and the text. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
