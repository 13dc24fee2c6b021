"""Puts the corrections around the engine, in the order in which they depend on each other."""

import time
from functools import partial

from ministack import app as engine

from warden.local import (
    enforcement,
    exec_wrapper,
    lambda_api,
    layers,
    lineage,
    metrics,
    network,
    rules,
    secret_lists,
    secret_versions,
    senders,
    simulation,
)
from warden.local import workers as lambda_workers
from warden.local.admin import Admin
from warden.local.alarms import Alarms
from warden.local.buses import Buses, TargetError
from warden.local.calls import CallLog
from warden.local.cloudformation import StackCalls
from warden.local.cloudtrail import Trail
from warden.local.contributors import Contributors
from warden.local.current import CURRENT
from warden.local.delivery import AsyncInvocations
from warden.local.downloads import ranged
from warden.local.execution_roles import ExecutionRoles
from warden.local.faults import Faults
from warden.local.gateway import Gateway
from warden.local.identity import Principal
from warden.local.limits import Limits
from warden.local.mappings import MappingStates
from warden.local.notifications import BucketEvents
from warden.local.organization import Organization
from warden.local.queues import SqsSources
from warden.local.secrets import Secrets
from warden.local.settings import Settings
from warden.local.states import FunctionStates
from warden.local.targets import Targets
from warden.local.timers import Timers

# (status, code) of an injected fault to what EventBridge reports; everything else is retried as an internal error.
_TARGET_CODES = {429: "THROTTLING", 403: "NO_PERMISSIONS", 404: "NO_RESOURCE", 0: "TIMEOUT"}


def assemble(*, workers: int, concurrency: int, enforce_iam: bool) -> Gateway:
    """The emulator as one ASGI application. The process's environment must already be the engine's configuration."""
    initial = Settings(concurrency=concurrency)
    settings = Settings(concurrency=concurrency)
    timers, calls, faults = Timers(), CallLog(), Faults()
    roles = ExecutionRoles(enforce_iam)
    invocations = AsyncInvocations(settings, roles, workers)
    buses = Buses(_caller, enforce_iam)
    Targets(
        settings,
        timers,
        buses,
        invocations=invocations,
        fault_of=partial(_target_fault, faults),
        enforce_iam=enforce_iam,
    )
    invocations.publish = buses.publish
    trail = Trail(settings, timers, buses.publish)
    alarms, organization, sources = Alarms(settings, buses.publish), Organization(settings), SqsSources(timers, roles)
    contributors = Contributors(buses.publish)
    alarms.evaluate_query = contributors.evaluate
    enforcement.install()
    simulation.install()
    network.install()
    secret_lists.install()
    lambda_api.install()
    lambda_workers.install()
    exec_wrapper.install()
    layers.install()
    for part in (
        *(buses, invocations, sources, Limits(settings), FunctionStates(settings, timers)),
        *(alarms, contributors, organization, StackCalls(trail), MappingStates(settings, timers), roles),
        *(BucketEvents(timers), Secrets(enforce_iam)),
    ):
        part.install()
    for module in (secret_versions, lineage, senders, rules, metrics):
        module.install()

    def reset() -> None:
        clearable = (timers, invocations, calls, faults, alarms, contributors, roles)
        for part in clearable:
            part.clear()
        settings.become(initial)
        engine._reset_all_state()
        # What was under way while the engine was being emptied may have left something.
        for part in clearable:
            part.clear()
        gateway.emptied = time.time()

    admin = Admin(
        settings=settings,
        calls=calls,
        faults=faults,
        buses=buses,
        timers=timers,
        invocations=invocations,
        sources=sources,
        reset=reset,
    )
    admin.on_settings.append(organization.seed)
    gateway = Gateway(ranged(engine.app), admin, calls, faults, trail)
    return gateway


def _caller() -> Principal | None:
    current = CURRENT.get()
    return current.caller if current else None


def _target_fault(faults: Faults, operation: str, principal: str, resource: str) -> TargetError | None:
    account = resource.split(":")[4] if resource.count(":") > 4 else ""
    fault = faults.take((operation,), account, principal, resource)
    if fault is None:
        return None
    code = _TARGET_CODES.get(fault.status, "INTERNAL_ERROR")
    return TargetError(code, fault.message, retriable=fault.status in (0, 429) or fault.status >= 500)
