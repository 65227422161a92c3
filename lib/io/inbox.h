/** The one door into a loop for other threads. */
#ifndef IO_INBOX_H
#define IO_INBOX_H

#include <uv.h>

#include <slimta/alloc.h>

/** Something that is delivered on the loop; embedded in what it is about, whose
 * sender keeps it alive until then. */
struct sli_io_message {
    struct sli_io_message *next;
    void (*deliver)(struct sli_io_message *message);
};

/** Atomically counted; stays valid, closed, after its loop is gone. */
struct sli_io_inbox;

/** Opens an inbox in the loop `uv`, with one reference. */
int sli_io_inbox_new(
    struct sli_io_inbox **out, const struct slimta_alloc *alloc, uv_loop_t *uv);

struct sli_io_inbox *sli_io_inbox_ref(struct sli_io_inbox *inbox);
void sli_io_inbox_unref(struct sli_io_inbox *inbox);

/** Has `message` delivered on the loop, in the order of posting. 0: it will
 * be. SLIMTA_ECANCELED: the inbox is closed, the message is untouched. Any
 * thread. */
int sli_io_inbox_post(
    struct sli_io_inbox *inbox, struct sli_io_message *message);

/** Delivers what was posted, lets nothing more in, and closes its handle; then
 * `closed` is called. On the loop. */
void sli_io_inbox_close(
    struct sli_io_inbox *inbox, void (*closed)(void *user), void *user);

#endif
