"""Async generators, comprehensions, iterators and context managers."""

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager


async def countdown(start):
    try:
        while start:
            await asyncio.sleep(0)
            yield start
            start -= 1
    finally:
        print("countdown closed")


class Pages:
    def __init__(self, total):
        self.total, self.page = total, 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.page == self.total:
            raise StopAsyncIteration
        self.page += 1
        await asyncio.sleep(0.001)
        return f"page {self.page}"


class Connection:
    async def __aenter__(self):
        print("connected")
        return self

    async def __aexit__(self, kind, error, trace):
        print("disconnected", kind.__name__ if kind else "cleanly")
        return kind is LookupError


@asynccontextmanager
async def transaction(name):
    print("begin", name)
    try:
        yield name
    except ValueError as error:
        print("rollback", error)
    else:
        print("commit", name)


async def main():
    print([n async for n in countdown(4)], {p async for p in Pages(2)} == {"page 1", "page 2"})
    async with aclosing(countdown(9)) as numbers:
        async for n in numbers:
            if n < 8:
                break
    async with Connection(), transaction("one"):
        print("working")
    async with transaction("two"):
        raise ValueError("no")
    async with Connection():
        raise LookupError
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(transaction("three"))
        stack.callback(print, "callback")
    total = sum([len(p) async for p in Pages(3) if not p.endswith("2")])
    print(total, await anext(Pages(1)), await anext(Pages(0), "default"))


asyncio.run(main())
