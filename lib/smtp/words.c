/** Lists of words that are parted by spaces. */
#include "smtp/words.h"

#include "base/ascii.h"
#include "base/slice.h"

int sli_smtp_words_next(struct slimta_slice *text, struct slimta_slice *word)
{
    size_t size = 0;

    while (text->size > 0 && text->data[0] == ' ') {
        *text = sli_slice_skip(*text, 1);
    }
    while (size < text->size && text->data[size] != ' ') {
        size++;
    }
    *word = sli_slice(text->data, size);
    *text = sli_slice_skip(*text, size);
    return size > 0;
}

int sli_smtp_words_find(struct slimta_slice text, struct slimta_slice word)
{
    struct slimta_slice found;

    for (int i = 0; sli_smtp_words_next(&text, &found); i++) {
        if (sli_ascii_same(found, word)) {
            return i;
        }
    }
    return -1;
}
