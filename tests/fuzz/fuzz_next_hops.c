/** Fuzzes what hosts write about next hops: hosts, addresses, sockets, URLs. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "http/target.h"
#include "queue/hop.h"

static void require(int is_true)
{
    if (!is_true) {
        abort();
    }
}

static void check_same(
    const struct sli_queue_hop *one, const struct sli_queue_hops *again)
{
    const struct sli_queue_hop *other = &again->items[0];

    require(again->count == 1);
    require(strcmp(one->text, other->text) == 0);
    require((one->name == NULL) == (other->name == NULL));
    require(memcmp(&one->target.address, &other->target.address,
                sizeof one->target.address) == 0);
}

/* What is written is read as the same. */
static void check_hosts(const struct slimta_alloc *alloc, const char *text)
{
    struct sli_queue_hops hops;
    struct sli_queue_hops again;

    if (sli_queue_hop_read_hosts(&hops, alloc, text, 25, "hosts", NULL) != 0) {
        return;
    }
    for (size_t i = 0; i < hops.count; i++) {
        require(sli_queue_hop_read_hosts(
                    &again, alloc, hops.items[i].text, 9, "hosts", NULL) == 0);
        check_same(&hops.items[i], &again);
        sli_queue_hop_fini(&again);
    }
    sli_queue_hop_fini(&hops);
}

/* And nothing of it can end a line of a request, or part it. */
static void check_urls(const struct slimta_alloc *alloc, const char *text)
{
    struct sli_queue_hops hops;
    struct sli_queue_hops again;

    if (sli_queue_hop_read_urls(&hops, alloc, text, "urls", NULL) != 0) {
        return;
    }
    for (size_t i = 0; i < hops.count; i++) {
        const struct sli_queue_hop *hop = &hops.items[i];
        struct sli_http_target target;

        require(sli_http_target_is_host(hop->authority));
        require(hop->authority.size > 0);
        require(sli_http_target_read(hop->path, &target));
        require(target.form == SLI_HTTP_TARGET_ORIGIN);
        require(memchr(hop->path.data, ' ', hop->path.size) == NULL);
        require(sli_queue_hop_read_urls(
                    &again, alloc, hop->text, "urls", NULL) == 0);
        check_same(hop, &again);
        sli_queue_hop_fini(&again);
    }
    sli_queue_hop_fini(&hops);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_alloc alloc;
    char text[512];

    size = size < sizeof text ? size : sizeof text - 1;
    memcpy(text, data, size);
    text[size] = '\0';
    require(sli_alloc_init(&alloc, NULL) == 0);
    check_hosts(&alloc, text);
    check_urls(&alloc, text);
    return 0;
}
