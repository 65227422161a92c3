/** What the engine asks its owner: which answer is due, and what follows it. */
#ifndef SMTP_QUESTIONS_H
#define SMTP_QUESTIONS_H

#include "smtp/output.h"
#include "smtp/server.h"

struct sli_smtp_question {
    /** The default's code: the success, but for AUTH and COMMAND. */
    int code;
    int success; /**< the code of a success where the default is none, or 0 */
    enum sli_smtp_output_form form;
    /** The default's text around what is echoed, and without that. */
    struct slimta_slice before;
    struct slimta_slice after;
    struct slimta_slice without;
    /** What is done after a success, and after a refusal; NULL: nothing. */
    void (*proceed)(struct sli_smtp_server *server);
    void (*refuse)(struct sli_smtp_server *server);
    int is_silent; /**< a success is not said */
    /** Whether a 5xx counts against max_errors: it answers a command. */
    int is_command;
};

/** The row of a question. Static. */
const struct sli_smtp_question *sli_smtp_questions_get(
    enum sli_smtp_event_type type);

#endif
