"""One thread that runs small pieces of work at their time, in order: deliveries, state changes, retries."""

import contextvars
import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger("warden.local")


class Timers:
    """Runs callables after a delay. What runs here must be short: no handler, no process, no network."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], object], contextvars.Context]] = []
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._running = 0
        threading.Thread(target=self._run, daemon=True, name="warden-timers").start()

    def after(self, seconds: float, work: Callable[[], object]) -> None:
        """Run ``work`` in ``seconds``, in the caller's account and Region."""
        with self._ready:
            due = time.monotonic() + max(0.0, seconds)
            heapq.heappush(self._heap, (due, next(self._order), work, contextvars.copy_context()))
            self._ready.notify()

    def pending(self) -> int:
        """How many are waiting or running."""
        with self._ready:
            return len(self._heap) + self._running

    def clear(self) -> None:
        """Forget what is waiting."""
        with self._ready:
            self._heap.clear()

    def _run(self) -> None:
        while True:
            work, context = self._next()
            try:
                context.run(work)
            except Exception:
                logger.exception("a timed piece of work failed")
            finally:
                with self._ready:
                    self._running -= 1

    def _next(self) -> tuple[Callable[[], object], contextvars.Context]:
        with self._ready:
            while not self._heap or self._heap[0][0] > time.monotonic():
                self._ready.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
            _due, _order, work, context = heapq.heappop(self._heap)
            self._running += 1
            return work, context
