"""time: clocks that only go forward, struct_time, formatting and sleeping."""

import time

moments = [time.monotonic() for _ in range(5)]
print(
    moments == sorted(moments),
    time.perf_counter_ns() > 0,
    time.time() > 1.6e9,
    abs(time.time_ns() / 1e9 - time.time()) < 1,
)
begun = time.perf_counter()
time.sleep(0.02)
took = time.perf_counter() - begun
print(took >= 0.0199, took < 5, time.process_time() >= 0, time.get_clock_info("monotonic").monotonic)
epoch = time.gmtime(0)
print(epoch.tm_year, epoch.tm_wday, epoch.tm_yday, tuple(epoch), time.strftime("%Y-%m-%dT%H:%M:%SZ", epoch))
moment = time.gmtime(1709210096)
print(
    time.asctime(moment), time.strftime("%a %d %b %y, %I:%M %p, day %j, week %W", moment), moment[:3], moment.tm_isdst
)
parsed = time.strptime("30 Nov 2000 14:05", "%d %b %Y %H:%M")
print(parsed.tm_mon, parsed.tm_hour, parsed.tm_yday, parsed > epoch, parsed.tm_min)
print(len(time.ctime()), len(time.localtime()), isinstance(time.timezone, int), len(time.tzname))
print(time.mktime(time.localtime(1e9)) == 1e9, time.struct_time(range(9)).tm_mday)


class Stopwatch:
    def __enter__(self):
        self.begun = time.perf_counter()
        return self

    def __exit__(self, *details):
        self.took = time.perf_counter() - self.begun


def human(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m {seconds:02}s" if hours else f"{minutes}m {seconds:02}s"


with Stopwatch() as quick:
    sum(range(100))
with Stopwatch() as slow:
    sum(range(500_000))
print(quick.took < slow.took, human(59), human(3725), human(90061.9))
for wrong in (
    lambda: time.sleep(-1),
    lambda: time.sleep("1"),
    lambda: time.strptime("x", "%Y"),
    lambda: time.strftime("%Y", (1,)),
):
    try:
        wrong()
    except (ValueError, TypeError) as error:
        print(type(error).__name__)
