"""Secrets Manager: versions by request token, what is scheduled for deletion, resource policies, customer keys.

What the engine gets wrong: it ignores the request tokens of CreateSecret and UpdateSecret, and overwrites a version
when PutSecretValue repeats one; it forgets a version when it loses its last label, and makes one for a secret without
a value; a part of a name in an ARN finds a secret; it takes every name and value; a secret scheduled for deletion
counts as existing, and its policy can be read and written; to restore what is not is an error; a policy may be
anything, is always found valid, and still names a role that was deleted and made anew; it stores the KMS key of a
secret and never asks it.

AWS documentation: the Secrets Manager API references of these operations ("ClientRequestToken", "BlockPublicPolicy",
"SecretId"), and of its user guide "AWS Secrets Manager quotas", "Secret encryption and decryption in AWS Secrets
Manager" and "Delete a secret"; of the IAM user guide "AWS JSON policy elements: Principal" (a role is stored by its
unique id) and "IAM identifiers".
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import iam, kms, secretsmanager

from warden.local.current import CURRENT
from warden.local.patching import replace

_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_MOST_BYTES = 65_536
_MOST_POLICY_CHARACTERS = 20_480
_UNIQUE_ID = re.compile(r"A(?:RO|ID)A[A-Z0-9]{12,124}")
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):(?P<kind>role|user)/(?:.*/)?(?P<name>[^/]+)")
# Conditions that keep a statement for everybody from being public (Secrets Manager leaves this to Zelkova).
_NARROWS = re.compile(
    r"aws:(Principal(Account|Arn|OrgID|OrgPaths|Tag/.*)|Source(Account|Arn|Vpc|Vpce|OrgID|OrgPaths|Ip)|userid|VpcSourceIp)",
    re.IGNORECASE,
)
_READS_KEY = ("kms:Decrypt",)
_WRITES_KEY = ("kms:GenerateDataKey", "kms:Decrypt")
_MARKED = "You can't perform this operation on the secret because it was marked for deletion."
_STILL_SCHEDULED = "You can't create this secret because a secret with this name is already scheduled for deletion."
_NO_POLICY = "This policy has invalid syntax."
_NO_SUCH_PRINCIPAL = "This resource policy contains an unsupported principal."
_BROAD = "This resource policy grants broad access to your secret, which BlockPublicPolicy does not allow."

Handler = Callable[[dict[str, Any]], Any]
Json = dict[str, Any]


class Secrets:
    """The corrected operations; keys are asked only where IAM is enforced."""

    def __init__(self, enforce_iam: bool) -> None:
        self._enforce_iam = enforce_iam

    def install(self) -> None:
        """Put the corrections around the engine's operations."""
        replace(secretsmanager, "_resolve", _resolving)
        replace(secretsmanager, "_apply_current_promotion", _keeping_versions)
        replace(secretsmanager, "_create_secret", self._creating)
        replace(secretsmanager, "_put_secret_value", self._putting)
        replace(secretsmanager, "_update_secret", self._updating)
        replace(secretsmanager, "_get_secret_value", self._reading)
        replace(secretsmanager, "_delete_secret", _deleting)
        replace(secretsmanager, "_restore_secret", _restoring)
        replace(secretsmanager, "_list_secret_version_ids", _listing_versions)
        replace(secretsmanager, "_put_resource_policy", _putting_policy)
        replace(secretsmanager, "_validate_resource_policy", lambda _original: _validate_policy)
        for name in ("_get_resource_policy", "_delete_resource_policy"):
            replace(secretsmanager, name, _refusing_when_scheduled)
        replace(secretsmanager, "_get_resource_policy", _showing_policy)
        replace(secretsmanager, "secret_policy_for_arn", _policy_in_force)

    def _creating(self, original: Handler) -> Handler:
        def create(data: Json) -> Any:
            name, token = str(data.get("Name") or ""), str(data.get("ClientRequestToken") or "")
            if not _NAME.fullmatch(name):
                return _invalid(
                    "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: "
                    "-/_+=.@"
                )
            if refused := _too_large(data):
                return refused
            if existing := secretsmanager._secrets.get(name):
                return _created_again(existing, token, data, original)
            if refused := self._refused_by_key(data.get("KmsKeyId"), _WRITES_KEY):
                return refused
            answer = original(data)
            return _with_token(name, token, data) if answer[0] < 300 else answer

        return create

    def _putting(self, original: Handler) -> Handler:
        def put(data: Json) -> Any:
            secret = _live(data)
            if secret is None:
                return original(data)
            if refused := _too_large(data):
                return refused
            token = str(data.get("ClientRequestToken") or "")
            if version := secret["Versions"].get(token):
                return _put_again(secret, token, version, data)
            return self._refused_by_key(secret.get("KmsKeyId"), _WRITES_KEY, secret) or original(data)

        return put

    def _updating(self, original: Handler) -> Handler:
        """With a value, UpdateSecret is PutSecretValue besides."""

        def update(data: Json) -> Any:
            secret = _live(data)
            if secret is None or secretsmanager._is_replica(secret) or not _has_value(data):
                return original(data)
            token = str(data.get("ClientRequestToken") or "")
            known = secret["Versions"].get(token)
            refused = (
                _too_large(data)
                or (_put_again(secret, token, known, data) if known and not _holds(known, data) else None)
                or self._refused_by_key(data.get("KmsKeyId") or secret.get("KmsKeyId"), _WRITES_KEY, secret)
            )
            if refused:
                return refused
            described: Json = {name: data[name] for name in ("SecretId", "Description", "KmsKeyId") if name in data}
            answer = original(described)
            if answer[0] >= 300:
                return answer
            value = {name: data[name] for name in ("SecretId", "ClientRequestToken", *_values(data)) if name in data}
            put = json.loads(secretsmanager._put_secret_value(value)[2])
            return json_response({name: put[name] for name in ("ARN", "Name", "VersionId")})

        return update

    def _reading(self, original: Handler) -> Handler:
        def read(data: Json) -> Any:
            secret = _live(data)
            refused = self._refused_by_key(secret.get("KmsKeyId"), _READS_KEY, secret) if secret else None
            return refused or original(data)

        return read

    def _refused_by_key(self, key: Any, actions: Sequence[str], secret: Json | None = None) -> Any:
        """The refusal by a customer key that is disabled, by its policy or by the caller's; None if all is well."""
        current, record = CURRENT.get(), kms._resolve_key(str(key or ""))
        if record and record["KeyState"] != "Enabled":
            code = "DecryptionFailure" if actions == _READS_KEY else "EncryptionFailure"
            return error_response_json(code, "Secrets Manager can't use the provided KMS key.", 400)
        if not self._enforce_iam or current is None or current.operation.service != "secretsmanager" or not record:
            return None
        context = {
            "kms:ViaService": f"secretsmanager.{get_region()}.amazonaws.com",
            "kms:CallerAccount": get_account_id(),
        }
        if secret:
            context["kms:EncryptionContext:SecretARN"] = secret["ARN"]
        for action in actions:
            denied = iam_evaluator.enforce(
                current.caller.access_key,
                action,
                "kms",
                get_region(),
                resource_arn=record["Arn"],
                service_context=context,
            )
            if denied:
                return error_response_json("AccessDeniedException", "Access to KMS is not allowed", 400)
        return None


def find(secret_id: str, account: str, region: str) -> Json | None:
    """A secret by its name, its ARN, or its ARN without the hyphen and six characters; None if there is none."""
    if not secret_id.startswith("arn:"):
        found: Json | None = secretsmanager._secrets.get_scoped(account, region, secret_id)
        return found
    parts = secret_id.split(":")
    account, region = (parts[4], parts[3]) if len(parts) > 5 else (account, region)
    secrets = [one for _, one in secretsmanager._secrets.items_scoped(account, region)]
    return next((one for one in secrets if secret_id in (one["ARN"], one["ARN"][:-7])), None)


def _resolving(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(secret_id: Any, *, use_arn_scope: bool = False) -> Any:
        key, secret = original(secret_id, use_arn_scope=use_arn_scope)
        if secret is None or not str(secret_id).startswith("arn:"):
            return key, secret
        arn = secret["ARN"].split(":")
        named = find(str(secret_id), arn[4], arn[3])
        return (named["Name"], named) if named else (None, None)

    return resolve


def _keeping_versions(original: Callable[..., Any]) -> Callable[..., Any]:
    """A version without labels is deprecated, but stays for a day at least: its token is still taken."""

    def promote(secret: Json, version: str) -> Any:
        before = dict(secret["Versions"])
        answer = original(secret, version)
        for name, one in before.items():
            secret["Versions"].setdefault(name, one)
        return answer

    return promote


def _listing_versions(original: Handler) -> Handler:
    """Deprecated versions are listed only when asked for."""

    def versions(data: Json) -> Any:
        status, headers, body = original(data)
        listed = json.loads(body)
        if status >= 300 or data.get("IncludeDeprecated"):
            return status, headers, body
        labelled = [one for one in listed["Versions"] if one["VersionStages"]]
        return json_response({**listed, "Versions": labelled})

    return versions


def _invalid(message: str) -> Any:
    return error_response_json("ValidationException", message, 400)


def _scheduled(message: str = _MARKED) -> Any:
    return error_response_json("InvalidRequestException", message, 400)


def _live(data: Json) -> Json | None:
    """The named secret, None if there is none or it is scheduled for deletion: the engine answers that."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    return secret if secret and not secret.get("DeletedDate") else None


def _values(data: Json) -> list[str]:
    return [name for name in ("SecretString", "SecretBinary") if data.get(name) is not None]


def _has_value(data: Json) -> bool:
    return bool(_values(data))


def _holds(version: Json, data: Json) -> bool:
    return all(version.get(name) == data.get(name) for name in ("SecretString", "SecretBinary"))


def _too_large(data: Json) -> Any:
    if len(str(data.get("SecretString") or "").encode()) <= _MOST_BYTES:
        return None
    return _invalid(
        "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length "
        f"less than or equal to {_MOST_BYTES}"
    )


def _token_taken(secret: Json, token: str) -> Any:
    message = (
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
        f"{secret['ARN']}."
    )
    return error_response_json("ResourceExistsException", message, 400)


def _created_again(existing: Json, token: str, data: Json, original: Handler) -> Any:
    """CreateSecret with a name that is taken: the same request once more is answered as it was."""
    if existing.get("DeletedDate"):
        return _scheduled(_STILL_SCHEDULED)
    version = existing["Versions"].get(token)
    if version is None:
        return original(data)
    if not _holds(version, data):
        return _token_taken(existing, token)
    return json_response({"ARN": existing["ARN"], "Name": existing["Name"], "VersionId": token})


def _with_token(name: str, token: str, data: Json) -> Any:
    """A new secret's first version has the request's token for its id; without a value there is no version."""
    secret = secretsmanager._secrets[name]
    (made,) = secret["Versions"]
    version = secret["Versions"].pop(made)
    answer = {"ARN": secret["ARN"], "Name": name}
    if not _has_value(data):
        return json_response(answer)
    secret["Versions"][token or made] = version
    return json_response({**answer, "VersionId": token or made})


def _put_again(secret: Json, token: str, version: Json, data: Json) -> Any:
    """PutSecretValue with a token that is taken: ignored with the same value, refused with another."""
    if not _holds(version, data):
        return _token_taken(secret, token)
    answer = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token}
    return json_response({**answer, "VersionStages": list(version["Stages"])})


def _deleting(original: Handler) -> Handler:
    """To delete by force what does not exist is no error."""

    def delete(data: Json) -> Any:
        named = str(data.get("SecretId") or "")
        _, secret = secretsmanager._resolve(named)
        if secret or not data.get("ForceDeleteWithoutRecovery"):
            return original(data)
        place = f"arn:aws:secretsmanager:{get_region()}:{get_account_id()}:secret:"
        arn = named if named.startswith("arn:") else place + named
        return json_response({"ARN": arn, "Name": arn.partition(":secret:")[2], "DeletionDate": int(time.time())})

    return delete


def _restoring(original: Handler) -> Handler:
    """To restore what is not scheduled for deletion changes nothing, and is no error (moto's tests say so too)."""

    def restore(data: Json) -> Any:
        secret = _live(data)
        return json_response({"ARN": secret["ARN"], "Name": secret["Name"]}) if secret else original(data)

    return restore


# Resource policies are kept as AWS keeps them: roles and users by their unique ids.


def _refusing_when_scheduled(original: Handler) -> Handler:
    def handle(data: Json) -> Any:
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        return _scheduled() if secret and secret.get("DeletedDate") else original(data)

    return handle


def _putting_policy(original: Handler) -> Handler:
    def put(data: Json) -> Any:
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        if secret and secret.get("DeletedDate"):
            return _scheduled()
        policy = _parsed(str(data.get("ResourcePolicy") or ""))
        if policy is None:
            return _malformed(_NO_POLICY)
        kept = _with_principals(policy, _unique_id)
        if kept is None:
            return _malformed(_NO_SUCH_PRINCIPAL)
        if data.get("BlockPublicPolicy") and any(map(_is_public, _statements(policy))):
            return error_response_json("PublicPolicyException", _BROAD, 400)
        return original({**data, "ResourcePolicy": json.dumps(kept)})

    return put


def _validate_policy(data: Json) -> Any:
    """ValidateResourcePolicy, for a secret or for none. Whether a policy locks its author out is not looked at."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if data.get("SecretId") and secret is None:
        return error_response_json("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400)
    if secret and secret.get("DeletedDate"):
        return _scheduled()
    policy = _parsed(str(data.get("ResourcePolicy") or ""))
    if policy is None:
        return _malformed(_NO_POLICY)
    if _with_principals(policy, _unique_id) is None:
        return _malformed(_NO_SUCH_PRINCIPAL)
    broad = any(map(_is_public, _statements(policy)))
    errors = [{"CheckName": "PUBLIC_ACCESS", "ErrorMessage": _BROAD}] if broad else []
    return json_response({"PolicyValidationPassed": not broad, "ValidationErrors": errors})


def _showing_policy(original: Handler) -> Handler:
    def get(data: Json) -> Any:
        status, headers, body = original(data)
        answer = json.loads(body)
        if status >= 300 or not answer.get("ResourcePolicy"):
            return status, headers, body
        return json_response({**answer, "ResourcePolicy": _shown(answer["ResourcePolicy"])})

    return get


def _policy_in_force(original: Callable[..., Any]) -> Callable[..., Any]:
    def policy_of(resource_arn: str) -> Any:
        found = original(resource_arn)
        return (_shown(found[0]), found[1]) if found and found[0] else found

    return policy_of


def _shown(policy: str) -> str:
    """A kept policy with the ARNs of the principals that still exist; the id of one that was deleted stays."""
    shown = _with_principals(json.loads(policy), _arn_of_unique_id)
    return json.dumps(shown)


def _malformed(message: str) -> Any:
    return error_response_json("MalformedPolicyDocumentException", message, 400)


def _parsed(text: str) -> Json | None:
    """A resource policy, None if it is none: each statement needs an effect, an action, a resource and a principal."""
    try:
        policy = json.loads(text)
    except ValueError:
        return None
    if not isinstance(policy, dict) or len(text) > _MOST_POLICY_CHARACTERS:
        return None
    if policy.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        return None
    if iam_evaluator.validate_policy_document(policy) is not None:
        return None
    named = all("Principal" in one or "NotPrincipal" in one for one in _statements(policy))
    return policy if named else None


def _statements(policy: Mapping[str, Any]) -> list[Json]:
    found = policy.get("Statement") or []
    return [found] if isinstance(found, dict) else list(found)


def _with_principals(policy: Json, renamed: Callable[[str], str | None]) -> Json | None:
    """The policy with every AWS principal renamed; None if one has no such name."""
    statements = []
    for statement in _statements(policy):
        principal = statement.get("Principal")
        if not isinstance(principal, dict) or "AWS" not in principal:
            statements.append(statement)
            continue
        given = principal["AWS"]
        names = [renamed(str(one)) for one in (given if isinstance(given, list) else [given])]
        if None in names:
            return None
        principals = names if isinstance(given, list) else names[0]
        statements.append({**statement, "Principal": {**principal, "AWS": principals}})
    return {**policy, "Statement": statements}


def _unique_id(principal: str) -> str | None:
    """What AWS keeps of a principal; None of a role or user that does not exist."""
    if _UNIQUE_ID.fullmatch(principal):
        return principal if _arn_of_unique_id(principal) != principal else None
    found = _PRINCIPAL.fullmatch(principal)
    if found is None:
        return principal
    store, member = (iam._roles, "RoleId") if found["kind"] == "role" else (iam._users, "UserId")
    record = store.get_scoped(found["account"], None, found["name"])
    return str(record[member]) if record and record["Arn"] == principal else None


def _arn_of_unique_id(principal: str) -> str:
    if not _UNIQUE_ID.fullmatch(principal):
        return principal
    return next((arn for unique, arn in _principals() if unique == principal), principal)


def _principals() -> Iterator[tuple[str, str]]:
    """(unique id, ARN) of every role and user of every account."""
    for store, member in ((iam._roles, "RoleId"), (iam._users, "UserId")):
        for record in list(store.to_dict().values()):
            yield str(record.get(member)), str(record.get("Arn"))


def _is_public(statement: Json) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    if statement.get("Effect") != "Allow" or "*" not in (named if isinstance(named, list) else [named]):
        return False
    conditions = (statement.get("Condition") or {}).values()
    return not any(_NARROWS.fullmatch(key) for keys in conditions for key in keys)
