/** Plays a dialogue in every way, and demands the same outcome each time. */
#ifndef DIALOGUES_VERDICT_H
#define DIALOGUES_VERDICT_H

#include <stddef.h>

#include <slimta/alloc.h>

#include "script.h"

/** How the input is cut, and how questions are answered. */
struct way {
    const char *name;
    size_t piece;  /* octets in a piece */
    size_t first;  /* of the first piece, when not 0 */
    int is_late;   /* answers come after park, when the input is gone */
    int is_spoken; /* defaults are asked for and given as replies */
    size_t cutoff; /* the peer is gone after so many octets, when not 0 */
};

/** How many octets are the next piece, at that offset of the input, if all up
 * to `end` may come at once. */
size_t piece_size(const struct way *way, size_t at, size_t end);

struct trial {
    const struct dialogue *dialogue;
    const struct script *script; /* of the dialogue */

    /** Plays it; what comes is put into `got`, which is empty. Returns whether
     * all was sound meanwhile. */
    int (*run)(const struct dialogue *dialogue, const struct way *way,
        const struct slimta_alloc *alloc, struct outcome *got);

    /** Whether this may come when an allocation has failed, or when the peer is
     * gone (the end is seen to). */
    int (*is_cut_short)(
        const struct outcome *wanted, const struct outcome *got);

    /** Ways that end with one that has no name. */
    const struct way *ways;
    const struct way *ways_without_memory;
};

/** Whether the outcome is as written, in each of the ways and with the input
 * cut in two at every offset. */
int check_cuts(const struct trial *trial);

/** Whether a peer that is gone after any octet does no harm. */
int check_cutoffs(const struct trial *trial);

/** Whether no failing allocation does harm. */
int check_failures(const struct trial *trial);

/** A line for the harness; `path` is the dialogue's. */
void report(int is_good, const char *path, const char *what);

#endif
