/** Tests of lib/smtp/replies.c. */
#include "test.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "fail_alloc.h"
#include "mail/reply.h"
#include "smtp/replies.h"

/* RFC 2034 section 4: a text of class 2, 4 or 5 begins with a code of the same
 * class; only what answers a greeting has none. */
static void have_enhanced_codes(void **state)
{
    (void)state;
    for (int id = SLI_SMTP_REPLY_NONE + 1; id < SLI_SMTP_REPLY_COUNT; id++) {
        const struct sli_smtp_reply *reply =
            sli_smtp_replies_get((enum sli_smtp_reply_id)id);
        size_t length =
            sli_mail_reply_enhanced_length(sli_slice_text(reply->text));
        int is_greeting = id == SLI_SMTP_REPLY_BAD_GREETING ||
            id == SLI_SMTP_REPLY_BAD_SEQUENCE_GREETING;

        assert_int_equal(length > 0, !is_greeting);
        if (length > 0) {
            assert_int_equal(reply->text[0] - '0', reply->code / 100);
        }
    }
}

/* RFC 5321 section 4.2. */
static void are_whole_lines_on_the_wire(void **state)
{
    (void)state;
    for (int id = SLI_SMTP_REPLY_NONE + 1; id < SLI_SMTP_REPLY_COUNT; id++) {
        const struct sli_smtp_reply *reply =
            sli_smtp_replies_get((enum sli_smtp_reply_id)id);
        struct slimta_slice wire = reply->wire;
        uint64_t code = 0;

        assert_int_equal(wire.size, 4 + strlen(reply->text) + 2);
        assert_true(wire.size <= 512);
        assert_true(sli_ascii_number(sli_slice(wire.data, 3), 3, &code));
        assert_int_equal(code, reply->code);
        assert_memory_equal(wire.data + 4, reply->text, strlen(reply->text));
        assert_memory_equal(wire.data + wire.size - 2, "\r\n", 2);
        assert_true(sli_ascii_all(
            sli_slice(wire.data, wire.size - 2), SLI_ASCII_PRINT));
    }
}

static void check_queued(const char *id, const char *wanted)
{
    struct slimta_alloc alloc;
    struct slimta_reply reply;

    assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
    sli_mail_reply_init(&reply, &alloc);
    assert_int_equal(sli_smtp_replies_set_queued(&reply, id), 0);
    assert_int_equal(slimta_reply_code(&reply), 250);
    assert_string_equal(slimta_reply_enhanced(&reply), "2.6.0");
    assert_string_equal(slimta_reply_text(&reply), wanted);
    sli_mail_reply_fini(&reply);
}

static void name_the_queued_message(void **state)
{
    char id[2000];
    char wanted[2000] = "Message queued as ";

    (void)state;
    check_queued("12ab", "Message queued as 12ab");
    check_queued("", "Message queued");
    check_queued(NULL, "Message queued");
    memset(id, 'i', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    memset(wanted + strlen(wanted), 'i', 400);
    check_queued(id, wanted);
}

static void survive_without_memory(void **state)
{
    struct fail_alloc alloc;
    struct slimta_reply reply;

    (void)state;
    fail_alloc_init(&alloc, 1, FAIL_ALLOC_ONCE);
    sli_mail_reply_init(&reply, &alloc.table);
    assert_int_not_equal(sli_smtp_replies_set_queued(&reply, "1"), 0);
    assert_int_equal(sli_smtp_replies_set_queued(&reply, "1"), 0);
    sli_mail_reply_fini(&reply);
    assert_int_equal(atomic_load(&alloc.live), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(have_enhanced_codes),
        cmocka_unit_test(are_whole_lines_on_the_wire),
        cmocka_unit_test(name_the_queued_message),
        cmocka_unit_test(survive_without_memory),
    };

    return cmocka_run_group_tests_name("smtp/replies", tests, NULL, NULL);
}
