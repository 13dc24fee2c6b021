"""What roles reach is found anew only where something changed, and is then as if all were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playbooks.recursive_loop import joined, policies
from functions.playbooks.recursive_loop.account import Account

from .accounts import OWNER, large

T = TypeVar("T")
WHOLE = large(40, everything=0.2)


def some(account: Account, kept: list[bool], exact: bool) -> Account:
    """A part of an account: every nth fact of it, if the nth is kept; other policies where these are not `exact`."""

    def part(facts: Iterable[T]) -> tuple[T, ...]:
        return tuple(fact for n, fact in enumerate(facts) if kept[n % len(kept)])

    other = {"own": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s*:*", "Resource": "*"}}}
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "sqs:*"}}
    denied = {queue: policies.resource_policy("of queue", OWNER, document) for queue in part(account.redrives)}
    roles = {arn: given if exact or n % 3 else (other, None) for n, (arn, given) in enumerate(account.roles.items())}
    return replace(
        account,
        functions=part(account.functions),
        mappings=part(account.mappings),
        notifications=part(account.notifications),
        subscriptions=part(account.subscriptions),
        policies={**dict(part(account.policies.items())), **({} if exact else denied)},
        roles=roles,
    )


PARTS = st.builds(some, st.just(WHOLE), st.lists(st.booleans(), min_size=1, max_size=7), st.booleans())


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_what_was_found_before_changes_nothing(accounts: list[Account]) -> None:
    found = [joined.written(account) for account in accounts]
    for account, writes in zip(accounts, found, strict=True):
        joined._known.cache_clear()
        assert joined.written(account) == writes


def test_a_role_is_asked_once_about_what_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    joined._known.cache_clear()
    joined.written(WHOLE)
    read: list[str] = []
    real = policies.role

    def role(arn: str, *given: Any) -> policies.Role:
        read.append(arn)
        return real(arn, *given)

    monkeypatch.setattr(policies, "role", role)
    arn, (own, limit) = next(iter(WHOLE.roles.items()))
    joined.written(replace(WHOLE, roles={**WHOLE.roles, arn: ({**own, "more": own["own"]}, limit)}))
    assert read == [arn]
