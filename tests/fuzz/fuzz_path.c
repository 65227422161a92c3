/** Feeds sli_mail_path_parse and sli_mail_path_parse_mailbox. */
#include "fuzz.h"

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/path.h"

static int is_inside(struct slimta_slice part, struct slimta_slice whole)
{
    return part.size == 0 ||
        (part.data >= whole.data &&
            part.data + part.size <= whole.data + whole.size);
}

static void check(const struct sli_mail_path *path, struct slimta_slice text)
{
    demand(is_inside(path->mailbox, text));
    demand(is_inside(path->local, path->mailbox));
    demand(is_inside(path->domain, path->mailbox));
    demand(path->local.size <= SLI_MAIL_LOCAL_MAX);
    demand(path->domain.size <= SLI_MAIL_DOMAIN_MAX);
    demand(sli_ascii_is_utf8(path->mailbox));
    demand(sli_ascii_all(path->mailbox, SLI_ASCII_PRINT | SLI_ASCII_HIGH));
    demand(path->domain_type == SLI_MAIL_DOMAIN_NONE ||
        path->mailbox.size == path->local.size + 1 + path->domain.size);
}

/* A mailbox that was taken out of a path is one by itself. */
static void check_again(const struct sli_mail_path *path)
{
    struct sli_mail_path again;

    if (path->domain_type == SLI_MAIL_DOMAIN_NONE) {
        return;
    }
    demand(
        sli_mail_path_parse_mailbox(path->mailbox, &again) == SLI_MAIL_PATH_OK);
    demand(sli_slice_is(again.local, path->local));
    demand(sli_slice_is(again.domain, path->domain));
    demand(again.has_utf8 == path->has_utf8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_slice text = sli_slice(data, size);
    struct sli_mail_path path;

    for (int kind = 0; kind < 2; kind++) {
        size_t used;

        if (sli_mail_path_parse(text, (enum sli_mail_path_kind)kind, &path,
                &used) == SLI_MAIL_PATH_OK) {
            demand(used >= 2 && used <= size);
            demand(text.data[0] == '<' && text.data[used - 1] == '>');
            check(&path, text);
            check_again(&path);
        }
    }
    if (sli_mail_path_parse_mailbox(text, &path) == SLI_MAIL_PATH_OK) {
        check(&path, text);
    }
    return 0;
}
