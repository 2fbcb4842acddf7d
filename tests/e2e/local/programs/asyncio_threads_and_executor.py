"""Blocking functions from async code: to_thread and run_in_executor, beside other tasks."""

import asyncio
import functools
import time


def blocking(n, *, factor=1):
    time.sleep(0.005)
    if n < 0:
        raise ValueError("negative")
    return n * factor


async def beat(beats):
    for n in range(3):
        beats.append(n)
        await asyncio.sleep(0.001)


async def main():
    loop = asyncio.get_running_loop()
    beats = []
    beating = asyncio.create_task(beat(beats))
    print(await asyncio.to_thread(blocking, 4, factor=3))
    print(await loop.run_in_executor(None, blocking, 5))
    print(await loop.run_in_executor(None, functools.partial(blocking, 6, factor=2)))
    print(await asyncio.gather(*(asyncio.to_thread(blocking, n) for n in range(5))))
    try:
        await asyncio.to_thread(blocking, -1)
    except ValueError as error:
        print("ValueError:", error)
    await beating
    print(beats)
    called = []
    loop.call_soon(called.append, "soon")
    loop.call_later(0.01, called.append, "later")
    loop.call_soon_threadsafe(called.append, "threadsafe")
    handle = loop.call_later(0.005, called.append, "never")
    handle.cancel()
    await asyncio.sleep(0.03)
    print(called, handle.cancelled())
    future = loop.create_future()
    future.add_done_callback(lambda f: called.append(f.result()))
    loop.call_soon(future.set_result, 42)
    print(await future, called[-1] if called[-1] == 42 else "pending")


asyncio.run(main())
with asyncio.Runner() as runner:
    print(runner.run(asyncio.sleep(0, "first")), runner.run(asyncio.sleep(0, "second")))
