/** Lists of words that are parted by spaces. */
#ifndef SMTP_WORDS_H
#define SMTP_WORDS_H

#include <slimta/slice.h>

/** Cuts the next word off `text`, with the spaces before it; 0 when there is
 * none. */
int sli_smtp_words_next(struct slimta_slice *text, struct slimta_slice *word);

/** Which word of `text` is `word`, in any case, 0 first; -1 when none is. */
int sli_smtp_words_find(struct slimta_slice text, struct slimta_slice word);

#endif
