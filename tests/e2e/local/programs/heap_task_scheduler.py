"""heapq: priority queues with lazy deletion, merging, n largest and a running median."""

import heapq
import itertools


class Scheduler:
    REMOVED = object()

    def __init__(self):
        self.heap, self.entries, self.counter = [], {}, itertools.count()

    def add(self, task, priority=0):
        if task in self.entries:
            self.cancel(task)
        entry = [priority, next(self.counter), task]
        self.entries[task] = entry
        heapq.heappush(self.heap, entry)

    def cancel(self, task):
        self.entries.pop(task)[-1] = self.REMOVED

    def __iter__(self):
        while self.heap:
            priority, _, task = heapq.heappop(self.heap)
            if task is not self.REMOVED:
                del self.entries[task]
                yield priority, task


class RunningMedian:
    def __init__(self):
        self.low, self.high = [], []

    def add(self, value):
        heapq.heappush(self.high, -heapq.heappushpop(self.low, -value))
        if len(self.high) > len(self.low):
            heapq.heappush(self.low, -heapq.heappop(self.high))
        return -self.low[0] if len(self.low) > len(self.high) else (self.high[0] - self.low[0]) / 2


tasks = Scheduler()
for name, priority in [("write", 5), ("test", 3), ("plan", 1), ("ship", 9), ("review", 5)]:
    tasks.add(name, priority)
tasks.add("ship", 2)
tasks.cancel("test")
print(list(tasks))
median = RunningMedian()
print([median.add(x) for x in [5, 15, 1, 3, 8, 7]])
heap = [9, 4, 7, 1, 8]
heapq.heapify(heap)
print(heap, heapq.heapreplace(heap, 6), heapq.heappushpop(heap, 0), [heapq.heappop(heap) for _ in range(5)])
print(heapq.nlargest(3, [4, 1, 7, 3]), heapq.nsmallest(2, ["bbb", "a", "cc"], key=len))
print(list(heapq.merge([1, 4, 9], [2, 3, 10], [0])), list(heapq.merge("fb", "ea", key=str.lower, reverse=True)))
