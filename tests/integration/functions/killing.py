"""Killing the work at any call to AWS or Slack, as the end of an execution environment does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import botocore.client
import pytest
import slack_sdk


class Killed(BaseException):
    """The execution environment is gone; no `except Exception` sees it coming."""


@contextmanager
def killed_at(where: int | str, *, after: bool = False) -> Iterator[list[str]]:
    """Kill at the nth call to anything outside, or the first of that name: before it, or when it took effect."""
    calls: list[str] = []

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(self: Any, operation: str, *arguments: Any, **named: Any) -> Any:
            calls.append(operation)
            here = where in (len(calls), operation)
            if here and not after:
                raise Killed
            answer = original(self, operation, *arguments, **named)
            if here:
                raise Killed
            return answer

        return call

    with pytest.MonkeyPatch.context() as patch:
        # botocore makes its clients at run time, all of them from this class.
        clients: Any = botocore.client.BaseClient
        patch.setattr(clients, "_make_api_call", wrap(clients._make_api_call))
        patch.setattr(slack_sdk.WebClient, "api_call", wrap(slack_sdk.WebClient.api_call))
        yield calls


def count_calls(run: Callable[[], object]) -> list[str]:
    with killed_at(10_000, after=False) as calls:
        run()
    return calls


def crash_everywhere(run: Callable[[int, bool], None], calls: int) -> None:
    for after in (False, True):
        for number in range(1, calls + 1):
            run(number, after)
