/** Tests of lib/queue/answer.c. */
#include "test.h"

#include "mail/reply.h"
#include "queue/answer.h"
#include "station.h"

static void finds_names(void **state)
{
    static const struct {
        const char *text;
        const char *id;
    } rows[] = {
        {"2.6.0 Message queued as 4F2", "4F2"},
        {"2.0.0 Ok: queued as 3ABC", "3ABC"},
        {"OK id=1tEhXx-0001", "1tEhXx-0001"},
        {"2.0.0 Ok: QUEUED AS a<b>", "a<b>"},
        {"queued as (x)", ""},
        {"queued as", ""},
        {"queued as ", ""},
        {"2.0.0 <a@b> Saved", ""},
        {"", ""},
        {"id=a,b", "a"},
        {"first\nqueued as x\nlast", "x"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slimta_alloc alloc;
        struct slimta_reply reply;
        char id[SLI_QUEUE_ANSWER_ID_MAX + 1];

        assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
        sli_mail_reply_init(&reply, &alloc);
        assert_int_equal(slimta_reply_set(&reply, 250, rows[i].text), 0);
        sli_queue_answer_id(&reply, id);
        assert_string_equal(id, rows[i].id);
        sli_mail_reply_fini(&reply);
    }
}

/* One below, at, and one above the most. */
static void cuts_long_names(void **state)
{
    (void)state;
    for (size_t size = SLI_QUEUE_ANSWER_ID_MAX - 1;
         size <= SLI_QUEUE_ANSWER_ID_MAX + 1; size++) {
        char text[SLI_QUEUE_ANSWER_ID_MAX + 16] = "queued as ";
        char id[SLI_QUEUE_ANSWER_ID_MAX + 1];
        struct slimta_alloc alloc;
        struct slimta_reply reply;

        memset(text + 10, 'x', size);
        assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
        sli_mail_reply_init(&reply, &alloc);
        assert_int_equal(slimta_reply_set(&reply, 250, text), 0);
        sli_queue_answer_id(&reply, id);
        assert_int_equal(strlen(id),
            size < SLI_QUEUE_ANSWER_ID_MAX ? size : SLI_QUEUE_ANSWER_ID_MAX);
        sli_mail_reply_fini(&reply);
    }
}

/* The words of a hop, as they are; enhanced code and several lines too. */
static void refuses_in_the_words_of_the_hop(void **state)
{
    static const struct {
        int code;
        const char *text;
        const char *heard;
    } rows[] = {
        {550, "5.1.1 Nobody", "5.1.1 Nobody"},
        {451, "Not now", " Not now"},
        {554, "5.7.1 One\nTwo", "5.7.1 One\nTwo"},
        {452, "", " "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct station station = {.queue = NULL};
        struct asked asked = {.code = 0};
        struct slimta_alloc alloc;
        struct slimta_reply reply;
        struct slimta_op *op;

        assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
        assert_int_equal(slimta_loop_new(&station.loop, NULL, NULL), 0);
        assert_int_equal(sli_io_loop_enter(station.loop), 0);
        sli_edge_ops_init(&station.ops, &alloc, station.loop);
        sli_mail_reply_init(&reply, &alloc);
        assert_int_equal(
            slimta_reply_set(&reply, rows[i].code, rows[i].text), 0);
        op = station_op(&station, &asked);
        sli_queue_answer_refuse(op, NULL, &reply);
        assert_int_equal(station_asked(&station, &asked, op), 1);
        assert_int_equal(asked.code, rows[i].code);
        assert_string_equal(asked.text, rows[i].heard);
        sli_mail_reply_fini(&reply);
        station_go(&station);
        station_run(&station);
        station_close(&station);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_names),
        cmocka_unit_test(cuts_long_names),
        cmocka_unit_test(refuses_in_the_words_of_the_hop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
