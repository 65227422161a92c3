/** Plays a dialogue in every way, and demands the same outcome each time. */
#include "verdict.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fail_alloc.h"

/* An input that is longer is not cut at each of its offsets. */
enum { CUTS_MAX = 20000 };

size_t piece_size(const struct way *way, size_t at, size_t end)
{
    size_t size = way->first > at ? way->first - at : way->piece;

    return size < end - at ? size : end - at;
}

/* Whether all is as the file says. */
static int is_as_written(
    const struct outcome *wanted, const struct outcome *got)
{
    return is_same(got->output, wanted->output) &&
        (wanted->events.size == 0 || is_same(got->events, wanted->events));
}

/* Whether all is as the file says, or, where something is missing, comes to the
 * right end sooner: nobody goes on with a peer that is gone. */
static int is_allowed(const struct trial *trial, const struct way *way,
    const struct fail_alloc *alloc, const struct outcome *got)
{
    const struct outcome *wanted = &trial->script->wanted;

    if (way->cutoff == 0 && !fail_alloc_has_failed(alloc)) {
        return is_as_written(wanted, got);
    }
    return trial->is_cut_short(wanted, got) &&
        (way->cutoff == 0 || has_closed(got));
}

static void complain_of(const struct trial *trial, const struct way *way,
    const struct fail_alloc *alloc, const struct outcome *got)
{
    const struct outcome *wanted = &trial->script->wanted;

    (void)printf(
        "# %s: cut off after %zu octets, allocation %zu failing "
        "(0: none), %zu blocks left behind\n",
        way->name, way->cutoff, alloc->fail_at, atomic_load(&alloc->live));
    complain(way->name, "output", wanted->output, got->output);
    complain(way->name, "events", wanted->events, got->events);
}

static int play(
    const struct trial *trial, const struct way *way, struct fail_alloc *alloc)
{
    struct outcome got;
    int is_good;

    init_outcome(&got);
    is_good = trial->run(trial->dialogue, way, &alloc->table, &got) &&
        is_allowed(trial, way, alloc, &got) && atomic_load(&alloc->live) == 0;
    if (!is_good) {
        complain_of(trial, way, alloc, &got);
    }
    free_outcome(&got);
    return is_good;
}

static int play_with_memory(const struct trial *trial, const struct way *way)
{
    struct fail_alloc alloc;

    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    return play(trial, way, &alloc);
}

int check_cuts(const struct trial *trial)
{
    size_t size = trial->script->input.size;
    size_t step = 1 + size / CUTS_MAX;

    for (const struct way *way = trial->ways; way->name != NULL; way++) {
        if (!play_with_memory(trial, way)) {
            return 0;
        }
    }
    for (size_t at = 1; at < size; at += step) {
        char name[32];
        const struct way way = {.name = name,
            .piece = SIZE_MAX,
            .first = at,
            .is_late = (int)(at & 1)};

        (void)snprintf(name, sizeof name, "cut at %zu", at);
        if (!play_with_memory(trial, &way)) {
            return 0;
        }
    }
    return 1;
}

int check_cutoffs(const struct trial *trial)
{
    for (size_t at = 1; at <= trial->script->input.size; at++) {
        const struct way way = {
            .name = "cut off", .piece = SIZE_MAX, .cutoff = at};

        if (!play_with_memory(trial, &way)) {
            return 0;
        }
    }
    return 1;
}

static int check_failures_in(
    const struct trial *trial, const struct way *way, enum fail_alloc_mode mode)
{
    int has_failed = 1;

    for (size_t n = 1; has_failed; n++) {
        struct fail_alloc alloc;

        fail_alloc_init(&alloc, n, mode);
        if (!play(trial, way, &alloc)) {
            return 0;
        }
        has_failed = fail_alloc_has_failed(&alloc);
    }
    return 1;
}

int check_failures(const struct trial *trial)
{
    for (const struct way *way = trial->ways_without_memory; way->name != NULL;
         way++) {
        if (!check_failures_in(trial, way, FAIL_ALLOC_ONCE) ||
            !check_failures_in(trial, way, FAIL_ALLOC_ONWARD)) {
            return 0;
        }
    }
    return 1;
}

void report(int is_good, const char *path, const char *what)
{
    const char *slash = strrchr(path, '/');

    (void)printf("%s - %s: %s\n", is_good ? "ok" : "not ok",
        slash == NULL ? path : slash + 1, what);
}
