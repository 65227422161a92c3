/** Unique names for the files of a maildir. */
#include "queue/maildir/name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/ascii.h"

/* Two queues of one process may share a directory. Each counts from the moment
 * of its making in nanoseconds: no counter reaches, message by message, the
 * moment at which another one began. */
static uint64_t first_number(void)
{
    struct timespec now = {.tv_sec = 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void sli_queue_maildir_name_init(struct sli_queue_maildir_names *names)
{
    char host[256] = "";

    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
        (void)snprintf(host, sizeof host, "localhost");
    }
    atomic_init(&names->counter, first_number());
    sli_queue_maildir_name_set_host(names, host);
}

/* The maildir convention itself replaces '/' and ':'; a backslash begins a
 * replacement, and the rest would not be seen in an id. */
static int is_plain(char octet)
{
    return sli_ascii_is(octet, SLI_ASCII_PRINT) && octet != ' ' &&
        octet != '/' && octet != ':' && octet != '\\';
}

void sli_queue_maildir_name_set_host(
    struct sli_queue_maildir_names *names, const char *host)
{
    size_t used = 0;

    for (; *host != '\0'; host++) {
        size_t size = is_plain(*host) ? 1 : 4;

        if (used + size > SLI_QUEUE_MAILDIR_HOST_MAX) {
            break;
        }
        if (size == 1) {
            names->host[used] = *host;
        } else {
            (void)snprintf(names->host + used, size + 1, "\\%03o",
                (unsigned)(unsigned char)*host);
        }
        used += size;
    }
    names->host[used] = '\0';
}

void sli_queue_maildir_name_next(struct sli_queue_maildir_names *names,
    int64_t now_ms, char out[SLI_QUEUE_MAILDIR_NAME_MAX])
{
    uint64_t number =
        atomic_fetch_add_explicit(&names->counter, 1, memory_order_relaxed);
    uint64_t now = now_ms > 0 ? (uint64_t)now_ms : 0;

    (void)snprintf(out, SLI_QUEUE_MAILDIR_NAME_MAX,
        "%" PRIu64 ".M%06uP%jdQ%" PRIu64 ".%s", now / 1000,
        (unsigned)(now % 1000) * 1000, (intmax_t)getpid(), number, names->host);
}
