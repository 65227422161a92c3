/** The reason in a refusal: foreign text, made fit for a reply. */
#ifndef CHECKS_REASON_H
#define CHECKS_REASON_H

#include <stddef.h>

#include <slimta/slice.h>

/** The most that is told of a foreign text. */
#define SLI_CHECKS_REASON_MAX 256

/** The most that a template, and what becomes of it, may be long. */
#define SLI_CHECKS_TEMPLATE_MAX 512
#define SLI_CHECKS_TEXT_SIZE 4096

/** Copies printable ASCII, terminated and cut; what is not printable becomes
 * '?'. Returns the length. */
size_t sli_checks_reason_clean(
    struct slimta_slice text, char out[SLI_CHECKS_REASON_MAX + 1]);

/** Whether the template has a place for the reason. */
int sli_checks_reason_is_wanted(const char *text);

/** Whether the template's enhanced code, if it has one, is of the class of
 * `code`. */
int sli_checks_reason_fits(const char *text, int code);

/** Writes the reply's text: the template with each "{reason}" filled in, behind
 * "X.7.1 " when it refuses and has no enhanced code of its own. `reason` has at
 * most SLI_CHECKS_REASON_MAX octets. */
void sli_checks_reason_fill(const char *text, int code, const char *reason,
    char out[SLI_CHECKS_TEXT_SIZE]);

#endif
