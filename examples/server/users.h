/** Who may authenticate to a demo server: the file of --users. */
#ifndef SERVER_USERS_H
#define SERVER_USERS_H

#include <stdio.h>

#include <slimta/edge.h>

/**
 * The users of a file in UTF-8, each a line "name:password" or
 * "name:{SCRAM-SHA-256}…", the text of slimta_stored_secret_make. A line is
 * split at its first colon; what comes after it is the password as it stands.
 * Empty lines are passed over. Any thread may use it.
 */
struct users;

/** Reads the file. Errors name it and the line, never a password. */
int users_new(struct users **out, const char *path, struct slimta_error *error);

/** Reads it anew; when that fails, all stays as it was. */
int users_reload(struct users *users, struct slimta_error *error);

/** Wipes and frees. NULL is accepted. */
void users_free(struct users *users);

/** The table whose `secret` answers for them. Borrows `users` until the edge
 * has stopped. */
struct slimta_validators users_validators(struct users *users);

/** Copies the secret of the user of exactly that name to `out`, cut at `size`;
 * 1, or 0 when there is no such user. For tests. */
int users_look_up(
    struct users *users, const char *name, char *out, size_t size);

/** Reads a password, a line of `in`, and prints the line that stands for this
 * user in such a file, without the password. Errors: no name, no password, one
 * that SASLprep does not take. */
int users_make_line(
    const char *name, FILE *in, FILE *out, struct slimta_error *error);

#endif
