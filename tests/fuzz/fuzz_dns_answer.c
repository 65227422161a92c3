/** Fuzzes the reading of DNS messages: whatever is read can be looked at. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "io/resolver_answer.h"
#include "io/resolver_name.h"

static void check_record(const struct slimta_answer *answer, size_t index)
{
    const char *name = slimta_answer_name(answer, index);
    struct slimta_address address;
    struct slimta_slice text;
    unsigned sum = slimta_answer_preference(answer, index);

    if (name != NULL) {
        demand(strlen(name) <= SLI_IO_RESOLVER_NAME_MAX);
        for (; *name != '\0'; name++) {
            demand(sli_ascii_is(*name, SLI_ASCII_ALNUM) || *name == '.' ||
                *name == '-' || *name == '_');
        }
    }
    if (slimta_answer_text(answer, index, &text)) {
        for (size_t i = 0; i < text.size; i++) {
            sum += (unsigned char)text.data[i];
        }
    }
    demand(sum <= 0xFFFF * 256u);
    (void)slimta_answer_address(answer, index, &address);
}

static void check_type(const struct slimta_alloc *alloc,
    enum slimta_dns_type type, struct slimta_slice message)
{
    struct sli_io_resolver_answer *body = NULL;
    struct slimta_answer answer = {0};
    size_t count;

    if (sli_io_resolver_answer_read(&body, alloc, type, message) != 0) {
        return;
    }
    answer.body = body;
    count = slimta_answer_count(&answer);
    demand((count > 0) == (slimta_answer_status(&answer) == SLIMTA_DNS_FOUND));
    demand(body->ttl_s <= SLI_IO_RESOLVER_TTL_MAX_S);
    for (size_t i = 0; i <= count; i++) {
        check_record(&answer, i);
    }
    sli_io_resolver_answer_unref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum slimta_dns_type types[] = {SLIMTA_DNS_A, SLIMTA_DNS_AAAA,
        SLIMTA_DNS_MX, SLIMTA_DNS_PTR, SLIMTA_DNS_TXT};
    struct slimta_alloc alloc;

    demand(sli_alloc_init(&alloc, NULL) == 0);
    for (size_t i = 0; size <= 65535 && i < sizeof types / sizeof *types; i++) {
        check_type(&alloc, types[i], sli_slice(data, size));
    }
    return 0;
}
