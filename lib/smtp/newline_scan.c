/** Finds how far message text runs on without anything that needs care. */
#include "smtp/newline_scan.h"

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Whether one of eight octets is below 14, and so may be CR or LF. (A borrow
 * can only come from such an octet, so the answer for the whole is exact.) */
static int may_hold_newline(const char *data)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word;

    memcpy(&word, data, sizeof word);
    return ((word - ones * 14) & ~word & (ones << 7)) != 0;
}

size_t sli_smtp_newline_scan_portable(
    struct slimta_slice text, int at_line_start)
{
    size_t i = 0;

    while (i < text.size) {
        if (at_line_start && text.data[i] == '.') {
            break;
        }
        at_line_start = 0;
        if (text.data[i] == '\r' && text.size - i > 1 &&
            text.data[i + 1] == '\n') {
            i += 2;
            at_line_start = 1;
            continue;
        }
        if (text.data[i] == '\r' || text.data[i] == '\n') {
            break;
        }
        i++;
        while (text.size - i >= sizeof(uint64_t) &&
            !may_hold_newline(text.data + i)) {
            i += sizeof(uint64_t);
        }
    }
    return i;
}

#if defined(__SSE2__)

enum { BLOCK = 64 };

/* What the block before hands on: whether it ended with a CR, or with an LF. */
struct carry {
    uint64_t cr;
    uint64_t lf;
};

/* One bit for each octet of the block that is `octet`. */
static inline uint64_t equal_mask(const __m128i part[4], char octet)
{
    const __m128i wanted = _mm_set1_epi8(octet);
    uint64_t mask = 0;

    for (int i = 0; i < 4; i++) {
        __m128i same = _mm_cmpeq_epi8(part[i], wanted);

        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(same) << (16 * i);
    }
    return mask;
}

/*
 * The octet of the block at which clean text ends: BLOCK when it does not end,
 * -1 when the last octet of the block before was a CR that stays bare. In clean
 * text each LF stands where the CRs, moved on by one, are.
 */
static inline int scan_block(const char *data, struct carry *carry)
{
    __m128i part[4];
    uint64_t cr;
    uint64_t lf;
    uint64_t dot;
    uint64_t after_cr;
    uint64_t odd;
    int at;

    for (int i = 0; i < 4; i++) {
        part[i] = _mm_loadu_si128((const __m128i *)(const void *)data + i);
    }
    cr = equal_mask(part, '\r');
    lf = equal_mask(part, '\n');
    dot = equal_mask(part, '.');
    after_cr = cr << 1 | carry->cr;
    odd = (lf ^ after_cr) | (dot & (lf << 1 | carry->lf));
    carry->cr = cr >> (BLOCK - 1);
    carry->lf = lf >> (BLOCK - 1);
    if (odd == 0) {
        return BLOCK;
    }
    at = __builtin_ctzll(odd);
    /* Where an LF is missing, the CR before it is what ends the run. */
    return ((after_cr & ~lf) >> at & 1) != 0 ? at - 1 : at;
}

size_t sli_smtp_newline_scan(struct slimta_slice text, int at_line_start)
{
    struct carry carry = {0, at_line_start != 0};
    char last[BLOCK] = {0};
    size_t done = 0;
    size_t end;
    int at;

    for (; text.size - done >= BLOCK; done += BLOCK) {
        at = scan_block(text.data + done, &carry);
        if (at != BLOCK) {
            return at < 0 ? done - 1 : done + (size_t)at;
        }
    }
    /* The rest, with clean octets behind it: a CR at its end gets no LF. */
    if (text.size > done) {
        memcpy(last, text.data + done, text.size - done);
    }
    at = scan_block(last, &carry);
    end = at < 0 ? done - 1 : done + (size_t)at;
    return end < text.size ? end : text.size;
}

#else

size_t sli_smtp_newline_scan(struct slimta_slice text, int at_line_start)
{
    return sli_smtp_newline_scan_portable(text, at_line_start);
}

#endif
