/** The inside of a content: blocks in memory, then a file. */
#ifndef MAIL_CONTENT_H
#define MAIL_CONTENT_H

#include <slimta/alloc.h>
#include <slimta/content.h>

/** The capacity of a block: as small as what is still expected allows, else
 * twice the one before, up to the cap. The first SLIMTA_HEAD_BYTES stand in one
 * block. */
#define SLI_MAIL_CONTENT_BLOCK_MIN 2048
#define SLI_MAIL_CONTENT_BLOCK_MAX 65536

/** `expected` is the declared size in octets, or 0 when nothing is known: then
 * the first block has 8 KiB. `alloc` is copied: a content may outlive what it
 * was made by. */
int sli_mail_content_new(struct slimta_content **out,
    const struct slimta_alloc *alloc, uint64_t expected);

/** Atomically counted; shared by split envelopes. The last unref frees and
 * closes. NULL is accepted by unref. */
struct slimta_content *sli_mail_content_ref(struct slimta_content *content);
void sli_mail_content_unref(struct slimta_content *content);

/** Copies octets to the end, once. SLIMTA_ENOMEM: some of them may have been
 * added; the content is only good for unref then. */
int sli_mail_content_append(
    struct slimta_content *content, struct slimta_slice octets);

/** Octets that are in memory past the head that always stays there
 * (SLIMTA_HEAD_BYTES): what a spill would free. */
uint64_t sli_mail_content_spillable(const struct slimta_content *content);

/** Where octets go that leave memory. This room does no I/O: whoever spills
 * brings it along. Every function may block; 0 or a SLIMTA_E… */
struct sli_mail_store {
    /** Opens a new file in `directory`, which is gone when it is closed. */
    int (*open)(
        const struct slimta_alloc *alloc, const char *directory, int *fd);
    /** Writes all octets at `offset`. */
    int (*write)(int fd, uint64_t offset, struct slimta_slice octets);
    /** Reads just `size` octets at `offset`. */
    int (*read)(int fd, uint64_t offset, char *out, size_t size);
    void (*close)(int fd);
};

/**
 * Writes what is spillable to the content's file, which is made in `directory`
 * when missing, and frees its memory. `store` is static and the same each time.
 * Blocks: a pool job calls it while nobody touches the content. SLIMTA_ENOSPC,
 * SLIMTA_EMFILE, SLIMTA_EIO, …: the content is only good for unref then. Octets
 * may be appended again afterwards, and spilled again.
 */
int sli_mail_content_spill(struct slimta_content *content,
    const struct sli_mail_store *store, const char *directory);

/** The first octets, at most SLIMTA_HEAD_BYTES, block by block: as
 * slimta_content_block, but also for a spilled content. */
int sli_mail_content_head(const struct slimta_content *content, size_t index,
    struct slimta_slice *block);

#endif
