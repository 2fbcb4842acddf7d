"""Queues between producers and consumers, with priorities and an orderly end."""

import asyncio


async def producer(name, queue, count):
    for n in range(count):
        await queue.put((name, n))
        await asyncio.sleep(0)
    return count


async def consumer(queue, seen):
    while True:
        item = await queue.get()
        if item is None:
            queue.task_done()
            return
        seen.append(item)
        queue.task_done()


async def main():
    queue = asyncio.Queue(maxsize=3)
    seen = []
    consumers = [asyncio.create_task(consumer(queue, seen)) for _ in range(2)]
    made = await asyncio.gather(*(producer(name, queue, 4) for name in "ab"))
    await queue.join()
    for _ in consumers:
        await queue.put(None)
    await asyncio.gather(*consumers)
    print(sum(made), sorted(seen), queue.empty(), queue.maxsize)
    ranked = asyncio.PriorityQueue()
    for priority, job in [(3, "low"), (1, "urgent"), (2, "normal")]:
        ranked.put_nowait((priority, job))
    print([ranked.get_nowait()[1] for _ in range(ranked.qsize())])
    stack = asyncio.LifoQueue()
    for n in range(3):
        await stack.put(n)
    print([await stack.get() for _ in range(3)])
    for action in (stack.get_nowait, lambda: [queue.put_nowait(n) for n in range(5)]):
        try:
            action()
        except (asyncio.QueueEmpty, asyncio.QueueFull) as error:
            print(type(error).__name__)
    try:
        await asyncio.wait_for(stack.get(), 0.01)
    except asyncio.TimeoutError:
        print("nothing came")


asyncio.run(main())
