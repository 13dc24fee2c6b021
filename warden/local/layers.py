"""Which layers a function may have, and a layer by its ARN.

What the engine gets wrong: it attaches any number of layers, and two versions of the same one; it names another limit
than Lambda's when code and layers together are too large; it takes a layer that another account here does not have for
one it cannot see, and lets it be attached; and it lists no versions of a layer that is named by its ARN. AWS
documentation: "Lambda quotas" (five layers; 250 MB unzipped, with all layers), "Adding layers to functions" and the API
references of ListLayerVersions and UpdateFunctionConfiguration.
"""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import lambda_svc

from warden.local.patching import replace

_MOST = 5
_UNZIPPED_BYTES = 262_144_000


def install() -> None:
    """Check attachments by the API and by CloudFormation, and find a layer by its ARN."""
    replace(lambda_svc, "_normalize_layer_attachments", _attaching)
    replace(lambda_svc, "_validate_total_unzipped_size", lambda _original: _size_error)
    replace(lambda_svc, "_resolve_cross_account_layer", _seeing)
    replace(lambda_svc, "_list_layer_versions", _listing)


def _attaching(original: Callable[..., Any]) -> Callable[..., Any]:
    def attach(layers: list[Any] | None) -> Any:
        versions = [str(one["Arn"] if isinstance(one, dict) else one) for one in layers or []]
        if len(versions) > _MOST:
            return None, _invalid(f"Cannot reference more than {_MOST} layers.")
        seen: dict[str, str] = {}
        for version in versions:
            layer = version.rpartition(":")[0]
            if layer in seen:
                return None, _invalid(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{seen[layer]} and {version} are versions of the same layer."
                )
            seen[layer] = version
        return original(layers)

    return attach


def _size_error(code: bytes | None, layers: list[Any] | None) -> Any:
    size = lambda_svc._unzipped_size(code)
    if size > _UNZIPPED_BYTES:
        return _invalid(f"Unzipped size must be smaller than {_UNZIPPED_BYTES} bytes")
    size += sum(lambda_svc._layer_unzipped_size(one) for one in layers or [] if one)
    if size > _UNZIPPED_BYTES:
        return _invalid(
            f"Function code combined with layers exceeds the maximum allowed size of {_UNZIPPED_BYTES} bytes. "
            f"The actual size is {size} bytes."
        )
    return None


def _seeing(original: Callable[..., Any]) -> Callable[..., Any]:
    """Deny what an account that has layers here does not have; accounts with none are the world's, and unseen."""

    def see(arn: str, spec: Any, version: Any) -> Any:
        owners = {owner for owner, _region, _name in list(lambda_svc._layers.to_dict())}
        known = lambda_svc._layers.get_scoped(spec.account_id, spec.region, version[0]) is not None
        if spec.account_id in owners and not known:
            return lambda_svc._layer_access_denied(arn)
        return original(arn, spec, version)

    return see


def _listing(original: Callable[..., Any]) -> Callable[..., Any]:
    def versions(layer: str, query: dict[str, Any]) -> Any:
        own = f"arn:aws:lambda:{get_region()}:{get_account_id()}:layer:"
        return original(layer.removeprefix(own), query)

    return versions


def _invalid(message: str) -> Any:
    return error_response_json("InvalidParameterValueException", message, 400)
