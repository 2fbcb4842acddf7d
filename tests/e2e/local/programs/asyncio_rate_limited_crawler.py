"""A crawl over a made-up site: bounded workers, retries, and deadlines."""

import asyncio
from collections import Counter

SITE = {
    "/": ["/a", "/b", "/c"],
    "/a": ["/a/1", "/a/2", "/"],
    "/b": ["/broken", "/a"],
    "/c": ["/c/1", "/flaky"],
    "/a/1": [],
    "/a/2": ["/c"],
    "/c/1": ["/slow"],
    "/flaky": ["/b"],
    "/slow": [],
}
attempts = Counter()


async def get(url):
    attempts[url] += 1
    await asyncio.sleep(10 if url == "/slow" else 0.001)
    if url == "/flaky" and attempts[url] < 3:
        raise ConnectionError(f"reset by {url}")
    return SITE[url]


async def get_with_retries(url, tries=3):
    for attempt in range(tries):
        try:
            return await asyncio.wait_for(get(url), timeout=0.2)
        except ConnectionError:
            await asyncio.sleep(0.001 * 2**attempt)
    raise ConnectionError(f"gave up on {url}")


async def crawl(start, workers=3):
    queue, seen, failed = asyncio.Queue(), {start}, {}
    queue.put_nowait(start)

    async def worker():
        while True:
            url = await queue.get()
            try:
                for link in await get_with_retries(url):
                    if link not in seen:
                        seen.add(link)
                        queue.put_nowait(link)
            except Exception as error:
                failed[url] = type(error).__name__
            finally:
                queue.task_done()

    running = [asyncio.create_task(worker()) for _ in range(workers)]
    await queue.join()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return seen, failed


seen, failed = asyncio.run(crawl("/"))
print(sorted(seen), dict(sorted(failed.items())), attempts["/flaky"], attempts["/"], sep="\n")
