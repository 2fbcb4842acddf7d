"""zoneinfo: conversions, daylight saving, folds, gaps and fixed offsets."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

meeting = datetime(2024, 3, 15, 14, 0, tzinfo=timezone.utc)
for name in (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
):
    local = meeting.astimezone(ZoneInfo(name))
    print(f"{name:<22}{local:%Y-%m-%d %H:%M %Z %z} {local.utcoffset()} dst={local.dst()}")
berlin = ZoneInfo("Europe/Berlin")
before = datetime(2024, 3, 31, 1, 30, tzinfo=berlin)
after = (before.astimezone(timezone.utc) + timedelta(hours=1)).astimezone(berlin)
print(before, after, before + timedelta(hours=1), after.tzname())
early = datetime(2024, 10, 27, 2, 30, tzinfo=berlin)
late = early.replace(fold=1)
print(early.utcoffset(), late.utcoffset(), early.astimezone(timezone.utc).time(), late.timestamp() - early.timestamp())
gap = datetime(2024, 3, 10, 2, 30, tzinfo=ZoneInfo("America/New_York"))
print(gap.isoformat(), gap.astimezone(timezone.utc).astimezone(gap.tzinfo).isoformat())
print(datetime(1969, 7, 20, 20, 17, tzinfo=timezone.utc).astimezone(ZoneInfo("America/Chicago")))
print(datetime(2050, 7, 1, tzinfo=ZoneInfo("Europe/Paris")).isoformat())
nepal = timezone(timedelta(hours=5, minutes=45), "NPT")
print(meeting.astimezone(nepal).isoformat(), nepal.tzname(None), timezone(-timedelta(hours=3)))
print(datetime.fromtimestamp(0, timezone.utc), datetime.fromtimestamp(1e9, ZoneInfo("Asia/Shanghai")))
print(datetime.strptime("2024-06-01 10:00 +0530", "%Y-%m-%d %H:%M %z").astimezone(timezone.utc))
print(meeting == meeting.astimezone(berlin), meeting.astimezone(berlin) - meeting, ZoneInfo("UTC") is ZoneInfo("UTC"))
print(len(available_timezones()) > 400, {"Africa/Cairo", "America/Argentina/Ushuaia"} <= available_timezones())
try:
    ZoneInfo("Mars/Olympus")
except ZoneInfoNotFoundError as error:
    print(type(error).__name__)
try:
    meeting < datetime(2024, 1, 1)
except TypeError as error:
    print(error)
