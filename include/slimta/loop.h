/** The event loop that edges run in. */
#ifndef SLIMTA_LOOP_H
#define SLIMTA_LOOP_H

#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/export.h>

/** libuv's loop; this header does not need its. */
struct uv_loop_s;

/**
 * A loop belongs to one thread: the one that runs or turns it. It has no open
 * handle but while an edge is started in it, so that it can be freed, and a
 * wrapped loop closed, as soon as every edge in it has told that it stopped.
 */
struct slimta_loop;

SLIMTA_BEGIN_DECLS

/** A loop of its own. `alloc` may be NULL. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_loop_new(struct slimta_loop **out,
    const struct slimta_alloc *alloc, struct slimta_error *error);

/** Uses the host's libuv loop, which must outlive it and which the host runs.
 * `alloc` may be NULL. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_loop_wrap(struct slimta_loop **out,
    struct uv_loop_s *uv, const struct slimta_alloc *alloc,
    struct slimta_error *error);

/** Runs a loop of its own until nothing is left to do in it: until every edge
 * that was started in it has stopped. SLIMTA_EINVAL for a wrapped one. */
SLIMTA_API int slimta_loop_run(struct slimta_loop *loop);

/** The descriptor that a foreign event loop polls for reading; when it is
 * readable, or slimta_loop_timeout_ms has passed, call slimta_loop_turn. */
SLIMTA_API int slimta_loop_fd(const struct slimta_loop *loop);

/** How long the foreign loop may wait at most: milliseconds, -1 for ever. Ask
 * again after each turn. */
SLIMTA_API int slimta_loop_timeout_ms(const struct slimta_loop *loop);

/** Does what is due now, without waiting. Returns 1 while something runs in
 * the loop, 0 when nothing is left. */
SLIMTA_API int slimta_loop_turn(struct slimta_loop *loop);

/** Frees the loop. SLIMTA_EBUSY, and nothing is freed, while an edge runs in
 * it. What calls this from inside slimta_loop_run or _turn gets 0, and the loop
 * is freed when those return. NULL is accepted. */
SLIMTA_API int slimta_loop_free(struct slimta_loop *loop);

SLIMTA_END_DECLS

#endif
