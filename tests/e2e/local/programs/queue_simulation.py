"""A bank with tellers: a simulation driven by events, random arrivals, and what came of it."""

import heapq
import random
import statistics
from dataclasses import dataclass, field
from itertools import count


@dataclass(order=True)
class Event:
    time: float
    number: int
    kind: str = field(compare=False)
    customer: int = field(compare=False)


@dataclass
class Bank:
    tellers: int
    rng: random.Random
    waiting: list = field(default_factory=list)
    events: list = field(default_factory=list)
    waits: dict = field(default_factory=dict)
    numbers: count = field(default_factory=count)
    longest: int = 0

    def plan(self, delay, kind, customer):
        heapq.heappush(self.events, Event(self.now + delay, next(self.numbers), kind, customer))

    def serve(self):
        while self.free and self.waiting:
            customer, arrived = self.waiting.pop(0)
            self.waits[customer] = self.now - arrived
            self.free -= 1
            self.plan(self.rng.uniform(2, 6), "leaves", customer)

    def run(self, customers):
        self.now, self.free, at = 0.0, self.tellers, 0.0
        for customer in range(customers):
            at += self.rng.expovariate(1 / 1.5)
            self.plan(at, "arrives", customer)
        while self.events:
            event = heapq.heappop(self.events)
            self.now = event.time
            if event.kind == "arrives":
                self.waiting.append((event.customer, self.now))
                self.longest = max(self.longest, len(self.waiting))
            else:
                self.free += 1
            self.serve()
        return self


for tellers in (2, 3, 4):
    bank = Bank(tellers, random.Random(2024)).run(200)
    waits = list(bank.waits.values())
    print(f"{tellers} tellers: mean {statistics.fmean(waits):.3f} max {max(waits):.3f}", end=" ")
    print(f"queue {bank.longest} done at {bank.now:.2f}")
