/** A strict little reader of JSON (RFC 8259), for what tests have written. */
#ifndef SUPPORT_JSON_H
#define SUPPORT_JSON_H

#include <string.h>

#include <slimta/slice.h>

/** Where the reader stands; `at` is NULL once something was wrong. */
struct json {
    const char *at;
    const char *end;
};

static inline struct json json_of(struct slimta_slice text)
{
    return (struct json){text.data, text.data + text.size};
}

static inline void json_fail(struct json *json)
{
    json->at = NULL;
}

/** Takes one octet if it is the next. */
static inline int json_take(struct json *json, char octet)
{
    if (json->at == NULL || json->at == json->end || *json->at != octet) {
        return 0;
    }
    json->at++;
    return 1;
}

static inline void json_need(struct json *json, char octet)
{
    if (!json_take(json, octet)) {
        json_fail(json);
    }
}

static inline unsigned json_hex4(struct json *json)
{
    static const char digits[] = "0123456789abcdef";
    unsigned value = 0;

    for (int i = 0; i < 4 && json->at != NULL; i++) {
        const char *digit = json->at == json->end || *json->at == '\0'
            ? NULL
            : strchr(digits, *json->at);

        if (digit == NULL) {
            json_fail(json);
            return 0;
        }
        value = value * 16 + (unsigned)(digit - digits);
        json->at++;
    }
    return value;
}

/** What follows "\u": one unit, or a pair; writes it as UTF-8. */
static inline size_t json_character(struct json *json, char out[4])
{
    unsigned value = json_hex4(json);

    if (value >= 0xD800 && value < 0xDC00) {
        unsigned low;

        json_need(json, '\\');
        json_need(json, 'u');
        low = json->at == NULL ? 0 : json_hex4(json);
        if (low < 0xDC00 || low > 0xDFFF) {
            json_fail(json);
        }
        value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
    } else if (value >= 0xDC00 && value < 0xE000) {
        json_fail(json);
    }
    if (value < 0x80) {
        out[0] = (char)value;
        return 1;
    }
    if (value < 0x800) {
        out[0] = (char)(0xC0 | value >> 6);
        out[1] = (char)(0x80 | (value & 0x3F));
        return 2;
    }
    if (value < 0x10000) {
        out[0] = (char)(0xE0 | value >> 12);
        out[1] = (char)(0x80 | (value >> 6 & 0x3F));
        out[2] = (char)(0x80 | (value & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | value >> 18);
    out[1] = (char)(0x80 | (value >> 12 & 0x3F));
    out[2] = (char)(0x80 | (value >> 6 & 0x3F));
    out[3] = (char)(0x80 | (value & 0x3F));
    return 4;
}

/** One escape; the backslash was taken. */
static inline size_t json_escape(struct json *json, char out[4])
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (json_take(json, 'u')) {
        return json_character(json, out);
    }
    found = json->at == NULL || json->at == json->end || *json->at == '\0'
        ? NULL
        : strchr(from, *json->at);
    if (found == NULL) {
        json_fail(json);
        return 0;
    }
    json->at++;
    out[0] = to[found - from];
    return 1;
}

/** A string that is printable ASCII on the wire; its value goes to `out`, which
 * has room for as much as the text is long. Returns its size. */
static inline size_t json_string(struct json *json, char *out)
{
    size_t size = 0;

    json_need(json, '"');
    while (json->at != NULL && !json_take(json, '"')) {
        if (json_take(json, '\\')) {
            size += json_escape(json, out + size);
        } else if (json->at == json->end || *json->at < ' ' ||
            *json->at > '~') {
            json_fail(json);
        } else {
            out[size++] = *json->at++;
        }
    }
    return size;
}

/** A whole number, true or false. */
static inline void json_word(struct json *json)
{
    static const char *const words[] = {"true", "false"};
    size_t digits = 0;

    for (size_t i = 0; i < 2 && json->at != NULL; i++) {
        size_t size = strlen(words[i]);

        if ((size_t)(json->end - json->at) >= size &&
            memcmp(json->at, words[i], size) == 0) {
            json->at += size;
            return;
        }
    }
    (void)json_take(json, '-');
    while (json->at != NULL && json->at != json->end && *json->at >= '0' &&
        *json->at <= '9') {
        json->at++;
        digits++;
    }
    if (digits == 0 || (digits > 1 && json->at[-(long)digits] == '0')) {
        json_fail(json);
    }
}

#endif
