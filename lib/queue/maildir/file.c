/** One message as the octets of one file. */
#include "queue/maildir/file.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/slice.h"
#include "queue/maildir/params.h"

enum {
    PIECE_BYTES = 65536,
    VECTORS = 16,
    HEAD_BYTES = 64 * 1024 * 1024 /* more is not a message */
};

/* Where the octets of one file go. As they are: the pieces wait in `vectors`,
 * where they stand. With LF: they wait, converted, in `out`. */
struct sink {
    int fd;
    enum slimta_newlines newlines;
    struct iovec vectors[VECTORS];
    int count;
    char *out; /* PIECE_BYTES */
    size_t used;
    int has_cr; /* the last octet was a CR that may begin a CRLF */
};

void sli_queue_maildir_scratch_init(
    struct sli_queue_maildir_scratch *scratch, const struct slimta_alloc *alloc)
{
    scratch->alloc = alloc;
    scratch->pieces = NULL;
    sli_buf_init(&scratch->head, alloc, HEAD_BYTES);
}

void sli_queue_maildir_scratch_fini(struct sli_queue_maildir_scratch *scratch)
{
    sli_buf_fini(&scratch->head);
    sli_free(scratch->alloc, scratch->pieces);
    scratch->pieces = NULL;
}

/* Takes what was written off the front of the vectors. */
static struct iovec *advance(struct iovec *vector, int *count, size_t written)
{
    while (*count > 0 && written >= vector->iov_len) {
        written -= vector->iov_len;
        vector++;
        --*count;
    }
    if (*count > 0) {
        vector->iov_base = (char *)vector->iov_base + written;
        vector->iov_len -= written;
    }
    return vector;
}

static int write_all(int fd, struct iovec *vector, int count)
{
    while (count > 0) {
        ssize_t written = writev(fd, vector, count);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return sli_error_from_errno(errno);
        }
        if (written == 0) {
            return SLIMTA_EIO;
        }
        vector = advance(vector, &count, (size_t)written);
    }
    return 0;
}

static int flush(struct sink *sink)
{
    int count = sink->count;

    if (sink->used > 0) {
        sink->vectors[0] = (struct iovec){sink->out, sink->used};
        count = 1;
    }
    sink->used = 0;
    sink->count = 0;
    return write_all(sink->fd, sink->vectors, count);
}

/* Lends `piece` to the sink until the next flush. */
static int put_vector(struct sink *sink, struct slimta_slice piece)
{
    char *data = (char *)(uintptr_t)piece.data; /* writev only reads it */

    if (piece.size == 0) {
        return 0;
    }
    sink->vectors[sink->count++] = (struct iovec){data, piece.size};
    return sink->count == VECTORS ? flush(sink) : 0;
}

static int put_copy(struct sink *sink, struct slimta_slice piece)
{
    int err = 0;

    while (err == 0 && piece.size > 0) {
        size_t room = PIECE_BYTES - sink->used;
        size_t size = piece.size < room ? piece.size : room;

        memcpy(sink->out + sink->used, piece.data, size);
        sink->used += size;
        piece = sli_slice_skip(piece, size);
        if (sink->used == PIECE_BYTES) {
            err = flush(sink);
        }
    }
    return err;
}

/* A CR waits until the octet after it is known: it goes when that is an LF. */
static int put_converted(struct sink *sink, struct slimta_slice piece)
{
    int err = 0;

    while (err == 0 && piece.size > 0) {
        const char *cr;
        size_t size;

        if (sink->has_cr && piece.data[0] != '\n') {
            err = put_copy(sink, SLI_LITERAL("\r"));
        }
        cr = memchr(piece.data, '\r', piece.size);
        size = cr == NULL ? piece.size : (size_t)(cr - piece.data);
        if (err == 0) {
            err = put_copy(sink, sli_slice(piece.data, size));
        }
        sink->has_cr = cr != NULL;
        piece = sli_slice_skip(piece, cr == NULL ? size : size + 1);
    }
    return err;
}

static int put(struct sink *sink, struct slimta_slice piece)
{
    return sink->newlines == SLIMTA_NEWLINES_LF ? put_converted(sink, piece)
                                                : put_vector(sink, piece);
}

static int finish(struct sink *sink)
{
    int err = 0;

    if (sink->has_cr) {
        err = put_copy(sink, SLI_LITERAL("\r"));
    }
    return err == 0 ? flush(sink) : err;
}

static int put_blocks(struct sink *sink, const struct slimta_content *content)
{
    struct slimta_slice block;
    int err = 0;

    for (size_t i = 0;
         err == 0 && slimta_content_block(content, i, &block) == 1; i++) {
        err = put(sink, block);
    }
    return err;
}

/* `piece` has room for PIECE_BYTES. */
static int put_spilled(
    struct sink *sink, const struct slimta_content *content, char *piece)
{
    uint64_t offset = 0;
    size_t got = 0;
    int err = flush(sink);

    while (err == 0) {
        err = slimta_content_read(content, offset, piece, PIECE_BYTES, &got);
        if (err != 0 || got == 0) {
            break;
        }
        offset += got;
        err = put(sink, sli_slice(piece, got));
        if (err == 0) {
            err = flush(sink);
        }
    }
    if (err == 0 && offset != slimta_content_size(content)) {
        err = SLIMTA_EIO;
    }
    return err;
}

static int append_line(
    struct sli_buf *head, const char *name, const char *address, int is_path)
{
    int err = sli_buf_append_text(head, name);

    if (err == 0) {
        err = sli_buf_append_text(head, is_path ? ": <" : ": ");
    }
    if (err == 0) {
        err = sli_buf_append_text(head, address);
    }
    if (err == 0) {
        err = sli_buf_append_text(head, is_path ? ">\r\n" : "\r\n");
    }
    return err;
}

/* RFC 5321 section 4.4: what the final delivery adds stands above all, the
 * Return-Path as its first line. RFC 7208 section 9.1 and RFC 8601 section 4.1:
 * what was found out about the message stands above the trace of this hop. */
static int build_head(struct sli_buf *head,
    const struct slimta_envelope *envelope, const char *id)
{
    size_t recipients = slimta_envelope_recipient_count(envelope);
    char received[SLIMTA_RECEIVED_MAX];
    int err =
        append_line(head, "Return-Path", slimta_envelope_sender(envelope), 1);

    for (size_t i = 0; err == 0 && i < recipients; i++) {
        err = append_line(head, "Delivered-To",
            slimta_envelope_recipient(envelope, i)->address, 0);
    }
    if (err == 0) {
        err = sli_queue_maildir_params_append(head, envelope);
    }
    if (err == 0) {
        err = sli_buf_append(head, slimta_envelope_prepended(envelope));
    }
    if (err == 0) {
        (void)slimta_envelope_received(envelope, id, received, sizeof received);
        err = sli_buf_append_text(head, received);
    }
    return err;
}

static int needs_pieces(
    const struct slimta_content *content, enum slimta_newlines newlines)
{
    return newlines == SLIMTA_NEWLINES_LF || slimta_content_is_spilled(content);
}

int sli_queue_maildir_file_write(int fd, const struct slimta_envelope *envelope,
    const char *id, enum slimta_newlines newlines,
    struct sli_queue_maildir_scratch *scratch)
{
    const struct slimta_content *content = slimta_envelope_content(envelope);
    struct sink sink = {.fd = fd, .newlines = newlines};
    int err;

    if (scratch->pieces == NULL && needs_pieces(content, newlines)) {
        scratch->pieces = sli_alloc(scratch->alloc, 2 * PIECE_BYTES);
        if (scratch->pieces == NULL) {
            return SLIMTA_ENOMEM;
        }
    }
    sink.out = scratch->pieces;
    sli_buf_clear(&scratch->head);
    err = build_head(&scratch->head, envelope, id);
    if (err == 0) {
        err = put(&sink, sli_buf_slice(&scratch->head));
    }
    if (err == 0 && slimta_content_is_spilled(content)) {
        err = put_spilled(&sink, content, scratch->pieces + PIECE_BYTES);
    } else if (err == 0) {
        err = put_blocks(&sink, content);
    }
    return err == 0 ? finish(&sink) : err;
}
