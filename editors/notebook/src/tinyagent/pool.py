"""Threads that run tools.

`concurrent.futures` is not used: the interpreter waits for its threads at exit, so a tool that hangs would
keep a finished program alive.
"""

from __future__ import annotations

import queue
import threading
from typing import Callable

_IDLE_SECONDS = 10.0
_MOST = 64


class ThreadPool:
    """Runs jobs in daemon threads: as many as there are jobs, up to a bound. Idle threads end."""

    def __init__(self, name: str, most: int = _MOST) -> None:
        self._name = name
        self._most = most
        self._jobs: "queue.SimpleQueue[Callable[[], None]]" = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Has the job done soon. The job must not raise."""
        with self._lock:
            self._jobs.put(job)
            # `_waiting` counts threads that have no job; each job in the queue will take one of them.
            if self._waiting >= self._jobs.qsize() or self._threads >= self._most:
                return
            self._threads += 1
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._waiting += 1
            try:
                job = self._jobs.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    self._waiting -= 1
                    if self._jobs.empty():
                        self._threads -= 1
                        return
                continue
            with self._lock:
                self._waiting -= 1
            job()
            del job  # it holds the tool and its arguments, which somebody may wait to see collected
