/** Fuzzes the reading of lists of networks: what is in one member is in the
 * whole list. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "base/networks.h"
#include "base/slice.h"

/* Whether the list is one; `address` must not be in a wrong one. */
static int is_in(const struct slimta_alloc *alloc, const char *list,
    const struct slimta_address *address, int *has)
{
    struct sli_networks networks;
    struct slimta_error error = {0};
    int err = sli_networks_init(&networks, alloc, "trusted", list, &error);

    *has = sli_networks_has(&networks, address);
    demand((err == 0) == (error.code == 0));
    demand(err == 0 || !*has);
    sli_networks_fini(&networks);
    return err == 0;
}

/* The members one by one; `list` is cut up. */
static void compare(const struct slimta_alloc *alloc, char *list,
    const struct slimta_address *address)
{
    int has_whole;
    int is_right = is_in(alloc, list, address, &has_whole);
    int all_right = 1;
    int has_any = 0;
    char *member = list;

    if (list[0] == '\0') {
        demand(is_right && !has_whole);
        return;
    }
    while (member != NULL) {
        char *comma = strchr(member, ',');
        int has;

        if (comma != NULL) {
            *comma = '\0';
        }
        all_right = is_in(alloc, member, address, &has) && *member && all_right;
        has_any = has_any || has;
        member = comma == NULL ? NULL : comma + 1;
    }
    demand(is_right == all_right);
    demand(!is_right || has_whole == has_any);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_address address = {.port = 25};
    struct slimta_alloc alloc;
    char *list;

    if (size < 17 || sli_alloc_init(&alloc, NULL) != 0) {
        return 0;
    }
    address.family = (enum slimta_family)(data[0] % 4);
    memcpy(address.ip, data + 1, address.family == SLIMTA_FAMILY_IPV4 ? 4 : 16);
    list = sli_alloc_text(&alloc, sli_slice(data + 17, size - 17));
    if (list != NULL) {
        compare(&alloc, list, &address);
    }
    sli_free(&alloc, list);
    return 0;
}
