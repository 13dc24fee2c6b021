"""How much is reserved: enough for the function, and never what the account cannot spare."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.core.fix import CannotFix
from functions.core.pool import Demand, Pool, reservation, size

DEMANDS = st.builds(Demand, st.none() | st.integers(0, 20_000), st.integers(0, 5_000))
POOLS = st.builds(
    lambda limit, reserved, floor: Pool(limit, limit - reserved, floor),
    st.integers(0, 50_000),
    st.integers(0, 20_000),
    st.integers(0, 200),
)
DEFAULTS = st.integers(-5, 2_000)


@given(DEMANDS, POOLS, DEFAULTS)
@example(Demand(None), Pool(110, 110, 100), 10)
@example(Demand(None), Pool(109, 109, 100), 10)
def test_is_never_under_the_floor_the_peak_or_what_is_provisioned(demand: Demand, pool: Pool, default: int) -> None:
    found = size(demand, pool, default)
    wanted = reservation(demand, default)
    if isinstance(found, CannotFix):
        assert pool.unreserved - wanted < pool.floor
        assert found.code == "no-room"
        return
    assert pool.unreserved - found >= pool.floor
    assert found == wanted
    assert found >= max(1, demand.peak or 0, demand.provisioned)


@given(DEMANDS, POOLS, DEFAULTS)
def test_what_it_says_is_missing_is_exactly_enough(demand: Demand, pool: Pool, default: int) -> None:
    found = size(demand, pool, default)
    if not isinstance(found, CannotFix):
        return
    free, quota = (int(n) for n in re.findall(r"Free (\d+) reserved .* at least (\d+)", found.text)[0])
    assert size(demand, Pool(pool.limit, pool.unreserved + free, pool.floor), default) == reservation(demand, default)
    grown = Pool(quota, pool.unreserved + quota - pool.limit, pool.floor)
    assert size(demand, grown, default) == reservation(demand, default)
    assert isinstance(size(demand, Pool(quota, grown.unreserved - 1, pool.floor), default), CannotFix)


@pytest.mark.parametrize(
    ("demand", "reserved"),
    [
        (Demand(None), 10),
        (Demand(0), 10),
        (Demand(1), 2),
        (Demand(50), 60),
        (Demand(101), 122),
        (Demand(50, provisioned=80), 80),
        (Demand(None, provisioned=80), 80),
        (Demand(None, provisioned=3), 10),
    ],
)
def test_reserves_the_peak_with_headroom_or_the_default(demand: Demand, reserved: int) -> None:
    assert reservation(demand, 10) == reserved


@pytest.mark.parametrize("default", [0, -3])
def test_never_reserves_nothing(default: int) -> None:
    """A reservation of 0 stops a function."""
    assert reservation(Demand(None), default) == 1


@pytest.mark.parametrize("limit", [10, 100])
def test_an_account_at_its_floor_can_spare_nothing(limit: int) -> None:
    found = size(Demand(None), Pool(limit, limit, 100), 1)
    assert isinstance(found, CannotFix)
    assert f"at least {limit + 100 - (limit - 1)}" in found.text
