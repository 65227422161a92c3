/** Unique names for the files of a maildir. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "queue/maildir/name.h"

static const char *tail(const char *name)
{
    const char *q = strchr(name, 'Q');

    assert_non_null(q);
    return strchr(q, '.') + 1;
}

static void test_a_name_has_its_parts(void **state)
{
    struct sli_queue_maildir_names names;
    char name[SLI_QUEUE_MAILDIR_NAME_MAX];
    char expected[SLI_QUEUE_MAILDIR_NAME_MAX];

    (void)state;
    sli_queue_maildir_name_init(&names);
    sli_queue_maildir_name_set_host(&names, "mx.example");
    atomic_store(&names.counter, 41);
    sli_queue_maildir_name_next(&names, 1795364474007, name);
    (void)snprintf(expected, sizeof expected,
        "1795364474.M007000P%jdQ41.mx.example", (intmax_t)getpid());
    assert_string_equal(expected, name);
    sli_queue_maildir_name_next(&names, 1795364474007, name);
    assert_non_null(strstr(name, "Q42."));
}

static void test_a_host_cannot_harm_a_name(void **state)
{
    struct sli_queue_maildir_names names;
    char name[SLI_QUEUE_MAILDIR_NAME_MAX];

    (void)state;
    sli_queue_maildir_name_init(&names);
    sli_queue_maildir_name_set_host(&names, "a/b:c\\d e\n\xff");
    sli_queue_maildir_name_next(&names, 0, name);
    assert_string_equal("a\\057b\\072c\\134d\\040e\\012\\377", tail(name));
}

static void test_the_longest_name_fits(void **state)
{
    struct sli_queue_maildir_names names;
    char name[SLI_QUEUE_MAILDIR_NAME_MAX];
    char host[300];

    (void)state;
    sli_queue_maildir_name_init(&names);
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    sli_queue_maildir_name_set_host(&names, host);
    atomic_store(&names.counter, UINT64_MAX);
    sli_queue_maildir_name_next(&names, INT64_MAX, name);
    assert_int_equal(SLI_QUEUE_MAILDIR_HOST_MAX, strlen(tail(name)));

    host[SLI_QUEUE_MAILDIR_HOST_MAX - 3] = '/';
    sli_queue_maildir_name_set_host(&names, host);
    assert_int_equal(SLI_QUEUE_MAILDIR_HOST_MAX - 3, strlen(names.host));
}

static void test_two_objects_give_different_names(void **state)
{
    struct sli_queue_maildir_names one;
    struct sli_queue_maildir_names other;
    char name[SLI_QUEUE_MAILDIR_NAME_MAX];
    char second[SLI_QUEUE_MAILDIR_NAME_MAX];

    (void)state;
    sli_queue_maildir_name_init(&one);
    sli_queue_maildir_name_init(&other);
    sli_queue_maildir_name_next(&one, 5, name);
    sli_queue_maildir_name_next(&other, 5, second);
    assert_string_not_equal(name, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_has_its_parts),
        cmocka_unit_test(test_a_host_cannot_harm_a_name),
        cmocka_unit_test(test_the_longest_name_fits),
        cmocka_unit_test(test_two_objects_give_different_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
