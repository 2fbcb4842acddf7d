"""Dates and times: parsing, formatting, differences, comparisons and calendars."""

from datetime import MAXYEAR, date, datetime, time, timedelta

start = datetime(2024, 2, 28, 22, 15, 30, 123456)
print(start, start.isoformat(timespec="milliseconds"), start.strftime("%d/%m/%y %I:%M %p %j %U %%"), repr(start))
print(start + timedelta(days=1, hours=3), start - timedelta(weeks=9), start.replace(year=2023, microsecond=0))
parsed = datetime.strptime("7 March 2021 09:05:06", "%d %B %Y %H:%M:%S")
print(parsed, parsed.weekday(), parsed.isoweekday(), tuple(parsed.isocalendar()), parsed.timetuple().tm_yday)
for text, form in [
    ("2024-12-31", "%Y-%m-%d"),
    ("Mon Jan  5 2015", "%a %b %d %Y"),
    ("5PM", "%I%p"),
    ("20230405T060708", "%Y%m%dT%H%M%S"),
]:
    print(datetime.strptime(text, form))
print(
    datetime.fromisoformat("2011-11-04T00:05:23+04:00"),
    date.fromisoformat("2020-02-29"),
    time.fromisoformat("04:23:01"),
)
delta = datetime(2024, 3, 1) - datetime(2023, 3, 1, 12)
print(delta, delta.days, delta.seconds, delta.total_seconds(), divmod(delta, timedelta(hours=7)), -timedelta(minutes=5))
print(
    timedelta(hours=25, minutes=61),
    timedelta(days=1) / 3,
    timedelta(seconds=90) * 2.5,
    timedelta(days=2) // timedelta(hours=5),
)
print(max(date(2024, 1, 1), date(2023, 12, 31)), date(2024, 5, 5) < date(2024, 5, 6), date.min, MAXYEAR)


def add_months(day, months):
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


def age(born, today):
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


print([str(add_months(date(2024, 1, 31), n)) for n in (1, 3, 13, -2)])
print(age(date(2000, 2, 29), date(2023, 2, 28)), age(date(2000, 2, 29), date(2023, 3, 1)))
working = sum((date(2024, 7, 1) + timedelta(days=n)).weekday() < 5 for n in range(31))
print(
    "working days",
    working,
    date.fromordinal(738000),
    date(2024, 1, 1).toordinal(),
    datetime.combine(date(2020, 1, 1), time(1, 2)),
)
for bad in (
    lambda: date(2023, 2, 29),
    lambda: datetime.strptime("x", "%Y"),
    lambda: date.max + timedelta(1),
    lambda: datetime.now() < date.today(),
):
    try:
        bad()
    except Exception as error:
        print(type(error).__name__)
