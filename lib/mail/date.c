/** Dates as text, without the locale and without the clock. */
#include "mail/date.h"

#include <string.h>

#include "base/ascii.h"

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
