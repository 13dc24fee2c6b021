"""When the local Slack says no although the call is right: rate limits and planned faults.

Rates: Slack documentation, "Rate limits" page: `chat.postMessage` about one message per second and channel with
short bursts; tier 3 methods (`chat.update`, `conversations.history`, `conversations.replies`) 50 calls a minute.
Over a limit Slack answers HTTP 429 with whole seconds in `Retry-After`.
"""

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

MESSAGES_PER_SECOND = 1.0
MESSAGE_BURST = 5
TIER_3_PER_MINUTE = 50


class RateLimit:
    """A token bucket per key: `rate` calls per second after a burst of `burst`; a rate of None never refuses."""

    def __init__(self, rate: float | None, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[Hashable, tuple[float, float]] = {}
        self.set(rate, burst)

    def set(self, rate: float | None, burst: float) -> None:
        """Changes the limit for what comes; every bucket starts full again."""
        if burst < 1 or (rate is not None and rate <= 0):
            raise ValueError("a rate must be above 0 (or None for no limit) and a burst at least 1")
        self.rate, self.burst = rate, burst
        self._buckets.clear()

    def take(self, key: Hashable) -> int:
        """Takes one call from the key's bucket: 0 if there was one, else the seconds to wait (`Retry-After`)."""
        if self.rate is None:
            return 0
        now = self._clock()
        tokens, at = self._buckets.get(key, (self.burst, now))
        tokens = min(self.burst, tokens + (now - at) * self.rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            return max(1, math.ceil((1 - tokens) / self.rate))
        self._buckets[key] = (tokens - 1, now)
        return 0


@dataclass
class Fault:
    """A planned wrong answer: an HTTP `status` other than 200, or an `error` of the Web API.

    `method`: the Web API method, `*` for all. `times`: how many calls it spoils, None for every one until
    cleared. `every`: spoils only each n-th matching call. `applied`: the call is carried out first, only its
    answer is lost, as when a connection breaks after Slack has stored the message.
    """

    method: str = "*"
    times: int | None = 1
    status: int = 200
    error: str | None = None
    retry_after: int | None = None
    applied: bool = False
    every: int = 1
    seen: int = 0

    def __post_init__(self) -> None:
        if (self.status == 200) == (self.error is None):
            raise ValueError("a fault needs either an HTTP status other than 200 or a Web API error")
        if self.every < 1 or (self.times is not None and self.times < 1):
            raise ValueError("times and every must be at least 1")

    def spoils(self, method: str) -> bool:
        """Whether this call of `method` goes wrong; counts it."""
        if self.method not in {"*", method} or self.times == 0:
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        if self.times is not None:
            self.times -= 1
        return True
