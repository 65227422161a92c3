/** Feeds message content, cut by the first octets, to the data reader and
 * compares it with the rules once more. */
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "fuzz.h"
#include "naive_data.h"
#include "smtp/data_reader.h"

struct collected {
    char *content;
    size_t size;
    struct sli_smtp_data_reader reader;
};

/* The piece has a block of its own, which ends where it ends. */
static size_t read_piece(struct collected *collected, struct slimta_slice piece)
{
    char *copy = malloc(piece.size);
    struct slimta_slice input = sli_slice(copy, piece.size);
    struct slimta_slice content;

    demand(copy != NULL);
    memcpy(copy, piece.data, piece.size);
    while (collected->reader.state != SLI_SMTP_DATA_DONE &&
        sli_smtp_data_reader_next(&collected->reader, &input, &content)) {
        memcpy(
            collected->content + collected->size, content.data, content.size);
        collected->size += content.size;
    }
    free(copy);
    return piece.size - input.size;
}

static void compare(
    struct slimta_slice input, size_t piece, enum slimta_bare_newlines policy)
{
    struct naive_data wanted = {.content = malloc(input.size * 2 + 1)};
    struct collected got = {.content = malloc(input.size * 2 + 1)};
    size_t used = 0;

    demand(wanted.content != NULL && got.content != NULL);
    naive_data_read(&wanted, input, policy);
    sli_smtp_data_reader_init(&got.reader, policy);
    while (used < input.size && got.reader.state != SLI_SMTP_DATA_DONE) {
        size_t left = input.size - used;

        used += read_piece(
            &got, sli_slice(input.data + used, left < piece ? left : piece));
    }
    demand(used == wanted.used && got.size == wanted.size);
    demand(memcmp(got.content, wanted.content, got.size) == 0);
    demand(wanted.has_bare == got.reader.has_bare);
    demand(wanted.is_done == (got.reader.state == SLI_SMTP_DATA_DONE));
    free(wanted.content);
    free(got.content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 2) {
        struct slimta_slice input = sli_slice(data + 2, size - 2);
        enum slimta_bare_newlines policy =
            (enum slimta_bare_newlines)(data[0] % 3);

        compare(input, SIZE_MAX, policy);
        compare(input, 1 + (size_t)data[1], policy);
    }
    return 0;
}
