"""Hypothesis as these tests use it.

The ordinary run always tries the same examples, so that a commit is red for a reason that is in it; more and other
examples: `pytest tests/unit --hypothesis-profile=explore`.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("same", max_examples=50, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "explore", max_examples=1500, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")
