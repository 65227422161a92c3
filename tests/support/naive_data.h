/** The rules for the content after DATA once more, one octet at a time. */
#ifndef SUPPORT_NAIVE_DATA_H
#define SUPPORT_NAIVE_DATA_H

#include <stddef.h>

#include <slimta/slice.h>
#include <slimta/smtp_edge.h>

struct naive_data {
    char *content; /**< room for twice the input is the caller's */
    size_t size;
    size_t used; /**< octets of input, the end mark included */
    int is_done; /**< the end mark came */
    int has_bare;
};

static inline void naive_data_put(struct naive_data *data, char octet)
{
    data->content[data->size++] = octet;
}

/** Reads `input` from the first octet after the 354 on. What is held back at
 * the end of an input without an end mark is left out. */
static inline void naive_data_read(struct naive_data *data,
    struct slimta_slice input, enum slimta_bare_newlines policy)
{
    const char *text = input.data;
    size_t i = 0;
    int at_line_start = 1;

    while (i < input.size && !data->is_done) {
        size_t left = input.size - i;

        if (at_line_start && text[i] == '.') {
            if (left < 3 && (left < 2 || text[i + 1] == '\r')) {
                i = input.size; /* it may still be the end */
                break;
            }
            data->is_done = text[i + 1] == '\r' && text[i + 2] == '\n';
            i += data->is_done ? 3 : 1;
            at_line_start = 0;
            continue;
        }
        at_line_start = 0;
        if (text[i] == '\r' && left == 1) {
            i++; /* it may still be followed by an LF */
        } else if (text[i] == '\r' && text[i + 1] == '\n') {
            naive_data_put(data, '\r');
            naive_data_put(data, '\n');
            at_line_start = 1;
            i += 2;
        } else if (text[i] == '\r' || text[i] == '\n') {
            data->has_bare = 1;
            if (policy == SLIMTA_BARE_NORMALISE) {
                naive_data_put(data, '\r');
                naive_data_put(data, '\n');
            } else {
                naive_data_put(data, text[i]);
            }
            i++;
        } else {
            naive_data_put(data, text[i++]);
        }
    }
    data->used = i;
}

#endif
