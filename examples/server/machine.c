/** What a demo server asks of the machine: descriptors and a name. */
#include "machine.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "complain.h"

/** What the process needs beside its connections: listeners, loops, files of
 * the queue, messages on their way to the disk. */
enum { OTHER_DESCRIPTORS = 128 };

static rlim_t raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return RLIM_INFINITY;
    }
    if (limit.rlim_cur != limit.rlim_max) {
        rlim_t before = limit.rlim_cur;

        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return before;
        }
    }
    return limit.rlim_cur;
}

uint64_t machine_connections(uint64_t wanted)
{
    rlim_t limit = raise_descriptor_limit();
    uint64_t others = OTHER_DESCRIPTORS;
    uint64_t fit;

    if (limit == RLIM_INFINITY) {
        return wanted;
    }
    if (others > limit / 2) {
        others = limit / 2;
    }
    fit = limit - others;
    if (fit >= wanted) {
        return wanted;
    }
    fit = fit == 0 ? 1 : fit;
    complain("the descriptor limit of %" PRIu64 " is too low for %" PRIu64
             " connections: serving at most %" PRIu64,
        (uint64_t)limit, wanted, fit);
    return fit;
}

/* The first name of a host that has a dot, or NULL. */
static const char *full_name(const struct hostent *host)
{
    if (strchr(host->h_name, '.') != NULL) {
        return host->h_name;
    }
    for (char **alias = host->h_aliases; *alias != NULL; alias++) {
        if (strchr(*alias, '.') != NULL) {
            return *alias;
        }
    }
    return NULL;
}

static int is_called(const struct hostent *host, const char *name)
{
    int found = strcmp(host->h_name, name) == 0;

    for (char **alias = host->h_aliases; !found && *alias != NULL; alias++) {
        found = strcmp(*alias, name) == 0;
    }
    return found;
}

/* Goes through the machine's own table of hosts; a name server that does not
 * answer would hold up the start. */
static const char *look_up(const char *name)
{
    const struct hostent *host;
    const char *found = NULL;

    sethostent(0);
    while (found == NULL && (host = gethostent()) != NULL) {
        found = is_called(host, name) ? full_name(host) : NULL;
    }
    return found;
}

int machine_name(char *out, size_t size)
{
    char name[256];
    const char *found = NULL;
    int length = -1;

    if (gethostname(name, sizeof name) == 0) {
        name[sizeof name - 1] = '\0';
        found = strchr(name, '.') != NULL ? name : look_up(name);
    }
    if (found != NULL) {
        length = snprintf(out, size, "%s", found);
    }
    endhostent();
    return length > 0 && (size_t)length < size;
}
