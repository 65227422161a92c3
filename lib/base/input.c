/** What an engine was fed and has not consumed. */
#include "base/input.h"

#include <stdint.h>

#include "base/slice.h"

/* The rest has no maximum of its own: an engine limits what it gathers, and
 * nobody reads from the client while an answer is due. */
void sli_input_init(struct sli_input *input, const struct slimta_alloc *alloc)
{
    *input = (struct sli_input){.fed = {"", 0}};
    sli_buf_init(&input->rest, alloc, SIZE_MAX);
}

void sli_input_fini(struct sli_input *input)
{
    sli_buf_fini(&input->rest);
    input->fed = sli_slice("", 0);
}

int sli_input_feed(struct sli_input *input, struct slimta_slice octets)
{
    int err = input->fed.size > 0 ? sli_input_park(input) : 0;

    if (err == 0) {
        input->fed = octets;
    }
    return err;
}

int sli_input_park(struct sli_input *input)
{
    int err = sli_buf_append(&input->rest, input->fed);

    if (err == 0) {
        input->fed = sli_slice("", 0);
        sli_input_release(input);
    }
    return err;
}

void sli_input_release(struct sli_input *input)
{
    if (input->rest.data != NULL && sli_buf_size(&input->rest) == 0) {
        sli_buf_fini(&input->rest);
    }
}

int sli_input_gather(struct sli_input *input, size_t size)
{
    size_t kept = sli_buf_size(&input->rest);
    int err;

    if (kept == 0 || kept >= size) {
        return 0;
    }
    err = sli_buf_append(&input->rest, sli_slice(input->fed.data, size - kept));
    if (err == 0) {
        input->fed = sli_slice_skip(input->fed, size - kept);
    }
    return err;
}

struct slimta_slice sli_input_at(const struct sli_input *input, size_t offset)
{
    size_t kept = sli_buf_size(&input->rest);

    return offset < kept ? sli_slice_skip(sli_buf_slice(&input->rest), offset)
                         : sli_slice_skip(input->fed, offset - kept);
}

void sli_input_consume(struct sli_input *input, size_t size)
{
    if (sli_buf_size(&input->rest) > 0) {
        sli_buf_consume(&input->rest, size);
    } else {
        input->fed = sli_slice_skip(input->fed, size);
    }
}
