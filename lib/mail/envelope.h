/** Building an envelope. */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include <slimta/alloc.h>
#include <slimta/envelope.h>
#include <slimta/slice.h>

/** What is known when a transaction begins; everything is copied but the
 * client's `protocol`, which is static, and its `size`, which does not matter.
 */
struct sli_mail_facts {
    struct slimta_client client;
    const char *receiver;
};

/** A new envelope with one reference, without recipients, its content empty
 * (sized by the params' SIZE). `sender` and `params` are copied. The allocator
 * is copied: an envelope may outlive its edge. */
int sli_mail_envelope_new(struct slimta_envelope **out,
    const struct slimta_alloc *alloc, const struct sli_mail_facts *facts,
    struct slimta_slice sender, const struct slimta_mail_params *params);

/** What was found out about the client since: its confirmed name, copied.
 * SLIMTA_ESTATE, SLIMTA_ENOMEM. */
int sli_mail_envelope_set_reverse_name(
    struct slimta_envelope *envelope, const char *name);

/** Adds one recipient, copied. */
int sli_mail_envelope_add_recipient(struct slimta_envelope *envelope,
    struct slimta_slice address, const struct slimta_recipient *params);

/** Copies one recipient without adding it yet, in the place of the one that was
 * copied before. Lends the copy until the next call, or as long as the
 * envelope once it is listed. SLIMTA_ESTATE, SLIMTA_ENOMEM. */
int sli_mail_envelope_stage_recipient(struct slimta_envelope *envelope,
    struct slimta_slice address, const struct slimta_recipient *params,
    const struct slimta_recipient **staged);

/** Adds the recipient that was copied last; cannot fail. */
void sli_mail_envelope_list_recipient(struct slimta_envelope *envelope);

/** Gives the content away, with its reference, and puts an empty one in its
 * place. SLIMTA_ENOMEM: nothing has changed. */
int sli_mail_envelope_take_content(
    struct slimta_envelope *envelope, struct slimta_content **content);

/** Which recipients of `whole` the envelope holds, which may be itself or was
 * split off it, also in several steps: `count` from number `first` on. 0 when
 * it is neither. */
int sli_mail_envelope_range(const struct slimta_envelope *envelope,
    const struct slimta_envelope *whole, size_t *first, size_t *count);

/** From here on nothing in it changes. The timestamp is that of the first
 * sealing. */
void sli_mail_envelope_seal(
    struct slimta_envelope *envelope, int64_t timestamp_ms);

/** From here on nothing in it changes but its recipients, which are for the
 * loop only until it is sealed. */
void sli_mail_envelope_seal_but_recipients(
    struct slimta_envelope *envelope, int64_t timestamp_ms);

#endif
