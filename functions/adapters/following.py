"""Keeps what was read of an account and Region up to date: reads again what an event told of, and nothing else.

Calls for each thing that changed:

| what | calls |
|---|---|
| function | 1; where it is new also 1 for its log group, and its role if that is new |
| event source mapping | 1; and 1 for a queue that nothing listened to before |
| bucket | 1 |
| topic | 1 for each hundred subscriptions |
| rule | 2 |
| queue, log group | 1, if it is one that matters; else 0 |
| pipe | 1; and 1 for a queue that nothing listened to before |
| schedule, state machine | 1 |
| destinations | 1, if a loop may be there; else 0 |
| role | 3, 1 for each inline policy, 2 for each managed policy that no other role has; 0 if no function has it |
| managed policy | 2; 0 if no role of a function has it |

What comes to be a source of something may have been named in environments all along, and their values are not
remembered. That makes a difference only to a function that reaches it by a wildcard: those that newly do are asked for
their environments, by one call each or one for each fifty functions of the account, whichever is less. What came to be
in a loop is looked at closer, as `topology.look` does.

What is not found is no longer there; what may not be read stays as it was known, and is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, TypeVar

from functions.adapters import topology
from functions.adapters.reader import Reader
from functions.core.subject import partition_of
from functions.playbooks.recursive_loop import joined, triggers
from functions.playbooks.recursive_loop.account import Account, NotRead, Subscription
from functions.playbooks.recursive_loop.changes import Changed, What
from functions.playbooks.recursive_loop.graph import Confidence, Graph
from functions.playbooks.recursive_loop.remembered import in_order, without_values
from functions.playbooks.recursive_loop.writes import Write

PERMISSIONS = (
    "events:DescribeRule",
    "lambda:GetEventSourceMapping",
    "lambda:GetFunctionConfiguration",
    "pipes:DescribePipe",
    "scheduler:GetSchedule",
    "sns:ListSubscriptionsByTopic",
)
"""What this needs beside `topology.PERMISSIONS` and `topology.SINGLE_ROLE_PERMISSIONS`, on every resource (`*`)."""

_LISTED = 50
"""Functions in a page of ListFunctions."""
_GOING = {"Deleting", "DELETING"}
_UNSETTLED = {"Creating", "Updating", "CREATING", "UPDATING"}

Json = Mapping[str, Any]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Followed:
    """The account as it is now. `graph` is None where nothing is different."""

    account: Account
    graph: Graph | None = None
    unsettled: tuple[Changed, ...] = ()
    """What is being made or changed at the moment, so that it has to be read once more."""
    refused: tuple[NotRead, ...] = ()


def refresh(client: Callable[[str], Any], account: Account, changes: Iterable[Changed]) -> Followed:
    """Read again what changed in an account as it is remembered; `client` makes a boto3 client of a service there.

    Raises boto3's errors that may pass: what was missed now would not be read before the next full reading.
    """
    changes = frozenset(changes)
    again = _Again(Reader(client, lasting=True), account, changes)
    written = again.read()
    going_on = tuple(one for one in unsettled(again.now) if one in changes)
    if again.now == account:
        return Followed(account, None, going_on, tuple(again.reader.not_read))
    found, graph = topology.closer(again.reader, again.now, written)
    return Followed(found, graph, going_on, tuple(again.reader.not_read))


def unsettled(account: Account) -> tuple[Changed, ...]:
    """Return what was being made or changed when it was read: whether it is on will be known in a minute or two."""
    mappings = (Changed(What.MAPPING, one.uuid) for one in account.mappings if one.state in _UNSETTLED)
    pipes = (Changed(What.PIPE, one.arn.rpartition("/")[2]) for one in account.pipes if one.state in _UNSETTLED)
    return (*mappings, *pipes)


class _Again:
    """One reading; `now` is the account as far as it has been read again."""

    def __init__(self, reader: Reader, account: Account, changes: frozenset[Changed]) -> None:
        self.reader, self.before, self.now = reader, account, account
        self.names: dict[What, list[str]] = {what: [] for what in What}
        for one in sorted(changes):
            self.names[one.what].append(one.name)

    def read(self) -> tuple[Write, ...]:
        """Bring `now` up to date; return what its functions may write."""
        for step in (
            self._functions,
            self._mappings,
            self._buckets,
            self._topics,
            self._rules,
            self._pipes,
            self._schedules,
            self._machines,
            self._log_groups,
            self._queues,
            self._policies,
            self._roles,
        ):
            step()
        self.now = in_order(without_values(self.now))
        if self.now == self.before:
            return ()
        before, written = joined.written(self.before), joined.written(self.now)
        if blind := self._blind(before, written):
            self._environments(blind)
            self.now = in_order(without_values(self.now))
            written = joined.written(self.now)
        return written

    # --- functions and what triggers them ----------------------------------------------------------------------------

    def _functions(self) -> None:
        def ask(name: str) -> Json | None:
            operation, action = "get_function_configuration", "lambda:GetFunctionConfiguration"
            return self.reader.one("lambda", operation, action, FunctionName=name)

        found = self._answers(ask, self.names[What.FUNCTION])
        read = {self._arn("lambda", f"function:{name}"): answer for name, answer in found.items()}
        made = {arn: topology.function_of(answer) for arn, answer in read.items() if answer}
        gone = read.keys() - made.keys()
        dead_letters = {arn: target for arn, target in self.now.dead_letters.items() if arn not in read}
        asked_again = gone | {self._arn("lambda", f"function:{name}") for name in self.names[What.DESTINATIONS]}
        self.now = replace(
            self.now,
            functions=_swap(self.now.functions, lambda one: one.arn, dict.fromkeys(read, ()))
            + tuple(function for function, _ in made.values()),
            dead_letters={**dead_letters, **{arn: target for arn, (_, target) in made.items() if target}},
            destinations=tuple(one for one in self.now.destinations if triggers.node(one.function) not in asked_again),
            destinations_read=self.now.destinations_read - asked_again,
        )

    def _mappings(self) -> None:
        def ask(uuid: str) -> Json | None:
            return self.reader.one("lambda", "get_event_source_mapping", "lambda:GetEventSourceMapping", UUID=uuid)

        found = self._answers(ask, self.names[What.MAPPING])
        read = {uuid: _present(topology.mapping_of, answer, "State") for uuid, answer in found.items()}
        self.now = replace(self.now, mappings=_swap(self.now.mappings, lambda one: one.uuid, read))

    def _buckets(self) -> None:
        found = self._answers(lambda name: topology.configuration(self.reader, name), self.names[What.BUCKET])
        start = f"arn:{partition_of(self.now.region)}:s3:::"
        read = {start + name: answer for name, answer in found.items()}
        notifications = {bucket: tuple(topology.configured(bucket, answer)) for bucket, answer in read.items()}
        on_bus = {bucket: (bucket,) if topology.sends_to_bus(answer) else () for bucket, answer in read.items()}
        self.now = replace(
            self.now,
            notifications=_swap(self.now.notifications, lambda one: one.bucket, notifications),
            buckets_on_bus=_swap(self.now.buckets_on_bus, str, on_bus),
        )

    def _topics(self) -> None:
        def ask(name: str) -> tuple[Subscription, ...]:
            operation, action = "list_subscriptions_by_topic", "sns:ListSubscriptionsByTopic"
            topic = self._arn("sns", name)
            listed = self.reader.all("sns", operation, "Subscriptions", action, TopicArn=topic)
            # Others' subscriptions are in no list of an account's own.
            own = (one for one in listed if one.get("Owner") in (None, "", self.now.account))
            return tuple(map(topology.subscription_of, own))

        read = {self._arn("sns", name): found for name, found in self._answers(ask, self.names[What.TOPIC]).items()}
        self.now = replace(self.now, subscriptions=_swap(self.now.subscriptions, lambda one: one.topic, read))

    def _rules(self) -> None:
        def ask(name: str) -> tuple[Any, ...]:
            bus, _, rule = name.rpartition("/")
            answer = self.reader.one("events", "describe_rule", "events:DescribeRule", Name=rule, EventBusName=bus)
            arn = self._arn("events", f"event-bus/{bus}")
            return (topology.rule_of(self.reader, arn, bus, answer),) if answer else ()

        read = {
            self._arn("events", f"event-bus/{name.rpartition('/')[0]}#{name.rpartition('/')[2]}"): found
            for name, found in self._answers(ask, self.names[What.RULE]).items()
        }
        self.now = replace(
            self.now, rules=_swap(self.now.rules, lambda one: triggers.rule_node(one.bus, one.name), read)
        )

    def _pipes(self) -> None:
        def ask(name: str) -> Json | None:
            return self.reader.one("pipes", "describe_pipe", "pipes:DescribePipe", Name=name)

        found = self._answers(ask, self.names[What.PIPE])
        read = {name: _present(topology.pipe_of, answer, "CurrentState") for name, answer in found.items()}
        pipes = _swap(
            self.now.pipes, lambda one: one.arn, {self._arn("pipes", f"pipe/{n}"): o for n, o in read.items()}
        )
        self.now = replace(self.now, pipes=pipes)

    def _schedules(self) -> None:
        def ask(name: str) -> Json | None:
            group, _, own = name.partition("/")
            return self.reader.one("scheduler", "get_schedule", "scheduler:GetSchedule", GroupName=group, Name=own)

        found = self._answers(ask, self.names[What.SCHEDULE])
        read = {
            self._arn("scheduler", f"schedule/{name}"): _present(topology.schedule_of, answer, "State")
            for name, answer in found.items()
        }
        self.now = replace(self.now, schedules=_swap(self.now.schedules, lambda one: one.arn, read))

    def _machines(self) -> None:
        arns = [self._arn("states", f"stateMachine:{name}") for name in self.names[What.STATE_MACHINE]]
        found = self._answers(lambda arn: topology.machine(self.reader, arn), arns)
        read = {arn: _present(topology.machine_of, answer, "status") for arn, answer in found.items()}
        self.now = replace(self.now, state_machines=_swap(self.now.state_machines, lambda one: one.arn, read))

    def _log_groups(self) -> None:
        """The groups that functions log to: those that are new, and those that changed."""
        known, wanted = ({one.log_group_arn for one in some.functions} for some in (self.before, self.now))
        changed = {self._arn("logs", f"log-group:{name}") for name in self.names[What.LOG_GROUP]}
        unread = sorted((wanted - known) | (wanted & changed))
        read = self._answers(lambda arn: topology.log_subscriptions(self.reader, [arn]), unread)
        found = _swap(self.now.log_subscriptions, lambda one: one.log_group, read)
        self.now = replace(self.now, log_subscriptions=tuple(one for one in found if one.log_group in wanted))

    def _queues(self) -> None:
        """The queues that something listens to: those that are new, and those that changed."""
        known, wanted = (_listened_to(some) for some in (self.before, self.now))
        changed = {self._arn("sqs", name) for name in self.names[What.QUEUE]}
        unread = sorted((wanted - known) | (wanted & changed))
        read = self._answers(lambda arn: topology.queues(self.reader, [arn]), unread)
        kept = wanted - read.keys()
        redrives = {arn: target for arn, target in self.now.redrives.items() if arn in kept}
        policies = {arn: policy for arn, policy in self.now.policies.items() if arn in kept}
        for more_redrives, more_policies in read.values():
            redrives |= more_redrives
            policies |= more_policies
        self.now = replace(self.now, redrives=redrives, policies=policies)

    # --- roles and environments --------------------------------------------------------------------------------------

    def _policies(self) -> None:
        """Managed policies that some role has, or is limited by."""
        held = [arn for arn in self.names[What.POLICY] if arn in _documents(self.now)]
        found = self._answers(lambda arn: topology.document(self.reader, arn), held)
        new = {arn: document for arn, document in found.items() if document}
        roles = {}
        for role, (own, boundary) in self.now.roles.items():
            limit = (boundary[0], new.get(boundary[0], boundary[1])) if boundary else None
            roles[role] = {name: new.get(name, document) for name, document in own.items()}, limit
        self.now = replace(self.now, roles=roles)

    def _roles(self) -> None:
        """The roles that functions have: those of functions that were read, if they are new, and those that changed."""
        wanted = {one.role for one in self.now.functions}
        changed = {arn for arn in wanted if arn.rpartition("/")[2] in self.names[What.ROLE]}
        read_now = {self._arn("lambda", f"function:{name}") for name in self.names[What.FUNCTION]}
        new = {one.role for one in self.now.functions if one.arn in read_now} - self.now.roles.keys()
        roles, in_part = dict(self.now.roles), set(self.now.roles_in_part)
        documents = _documents(self.now)
        for arn in sorted(changed | new):
            before = len(self.reader.not_read)
            found = topology.single_role(self.reader, documents, arn)
            if len(self.reader.not_read) > before:
                in_part.add(arn)
                if found is not None:
                    roles.setdefault(arn, found)
                continue
            in_part.discard(arn)
            roles.pop(arn, None)
            if found is not None:
                roles[arn] = found
        kept = {arn: policies for arn, policies in roles.items() if arn in wanted}
        self.now = replace(self.now, roles=kept, roles_in_part=frozenset(in_part & wanted))

    def _blind(self, before: Iterable[Write], written: Iterable[Write]) -> frozenset[str]:
        """Return the functions that newly reach something by a wildcard, and whose environments may name it."""
        read_now = {self._arn("lambda", f"function:{name}") for name in self.names[What.FUNCTION]}
        return frozenset(function for function, _ in _doubtful(written) - _doubtful(before)) - read_now

    def _environments(self, functions: frozenset[str]) -> None:
        if len(functions) < ceil(len(self.now.functions) / _LISTED):
            operation, action = "get_function_configuration", "lambda:GetFunctionConfiguration"
            asked = [self.reader.one("lambda", operation, action, FunctionName=arn) for arn in sorted(functions)]
            found = [one for one in asked if one]
        else:
            found = self.reader.all("lambda", "list_functions", "Functions", "lambda:ListFunctions")
        now = {one["FunctionArn"]: topology.function_of(one)[0].environment for one in found}
        read = tuple(replace(one, environment=now.get(one.arn, one.environment)) for one in self.now.functions)
        self.now = replace(self.now, functions=read)

    # --- words of its own --------------------------------------------------------------------------------------------

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{partition_of(self.now.region)}:{service}:{self.now.region}:{self.now.account}:{resource}"

    def _answers(self, ask: Callable[[str], _T], names: Iterable[str]) -> dict[str, _T]:
        """Ask about each; what may not be read is left out."""
        found = {}
        for name in names:
            before = len(self.reader.not_read)
            answer = ask(name)
            if len(self.reader.not_read) == before:
                found[name] = answer
        return found


def _swap(known: Iterable[_T], name: Callable[[_T], str], read: Mapping[str, tuple[_T, ...]]) -> tuple[_T, ...]:
    """What is known, with what was read in the place of what it is about."""
    return (*(one for one in known if name(one) not in read), *(one for some in read.values() for one in some))


def _present(make: Callable[[Json], _T], answer: Json | None, state: str) -> tuple[_T, ...]:
    """One thing, or nothing where it is gone or about to be."""
    return (make(answer),) if answer and answer.get(state) not in _GOING else ()


def _listened_to(account: Account) -> frozenset[str]:
    """The queues that are the source of a mapping or a pipe."""
    sources = (one.source for some in (account.mappings, account.pipes) for one in some)
    return frozenset(arn for arn in sources if ":sqs:" in arn)


def _documents(account: Account) -> dict[str, object]:
    """The managed policies that are known, by ARN."""
    found: dict[str, object] = {}
    for own, boundary in account.roles.values():
        found |= {name: document for name, document in own.items() if name.startswith("arn:")}
        found |= dict([boundary] if boundary else ())
    return found


def _doubtful(written: Iterable[Write]) -> set[tuple[str, str]]:
    """Which function reaches what by a wildcard only."""
    return {(one.edge.source, one.edge.target) for one in written if one.edge.confidence is Confidence.C}
