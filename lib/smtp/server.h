/**
 * The receiving SMTP engine: octets in, events and octets out.
 *
 * It does no I/O and knows no time. Its owner feeds it what it has read, pulls
 * events until there is none, answers those that ask, and sends what stands in
 * the output buffer. The outcome does not depend on how the input was cut.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include <slimta/envelope.h>
#include <slimta/reply.h>
#include <slimta/slice.h>
#include <slimta/smtp_edge.h>

#include "base/buf.h"
#include "mail/path.h"
#include "smtp/data_reader.h"
#include "smtp/hops.h"
#include "smtp/input.h"
#include "smtp/replies.h"

/** When TLS begins. */
enum sli_smtp_tls {
    SLI_SMTP_TLS_OFF = 0,
    SLI_SMTP_TLS_OFFERED,  /**< STARTTLS is offered */
    SLI_SMTP_TLS_REQUIRED, /**< the same, and before it nearly all is 530 */
    SLI_SMTP_TLS_IMMEDIATE /**< before the banner (RFC 8314 section 3) */
};

/** How all engines of one edge behave. Borrowed by each of them. */
struct sli_smtp_config {
    const struct slimta_alloc *alloc;
    const char *hostname;
    uint64_t max_message_bytes; /**< SLIMTA_UNLIMITED: none */
    uint64_t max_recipients;
    uint64_t max_command_bytes; /**< with CRLF */
    uint64_t max_ehlo_bytes;    /**< the name in EHLO and HELO */
    uint64_t max_errors;        /**< SLIMTA_UNLIMITED: none */
    uint64_t max_received;      /**< Received fields; 0, _UNLIMITED: any */
    uint64_t max_line_bytes;    /**< of content, with CRLF; the same */
    uint64_t max_idle_commands; /**< since a message was accepted; the same */
    uint64_t max_auth_bytes;    /**< a line of AUTH, with CRLF; not 0 where
                                     there are mechanisms */
    enum sli_smtp_tls tls;
    enum slimta_bare_newlines bare_newlines;
    enum slimta_greeting greeting;
    enum slimta_dialect dialect;
    uint64_t min_by_seconds;   /**< RFC 2852; 0: none */
    uint64_t max_hold_seconds; /**< RFC 4865; not 0 where that is offered */
};

/** The longest word that is told as the verb of a refused command: no more than
 * letters, so that no password that came in the wrong place is told on. */
#define SLI_SMTP_VERB_MAX 12

/** The longest name of a mechanism (RFC 4422 section 3.1). */
#define SLI_SMTP_MECHANISM_MAX 20

enum sli_smtp_event_type {
    SLI_SMTP_EVENT_NONE, /**< nothing more in what was fed: feed again */
    SLI_SMTP_EVENT_WAIT, /**< an answer is due; nothing happens before it */

    /* Questions: each waits for sli_smtp_server_answer. */
    SLI_SMTP_EVENT_BANNER, /**< the first event of all, before any input */
    SLI_SMTP_EVENT_EHLO,   /**< EHLO or HELO: `greeting` */
    SLI_SMTP_EVENT_MAIL,   /**< `mail` */
    SLI_SMTP_EVENT_RCPT,   /**< `rcpt` */
    SLI_SMTP_EVENT_DATA,   /**< answered with 354 the content begins */
    SLI_SMTP_EVENT_CHUNKS, /**< BDAT, the first of its message: answered with
                                any success the content begins, and nothing is
                                said; a refusal comes when the chunk has been
                                thrown away */
    SLI_SMTP_EVENT_CHUNK,  /**< a chunk is complete, and not the last: `end` */
    SLI_SMTP_EVENT_END,    /**< the content is complete: `end` */
    SLI_SMTP_EVENT_RSET,
    SLI_SMTP_EVENT_NOOP,
    SLI_SMTP_EVENT_QUIT,
    SLI_SMTP_EVENT_STARTTLS,    /**< answered with 220, START_TLS follows */
    SLI_SMTP_EVENT_AUTH,        /**< an exchange begins: `auth`. It may also be
                                     answered with sli_smtp_server_challenge */
    SLI_SMTP_EVENT_AUTH_ANSWER, /**< to a challenge: `auth_answer`. The same */
    SLI_SMTP_EVENT_XCLIENT,     /**< of a peer that is trusted: `peer`. After a
                                     success, which is not said, BANNER comes */
    SLI_SMTP_EVENT_XFORWARD,    /**< the same of a message: `peer` */
    SLI_SMTP_EVENT_COMMAND,     /**< a verb that is unknown here: `command` */

    /* Tellings: nothing is answered. */
    SLI_SMTP_EVENT_CONTENT,       /**< octets of the message: `content` */
    SLI_SMTP_EVENT_REFUSED,       /**< a command that the engine has refused by
                                       itself: `refused` */
    SLI_SMTP_EVENT_AUTH_GIVEN_UP, /**< the exchange is over without an answer of
                                       the owner's: drop it. `given_up` */
    SLI_SMTP_EVENT_RESET,     /**< the transaction is gone without an END that
                                   was answered 2xx: drop its envelope */
    SLI_SMTP_EVENT_START_TLS, /**< send what is in the output, do the handshake,
                                   then call sli_smtp_server_secured, or
                                   terminate without a word: `start_tls` */
    SLI_SMTP_EVENT_CLOSE      /**< send what is in the output, then close:
                                   `close`. Comes again at each further call */
};

enum sli_smtp_close {
    SLI_SMTP_CLOSE_QUIT,       /**< after the reply to QUIT */
    SLI_SMTP_CLOSE_EOF,        /**< the client has shut down its side */
    SLI_SMTP_CLOSE_REPLY,      /**< an answer was 221 or 421 */
    SLI_SMTP_CLOSE_ERRORS,     /**< max_errors was reached */
    SLI_SMTP_CLOSE_COMMANDS,   /**< max_idle_commands was passed */
    SLI_SMTP_CLOSE_CHUNK,      /**< a BDAT whose size cannot be read */
    SLI_SMTP_CLOSE_TERMINATED, /**< sli_smtp_server_terminate */
    SLI_SMTP_CLOSE_MEMORY      /**< no memory to go on */
};

/** What XCLIENT or XFORWARD may say: bits. */
enum sli_smtp_peer_said {
    SLI_SMTP_PEER_NAME = 1 << 0,
    SLI_SMTP_PEER_ADDR = 1 << 1,
    SLI_SMTP_PEER_PORT = 1 << 2,
    SLI_SMTP_PEER_PROTO = 1 << 3,
    SLI_SMTP_PEER_HELO = 1 << 4,
    SLI_SMTP_PEER_LOGIN = 1 << 5,
    SLI_SMTP_PEER_DESTADDR = 1 << 6,
    SLI_SMTP_PEER_DESTPORT = 1 << 7,
    SLI_SMTP_PEER_IDENT = 1 << 8,
    SLI_SMTP_PEER_SOURCE = 1 << 9
};

/** What was said; what is not known has its bit, and no value. The texts live
 * until the answer. */
struct sli_smtp_peer {
    unsigned said;
    struct slimta_address client; /* ADDR and PORT */
    struct slimta_address local;  /* DESTADDR and DESTPORT */
    const char *address_text;     /* ADDR as it was said, or NULL */
    const char *name;
    const char *helo;
    const char *login;
};

/** What next() tells. The slices live until the next call of next, feed or
 * park. */
struct sli_smtp_event {
    enum sli_smtp_event_type type;
    union {
        struct {
            int extended; /**< EHLO, not HELO */
            struct slimta_slice name;
        } greeting;
        struct {
            struct sli_mail_path path;
            struct slimta_mail_params params;
        } mail;
        struct {
            struct sli_mail_path path;
            struct slimta_recipient params; /**< its address is NULL */
        } rcpt;
        struct sli_smtp_peer peer;
        struct slimta_slice content;
        struct {
            /** The engine has refused it (too large, bare newlines): drop the
             * content and answer with NULL; the default is the refusal. */
            int is_refused;
            uint64_t size; /**< octets of content */
        } end;
        struct {
            struct slimta_slice verb;     /**< as it came */
            struct slimta_slice argument; /**< "" when there is none */
        } command;
        struct {
            const char *mechanism; /**< one that is offered, upper case */
            int has_initial;       /**< an initial response came with it: 501
                                        5.5.4 is the owner's answer if the
                                        mechanism has none */
            struct slimta_slice initial; /**< decoded; a secret */
        } auth; /**< all of it lives until the answer */
        struct slimta_slice auth_answer; /**< decoded; a secret that lives until
                                              the answer */
        struct {
            int code; /**< what the client heard; 0: the session has ended */
        } given_up;
        struct {
            size_t discarded; /**< octets in the clear that came behind
                                   STARTTLS and were thrown away */
        } start_tls;
        struct {
            const char *verb; /**< as it came, "" when it is none */
            int code;
            const char *text; /**< static, with its enhanced code; or the text
                                   of sli_smtp_server_refuse_all */
        } refused;
        enum sli_smtp_close close;
    };
};

/** The machine's states; the table of commands says what is legal in each. */
enum sli_smtp_state {
    SLI_SMTP_STATE_START,     /**< before the banner */
    SLI_SMTP_STATE_REFUSED,   /**< the banner was 554: 503 until QUIT */
    SLI_SMTP_STATE_CONNECTED, /**< no EHLO or HELO yet */
    SLI_SMTP_STATE_READY,     /**< greeted, no transaction */
    SLI_SMTP_STATE_MAIL,      /**< a sender, no recipient yet */
    SLI_SMTP_STATE_RCPT,      /**< at least one recipient */
    SLI_SMTP_STATE_CHUNKS,    /**< between two chunks of a message */
    SLI_SMTP_STATE_CONTENT,   /**< after 354, up to CRLF.CRLF; in a chunk */
    SLI_SMTP_STATE_AUTH,      /**< after 334: a line is an answer */
    SLI_SMTP_STATE_TLS,       /**< after 220 to STARTTLS: nothing is read */
    SLI_SMTP_STATE_CLOSED     /**< nothing is read any more */
};

/** What is known of the message on its way; RSET forgets it. */
struct sli_smtp_transaction {
    int smtputf8;
    int is_binary;       /* BODY=BINARYMIME */
    uint64_t recipients; /* that were accepted */
    uint64_t size;       /* octets of content so far */
    uint64_t line_size;  /* of the line that has begun, if that matters */
    struct sli_smtp_data_reader reader;
    struct sli_smtp_hops hops;
    enum sli_smtp_reply_id refusal; /* why the content is refused, or NONE */
    int is_chunked;                 /* it comes in chunks */
    int is_last_chunk;
    uint64_t chunk_left; /* octets of the chunk that are still to come */
};

/** What a line of BDAT says. */
struct sli_smtp_chunk {
    uint64_t size;
    int is_last;
    int is_lost; /* the size cannot be read */
};

/** A chunk that was refused: its octets are thrown away, then the refusal is
 * said (RFC 3030 section 2). */
struct sli_smtp_skip {
    int is_due;
    uint64_t left;              /* octets still to come */
    enum sli_smtp_reply_id id;  /* what is said; NONE: `reply` */
    struct slimta_reply *reply; /* the owner's words */
    uint64_t times;             /* how often: see sli_smtp_answer.times */
};

/** What AUTH offers, and the exchange that is under way. */
struct sli_smtp_auth {
    const char *mechanisms; /* that are offered now; borrowed, or NULL */
    const char *secure;     /* that would be under TLS; the same */
    uint32_t taken_off; /* of `mechanisms`, by the host: a bit for each word */
    int is_done;        /* the client has authenticated */
    int is_given_up;    /* AUTH_GIVEN_UP is due */
    int given_up_code;
    int was_last; /* of the commands that we know: what is unknown behind it
                     may be an answer that nobody asked for */
    int has_initial;
    char mechanism[SLI_SMTP_MECHANISM_MAX + 1]; /* of the exchange */
};

/** One session's engine, held by value; at most a few hundred octets and no
 * memory of its own while the session is idle. */
struct sli_smtp_server {
    /* Its fields are its own. */
    const struct sli_smtp_config *config;
    struct sli_buf *output;
    enum sli_smtp_state state;
    enum sli_smtp_event_type question; /* that waits for its answer, or NONE */
    struct sli_smtp_input input;
    /* The line that was asked about stays at the front of the input until it
     * is answered; this part of it stands in the default answer. */
    size_t line_size;
    size_t echo_offset;
    size_t echo_size;
    int is_extended;   /* the last accepted greeting was EHLO */
    int asks_extended; /* the greeting that is asked about is EHLO */
    int has_ended;     /* no more input will come */
    int is_secure;     /* TLS is on */
    int trusts_peer;   /* XCLIENT and XFORWARD are known */
    int has_login;     /* the XCLIENT that is asked about has one */
    enum sli_smtp_reply_id refused; /* REFUSED is the next event, or NONE */
    char refused_verb[SLI_SMTP_VERB_MAX + 1];
    int owes_reset;     /* RESET is the next event */
    int owes_start_tls; /* START_TLS is, with `discarded` */
    size_t discarded;
    struct slimta_reply *refusal; /* of every command but QUIT, or NULL */
    /* What was decoded of the line that is asked about; secrets are in it, so
     * it is wiped when that is answered. */
    struct sli_buf decoded;
    struct sli_smtp_auth auth;
    enum sli_smtp_close close;
    uint64_t errors;
    unsigned offered;            /* extensions whose parameters are known */
    uint64_t capabilities;       /* what is behind: SLIMTA_CAN_… */
    int64_t now_ms;              /* since 1970, as the owner has said it last */
    struct sli_smtp_chunk chunk; /* of the line that is looked at */
    struct sli_smtp_skip skip;
    const struct slimta_extensions *extensions; /* for the next EHLO, or NULL */
    uint64_t commands;
    uint64_t idle_commands; /* since a message was accepted */
    struct sli_smtp_transaction transaction;
};

/** `config` and `output` are borrowed: all engines of one loop may share one
 * output buffer, since each is emptied before the next one runs. */
void sli_smtp_server_init(struct sli_smtp_server *server,
    const struct sli_smtp_config *config, struct sli_buf *output);

void sli_smtp_server_fini(struct sli_smtp_server *server);

/** Gives input, borrowed until park (or all is consumed). What was parked
 * stands before it; what comes where a handshake is due is thrown away.
 * SLIMTA_ENOMEM. */
int sli_smtp_server_feed(
    struct sli_smtp_server *server, struct slimta_slice input);

/** Keeps a copy of what was not consumed; none and no memory when all was.
 * Call it before the input's memory is used for something else. SLIMTA_ENOMEM.
 */
int sli_smtp_server_park(struct sli_smtp_server *server);

/** Whether a copy of input is held that could not be used yet. */
int sli_smtp_server_has_parked(const struct sli_smtp_server *server);

/** No more input will come: what is buffered is served, then CLOSE. */
void sli_smtp_server_end_input(struct sli_smtp_server *server);

/** The next event. After a question it says WAIT until it is answered. */
void sli_smtp_server_next(
    struct sli_smtp_server *server, struct sli_smtp_event *event);

/**
 * Answers the question that waits; NULL means the default. The engine keeps
 * the rules of the design: a reply of another class than the default's is a
 * refusal; where one success code is due another 2xx or 3xx keeps the due one
 * and takes the text (251 at RCPT stays, RFC 5321 section 4.3.2); 221 and 421
 * close. Nothing makes a success of a content that the engine has refused.
 * SLIMTA_ENOMEM: the engine is closed then. SLIMTA_ESTATE: nothing waits, and
 * nothing was done.
 */
int sli_smtp_server_answer(
    struct sli_smtp_server *server, const struct slimta_reply *reply);

/** Fills `reply` with the default answer of the question that waits.
 * SLIMTA_ENOMEM; SLIMTA_ESTATE: nothing waits. */
int sli_smtp_server_default(
    const struct sli_smtp_server *server, struct slimta_reply *reply);

/** The question that waits, told again: its slices stand in the input as it is
 * now, and live until the next call of next, feed, park or answer. Its type is
 * NONE when nothing waits. */
void sli_smtp_server_asked(
    struct sli_smtp_server *server, struct sli_smtp_event *event);

/** What the answer to the EHLO that waits offers, in place of the engine's own
 * list. Borrowed until that is answered. */
void sli_smtp_server_offer(
    struct sli_smtp_server *server, const struct slimta_extensions *extensions);

/** What the queue behind can honour: SLIMTA_CAN_… flags. [none] */
void sli_smtp_server_set_capabilities(
    struct sli_smtp_server *server, uint64_t capabilities);

/** The peer may use XCLIENT and XFORWARD. */
void sli_smtp_server_trust_peer(struct sli_smtp_server *server);

/** What time it is, in milliseconds since 1970, for what a client says of times
 * [1970]. Not while a question waits. */
void sli_smtp_server_set_now(struct sli_smtp_server *server, int64_t now_ms);

/**
 * Answers END in LMTP, with one reply for each accepted recipient (RFC 2033
 * section 4.2): `reply` is asked for that of number `index`, borrowed until it
 * is asked again; NULL means the default. As sli_smtp_server_answer otherwise,
 * and that is a success if one of them is. In LMTP sli_smtp_server_answer sends
 * its one reply for each. SLIMTA_ESTATE also in SMTP.
 */
int sli_smtp_server_answer_each(struct sli_smtp_server *server,
    const struct slimta_reply *(*reply)(void *user, size_t index), void *user);

/** Says a last reply on the owner's account (a timeout, a shutdown) and
 * closes, in any state; a transaction gets its RESET first. Where a handshake
 * is due nothing is said, since it would stand in the clear. `code` and `text`
 * as in slimta_reply_set, static text of one line that begins with its
 * enhanced code; NULL closes without a word. */
void sli_smtp_server_terminate(
    struct sli_smtp_server *server, int code, const char *text);

/** The same with a reply of the host's. */
void sli_smtp_server_terminate_with(
    struct sli_smtp_server *server, const struct slimta_reply *reply);

/** The owner gives the transaction up, as RSET would; RESET comes next. Not
 * while a question waits. */
void sli_smtp_server_give_up(struct sli_smtp_server *server);

/**
 * What AUTH offers from now on: names in upper case, parted by single spaces,
 * at most 32; NULL or "" is none. What is only in `secure`, the list that would
 * be offered under TLS, is answered 538 (RFC 4954 section 6); when both are
 * empty AUTH is not known here. Both are borrowed until the next call, until
 * sli_smtp_server_secured or the end.
 */
void sli_smtp_server_set_mechanisms(
    struct sli_smtp_server *server, const char *mechanisms, const char *secure);

/**
 * Answers AUTH or AUTH_ANSWER with 334 and `octets`, which are encoded; the
 * client's next line comes as AUTH_ANSWER. An exchange ends with
 * sli_smtp_server_answer: a 2xx authenticates, the default is 535; the words
 * for a success that nobody else has words for are SLI_SMTP_REPLY_AUTHENTICATED
 * of smtp/replies.h. SLIMTA_ENOMEM: the engine is closed then, and
 * AUTH_GIVEN_UP comes. Nothing was done: SLIMTA_ESTATE, no such question waits;
 * SLIMTA_EINVAL, the line would be longer than RFC 4954 section 4 allows.
 */
int sli_smtp_server_challenge(
    struct sli_smtp_server *server, struct slimta_slice octets);

/** Whether a password may stand in what is fed from now on: AUTH can be used,
 * and was not. Who feeds wipes what was fed once it has been parked. What the
 * engine itself has kept is wiped in any case. */
int sli_smtp_server_reads_secrets(const struct sli_smtp_server *server);

/**
 * The handshake is done: after START_TLS, or with TLS at once, where it comes
 * before the banner is asked about. All that was known is forgotten (RFC 3207
 * section 4.2), the mechanisms too. SLIMTA_ESTATE: it is neither, and nothing
 * was done.
 */
int sli_smtp_server_secured(struct sli_smtp_server *server);

/**
 * What TLS has come to is not enough: every command but QUIT gets `reply` from
 * now on (RFC 3207 section 4.1), which is copied; 221 and 421 close at once.
 * Not while a question waits. SLIMTA_ENOMEM: the engine is closed.
 */
int sli_smtp_server_refuse_all(
    struct sli_smtp_server *server, const struct slimta_reply *reply);

int sli_smtp_server_is_secure(const struct sli_smtp_server *server);

int sli_smtp_server_is_authenticated(const struct sli_smtp_server *server);

/** The protocol word of RFC 3848 and RFC 6531: "SMTP" after HELO; "ESMTP" or
 * "LMTP", "UTF8SMTP" or "UTF8LMTP" when the transaction has SMTPUTF8, with S
 * under TLS and A for a client that has authenticated. Static. */
const char *sli_smtp_server_protocol(const struct sli_smtp_server *server);

enum sli_smtp_state sli_smtp_server_state(const struct sli_smtp_server *server);

/** How many command lines it has read. */
uint64_t sli_smtp_server_commands(const struct sli_smtp_server *server);

/** Whether an answer is due. */
int sli_smtp_server_is_waiting(const struct sli_smtp_server *server);

#endif
