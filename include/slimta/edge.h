/** Everything: includes each public header of the library. */
#ifndef SLIMTA_EDGE_H
#define SLIMTA_EDGE_H

#include <slimta/address.h>
#include <slimta/alloc.h>
#include <slimta/auth.h>
#include <slimta/checks.h>
#include <slimta/content.h>
#include <slimta/counters.h>
#include <slimta/dnsbl.h>
#include <slimta/envelope.h>
#include <slimta/error.h>
#include <slimta/events.h>
#include <slimta/export.h>
#include <slimta/loop.h>
#include <slimta/op.h>
#include <slimta/proxy.h>
#include <slimta/queue.h>
#include <slimta/reply.h>
#include <slimta/resolver.h>
#include <slimta/results.h>
#include <slimta/session.h>
#include <slimta/slice.h>
#include <slimta/smtp_edge.h>
#include <slimta/tls.h>
#include <slimta/spf.h>
#include <slimta/validators.h>
#include <slimta/version.h>

#endif
