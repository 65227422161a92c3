/** What marks a declaration as part of the library's interface. */
#ifndef SLIMTA_EXPORT_H
#define SLIMTA_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define SLIMTA_API __attribute__((visibility("default")))
#define SLIMTA_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SLIMTA_API
#define SLIMTA_MUST_CHECK
#endif

#ifdef __cplusplus
#define SLIMTA_BEGIN_DECLS extern "C" {
#define SLIMTA_END_DECLS }
#else
#define SLIMTA_BEGIN_DECLS
#define SLIMTA_END_DECLS
#endif

/** A limit that is switched off, wherever an option is documented to allow
 * it. Zero always means the documented default. */
#define SLIMTA_UNLIMITED UINT64_MAX

#endif
