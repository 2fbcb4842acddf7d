"""Lock, Event, Semaphore, Condition and Barrier."""

import asyncio


async def main():
    log = []
    lock, opened, slots = asyncio.Lock(), asyncio.Event(), asyncio.Semaphore(2)
    balance = 0

    async def deposit(amount):
        nonlocal balance
        async with lock:
            before = balance
            await asyncio.sleep(0.001)
            balance = before + amount

    await asyncio.gather(*(deposit(n) for n in range(1, 11)))
    print("balance", balance, lock.locked())

    async def waiter(n):
        await opened.wait()
        log.append(f"waiter {n}")

    waiters = [asyncio.create_task(waiter(n)) for n in range(3)]
    await asyncio.sleep(0)
    log.append("opening")
    opened.set()
    await asyncio.gather(*waiters)
    print(log, opened.is_set())
    running = most = 0

    async def limited():
        nonlocal running, most
        async with slots:
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.002)
            running -= 1

    await asyncio.gather(*(limited() for _ in range(7)))
    print("at most", most, slots.locked())
    condition, items = asyncio.Condition(), []

    async def taker():
        async with condition:
            await condition.wait_for(lambda: len(items) >= 3)
            return sum(items)

    taking = asyncio.create_task(taker())
    for n in (5, 6, 7):
        await asyncio.sleep(0)
        async with condition:
            items.append(n)
            condition.notify_all()
    print("taken", await taking)
    barrier = asyncio.Barrier(3)
    print(sorted(await asyncio.gather(*(barrier.wait() for _ in range(3)))))


asyncio.run(main())
