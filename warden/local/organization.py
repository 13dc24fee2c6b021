"""AWS Organizations as one organization of several accounts, visible where it is on AWS.

What the engine gets wrong: every account that asks gets an organization of its own, lists come in one page, and no
member account belongs to the organization that conditions compare with. AWS documentation: the Organizations API
reference (ListAccounts and the other lists: 20 a page), "Delegated administrator for AWS Organizations" and "AWS
global condition context keys" (aws:PrincipalOrgID, aws:PrincipalOrgPaths).

The setting ``organization``::

    {"management": "111111111111", "id": "o-exampleorg1", "delegated": ["222222222222"],
     "units": [{"id": "ou-root-workload", "name": "Workloads", "parent": "r-root"}],
     "accounts": [{"id": "333333333333", "name": "orders", "parent": "ou-root-workload", "email": "…"}]}

The root is ``r-root``. Management and delegated accounts that ``accounts`` does not list are added under the root.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
from ministack.services import organizations

from warden.local.patching import replace
from warden.local.settings import Settings

ROOT = "r-root"
_DEFAULT_ID = "o-exampleorg1"
_PAGE = 20
# Any member account may ask this; everything else is for the management account and delegated administrators.
_FOR_MEMBERS = ("DescribeOrganization",)


class Organization:
    """The seeded organization, if there is one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def install(self) -> None:
        """Put the organization before the engine's API and behind its conditions."""
        replace(organizations, "handle_request", self._handling)
        replace(iam_evaluator, "_principal_org_id", self._organization_of)
        replace(iam_evaluator, "_resolve_condition_key", self._condition_keys)

    def seed(self, changed: set[str]) -> None:
        """Write a newly configured organization into the engine's stores, in the management account."""
        if "organization" not in changed:
            return
        wanted = self._settings.organization
        organizations.reset()
        if not wanted:
            return
        management = str(wanted["management"])
        with request_scope(management, "us-east-1"):
            organizations._ensure_org()
            first = next(iter(organizations._roots))
            organizations._roots.pop(first)
            identifier = str(wanted.get("id", _DEFAULT_ID))
            base = f"arn:aws:organizations::{management}"
            organizations._orgs["self"] |= {
                "Id": identifier,
                "Arn": f"{base}:organization/{identifier}",
                "MasterAccountArn": f"{base}:account/{identifier}/{management}",
            }
            organizations._roots[ROOT] = {
                "Id": ROOT,
                "Arn": f"{base}:root/{identifier}/{ROOT}",
                "Name": "Root",
                "PolicyTypes": [],
            }
            for unit in wanted.get("units", []):
                organizations._ous[unit["id"]] = {
                    "Id": unit["id"],
                    "Arn": f"{base}:ou/{identifier}/{unit['id']}",
                    "Name": unit.get("name", unit["id"]),
                    "_ParentId": unit.get("parent", ROOT),
                }
            organizations._accounts.clear()
            for account in self._accounts(wanted):
                number = str(account["id"])
                organizations._accounts[number] = {
                    "Id": number,
                    "Arn": f"{base}:account/{identifier}/{number}",
                    "Email": account.get("email", f"{number}@example.com"),
                    "Name": account.get("name", number),
                    "Status": account.get("status", "ACTIVE"),
                    "State": account.get("status", "ACTIVE"),
                    "JoinedMethod": "CREATED",
                    "JoinedTimestamp": int(time.time()),
                    "Paths": [self._path(account.get("parent", ROOT), identifier) + f"{number}/"],
                    "_ParentId": account.get("parent", ROOT),
                }

    @staticmethod
    def _accounts(wanted: dict[str, Any]) -> list[dict[str, Any]]:
        listed = list(wanted.get("accounts", []))
        known = {str(one["id"]) for one in listed}
        administrators = dict.fromkeys([str(wanted["management"]), *map(str, wanted.get("delegated", []))])
        return [*({"id": one} for one in administrators if one not in known), *listed]

    def _path(self, parent: str, identifier: str) -> str:
        """``o-…/r-…/ou-…/`` down to a unit."""
        unit = organizations._ous.get(parent)
        above = self._path(unit["_ParentId"], identifier) if unit else f"{identifier}/"
        return f"{above}{parent}/"

    def _members(self) -> set[str]:
        wanted = self._settings.organization
        return {str(one["id"]) for one in self._accounts(wanted)} if wanted else set()

    def _organization_of(self, original: Callable[[str], Any]) -> Callable[[str], Any]:
        def organization_of(account: str) -> Any:
            wanted = self._settings.organization
            if not wanted:
                return original(account)
            return str(wanted.get("id", _DEFAULT_ID)) if account in self._members() else None

        return organization_of

    def _condition_keys(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(key: str, context: Any) -> Any:
            if key.lower() == "aws:principalorgpaths" and context.principal_account in self._members():
                wanted = self._settings.organization or {}
                record = organizations._accounts.get_scoped(str(wanted["management"]), None, context.principal_account)
                return [path.rsplit("/", 2)[0] + "/" for path in (record or {}).get("Paths", [])]
            return original(key, context)

        return resolve

    def _handling(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
            wanted = self._settings.organization
            caller = get_account_id()
            operation = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
            if not wanted:
                return _paged(await original(method, path, headers, body, query), body)
            if caller not in self._members():
                return error_response_json(
                    "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.", 400
                )
            administrators = {str(wanted["management"]), *map(str, wanted.get("delegated", []))}
            if caller not in administrators and operation not in _FOR_MEMBERS:
                return error_response_json(
                    "AccessDeniedException", "You don't have permissions to access this resource.", 400
                )
            with request_scope(str(wanted["management"]), get_region()):
                return _paged(await original(method, path, headers, body, query), body)

        return handle


def _paged(answer: Any, body: bytes) -> Any:
    """Cut a list into pages of at most 20, with a NextToken."""
    status, headers, text = answer
    found = json.loads(text)
    lists = [name for name, value in found.items() if isinstance(value, list)]
    if status != 200 or len(lists) != 1:
        return answer
    asked = json.loads(body or b"{}")
    start = int(asked.get("NextToken") or 0)
    end = start + min(int(asked.get("MaxResults") or _PAGE), _PAGE)
    if end < len(found[lists[0]]):
        found["NextToken"] = str(end)
    found[lists[0]] = found[lists[0]][start:end]
    return status, headers, json.dumps(found).encode()
