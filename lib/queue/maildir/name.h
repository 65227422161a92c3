/** Unique names for the files of a maildir. */
#ifndef QUEUE_MAILDIR_NAME_H
#define QUEUE_MAILDIR_NAME_H

#include <stdatomic.h>
#include <stdint.h>

/** The most of the host that a name keeps, escaped. */
#define SLI_QUEUE_MAILDIR_HOST_MAX 56

/** Room for every name, NUL included: an op keeps ids up to this size whole. */
#define SLI_QUEUE_MAILDIR_NAME_MAX 128

/** Where names come from; any thread may ask for the next one. */
struct sli_queue_maildir_names {
    atomic_uint_fast64_t counter;
    char host[SLI_QUEUE_MAILDIR_HOST_MAX + 1];
};

/** Names for this machine, process and object: asks for the hostname. */
void sli_queue_maildir_name_init(struct sli_queue_maildir_names *names);

/** Copies the hostname with whatever may not stand in a file's name (and what
 * maildir readers would take for their own) as octal, cut at its end. */
void sli_queue_maildir_name_set_host(
    struct sli_queue_maildir_names *names, const char *host);

/** Writes "<seconds>.M<usec>P<pid>Q<counter>.<host>"; terminated. */
void sli_queue_maildir_name_next(struct sli_queue_maildir_names *names,
    int64_t now_ms, char out[SLI_QUEUE_MAILDIR_NAME_MAX]);

#endif
