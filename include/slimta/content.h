/** The octets of one message. */
#ifndef SLIMTA_CONTENT_H
#define SLIMTA_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/export.h>
#include <slimta/slice.h>

/**
 * A message as it was received: header section, empty line, body, with the
 * dots of RFC 5321 section 4.5.2 removed. It stands in a chain of blocks in
 * memory or, past the edge's `spill_bytes`, in an unlinked file. It belongs to
 * its envelope and is immutable once a queue has it, so that several threads
 * may read it at once.
 */
struct slimta_content;

SLIMTA_BEGIN_DECLS

/** How many octets it has. */
SLIMTA_API uint64_t slimta_content_size(const struct slimta_content *content);

/** 1 when it stands in a file and reading may block, else 0. */
SLIMTA_API int slimta_content_is_spilled(const struct slimta_content *content);

/**
 * Copies up to `size` octets from `offset` on into `out` and stores in `got`
 * how many; 0 only at the end. May block when the content is spilled: call it
 * on a worker thread, never on a loop. SLIMTA_EIO when the file fails.
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_content_read(
    const struct slimta_content *content, uint64_t offset, void *out,
    size_t size, size_t *got);

/**
 * Lends the block number `index`, 0 first, of a content in memory, without
 * copying. Returns 1, or 0 when there is no such block (also always for a
 * spilled content). Lives as long as the envelope.
 */
SLIMTA_API int slimta_content_block(const struct slimta_content *content,
    size_t index, struct slimta_slice *block);

SLIMTA_END_DECLS

#endif
