"""TaskGroup: structured concurrency with results and with failures."""

import asyncio

cancelled = []


async def work(n, delay=0.01):
    try:
        await asyncio.sleep(delay)
    except asyncio.CancelledError:
        cancelled.append(n)
        raise
    if n < 0:
        raise ValueError(f"negative: {n}")
    return n * 10


async def main():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(n, 0.02 * (4 - n))) for n in range(4)]
    print([task.result() for task in tasks])
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work(1, 5))
            group.create_task(work(-1))
            group.create_task(work(2, 5))
    except* ValueError as errors:
        print("failed:", [str(error) for error in errors.exceptions], "cancelled:", sorted(cancelled))
    try:
        async with asyncio.timeout(0.02):
            await work(7, 10)
    except TimeoutError:
        print("timeout")
    async with asyncio.timeout(5) as scope:
        print(await work(3), scope.expired())
    try:
        print(await asyncio.wait_for(work(5), 1))
        await asyncio.wait_for(work(6, 9), 0.01)
    except asyncio.TimeoutError as error:
        print(type(error).__name__, cancelled[-2:])


asyncio.run(main())
