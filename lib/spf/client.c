/** The client as the DNS knows it: its reverse names (RFC 7208 section 5.5). */
#include "spf/client.h"

#include <string.h>

#include "base/address.h"
#include "base/slice.h"
#include "base/text.h"

enum { NIBBLES = 32 };

static char nibble(const uint8_t *ip, int index)
{
    return "0123456789ABCDEF"[ip[index / 2] >> (index % 2 == 0 ? 4 : 0) & 0xF];
}

size_t sli_spf_client_dotted(
    const struct slimta_address *client, char out[SLI_SPF_CLIENT_TEXT_MAX])
{
    struct sli_text text = sli_text_in(out, SLI_SPF_CLIENT_TEXT_MAX);

    if (client->family != SLIMTA_FAMILY_IPV6) {
        return slimta_address_format_ip(client, out, SLI_SPF_CLIENT_TEXT_MAX);
    }
    for (int i = 0; i < NIBBLES; i++) {
        if (i > 0) {
            sli_text_put(&text, '.');
        }
        sli_text_put(&text, nibble(client->ip, i));
    }
    return text.length;
}

const char *sli_spf_client_zone(const struct slimta_address *client)
{
    return client->family == SLIMTA_FAMILY_IPV6 ? "ip6" : "in-addr";
}

/* The name of the client's PTR records. */
static size_t reverse_name(
    const struct slimta_address *client, char out[SLI_SPF_CLIENT_TEXT_MAX])
{
    struct sli_text text = sli_text_in(out, SLI_SPF_CLIENT_TEXT_MAX);

    sli_address_put_reversed(&text, client);
    sli_text_put(&text, '.');
    sli_text_put_string(&text, sli_spf_client_zone(client));
    sli_text_put_string(&text, ".arpa");
    return text.length;
}

static int is_wanted(struct slimta_slice name, enum sli_spf_client_names wanted,
    struct slimta_slice domain)
{
    return sli_spf_name_can_be_asked(name) &&
        (wanted == SLI_SPF_CLIENT_ANY ||
            (sli_spf_name_is_in(name, domain) &&
                (wanted == SLI_SPF_CLIENT_IN ||
                    sli_spf_name_trim(name).size ==
                        sli_spf_name_trim(domain).size)));
}

/* Whether the name leads back to the client. */
static enum sli_spf_step is_confirmed(
    struct sli_spf_check *check, struct slimta_slice name)
{
    const struct sli_spf_answer *answer =
        sli_spf_step_ask(check, name, sli_spf_step_address_type(check));
    const struct sli_spf_value *value;
    size_t size = check->client.family == SLIMTA_FAMILY_IPV6 ? 16 : 4;

    if (answer == NULL) {
        return SLI_SPF_STEP_MISS;
    }
    value = answer->values;
    while (value != NULL && memcmp(value->ip, check->client.ip, size) != 0) {
        value = value->next;
    }
    return value == NULL ? SLI_SPF_STEP_NO : SLI_SPF_STEP_YES;
}

enum sli_spf_step sli_spf_client_name(struct sli_spf_check *check,
    enum sli_spf_client_names wanted, struct slimta_slice domain,
    struct slimta_slice *name)
{
    char reverse[SLI_SPF_CLIENT_TEXT_MAX];
    size_t size = reverse_name(&check->client, reverse);
    const struct sli_spf_answer *answer =
        sli_spf_step_ask(check, sli_slice(reverse, size), SLI_SPF_TYPE_PTR);
    const struct sli_spf_value *value;
    enum sli_spf_step step = SLI_SPF_STEP_NO;

    if (answer == NULL) {
        return SLI_SPF_STEP_MISS;
    }
    value = answer->values;
    /* RFC 7208 section 4.6.4: names past the tenth are not looked at. */
    for (int i = 0; i < SLI_SPF_NAMES_MAX && value != NULL; i++) {
        if (is_wanted(value->text, wanted, domain)) {
            *name = sli_spf_name_trim(value->text);
            step = is_confirmed(check, value->text);
        }
        if (step != SLI_SPF_STEP_NO) {
            break;
        }
        value = value->next;
    }
    return step;
}
