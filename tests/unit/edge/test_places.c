/** The places for connections: counted together, and for each address. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include <slimta/export.h>

#include "edge/places.h"
#include "fail_alloc.h"

enum { SEED = 4711 };

static struct slimta_address ipv4(uint8_t last)
{
    return (struct slimta_address){
        .family = SLIMTA_FAMILY_IPV4, .ip = {192, 0, 2, last}};
}

static struct slimta_address ipv6(unsigned number)
{
    struct slimta_address address = {
        .family = SLIMTA_FAMILY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8}};

    memcpy(address.ip + 12, &number, sizeof number);
    return address;
}

static void open_places(struct sli_edge_places *places,
    struct fail_alloc *alloc, uint64_t max_total, uint64_t max_per_ip)
{
    fail_alloc_init(alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_edge_places_init(places, &alloc->table, SEED), 0);
    sli_edge_places_limit(places, max_total, max_per_ip);
}

static void close_places(
    struct sli_edge_places *places, struct fail_alloc *alloc)
{
    assert_int_equal(sli_edge_places_taken(places), 0);
    assert_int_equal(atomic_load(&alloc->live), 0);
    sli_edge_places_fini(places);
}

/* A place among all, then one of the client, as connections take them. */
static enum sli_edge_place take(
    struct sli_edge_places *places, const struct slimta_address *client)
{
    enum sli_edge_place place = sli_edge_places_take(places);

    if (place == SLI_EDGE_PLACE_TAKEN) {
        place = sli_edge_places_take_client(places, client);
        if (place != SLI_EDGE_PLACE_TAKEN) {
            sli_edge_places_give(places);
        }
    }
    return place;
}

static void give(
    struct sli_edge_places *places, const struct slimta_address *client)
{
    sli_edge_places_give_client(places, client);
    sli_edge_places_give(places);
}

static void test_total(void **state)
{
    struct sli_edge_places places;
    struct fail_alloc alloc;

    (void)state;
    open_places(&places, &alloc, 2, 1);
    assert_int_equal(sli_edge_places_take(&places), SLI_EDGE_PLACE_TAKEN);
    assert_int_equal(sli_edge_places_take(&places), SLI_EDGE_PLACE_TAKEN);
    assert_int_equal(sli_edge_places_take(&places), SLI_EDGE_PLACE_TOO_MANY);
    assert_int_equal(sli_edge_places_taken(&places), 2);
    sli_edge_places_give(&places);
    assert_int_equal(sli_edge_places_take(&places), SLI_EDGE_PLACE_TAKEN);
    sli_edge_places_give(&places);
    sli_edge_places_give(&places);
    /* Nobody's address was asked for. */
    assert_int_equal(atomic_load(&alloc.asked), 0);
    close_places(&places, &alloc);
}

/* Without a limit for each address no table is needed. */
static void test_no_limit_per_ip(void **state)
{
    const struct slimta_address a = ipv4(1);
    struct sli_edge_places places;
    struct fail_alloc alloc;

    (void)state;
    open_places(&places, &alloc, 2, SLIMTA_UNLIMITED);
    assert_int_equal(take(&places, &a), SLI_EDGE_PLACE_TAKEN);
    assert_int_equal(take(&places, &a), SLI_EDGE_PLACE_TAKEN);
    give(&places, &a);
    give(&places, &a);
    assert_int_equal(atomic_load(&alloc.asked), 0);
    close_places(&places, &alloc);
}

static void test_per_ip(void **state)
{
    struct slimta_address a = ipv4(1);
    struct slimta_address other_port = a;
    const struct slimta_address b = ipv4(2);
    struct sli_edge_places places;
    struct fail_alloc alloc;

    (void)state;
    other_port.port = 4711;
    open_places(&places, &alloc, SLIMTA_UNLIMITED, 2);
    assert_int_equal(take(&places, &a), SLI_EDGE_PLACE_TAKEN);
    assert_int_equal(take(&places, &other_port), SLI_EDGE_PLACE_TAKEN);
    assert_int_equal(take(&places, &a), SLI_EDGE_PLACE_TOO_MANY);
    assert_int_equal(take(&places, &b), SLI_EDGE_PLACE_TAKEN);
    assert_int_equal(sli_edge_places_taken(&places), 3);
    give(&places, &a);
    assert_int_equal(take(&places, &a), SLI_EDGE_PLACE_TAKEN);
    give(&places, &a);
    give(&places, &other_port);
    give(&places, &b);
    close_places(&places, &alloc);
}

static void test_families(void **state)
{
    const struct slimta_address unix_peer = {.family = SLIMTA_FAMILY_UNIX};
    const struct slimta_address unknown = {.family = SLIMTA_FAMILY_NONE};
    const struct slimta_address four = {
        .family = SLIMTA_FAMILY_IPV4, .ip = {0x20, 0x01, 0x0d, 0xb8}};
    const struct slimta_address six = ipv6(0);
    struct slimta_address scoped = {.family = SLIMTA_FAMILY_IPV6,
        .ip = {0xfe, 0x80, [15] = 1},
        .scope_id = 1};
    struct sli_edge_places places;
    struct fail_alloc alloc;

    (void)state;
    open_places(&places, &alloc, SLIMTA_UNLIMITED, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(&places, &unix_peer), SLI_EDGE_PLACE_TAKEN);
        assert_int_equal(take(&places, &unknown), SLI_EDGE_PLACE_TAKEN);
    }
    assert_int_equal(take(&places, &four), SLI_EDGE_PLACE_TAKEN);
    assert_int_equal(take(&places, &six), SLI_EDGE_PLACE_TAKEN);
    /* The same link-local address on two links is two hosts. */
    assert_int_equal(take(&places, &scoped), SLI_EDGE_PLACE_TAKEN);
    scoped.scope_id = 2;
    assert_int_equal(take(&places, &scoped), SLI_EDGE_PLACE_TAKEN);
    assert_int_equal(take(&places, &scoped), SLI_EDGE_PLACE_TOO_MANY);
    give(&places, &scoped);
    scoped.scope_id = 1;
    give(&places, &scoped);
    give(&places, &four);
    give(&places, &six);
    for (int i = 0; i < 3; i++) {
        give(&places, &unix_peer);
        give(&places, &unknown);
    }
    close_places(&places, &alloc);
}

/* The least of octets after the address counts for nothing. */
static void test_ipv4_rest(void **state)
{
    struct slimta_address a = ipv4(1);
    struct sli_edge_places places;
    struct fail_alloc alloc;

    (void)state;
    open_places(&places, &alloc, SLIMTA_UNLIMITED, 1);
    assert_int_equal(take(&places, &a), SLI_EDGE_PLACE_TAKEN);
    a.ip[9] = 1;
    assert_int_equal(take(&places, &a), SLI_EDGE_PLACE_TOO_MANY);
    give(&places, &a);
    close_places(&places, &alloc);
}

enum { MANY = 3000 };

static void check_entries(const struct sli_edge_places *places, size_t used)
{
    size_t found = 0;

    for (size_t i = 0; i < places->capacity; i++) {
        found += places->clients[i].count > 0;
    }
    assert_int_equal(places->used, used);
    assert_int_equal(found, used);
}

/* Whether address `number` has its place, without a change. */
static void check_one(struct sli_edge_places *places, unsigned number, int has)
{
    const struct slimta_address address = ipv6(number);
    enum sli_edge_place place = take(places, &address);

    if (place == SLI_EDGE_PLACE_TAKEN) {
        give(places, &address);
    }
    assert_int_equal(
        place, has ? SLI_EDGE_PLACE_TOO_MANY : SLI_EDGE_PLACE_TAKEN);
}

/* Grows and shrinks; after each removal every other address is still found. */
static void test_many_addresses(void **state)
{
    struct sli_edge_places places;
    struct fail_alloc alloc;
    size_t peak;

    (void)state;
    open_places(&places, &alloc, SLIMTA_UNLIMITED, 1);
    for (unsigned i = 0; i < MANY; i++) {
        const struct slimta_address address = ipv6(i);

        assert_int_equal(take(&places, &address), SLI_EDGE_PLACE_TAKEN);
    }
    check_entries(&places, MANY);
    peak = places.capacity;
    assert_true(peak <= 4 * MANY);
    /* In an order of its own: 7 and 3000 have no common divisor. */
    for (unsigned i = 0; i < MANY; i++) {
        const struct slimta_address address = ipv6(i * 7 % MANY);

        give(&places, &address);
        check_one(&places, i * 7 % MANY, 0);
        if (i + 1 < MANY) {
            check_one(&places, (i + 1) * 7 % MANY, 1);
            check_one(&places, (MANY - 1) * 7 % MANY, 1);
        }
        if (i % 100 == 0) {
            check_entries(&places, MANY - 1 - i);
        }
        if (i == MANY - 30) {
            assert_true(places.capacity < peak / 8);
        }
    }
    assert_null(places.clients);
    close_places(&places, &alloc);
}

/* How far the farthest entry is from where the search for it begins; a table
 * without holes in front of it is as bad as a list. */
static size_t longest_run(const struct sli_edge_places *places)
{
    size_t longest = 0;
    size_t run = 0;

    for (size_t i = 0; i < 2 * places->capacity; i++) {
        run = places->clients[i % places->capacity].count > 0 ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* Addresses that differ in a few bits spread well, whichever bits these are. */
static void test_spread(void **state)
{
    struct sli_edge_places places;
    struct fail_alloc alloc;

    (void)state;
    for (unsigned at = 0; at < 15; at++) {
        open_places(&places, &alloc, SLIMTA_UNLIMITED, 1);
        for (unsigned i = 0; i < MANY; i++) {
            struct slimta_address address = ipv6(0);

            address.ip[at] = (uint8_t)i;
            address.ip[at + 1] = (uint8_t)(i >> 8);
            assert_int_equal(take(&places, &address), SLI_EDGE_PLACE_TAKEN);
        }
        assert_true(longest_run(&places) < 200);
        for (unsigned i = 0; i < MANY; i++) {
            struct slimta_address address = ipv6(0);

            address.ip[at] = (uint8_t)i;
            address.ip[at + 1] = (uint8_t)(i >> 8);
            give(&places, &address);
        }
        close_places(&places, &alloc);
    }
}

static void fill_and_empty(struct fail_alloc *alloc, void *user)
{
    struct sli_edge_places places;
    unsigned taken[40] = {0};
    uint64_t total = 0;

    (void)user;
    assert_int_equal(sli_edge_places_init(&places, &alloc->table, SEED), 0);
    sli_edge_places_limit(&places, SLIMTA_UNLIMITED, 2);
    for (unsigned i = 0; i < 80; i++) {
        const struct slimta_address address = ipv6(i % 40);
        enum sli_edge_place place = take(&places, &address);

        assert_true(place == SLI_EDGE_PLACE_TAKEN ||
            (place == SLI_EDGE_PLACE_NO_MEMORY &&
                fail_alloc_has_failed(alloc)));
        taken[i % 40] += place == SLI_EDGE_PLACE_TAKEN;
        total += place == SLI_EDGE_PLACE_TAKEN;
    }
    assert_int_equal(sli_edge_places_taken(&places), total);
    for (unsigned i = 0; i < 40; i++) {
        const struct slimta_address address = ipv6(i);

        for (; taken[i] > 0; taken[i]--) {
            give(&places, &address);
        }
    }
    assert_int_equal(sli_edge_places_taken(&places), 0);
    assert_null(places.clients);
    sli_edge_places_fini(&places);
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(fill_and_empty, NULL), 0);
}

/* Each takes and gives on its own addresses and on a common one. */
struct runner {
    pthread_t thread;
    struct sli_edge_places *places;
    unsigned number;
    unsigned wrong;
};

static void *run(void *user)
{
    struct runner *runner = user;
    const struct slimta_address common = ipv4(1);

    for (unsigned i = 0; i < 2000; i++) {
        const struct slimta_address own = ipv6(runner->number * 64 + i % 64);

        runner->wrong += take(runner->places, &own) != SLI_EDGE_PLACE_TAKEN;
        if (take(runner->places, &common) == SLI_EDGE_PLACE_TAKEN) {
            give(runner->places, &common);
        }
        give(runner->places, &own);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct sli_edge_places places;
    struct runner runners[4];
    struct fail_alloc alloc;

    (void)state;
    open_places(&places, &alloc, SLIMTA_UNLIMITED, 1);
    for (unsigned i = 0; i < 4; i++) {
        runners[i] = (struct runner){.places = &places, .number = i};
        assert_int_equal(
            pthread_create(&runners[i].thread, NULL, run, &runners[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(runners[i].thread, NULL), 0);
        assert_int_equal(runners[i].wrong, 0);
    }
    close_places(&places, &alloc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_total),
        cmocka_unit_test(test_per_ip),
        cmocka_unit_test(test_no_limit_per_ip),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_ipv4_rest),
        cmocka_unit_test(test_many_addresses),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
