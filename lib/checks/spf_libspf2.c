/**
 * libspf2 as an engine. Its resolver is replaced by one that answers from the
 * table, and says "try again" to what is not there. Its process-wide handlers
 * are left alone, and what they would be called for is made impossible: names
 * and texts are never NULL, a look-up always has an answer, the receiving
 * domain is set. docs/limits.md tells what is left of it.
 */
#define _DEFAULT_SOURCE /* <netdb.h> names the errors of a look-up then */
#include <sys/types.h>

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spf2/spf.h>

#include <slimta/error.h>

#include "base/address.h"
#include "base/alloc.h"
#include "base/slice.h"
#include "checks/spf_engine.h"
#include "spf/name.h"

enum {
    TEXT_MAX = SLI_SPF_PART_MAX + 1,
    SENDER_MAX = 2 * SLI_SPF_PART_MAX + 2,
    /* libspf2 has room for this much of a hostname, and ends the process when
     * the machine's is longer. */
    HOSTNAME_MAX = 64
};

/* What it says when a domain has no explanation. */
static const char no_explanation[] = "none";

struct engine {
    SPF_dns_server_t dns; /* its hook is this struct */
    SPF_server_t *server;
    SPF_request_t *request;
    SPF_response_t *response; /* of the last run */
    const struct sli_spf_table *table;
    struct slimta_address client;
    unsigned lookups; /* of the run; its own limits are for each record */
    int is_none;      /* there is nothing to ask about */
    int is_over;      /* a run had too many look-ups */
    int is_missing;   /* a look-up of the run was not in the table */
    char need_name[TEXT_MAX];
    enum sli_spf_type need_type;
};

static SPF_dns_rr_t *answer_nothing(
    struct engine *engine, const char *domain, ns_type type, int why)
{
    return SPF_dns_rr_new_init(&engine->dns, domain, type, 0, why);
}

/* Appends one record; 0 when there is no memory. */
static int append(SPF_dns_rr_t *rr, const struct sli_spf_value *value)
{
    int index = rr->num_rr;
    size_t size = value->text.size + 1;
    SPF_dns_rr_data_t *data;

    if (SPF_dns_rr_buf_realloc(rr, index, size) != SPF_E_SUCCESS) {
        return 0;
    }
    data = rr->rr[index];
    if (rr->rr_type == ns_t_a) {
        memcpy(&data->a, value->ip, sizeof data->a);
    } else if (rr->rr_type == ns_t_aaaa) {
        memcpy(&data->aaaa, value->ip, sizeof data->aaaa);
    } else {
        memcpy(data, value->text.data, size);
    }
    rr->num_rr++;
    return 1;
}

static SPF_dns_rr_t *answer_from(struct engine *engine, const char *domain,
    ns_type type, const struct sli_spf_answer *answer)
{
    static const int statuses[] = {
        [SLI_SPF_FOUND] = NETDB_SUCCESS,
        [SLI_SPF_VOID] = NO_DATA,
        [SLI_SPF_UNKNOWN] = TRY_AGAIN,
    };
    SPF_dns_rr_t *rr =
        answer_nothing(engine, domain, type, statuses[answer->status]);
    const struct sli_spf_value *value = rr == NULL ? NULL : answer->values;

    while (value != NULL && append(rr, value)) {
        value = value->next;
    }
    if (value != NULL) { /* no memory */
        rr->num_rr = 0;
        rr->herrno = TRY_AGAIN;
    }
    return rr;
}

static void miss(
    struct engine *engine, struct slimta_slice name, enum sli_spf_type type)
{
    if (!engine->is_missing) {
        engine->is_missing = 1;
        memcpy(engine->need_name, name.data, name.size);
        engine->need_name[name.size] = '\0';
        engine->need_type = type;
    }
}

/* What libspf2 asks. The type SPF is no more (RFC 7208 section 3.1). */
static SPF_dns_rr_t *look_up(
    SPF_dns_server_t *dns, const char *domain, ns_type type, int should_cache)
{
    struct engine *engine = dns->hook;
    struct slimta_slice name = sli_spf_name_trim(sli_slice_text(domain));
    const struct sli_spf_answer *answer;

    (void)should_cache;
    if (type != ns_t_a && type != ns_t_aaaa && type != ns_t_mx &&
        type != ns_t_ptr && type != ns_t_txt) {
        return answer_nothing(engine, domain, type, NO_DATA);
    }
    if (!sli_spf_name_can_be_asked(name)) {
        return answer_nothing(engine, domain, type, HOST_NOT_FOUND);
    }
    engine->is_over |= engine->lookups++ >= SLI_SPF_LOOKUPS_MAX;
    answer = engine->is_over
        ? NULL
        : sli_spf_table_find(engine->table, name, (enum sli_spf_type)type);
    if (answer == NULL) {
        miss(engine, name, (enum sli_spf_type)type);
        return answer_nothing(engine, domain, type, TRY_AGAIN);
    }
    return answer_from(engine, domain, type, answer);
}

static void text_of(char *out, size_t size, struct slimta_slice text)
{
    size_t length = text.size < size ? text.size : size - 1;

    if (length > 0) {
        memcpy(out, text.data, length);
    }
    out[length] = '\0';
}

/* Before each run: it forgets the client's name, which a run keeps that did not
 * find it in the table. */
static void set_client(struct engine *engine)
{
    struct in_addr ip4;
    struct in6_addr ip6;

    memcpy(&ip4, engine->client.ip, sizeof ip4);
    memcpy(&ip6, engine->client.ip, sizeof ip6);
    (void)(engine->client.family == SLIMTA_FAMILY_IPV4
            ? SPF_request_set_ipv4(engine->request, ip4)
            : SPF_request_set_ipv6(engine->request, ip6));
}

/* RFC 7208 sections 2.4 and 4.3: libspf2 knows the null sender and the missing
 * local part itself, when the HELO name is set first. */
static int set_question(
    struct engine *engine, const struct sli_spf_question *question)
{
    char helo[TEXT_MAX];
    char sender[SENDER_MAX];
    char receiver[TEXT_MAX];

    text_of(helo, sizeof helo, question->helo);
    text_of(sender, sizeof sender, question->sender);
    text_of(receiver, sizeof receiver,
        question->receiver.size > 0 ? question->receiver
                                    : SLI_LITERAL("unknown"));
    return SPF_server_set_rec_dom(engine->server, receiver) == SPF_E_SUCCESS &&
        SPF_request_set_helo_dom(engine->request, helo) == SPF_E_SUCCESS &&
        SPF_request_set_env_from(engine->request, sender) == 0;
}

static int set_explanation(struct engine *engine)
{
    SPF_response_t *response = NULL;
    SPF_errcode_t err =
        SPF_server_set_explanation(engine->server, no_explanation, &response);

    if (response != NULL) {
        SPF_response_free(response);
    }
    return err == SPF_E_SUCCESS;
}

static int has_short_hostname(void)
{
    char name[HOSTNAME_MAX];

    return gethostname(name, sizeof name) == 0 &&
        memchr(name, '\0', sizeof name) != NULL;
}

/* RFC 7208 section 4.3, as the strict engine does it. */
static int is_about_nothing(const struct sli_spf_question *question)
{
    struct sli_spf_check check;
    struct sli_spf_table none = {0};

    sli_spf_check_init(&check, question, &none);
    return check.stage == SLI_SPF_DONE;
}

static void release(void *state, const struct slimta_alloc *alloc)
{
    struct engine *engine = state;

    if (engine == NULL) {
        return;
    }
    if (engine->response != NULL) {
        SPF_response_free(engine->response);
    }
    if (engine->request != NULL) {
        SPF_request_free(engine->request);
    }
    if (engine->server != NULL) {
        SPF_server_free(engine->server); /* `dns` has no destructor: ours */
    }
    sli_free(alloc, engine);
}

static int open_engine(
    struct engine *engine, const struct sli_spf_question *question)
{
    if (!has_short_hostname()) {
        return SLIMTA_ENOTSUP;
    }
    engine->server = SPF_server_new_dns(&engine->dns, 0);
    if (engine->server == NULL) {
        return SLIMTA_ENOMEM;
    }
    engine->request = SPF_request_new(engine->server);
    return engine->request != NULL && set_explanation(engine) &&
            set_question(engine, question)
        ? 0
        : SLIMTA_ENOMEM;
}

static int begin(void **state, const struct slimta_alloc *alloc,
    const struct sli_spf_question *question, struct sli_spf_table *table)
{
    struct engine *engine = sli_alloc_zero(alloc, sizeof *engine);
    int err = 0;

    if (engine == NULL) {
        return SLIMTA_ENOMEM;
    }
    engine->dns.lookup = look_up;
    engine->dns.name = "table";
    engine->dns.hook = engine;
    engine->table = table;
    engine->client = question->client;
    sli_address_unmap(&engine->client);
    engine->is_none = is_about_nothing(question);
    if (!engine->is_none) {
        err = open_engine(engine, question);
    }
    if (err != 0) {
        release(engine, alloc);
        return err;
    }
    *state = engine;
    return 0;
}

/* A record that does not compile ends with the error that a missing one has;
 * what was wrong with it stands among the messages. */
static int has_syntax_error(SPF_response_t *response)
{
    for (int i = 0; i < SPF_response_messages(response); i++) {
        SPF_error_t *message = SPF_response_message(response, i);

        if (SPF_error_errorp(message) &&
            SPF_error_code(message) != SPF_E_NOT_SPF) {
            return 1;
        }
    }
    return 0;
}

/* An error without a result of its own. */
static enum slimta_spf_result result_of_error(
    SPF_response_t *response, SPF_errcode_t err)
{
    switch (err) {
    case SPF_E_NOT_SPF:
        return has_syntax_error(response) ? SLIMTA_SPF_PERMERROR
                                          : SLIMTA_SPF_NONE;
    case SPF_E_DNS_ERROR:
    case SPF_E_NO_MEMORY:
    case SPF_E_INTERNAL_ERROR:
        return SLIMTA_SPF_TEMPERROR;
    default:
        return SLIMTA_SPF_PERMERROR;
    }
}

static enum slimta_spf_result result_of(
    SPF_response_t *response, SPF_errcode_t err)
{
    switch (SPF_response_result(response)) {
    case SPF_RESULT_NEUTRAL:
        return SLIMTA_SPF_NEUTRAL;
    case SPF_RESULT_PASS:
        return SLIMTA_SPF_PASS;
    case SPF_RESULT_FAIL:
        return SLIMTA_SPF_FAIL;
    case SPF_RESULT_SOFTFAIL:
        return SLIMTA_SPF_SOFTFAIL;
    case SPF_RESULT_NONE:
        return SLIMTA_SPF_NONE;
    case SPF_RESULT_TEMPERROR:
        return SLIMTA_SPF_TEMPERROR;
    case SPF_RESULT_PERMERROR:
        return SLIMTA_SPF_PERMERROR;
    case SPF_RESULT_INVALID:
    default:
        return result_of_error(response, err);
    }
}

static void read_outcome(
    struct engine *engine, SPF_errcode_t err, struct sli_checks_spf_run *out)
{
    out->result = engine->response == NULL ? SLIMTA_SPF_TEMPERROR
                                           : result_of(engine->response, err);
    if (out->result == SLIMTA_SPF_TEMPERROR) {
        out->problem = "a look-up failed";
    } else if (out->result == SLIMTA_SPF_PERMERROR) {
        out->problem = "an SPF record with an error";
    } else if (out->result == SLIMTA_SPF_FAIL) {
        out->explanation = SPF_response_get_explanation(engine->response);
        if (out->explanation != NULL &&
            strcmp(out->explanation, no_explanation) == 0) {
            out->explanation = NULL;
        }
    }
}

static void run(void *state, struct sli_checks_spf_run *out)
{
    struct engine *engine = state;
    SPF_errcode_t err;

    *out = (struct sli_checks_spf_run){
        .run = SLI_SPF_RUN_DONE, .result = SLIMTA_SPF_NONE};
    if (engine->is_none) {
        return;
    }
    if (engine->response != NULL) {
        SPF_response_free(engine->response);
        engine->response = NULL;
    }
    engine->lookups = 0;
    engine->is_missing = 0;
    set_client(engine);
    err = SPF_request_query_mailfrom(engine->request, &engine->response);
    if (engine->is_over) {
        out->result = SLIMTA_SPF_PERMERROR;
        out->problem = "too many look-ups";
    } else if (engine->is_missing) {
        out->run = SLI_SPF_RUN_NEEDS;
        out->name = engine->need_name;
        out->type = engine->need_type;
    } else {
        read_outcome(engine, err, out);
    }
}

static const struct sli_checks_spf_engine libspf2 = {
    .begin = begin,
    .run = run,
    .free = release,
};

const struct sli_checks_spf_engine *sli_checks_spf_engine_libspf2(void)
{
    return &libspf2;
}
