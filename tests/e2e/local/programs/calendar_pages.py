"""The calendar module: month pages, leap years, weekdays and recurring dates."""

import calendar
from datetime import date, timedelta

print(calendar.month(2024, 2))
print(calendar.TextCalendar(calendar.SUNDAY).formatmonth(2023, 10, w=3))
print([year for year in range(1890, 1930) if calendar.isleap(year)], calendar.leapdays(1900, 2001))
print(calendar.monthrange(2023, 2)[1], calendar.weekday(2000, 1, 1), calendar.day_name[5], calendar.month_abbr[12])
print(calendar.monthcalendar(2021, 2))
fridays = [
    day
    for month in range(1, 13)
    for day in calendar.Calendar().itermonthdates(2026, month)
    if day.month == month and day.day == 13 and day.weekday() == calendar.FRIDAY
]
print([f"{day:%d %b}" for day in fridays])


def nth_weekday(year, month, weekday, n):
    days = [week[weekday] for week in calendar.monthcalendar(year, month) if week[weekday]]
    return date(year, month, days[n if n < 0 else n - 1])


print(
    "Thanksgiving",
    nth_weekday(2024, 11, calendar.THURSDAY, 4),
    "Memorial Day",
    nth_weekday(2024, 5, calendar.MONDAY, -1),
)


def easter(year):
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    l = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * l) // 451
    month, day = divmod(h + l - 7 * m + 114, 31)
    return date(year, month, day + 1)


print([str(easter(year)) for year in (1999, 2000, 2024, 2025)], easter(2024) + timedelta(days=49))
print(calendar.timegm((2024, 1, 1, 0, 0, 0)), "<td" in calendar.HTMLCalendar().formatmonth(2024, 1))
