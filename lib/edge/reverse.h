/** A client's reverse name: looked up beside its session, and confirmed. */
#ifndef EDGE_REVERSE_H
#define EDGE_REVERSE_H

#include <slimta/resolver.h>

struct slimta_session;

struct sli_edge_reverse {
    struct slimta_query *query; /* that is on its way, or NULL */
    char *name;                 /* what was said; whether it is so: */
    unsigned char is_confirmed;
};

/** Looks the client's name up, when the edge's options say so; whatever was
 * known or asked is forgotten first. Call it when the client's address is known
 * or becomes another. */
void sli_edge_reverse_begin(struct slimta_session *session);

/** Somebody who is trusted knows the name (copied); whatever was known or asked
 * is forgotten. Without memory it is not known. */
void sli_edge_reverse_know(struct slimta_session *session, const char *name);

/** Asks no more, and forgets. */
void sli_edge_reverse_end(struct slimta_session *session);

#endif
