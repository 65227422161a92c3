/** Dates as text, without the locale and without the clock. */
#include "mail/date.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

/* RFC 5322 section 3.3 knows no year before 1900: 1900-01-01T00:00Z. */
static const int64_t first_second = INT64_C(-2208988800);

/* Days from the first of March of the year 0, the calendar prolonged
 * backwards, to 1970-01-01. With years that begin in March the day that leap
 * years add is the last of the year. */
static const int64_t epoch_day = 719468;

/* Four hundred years of the calendar have always as many days. */
enum { ERA_DAYS = 146097 };

struct civil {
    int64_t year;
    int month; /* 0 is January */
    int day;   /* 1 is the first */
};

static struct civil civil_of(int64_t days)
{
    int64_t shifted = days + epoch_day;
    int64_t era = shifted / ERA_DAYS;
    int64_t day = shifted % ERA_DAYS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t in_year = day - (365 * year + year / 4 - year / 100);
    int month = (int)((5 * in_year + 2) / 153); /* 0 is March */

    return (struct civil){
        .year = era * 400 + year + (month >= 10),
        .month = (month + 2) % 12,
        .day = (int)(in_year - (153 * month + 2) / 5 + 1),
    };
}

static char *put_text(char *out, const char *text)
{
    size_t size = strlen(text);

    memcpy(out, text, size + 1);
    return out + size;
}

static char *put_two_digits(char *out, int value)
{
    *out++ = (char)('0' + value / 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

static char *put_time(char *out, int second_of_day)
{
    out = put_two_digits(out, second_of_day / 3600);
    *out++ = ':';
    out = put_two_digits(out, second_of_day / 60 % 60);
    *out++ = ':';
    return put_two_digits(out, second_of_day % 60);
}

size_t sli_mail_date_format(int64_t timestamp_ms, char *out)
{
    static const char weekdays[][6] = {
        "Thu, ", "Fri, ", "Sat, ", "Sun, ", "Mon, ", "Tue, ", "Wed, "};
    static const char months[][6] = {" Jan ", " Feb ", " Mar ", " Apr ",
        " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "};
    int64_t second = timestamp_ms / 1000 - (timestamp_ms % 1000 < 0);
    int64_t since_first = second > first_second ? second - first_second : 0;
    int64_t days = since_first / DAY_SECONDS + first_second / DAY_SECONDS;
    struct civil date = civil_of(days);
    char *end = out;

    /* The remainder may be negative before 1970. */
    end = put_text(end, weekdays[(days % 7 + 7) % 7]);
    end = put_two_digits(end, date.day);
    end = put_text(end, months[date.month]);
    end += sli_ascii_format_number((uint64_t)date.year, end);
    *end++ = ' ';
    end = put_time(end, (int)(since_first % DAY_SECONDS));
    end = put_text(end, " +0000");
    return (size_t)(end - out);
}

size_t sli_mail_date_format_internet(int64_t timestamp_ms, char *out)
{
    int64_t second = timestamp_ms > 0 ? timestamp_ms / 1000 : 0;
    struct civil date = civil_of(second / DAY_SECONDS);
    char *end = out;

    end += sli_ascii_format_number((uint64_t)date.year, end);
    *end++ = '-';
    end = put_two_digits(end, date.month + 1);
    *end++ = '-';
    end = put_two_digits(end, date.day);
    *end++ = 'T';
    end = put_time(end, (int)(second % DAY_SECONDS));
    end = put_text(end, "Z");
    return (size_t)(end - out);
}

/* The inverse of civil_of, for years from 0 on. */
static int64_t days_of(const struct civil *date)
{
    int month = (date->month + 10) % 12; /* 0 is March */
    int64_t year = date->year - (month >= 10);
    int64_t in_year = (153 * month + 2) / 5 + date->day - 1;

    return 365 * year + year / 4 - year / 100 + year / 400 + in_year -
        epoch_day;
}

/* Takes `count` digits and the octet behind them off; a `behind` of 0 stands
 * for none. -1 when they are not there. */
static int take_number(struct slimta_slice *text, size_t count, char behind)
{
    size_t size = behind == 0 ? count : count + 1;
    uint64_t value = 0;

    if (text->size < size ||
        !sli_ascii_number(sli_slice(text->data, count), count, &value) ||
        (behind != 0 && sli_ascii_upper(text->data[count]) != behind)) {
        return -1;
    }
    *text = sli_slice_skip(*text, size);
    return (int)value;
}

static int take_fraction(struct slimta_slice *text)
{
    size_t digits = 0;

    if (text->size == 0 || text->data[0] != '.') {
        return 1;
    }
    *text = sli_slice_skip(*text, 1);
    while (digits < text->size &&
        sli_ascii_is(text->data[digits], SLI_ASCII_DIGIT)) {
        digits++;
    }
    *text = sli_slice_skip(*text, digits);
    return digits > 0;
}

/* "Z" or "+hh:mm", all that is left; in seconds. */
static int read_offset(struct slimta_slice text, int64_t *offset)
{
    int sign = text.size > 0 && text.data[0] == '-' ? -1 : 1;
    int hours;
    int minutes;

    *offset = 0;
    if (text.size == 1) {
        return sli_ascii_upper(text.data[0]) == 'Z';
    }
    if (text.size != 6 || (text.data[0] != '+' && text.data[0] != '-')) {
        return 0;
    }
    text = sli_slice_skip(text, 1);
    hours = take_number(&text, 2, ':');
    minutes = take_number(&text, 2, 0);
    *offset = sign * (hours * INT64_C(3600) + minutes * INT64_C(60));
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

static int read_day(struct slimta_slice *text, int64_t *days)
{
    struct civil date = {.year = take_number(text, 4, '-')};
    struct civil same;

    date.month = take_number(text, 2, '-') - 1;
    date.day = take_number(text, 2, 'T');
    if (date.year < 1970 || date.month < 0 || date.month > 11 || date.day < 1 ||
        date.day > 31) {
        return 0;
    }
    *days = days_of(&date);
    same = civil_of(*days);
    return same.month == date.month && same.day == date.day;
}

static int read_time(struct slimta_slice *text, int64_t *seconds)
{
    int hour = take_number(text, 2, ':');
    int minute = take_number(text, 2, ':');
    int second = take_number(text, 2, 0);

    *seconds = hour * INT64_C(3600) + minute * INT64_C(60) + second;
    return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 &&
        second >= 0 && second <= 60 && take_fraction(text);
}

int sli_mail_date_parse_internet(
    struct slimta_slice text, int64_t *timestamp_ms)
{
    int64_t days = 0;
    int64_t seconds = 0;
    int64_t offset = 0;

    if (!read_day(&text, &days) || !read_time(&text, &seconds) ||
        !read_offset(text, &offset)) {
        return 0;
    }
    *timestamp_ms = (days * DAY_SECONDS + seconds - offset) * 1000;
    return 1;
}
