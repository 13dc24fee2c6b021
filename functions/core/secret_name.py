"""The name of the secret that holds a function's moved variables, and back from it to the function.

Secrets Manager user guide, "Secret name": letters, digits and `/_+=.@-`; it must not end in a hyphen and six
characters, since an ARN adds just that.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"warden/(?P<function>[a-zA-Z0-9_-]{1,140})/env(ironment)?")
_ARN = re.compile(r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:(?P<name>[^:]+?)(-[a-zA-Z0-9]{6})?")


def secret_name(function: str) -> str:
    """Return the name of a function's secret; `orders-v2` has a longer one, or it would end in `-v2/env`."""
    return f"warden/{function}/{'environment' if function[-3:-2] == '-' else 'env'}"


def function_of_secret(secret_id: str) -> str:
    """Return the function that a secret belongs to, by its name or ARN; '' if it is none of ours."""
    arn = _ARN.fullmatch(secret_id)
    found = _NAME.fullmatch(arn["name"] if arn else secret_id)
    return found["function"] if found else ""
