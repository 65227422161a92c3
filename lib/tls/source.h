/** PEM text that stands in a file or in memory, and what is wrong with it. */
#ifndef TLS_SOURCE_H
#define TLS_SOURCE_H

#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/slice.h>

/** Where a text is: `file` or, without one, `pem`. All borrowed. */
struct sli_tls_source {
    const char *what; /**< in sentences: "certificate" */
    const char *file;
    struct slimta_slice pem;
};

/** A text that was read, with a NUL behind it, which `size` counts. */
struct sli_tls_text {
    unsigned char *data;
    size_t size;
};

/** What a file may have, and a text. */
#define SLI_TLS_TEXT_MAX ((size_t)16 * 1024 * 1024)

static inline int sli_tls_source_is_given(const struct sli_tls_source *source)
{
    return source->file != NULL || source->pem.size > 0;
}

/** Reads it all into memory of `alloc`. May block. SLIMTA_EINVAL when it is
 * given twice, SLIMTA_ENOENT, SLIMTA_EACCES, SLIMTA_ELIMIT, SLIMTA_ENOMEM, … */
int sli_tls_source_read(const struct sli_tls_source *source,
    const struct slimta_alloc *alloc, struct sli_tls_text *out,
    struct slimta_error *error);

/** Wipes and frees. */
void sli_tls_text_fini(
    struct sli_tls_text *text, const struct slimta_alloc *alloc);

/** Says that there is something wrong with it; returns the code. */
int sli_tls_source_fail(const struct sli_tls_source *source, int code,
    const char *reason, struct slimta_error *error);

#endif
