/** PEM text that stands in a file or in memory, and what is wrong with it. */
#include "tls/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/slice.h"
#include "tls/compat.h"

enum { FIRST_ROOM = 4096 };

int sli_tls_source_fail(const struct sli_tls_source *source, int code,
    const char *reason, struct slimta_error *error)
{
    if (source->file != NULL) {
        return sli_error_set(
            error, code, "%s file %s: %s", source->what, source->file, reason);
    }
    return sli_error_set(error, code, "%s in memory: %s", source->what, reason);
}

static int fail_with(
    const struct sli_tls_source *source, int code, struct slimta_error *error)
{
    return sli_tls_source_fail(source, code, slimta_strerror(code), error);
}

void sli_tls_text_fini(
    struct sli_tls_text *text, const struct slimta_alloc *alloc)
{
    if (text->data != NULL) {
        mbedtls_platform_zeroize(text->data, text->size);
    }
    sli_free(alloc, text->data);
    *text = (struct sli_tls_text){NULL, 0};
}

/* No realloc: what it leaves behind would not be wiped. */
static int grow(struct sli_tls_text *text, const struct slimta_alloc *alloc)
{
    struct sli_tls_text larger = {
        NULL, text->size == 0 ? FIRST_ROOM : text->size * 2};

    if (larger.size / 2 > SLI_TLS_TEXT_MAX) {
        return SLIMTA_ELIMIT;
    }
    larger.data = sli_alloc_zero(alloc, larger.size);
    if (larger.data == NULL) {
        return SLIMTA_ENOMEM;
    }
    if (text->size > 0) {
        memcpy(larger.data, text->data, text->size);
    }
    sli_tls_text_fini(text, alloc);
    *text = larger;
    return 0;
}

/* `text->size` is its room until everything is read. */
static int read_all(int fd, struct sli_tls_text *text,
    const struct slimta_alloc *alloc, size_t *used)
{
    for (;;) {
        ssize_t got;

        if (*used + 1 >= text->size) {
            int err = grow(text, alloc);

            if (err != 0) {
                return err;
            }
        }
        got = read(fd, text->data + *used, text->size - *used - 1);
        if (got == 0) {
            return *used > SLI_TLS_TEXT_MAX ? SLIMTA_ELIMIT : 0;
        }
        if (got < 0 && errno != EINTR) {
            return errno == EISDIR ? SLIMTA_EINVAL
                                   : sli_error_from_errno(errno);
        }
        *used += got < 0 ? 0 : (size_t)got;
    }
}

static int read_file(const struct sli_tls_source *source,
    const struct slimta_alloc *alloc, struct sli_tls_text *out,
    struct slimta_error *error)
{
    struct sli_tls_text text = {NULL, 0};
    size_t used = 0;
    int fd = open(source->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int err = fd < 0 ? sli_error_from_errno(errno)
                     : read_all(fd, &text, alloc, &used);

    if (fd >= 0) {
        (void)close(fd);
    }
    if (err != 0) {
        sli_tls_text_fini(&text, alloc);
        return fail_with(source, err, error);
    }
    text.size = used + 1;
    *out = text;
    return 0;
}

static int copy(const struct sli_tls_source *source,
    const struct slimta_alloc *alloc, struct sli_tls_text *out,
    struct slimta_error *error)
{
    if (source->pem.size > SLI_TLS_TEXT_MAX) {
        return fail_with(source, SLIMTA_ELIMIT, error);
    }
    out->data = (unsigned char *)sli_alloc_text(alloc, source->pem);
    if (out->data == NULL) {
        return fail_with(source, SLIMTA_ENOMEM, error);
    }
    out->size = source->pem.size + 1;
    return 0;
}

int sli_tls_source_read(const struct sli_tls_source *source,
    const struct slimta_alloc *alloc, struct sli_tls_text *out,
    struct slimta_error *error)
{
    if (source->file == NULL) {
        return copy(source, alloc, out, error);
    }
    if (source->pem.size > 0) {
        return sli_tls_source_fail(
            source, SLIMTA_EINVAL, "it is given in memory, too", error);
    }
    return read_file(source, alloc, out, error);
}
