"""Carries the worker's wires over the one stream that an engine attaches to a container.

Runs beside process 1, which hands it the other ends of the wires as `carry`. Both ways, each piece has
the number of its wire and its length before it; one without any bytes is the end of its wire. What the
worker printed always goes before what it said later over its channel.
"""

import os
import queue
import select
import struct
import threading

CONTROL, CHANNEL, STDOUT, STDERR = range(4)
PIECE = 1 << 20  # more than a pipe holds


def inward(queues):
    """From the daemon; its end is the end of everything."""
    while True:
        wire, size = struct.unpack(">BI", read(5))
        queues[wire].put(read(size))


def read(size):
    data = bytearray()
    while len(data) < size:
        piece = os.read(0, min(size - len(data), PIECE))
        if not piece:
            os._exit(0)
        data += piece
    return bytes(data)


def write(fd, data):
    data = memoryview(data)
    while data:
        data = data[os.write(fd, data) :]


def feed(fd, waiting):
    """To one wire, at its own pace: a worker that does not listen must not keep orders from process 1."""
    while True:
        data = waiting.get()
        try:
            write(fd, data)
        except OSError:
            return


def outward(wires):
    ready = select.poll()
    for fd in wires:
        ready.register(fd, select.POLLIN)
    number = {fd: wire for wire, fd in enumerate(wires)}
    while number:
        said = [fd for fd, _ in ready.poll() if number[fd] in (CONTROL, CHANNEL)]
        pieces = [(fd, os.read(fd, PIECE)) for fd in said]
        printed = [(fd, piece) for fd in number if number[fd] in (STDOUT, STDERR) for piece in drain(fd)]
        for fd, piece in printed + pieces:
            write(1, struct.pack(">BI", number[fd], len(piece)) + piece)
            if not piece:
                ready.unregister(fd)
                del number[fd]


def drain(fd):
    """What lies in a pipe now, or its end, or nothing."""
    try:
        return [os.read(fd, PIECE)]
    except BlockingIOError:
        return []


wires = carry  # noqa: F821
for fd in (wires[STDOUT], wires[STDERR]):
    os.set_blocking(fd, False)
queues = [queue.SimpleQueue(), queue.SimpleQueue()]
for fd, waiting in zip(wires, queues):
    threading.Thread(target=feed, args=(fd, waiting), daemon=True).start()
threading.Thread(target=inward, args=(queues,), daemon=True).start()
try:
    outward(wires)
finally:
    os._exit(0)
