/** What is known of the DNS while one check runs. */
#include "spf/table.h"

#include "base/ascii.h"
#include "base/slice.h"
#include "spf/name.h"

/* Most checks stay within one block. */
enum { BLOCK_SIZE = 4096 };

void sli_spf_table_init(
    struct sli_spf_table *table, const struct slimta_alloc *alloc)
{
    *table = (struct sli_spf_table){0};
    sli_arena_init(&table->arena, alloc, BLOCK_SIZE);
}

void sli_spf_table_fini(struct sli_spf_table *table)
{
    sli_arena_fini(&table->arena);
    table->answers = NULL;
}

const struct sli_spf_answer *sli_spf_table_find(
    const struct sli_spf_table *table, struct slimta_slice name,
    enum sli_spf_type type)
{
    const struct sli_spf_answer *answer = table->answers;

    name = sli_spf_name_trim(name);
    while (answer != NULL &&
        (answer->type != type || !sli_ascii_same(answer->name, name))) {
        answer = answer->next;
    }
    return answer;
}

struct sli_spf_answer *sli_spf_table_add(struct sli_spf_table *table,
    struct slimta_slice name, enum sli_spf_type type,
    enum sli_spf_status status)
{
    struct sli_spf_answer *answer =
        sli_arena_get(&table->arena, sizeof *answer);
    const char *copy;

    name = sli_spf_name_trim(name);
    copy = answer == NULL ? NULL : sli_arena_text(&table->arena, name);
    if (copy == NULL) {
        return NULL;
    }
    answer->name = sli_slice(copy, name.size);
    answer->type = type;
    answer->status = status;
    answer->next = table->answers;
    table->answers = answer;
    table->count++;
    return answer;
}

static void forget_values(struct sli_spf_answer *answer)
{
    answer->status = SLI_SPF_UNKNOWN;
    answer->values = NULL;
    answer->last = NULL;
    answer->count = 0;
}

static void append(struct sli_spf_answer *answer, struct sli_spf_value *value)
{
    if (answer->last == NULL) {
        answer->values = value;
    } else {
        answer->last->next = value;
    }
    answer->last = value;
    answer->count++;
}

struct sli_spf_value *sli_spf_table_add_value(struct sli_spf_table *table,
    struct sli_spf_answer *answer, struct slimta_slice text)
{
    size_t size = sizeof(struct sli_spf_value);
    struct sli_spf_value *value = NULL;
    const char *copy = NULL;

    if (text.size <= SLI_SPF_TABLE_MAX &&
        size + text.size <= SLI_SPF_TABLE_MAX - table->octets) {
        value = sli_arena_get(&table->arena, size);
        copy = value == NULL ? NULL : sli_arena_text(&table->arena, text);
    }
    if (copy == NULL) {
        forget_values(answer);
        return NULL;
    }
    table->octets += size + text.size;
    value->text = sli_slice(copy, text.size);
    append(answer, value);
    return value;
}
