"""An event emitter with priorities and one-time listeners, and a state machine made of a table."""

from collections import defaultdict
from enum import Enum


class Emitter:
    def __init__(self):
        self._listeners = defaultdict(list)

    def on(self, name, function=None, *, priority=0, once=False):
        if function is None:
            return lambda function: self.on(name, function, priority=priority, once=once)
        self._listeners[name].append((priority, once, function))
        self._listeners[name].sort(key=lambda entry: -entry[0])
        return function

    def emit(self, name, *args):
        for entry in self._listeners[name][:]:
            if entry[1]:
                self._listeners[name].remove(entry)
            if entry[2](*args) is False:
                return "stopped"
        return len(self._listeners[name])


class Light(Enum):
    IDLE, RUNNING, PAUSED, DONE = range(4)


class Machine:
    TABLE = {
        (Light.IDLE, "start"): Light.RUNNING,
        (Light.RUNNING, "pause"): Light.PAUSED,
        (Light.PAUSED, "start"): Light.RUNNING,
        (Light.RUNNING, "finish"): Light.DONE,
    }

    def __init__(self):
        self.state, self.changed = Light.IDLE, Emitter()

    def fire(self, action):
        try:
            new = self.TABLE[self.state, action]
        except KeyError:
            raise ValueError(f"cannot {action} while {self.state.name.lower()}") from None
        old, self.state = self.state, new
        self.changed.emit("change", old, new)


machine, log = Machine(), []
machine.changed.on("change", lambda old, new: log.append(f"{old.name}->{new.name}"))


@machine.changed.on("change", priority=5, once=True)
def first(old, new):
    log.append("first!")


for action in ["start", "pause", "finish", "start", "finish", "start"]:
    try:
        machine.fire(action)
    except ValueError as error:
        log.append(str(error))
print(*log, sep="\n")
emitter = Emitter()
emitter.on("x", lambda n: print("low", n))
emitter.on("x", lambda n: n < 2, priority=1)
print(emitter.emit("x", 1), emitter.emit("x", 2), emitter.emit("none"))
