"""Tasks, gather, ordering by delay, results, exceptions and cancellation."""

import asyncio


async def fetch(name, delay):
    await asyncio.sleep(delay)
    if name == "bad":
        raise ValueError("cannot fetch bad")
    return f"{name} done"


async def forever(log):
    try:
        while True:
            await asyncio.sleep(0.01)
            log.append("tick")
    except asyncio.CancelledError:
        log.append("cancelled")
        raise
    finally:
        log.append("cleanup")


async def main():
    print(await asyncio.gather(fetch("slow", 0.05), fetch("quick", 0.01)))
    results = await asyncio.gather(fetch("a", 0), fetch("bad", 0), return_exceptions=True)
    print([repr(r) for r in results])
    task = asyncio.create_task(fetch("named", 0.01), name="mine")
    print(task.get_name(), task.done(), await task, task.done(), task.result())
    order = []
    for finished in asyncio.as_completed([fetch("third", 0.09), fetch("first", 0.01), fetch("second", 0.05)]):
        order.append(await finished)
    print(order)
    log = []
    ticking = asyncio.create_task(forever(log))
    await asyncio.sleep(0.055)
    ticking.cancel()
    try:
        await ticking
    except asyncio.CancelledError:
        print("cancelled", ticking.cancelled(), log[0], log[-2:])
    done, pending = await asyncio.wait(
        [asyncio.create_task(fetch("x", 0.01)), asyncio.create_task(fetch("y", 5))], return_when=asyncio.FIRST_COMPLETED
    )
    print([t.result() for t in done], len(pending))
    for task in pending:
        task.cancel()
    shielded = asyncio.create_task(fetch("inner", 0.02))
    try:
        await asyncio.wait_for(asyncio.shield(shielded), timeout=0.001)
    except asyncio.TimeoutError:
        print("timed out, still running:", not shielded.done(), await shielded)


asyncio.run(main())
