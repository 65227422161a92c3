/** c-ares in a loop: its sockets, its time, and its questions. */
#ifndef IO_RESOLVER_CHANNEL_H
#define IO_RESOLVER_CHANNEL_H

#include <slimta/resolver.h>

#include "base/list.h"
#include "io/resolver_servers.h"
#include "io/timer.h"

struct ares_channeldata;
struct slimta_loop;

/** A question; embedded in what it is about. */
struct sli_io_resolver_ask {
    /** Once, inside the asking too; empty: there is no answer. */
    void (*answered)(
        struct sli_io_resolver_ask *ask, struct slimta_slice message);
};

/** c-ares calls `answered` from deep inside itself, where nothing may be asked
 * or closed: whatever follows from an answer waits for `turned`. */
struct sli_io_resolver_channel {
    struct slimta_loop *loop;
    const struct slimta_alloc *alloc; /* borrowed */
    struct sli_io_resolver_servers servers;
    struct ares_channeldata *ares; /* NULL before the first question */
    struct sli_list sockets;       /* that are watched */
    unsigned closing;              /* that are not watched any more */
    struct sli_io_timer timer;
    /** c-ares has done what was due. */
    void (*turned)(struct sli_io_resolver_channel *channel);
    /** The last socket that was closing is closed. */
    void (*closed)(struct sli_io_resolver_channel *channel);
};

/** Opens nothing. The caller fills `servers`. */
void sli_io_resolver_channel_init(struct sli_io_resolver_channel *channel,
    struct slimta_loop *loop, const struct slimta_alloc *alloc,
    void (*turned)(struct sli_io_resolver_channel *channel),
    void (*closed)(struct sli_io_resolver_channel *channel));

/** Asks for records of `type` at `name`. The first call makes the channel:
 * c-ares then reads /etc/resolv.conf, unless there are `servers`, and
 * /dev/urandom. On failure `answered` never runs. */
int sli_io_resolver_channel_ask(struct sli_io_resolver_channel *channel,
    struct sli_io_resolver_ask *ask, const char *name,
    enum slimta_dns_type type,
    void (*answered)(
        struct sli_io_resolver_ask *ask, struct slimta_slice message));

/** Every question that is open is answered with nothing, now. Closes every
 * socket. */
void sli_io_resolver_channel_cancel(struct sli_io_resolver_channel *channel);

/** The same, and the channel goes; the next question makes another. */
void sli_io_resolver_channel_close(struct sli_io_resolver_channel *channel);

/** Whether anything of it is open in the loop. */
int sli_io_resolver_channel_is_open(
    const struct sli_io_resolver_channel *channel);

#endif
