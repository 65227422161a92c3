/** Octets that end right before a page that nobody may touch. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct slimta_slice guard_copy(struct guard *guard, struct slimta_slice octets)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (octets.size / page + 1) * page;
    char *wall;

    guard->size = room + page;
    guard->pages = mmap(NULL, guard->size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guard->pages == MAP_FAILED) {
        abort();
    }
    wall = guard->pages + room;
    if (mprotect(wall, page, PROT_NONE) != 0) {
        abort();
    }
    if (octets.size > 0) {
        memcpy(wall - octets.size, octets.data, octets.size);
    }
    return (struct slimta_slice){wall - octets.size, octets.size};
}

void guard_free(struct guard *guard)
{
    munmap(guard->pages, guard->size);
    guard->pages = NULL;
}
