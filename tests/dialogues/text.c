/** What every runner of dialogues needs: text that grows, and its escapes. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/smtp_edge.h>

#include "base/ascii.h"
#include "base/slice.h"

void die(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
}

/* The room that a text of that size has: a power of two. */
static size_t room_for(size_t size)
{
    size_t room = 64;

    while (room <= size) {
        room *= 2;
    }
    return room;
}

void add(struct text *text, const char *data, size_t size)
{
    if (text->data == NULL ||
        room_for(text->size) != room_for(text->size + size)) {
        char *grown = realloc(text->data, room_for(text->size + size));

        if (grown == NULL) {
            die("out of memory");
        }
        text->data = grown;
    }
    if (size > 0) {
        memcpy(text->data + text->size, data, size);
    }
    text->size += size;
    text->data[text->size] = '\0';
}

void add_text(struct text *text, const char *string)
{
    add(text, string, strlen(string));
}

void add_number(struct text *text, uint64_t number)
{
    char digits[SLI_ASCII_NUMBER_MAX];

    add(text, digits, sli_ascii_format_number(number, digits));
}

int is_same(struct text a, struct text b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

void free_text(struct text *text)
{
    free(text->data);
    *text = (struct text){NULL, 0};
}

void add_escaped(struct text *text, struct slimta_slice octets)
{
    for (size_t i = 0; i < octets.size; i++) {
        unsigned char octet = (unsigned char)octets.data[i];
        char escape[8];

        if (octet == '\r' || octet == '\n') {
            add_text(text, octet == '\r' ? "\\r" : "\\n");
        } else if (octet == '\\') {
            add_text(text, "\\\\");
        } else if (octet < 32 || octet >= 127) {
            (void)snprintf(escape, sizeof escape, "\\x%02x", octet);
            add_text(text, escape);
        } else {
            add(text, octets.data + i, 1);
        }
    }
}

void complain(
    const char *way, const char *what, struct text wanted, struct text got)
{
    struct text shown = {NULL, 0};

    add_escaped(&shown, sli_slice(wanted.data, wanted.size));
    add_text(&shown, "\n# got:    ");
    add_escaped(&shown, sli_slice(got.data, got.size));
    (void)printf("# %s: %s\n# wanted: %s\n", way, what, shown.data);
    free_text(&shown);
}

static int hex_digit(char octet)
{
    if (octet >= '0' && octet <= '9') {
        return octet - '0';
    }
    octet = sli_ascii_lower(octet);
    return octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

/* The octet that an escape at `at` stands for; `at` moves behind it. */
static char unescape(const char **at)
{
    const char *text = *at;

    if (text[0] != '\\') {
        *at = text + 1;
        return text[0];
    }
    if (text[1] == 'x' && hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0) {
        *at = text + 4;
        return (char)(hex_digit(text[2]) * 16 + hex_digit(text[3]));
    }
    *at = text + 2;
    switch (text[1]) {
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    case '\\':
        return '\\';
    default:
        die("an unknown escape");
        return 0;
    }
}

void add_unescaped(struct text *text, const char *from)
{
    while (*from != '\0') {
        char octet = unescape(&from);

        add(text, &octet, 1);
    }
}

uint64_t number_of(const char *text)
{
    uint64_t number = 0;

    if (strcmp(text, "unlimited") == 0) {
        return SLIMTA_UNLIMITED;
    }
    if (!sli_ascii_number(sli_slice_text(text), 20, &number)) {
        die("not a number");
    }
    return number;
}

int has_prefix(const char **text, const char *prefix)
{
    size_t size = strlen(prefix);

    if (strncmp(*text, prefix, size) != 0) {
        return 0;
    }
    *text += size;
    return 1;
}

char *unescaped(const char *from)
{
    struct text text = {NULL, 0};

    add(&text, "", 0);
    add_unescaped(&text, from);
    return text.data;
}

char *copied(const char *data, size_t size)
{
    char *copy = malloc(size);

    if (copy == NULL) {
        die("out of memory");
    }
    memcpy(copy, data, size);
    return copy;
}
