/** The list of name servers. */
#include "test.h"

#include <string.h>

#include "io/resolver_servers.h"

static int read_list(const char *text, char *out, size_t size)
{
    struct sli_io_resolver_servers servers;
    struct slimta_error error = {0};
    int err = sli_io_resolver_servers_read(&servers, text, "servers", &error);

    out[0] = '\0';
    for (size_t i = 0; err == 0 && i < servers.count; i++) {
        char one[SLIMTA_ADDRESS_TEXT_MAX];

        (void)slimta_address_format(&servers.addresses[i], one, sizeof one);
        strncat(out, one, size - strlen(out) - 1);
        strncat(out, " ", size - strlen(out) - 1);
    }
    if (err != 0) {
        assert_int_equal(err, SLIMTA_EINVAL);
        assert_non_null(strstr(error.text, "servers: "));
    }
    return err == 0;
}

static void lists_are_read(void **state)
{
    static const char *const good[][2] = {
        {"", ""},
        {"192.0.2.1", "192.0.2.1:53 "},
        {"127.0.0.1:5353", "127.0.0.1:5353 "},
        {"::1", "[::1]:53 "},
        {"[::1]", "[::1]:53 "},
        {"[2001:db8::1]:1", "[2001:db8::1]:1 "},
        {"192.0.2.1, [::1]:65535", "192.0.2.1:53 [::1]:65535 "},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(read_list(good[i][0], text, sizeof text));
        assert_string_equal(text, good[i][1]);
    }
    assert_true(read_list(NULL, text, sizeof text));
    assert_string_equal(text, "");
}

static void bad_lists_are_refused(void **state)
{
    static const char *const bad[] = {",", "192.0.2.1,", ",192.0.2.1", "x",
        "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x",
        "192.0.2.256", "[::1", "[::1]x", "[::1]:", "[::1]:0", "[]", "::1]",
        "ns.example.org", "fe80::1%eth0", "192.0.2.1 192.0.2.2", " "};
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (read_list(bad[i], text, sizeof text)) {
            fail_msg("'%s' was read", bad[i]);
        }
    }
}

static void as_many_as_there_is_room_for(void **state)
{
    char list[SLI_IO_RESOLVER_SERVERS_MAX * 8 + 8] = "::1";
    char text[2048];

    (void)state;
    for (int i = 1; i < SLI_IO_RESOLVER_SERVERS_MAX; i++) {
        strcat(list, ",::1");
    }
    assert_true(read_list(list, text, sizeof text));
    strcat(list, ",::1");
    assert_false(read_list(list, text, sizeof text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(as_many_as_there_is_room_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
