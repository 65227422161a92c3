/** Answers questions about SPF from zones, both read from standard input: what
 * suite.py talks to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "checks/spf_engine.h"
#include "zone.h"

static int from_hex(const char *hex, char *out)
{
    size_t size = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;

    for (size_t i = 0; i < size; i++) {
        char digits[3] = {hex[i * 2], hex[i * 2 + 1], '\0'};

        out[i] = (char)strtoul(digits, NULL, 16);
    }
    out[size] = '\0';
    return (int)size;
}

static struct slimta_slice text_of(const char *hex, char *out)
{
    int size = from_hex(hex, out);

    return sli_slice(out, (size_t)size);
}

static void read_address(struct slimta_slice text, struct slimta_address *out)
{
    *out = (struct slimta_address){.family = SLIMTA_FAMILY_IPV4};
    if (!sli_address_parse_ipv4(text, out->ip)) {
        out->family = SLIMTA_FAMILY_IPV6;
        if (!sli_address_parse_ipv6(text, out->ip)) {
            abort();
        }
    }
}

static const struct sli_checks_spf_engine *engine;

static void answer(
    struct zone *zone, const char *client, const char *helo, const char *sender)
{
    char helo_text[1024];
    char sender_text[1024];
    struct sli_spf_question question = {.helo = text_of(helo, helo_text),
        .sender = text_of(sender, sender_text),
        .receiver = SLI_LITERAL("receiver.example"),
        .time_s = 1700000000};
    struct slimta_alloc alloc;
    struct sli_spf_table table;
    struct sli_checks_spf_run run;
    void *state = NULL;
    unsigned asked = 0;

    read_address(sli_slice_text(client), &question.client);
    (void)sli_alloc_init(&alloc, NULL);
    sli_spf_table_init(&table, &alloc);
    if (engine->begin(&state, &alloc, &question, &table) != 0) {
        abort();
    }
    for (engine->run(state, &run); run.run == SLI_SPF_RUN_NEEDS;
         engine->run(state, &run)) {
        zone_answer(zone, &table, run.name, run.type);
        asked++;
    }
    (void)printf("%s %u %s\n", slimta_spf_result_name(run.result), asked,
        run.explanation == NULL ? "" : run.explanation);
    (void)fflush(stdout);
    engine->free(state, &alloc);
    sli_spf_table_fini(&table);
}

int main(int argc, char **argv)
{
    static struct zone zone;
    static char line[65536];

    engine = sli_checks_spf_engine_of(
        argc > 1 && strcmp(argv[1], "libspf2") == 0 ? SLIMTA_SPF_LIBSPF2
                                                    : SLIMTA_SPF_STRICT);
    if (engine == NULL) {
        return 77; /* skipped */
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *words[4] = {NULL, NULL, NULL, NULL};
        char *at = strtok(line, " \n");

        for (int i = 0; i < 4 && at != NULL; i++) {
            words[i] = at;
            at = strtok(NULL, " \n");
        }
        if (strcmp(words[0], "zone") == 0) {
            zone.count = 0;
        } else if (strcmp(words[0], "record") == 0) {
            char name[1024];
            char value[16384];

            (void)text_of(words[1], name);
            zone_add(&zone, name, words[2], text_of(words[3], value));
        } else {
            answer(&zone, words[1], words[2], words[3]);
        }
    }
    return EXIT_SUCCESS;
}
