"""Generators: pipelines, send, throw, close, yield from and return values."""


def numbers(limit):
    try:
        for n in range(limit):
            yield n
    finally:
        print("numbers closed")


def squares(source):
    for n in source:
        yield n * n


def only_even(source):
    return (n for n in source if n % 2 == 0)


def running_average():
    total = count = 0
    average = None
    while True:
        try:
            value = yield average
        except ValueError as error:
            print("reset:", error)
            total = count = 0
            average = None
            continue
        if value is None:
            return f"{count} values"
        total += value
        count += 1
        average = total / count


def flatten(items):
    for item in items:
        if isinstance(item, (list, tuple)):
            yield from flatten(item)
        else:
            yield item


def delegator():
    result = yield from running_average()
    yield f"done: {result}"


print(list(only_even(squares(numbers(10)))))
source = numbers(100)
print(next(source), next(source))
source.close()
average = delegator()
next(average)
print([average.send(x) for x in (10, 20, 60)])
print(average.throw(ValueError("bad batch")))
print(average.send(5), average.send(None))
print(list(flatten([1, [2, (3, [4, [5]])], [], "six"])))
try:
    next(iter(()))
except StopIteration as stop:
    print("StopIteration", stop.value)
head, *middle, tail = squares(range(7))
print(head, middle, tail, sum(x for x in squares(range(1000))))
