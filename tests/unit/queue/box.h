/** A temporary directory for maildirs, and messages to put into them. */
#ifndef QUEUE_BOX_H
#define QUEUE_BOX_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <slimta/envelope.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "io/file.h"
#include "mail/content.h"
#include "mail/envelope.h"

struct box {
    char path[256];
    char text[512]; /* of the latest box_path */
};

static inline void box_open(struct box *box)
{
    const char *base = getenv("TMPDIR");

    (void)snprintf(box->path, sizeof box->path, "%.200s/slimta-queue-XXXXXX",
        base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(box->path));
}

/* Until the next call. */
static inline const char *box_path(struct box *box, const char *name)
{
    (void)snprintf(box->text, sizeof box->text, "%s/%s", box->path, name);
    return box->text;
}

/* Empties a directory, and all in it; takes `fd`. */
static inline void box_empty(int fd)
{
    DIR *dir = fdopendir(fd);

    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0 ||
            unlinkat(fd, entry->d_name, 0) == 0) {
            continue;
        }
        (void)fchmodat(fd, entry->d_name, 0700, 0);
        box_empty(openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY));
        (void)unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
    (void)closedir(dir);
}

/* What is forbidden is not to root: 1 when the test goes on as somebody else,
 * who then owns the box, or is nobody special already. */
static inline int box_drop_root(struct box *box)
{
    enum { NOBODY = 65534 };
    static const char *const names[] = {".", "tmp", "new"};

    if (geteuid() != 0) {
        return 1;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (chown(box_path(box, names[i]), NOBODY, NOBODY) != 0 &&
            errno != ENOENT) {
            return 0; /* there is nobody else */
        }
    }
    return seteuid(NOBODY) == 0;
}

static inline void box_take_root(void)
{
    assert_int_equal(0, seteuid(getuid()));
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the leak checker's wish */
}

static inline void box_close(struct box *box)
{
    box_empty(open(box->path, O_RDONLY | O_DIRECTORY));
    (void)rmdir(box->path);
}

/* How many entries stand in a directory; `name`, when given, gets one. */
static inline size_t box_count(
    struct box *box, const char *where, char name[256])
{
    DIR *dir = opendir(box_path(box, where));
    size_t count = 0;

    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        count++;
        if (name != NULL) {
            (void)snprintf(name, 256, "%s", entry->d_name);
        }
    }
    (void)closedir(dir);
    return count;
}

/* All of a file, terminated; to be freed. */
static inline char *box_read(struct box *box, const char *where, size_t *size)
{
    FILE *file = fopen(box_path(box, where), "rb");
    struct stat about;
    char *text;

    assert_non_null(file);
    assert_int_equal(0, fstat(fileno(file), &about));
    *size = (size_t)about.st_size;
    text = malloc(*size + 1);
    assert_non_null(text);
    assert_int_equal(*size, fread(text, 1, *size, file));
    text[*size] = '\0';
    (void)fclose(file);
    return text;
}

static inline void box_assert_octets(
    struct slimta_slice expected, const char *text, size_t size)
{
    assert_int_equal(expected.size, size);
    assert_memory_equal(expected.data, text, size);
}

/* An envelope that is not sealed yet, from client.example at 192.0.2.1. */
static inline struct slimta_envelope *box_envelope(const char *sender,
    const char *const *recipients, struct slimta_slice content)
{
    struct sli_mail_facts facts = {
        .client = {.address = {.family = SLIMTA_FAMILY_IPV4,
                       .ip = {192, 0, 2, 1}},
            .ehlo_as = "client.example",
            .protocol = "ESMTP"},
        .receiver = "mx.example",
    };
    struct slimta_mail_params params = {.size = sizeof params};
    struct slimta_recipient recipient = {.size = sizeof recipient};
    struct slimta_envelope *envelope = NULL;
    struct slimta_alloc alloc;

    assert_int_equal(0, sli_alloc_init(&alloc, NULL));
    assert_int_equal(0,
        sli_mail_envelope_new(
            &envelope, &alloc, &facts, sli_slice_text(sender), &params));
    for (; *recipients != NULL; recipients++) {
        recipient.address = *recipients;
        assert_int_equal(0,
            sli_mail_envelope_add_recipient(
                envelope, sli_slice_text(*recipients), &recipient));
    }
    assert_int_equal(
        0, sli_mail_content_append(slimta_envelope_content(envelope), content));
    return envelope;
}

static inline void box_seal(struct slimta_envelope *envelope)
{
    sli_mail_envelope_seal(envelope, 1795364474000);
}

/* A sealed one, to rcpt@example.com. */
static inline struct slimta_envelope *box_message(const char *content)
{
    static const char *const recipients[] = {"rcpt@example.com", NULL};
    struct slimta_envelope *envelope =
        box_envelope("sender@example.org", recipients, sli_slice_text(content));

    box_seal(envelope);
    return envelope;
}

/* The lines above the content of a message, ended with CRLF; freed by the
 * caller. */
static inline char *box_head(
    const struct slimta_envelope *envelope, const char *id)
{
    char *head = malloc(65536);
    char *at = head;

    assert_non_null(head);
    at +=
        sprintf(at, "Return-Path: <%s>\r\n", slimta_envelope_sender(envelope));
    for (size_t i = 0; i < slimta_envelope_recipient_count(envelope); i++) {
        at += sprintf(at, "Delivered-To: %s\r\n",
            slimta_envelope_recipient(envelope, i)->address);
    }
    (void)slimta_envelope_received(envelope, id, at, SLIMTA_RECEIVED_MAX);
    return head;
}

static const struct sli_mail_store box_store = {
    .open = sli_io_file_open,
    .write = sli_io_file_write,
    .read = sli_io_file_read,
    .close = sli_io_file_close,
};

#endif
