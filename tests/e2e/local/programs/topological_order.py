"""Dependencies: topological sorting, cycles found, levels and strongly connected components."""

from collections import defaultdict, deque

TASKS = {
    "deploy": ["test", "package"],
    "test": ["build"],
    "package": ["build", "docs"],
    "build": ["fetch"],
    "docs": ["fetch"],
    "fetch": [],
}


class CycleError(ValueError):
    pass


def order(tasks):
    waiting = {task: len(needs) for task, needs in tasks.items()}
    users = defaultdict(list)
    for task, needs in tasks.items():
        for need in needs:
            users[need].append(task)
    ready, done = deque(sorted(t for t, n in waiting.items() if not n)), []
    while ready:
        task = ready.popleft()
        done.append(task)
        for user in sorted(users[task]):
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    if len(done) < len(tasks):
        raise CycleError(f"cycle among {sorted(set(tasks) - set(done))}")
    return done


def level(task, known={}):
    if task not in known:
        known[task] = 1 + max((level(need) for need in TASKS[task]), default=-1)
    return known[task]


def components(graph):
    """Tarjan's algorithm."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            cut = stack.index(node)
            found.append(sorted(stack[cut:]))
            del stack[cut:]

    for node in graph:
        if node not in index:
            visit(node)
    return found


print(order(TASKS), {task: level(task) for task in sorted(TASKS)})
try:
    order({"a": ["c"], "b": ["a"], "c": ["b"], "d": []})
except CycleError as error:
    print("CycleError:", error)
print(components({1: [2], 2: [3], 3: [1, 4], 4: [5], 5: [4, 6], 6: []}))
