"""Each grant of each function is taken away in turn. Some scene has to fail, or to show it; otherwise nothing needs the
grant.

The grants are those of infra/permissions/. What a method of a port asks of AWS is stated in
tests/infra/test_permissions.py, and action by action here. `python -m tests.chaos.grants` prints each grant with what
fails without it.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

from infra.code import UPLOT
from infra.permissions.capabilities import make_capabilities
from infra.permissions.holders import HOLDERS, statements_for
from infra.permissions.names import Names
from squall.application import schedules
from squall.application.admission import admit
from squall.application.reports import period
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.managed import MANAGED
from squall.errors import Refused, Unavailable
from squall.reporting import page
from squall.wiring import set_wiring
from tests.chaos.grant_campaigns import OF_CAMPAIGNS
from tests.chaos.grant_scenes import SCENES as OF_RUNS
from tests.chaos.grant_targets import ON_TARGETS
from tests.fakes.world import PORTS, SETTINGS, FakeWiring, FakeWorld
from tests.infra.test_permissions import ASKS_NOTHING, NARROWER, NEEDS, NEEDS_OF_PORT
from tests.workflow.driver import TICK
from tests.workflow.rig import arranged
from tests.workflow.walk import Walk

SCENES = {**OF_RUNS, **ON_TARGETS, **OF_CAMPAIGNS}
Grant = tuple[str, tuple[str, ...]]
"""An action, and the resources on which it is granted."""
NAMES = Names(
    partition="aws",
    region="eu-west-1",
    account="123456789012",
    stack="Squall",
    table_arn="table",
    bucket_arn="bucket",
    topic_arn="topic",
    bus_arn="bus",
    state_machine_name="squall",
    campaign_machine_name="squall-campaign",
    abort_function_arn="abort",
    fis_role_arns=("fis-role",),
    fis_actions=("aws:fis:wait",),
    kms_key_arn="key",
    dead_letter_arn="dead-letters",
    safety_lever=True,
    fis_templates=("EXTtheirs",),
    rollback_documents=(("Restore-Web", "3"),),
    rollback_role_arns=("restore-role",),
    calendar_arns=("calendar",),
    pipeline_arns=("pipeline",),
    deployment_group_arns=("group",),
    sentinel_function_arn="sentinel",
    schedule_role_arn="schedule-role",
    sentinel_in_vpc=True,
    disturbs_functions=True,
    fis_action_targets=tuple(ResourceType),
    api_fault_roles=("role",),
)
_DYNAMODB = {
    "GetItem": "records.get locks.holds locks.holders locks.acquire halt_copy.get sightings.get sentinels.get "
    "campaigns.get campaigns.claim_name",
    "PutItem": "records.create records.claim_trigger locks.acquire locks.renew locks.acquire_slot locks.renew_slot locks.join "
    "sentinels.take campaigns.create campaigns.save campaigns.claim_name",
    "DeleteItem": "locks.release locks.release_slot locks.leave sentinels.release",
    "Query": (
        "records.open_ids records.waiting_ids records.validated records.faulted locks.all locks.line locks.acquire_slot findings.of "
        "history.of_period history.of_experiment campaigns.list_open campaigns.list_newest"
    ),
    "UpdateItem": (
        "records.update records.finish records.request_abort records.ask records.vote records.confirm records.store_token "
        "records.clear_token records.append records.settle findings.save halt_copy.engage halt_copy.release sightings.put "
        "history.summarise sentinels.renew campaigns.request_abort campaigns.mark_told campaigns.add_note"
    ),
}
_OTHERS = {
    "s3:GetObject": "documents.get catalogue.find_newest catalogue.read",
    "s3:PutObject": "documents.put documents.write documents.publish",
    "cloudwatch:GetMetricData": "metrics.series",
    "cloudwatch:GetMetricStatistics": "metrics.over metrics.distribution",
    "cloudwatch:DescribeAlarms": "alarms.states alarms.history_since alarms.firing "
    "alarms.with_prefix alarms.tags alarms.put+new alarms.put+old "
    "alarms.put_composite+new alarms.put_composite+old",
    "cloudwatch:DescribeAlarmHistory": "alarms.fired_since alarms.history_since",
    "cloudwatch:PutMetricAlarm": "alarms.put+new alarms.put+old",
    "cloudwatch:PutCompositeAlarm": "alarms.put_composite+new alarms.put_composite+old",
    "cloudwatch:TagResource": "alarms.put+new alarms.put_composite+new",
    "cloudwatch:ListTagsForResource": "alarms.tags alarms.put+old alarms.put_composite+old",
    "ssm:StartAutomationExecution": "automations.start",
    "ssm:GetAutomationExecution": "automations.get",
    "iam:PassRole": "automations.start faults.create_template schedules.put",
    "scheduler:ListSchedules": "schedules.list_names",
    "scheduler:GetSchedule": "schedules.put",
    "scheduler:CreateSchedule": "schedules.put",
    "scheduler:UpdateSchedule": "schedules.put",
    "scheduler:DeleteSchedule": "schedules.remove",
    "iam:CreateServiceLinkedRole": "",
    "s3:ListBucket": "catalogue.find_newest catalogue.list_newest",
    "cloudwatch:PutMetricData": "sentinel_metrics.put",
    # The sentinel holds these too, for Lambda itself.
    "ec2:DescribeNetworkInterfaces": "inventory.describe inventory.describe+tags inventory.refresh",
    "ec2:DescribeSubnets": "inventory.describe inventory.describe+tags inventory.refresh",
    "ec2:CreateNetworkInterface": "",
    "ec2:DeleteNetworkInterface": "",
    "ec2:AssignPrivateIpAddresses": "",
    "ec2:UnassignPrivateIpAddresses": "",
    "ecs:ListClusters": "inventory.describe+tags",
    "tag:GetResources": "inventory.describe+tags",
    "arc-zonal-shift:ListManagedResources": "inventory.describe+tags",
    "fis:GetSafetyLever": "lever.get",
    "fis:UpdateSafetyLeverState": "lever.set",
}
"""The methods that need an action, for actions of capabilities that hold several. Any other action is needed by every
method of its capability."""
METHODS = {action: frozenset(names.split()) for action, names in {**{f"dynamodb:{k}": v for k, v in _DYNAMODB.items()}, **_OTHERS}.items()}
_I, _D, _C, _S, _T, _F, _V, _G = (
    ResourceType.INSTANCE, ResourceType.DATABASE, ResourceType.DATABASE_CLUSTER, ResourceType.SUBNET, ResourceType.ECS_TASK,
    ResourceType.FUNCTION, ResourceType.VOLUME, ResourceType.SCALING_GROUP,
)  # fmt: skip
_N, _K = ResourceType.NODEGROUP, ResourceType.ECS_CLUSTER
_WITH_INSTANCES = {_I, _S, _V, _G, _N, _K}
KINDS: dict[str, set[ResourceType]] = {
    "ec2:DescribeInstances": _WITH_INSTANCES,
    "ec2:DescribeInstanceTypes": {_V},
    "ec2:DescribeManagedPrefixLists": {_S},
    "ec2:GetManagedPrefixListEntries": {_S},
    "ec2:DescribeNetworkAcls": {_S},
    "ec2:DescribeNetworkInterfaces": {_S},
    "ec2:DescribeRouteTables": {_S},
    "ec2:DescribeSpotInstanceRequests": _WITH_INSTANCES,
    "ec2:DescribeSubnets": {_S, _T},
    "ec2:DescribeVolumes": {_V},
    "ec2:DescribeVpcEndpoints": {_S},
    "autoscaling:DescribeAutoScalingInstances": _WITH_INSTANCES,
    "autoscaling:DescribeAutoScalingGroups": _WITH_INSTANCES,
    "autoscaling:DescribeScalingActivities": {_I, _G},
    "elasticloadbalancing:DescribeInstanceHealth": set(ResourceType),
    "elasticloadbalancing:DescribeListeners": set(ResourceType),
    "elasticloadbalancing:DescribeLoadBalancers": set(ResourceType),
    "elasticloadbalancing:DescribeRules": set(ResourceType),
    "elasticloadbalancing:DescribeTargetGroups": set(ResourceType),
    "elasticloadbalancing:DescribeTargetHealth": set(ResourceType),
    "ssm:DescribeInstanceInformation": {*_WITH_INSTANCES, _T},
    "ssm:ListTagsForResource": {_T},
    "ecs:ListClusters": {_T, _K},
    "ecs:ListTasks": {_T, _K},
    "ecs:DescribeTaskDefinition": {_T},
    "ecs:DescribeTasks": {_T, _K},
    "ecs:DescribeServices": {_T, _K},
    "ecs:DescribeClusters": {_T, _K},
    "ecs:ListContainerInstances": {_K},
    "ecs:DescribeContainerInstances": {_K},
    "eks:DescribeCluster": {ResourceType.POD},
    "eks:DescribeNodegroup": {_N},
    "lambda:GetFunctionConfiguration": {_F},
    "lambda:ListAliases": {_F},
    "lambda:ListTags": {_F},
    "tag:GetResources": {_F, _N, ResourceType.REPLICATION_GROUP, *(kind for kind, managed in MANAGED.items() if managed.tagged_as)},
    "ec2:DescribeTransitGateways": {ResourceType.TRANSIT_GATEWAY},
    "ec2:DescribeTransitGatewayAttachments": {ResourceType.TRANSIT_GATEWAY},
    "ec2:DescribeTransitGatewayPeeringAttachments": {ResourceType.TRANSIT_GATEWAY},
    "arc-zonal-shift:GetManagedResource": {ResourceType.SHIFTABLE},
    "arc-zonal-shift:ListManagedResources": {ResourceType.SHIFTABLE},
    "arc-zonal-shift:ListZonalShifts": {ResourceType.SHIFTABLE},
    "ec2:DescribeAvailabilityZones": {ResourceType.SHIFTABLE},
    "elasticloadbalancing:DescribeTags": {ResourceType.SHIFTABLE},
    "elasticache:DescribeReplicationGroups": {ResourceType.REPLICATION_GROUP},
    "elasticache:ListTagsForResource": {ResourceType.REPLICATION_GROUP},
    "rds:DescribeDBInstances": {_D, _C},
    "rds:DescribeDBClusters": {_C},
    "rds:DescribeEvents": {_D},
}
for _kind, _managed in MANAGED.items():
    for _read in _managed.reads:
        KINDS[_read.allowed_by] = KINDS.get(_read.allowed_by, set()) | {_kind}
"""The types of target for which the inventory needs an action."""
REFUSABLE = frozenset({"faults.create_template", "faults.start", "alarms.put", "alarms.put_composite", "automations.start"})


@cache
def granted(function: str) -> tuple[Grant, ...]:
    """The grants that a function holds, each once."""
    held = [(action, tuple(statement.resources)) for statement in statements_for(function, NAMES) for action in statement.actions]
    return tuple(dict.fromkeys(held))


@cache
def needs(function: str, called: str, kind: ResourceType | None) -> frozenset[Grant]:
    """The grants on which a call of `port.method` is authorized. `kind` is the type of target that the inventory is
    asked for. A function's policy may grant it more narrowly."""
    method = called.partition("+")[0]
    port = method.partition(".")[0]
    if port in ASKS_NOTHING:
        return frozenset()
    known = make_capabilities(NAMES, function)
    needed_grants = set()
    for capability in NEEDS.get(method) or (NEEDS_OF_PORT[port],):
        for statement in known[NARROWER.get(function, {}).get(capability, capability)]:
            for action in statement.actions:
                if (called if action in METHODS else "") in METHODS.get(action, {""}) and (kind is None or kind in KINDS[action]):
                    needed_grants.add((action, tuple(statement.resources)))
    return frozenset(needed_grants)


@dataclass
class Policed:
    """A world in which one function lacks one grant."""

    walk: Walk
    function: str = ""
    grant: Grant | None = None
    used: set[tuple[str, Grant]] = field(default_factory=set)

    def call(self, called: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Called before each call of a port: refuses it if the function lacks the grant."""
        if not self.walk.running:
            return
        function = self.walk.running[-1]
        wanted = needs(function, *self._what(called, args, kwargs))
        self.used |= {(function, need) for need in wanted}
        if function == self.function and self.grant in wanted:
            raise _denied(called)

    def _what(self, called: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ResourceType | None]:
        if called in {"alarms.put", "alarms.put_composite"}:
            return called + ("+old" if args[0].name in self.walk.world.alarms.alarms else "+new"), None
        if called == "inventory.describe":
            by_name = {"resource_type": ResourceType.INSTANCE, **kwargs}["resource_type"]
            return ("inventory.describe+tags" if not args[0] else called), by_name
        if called == "inventory.refresh":
            return called, args[0].others[0].type if args[0].others else ResourceType.INSTANCE
        return called, None

    def answered(self, called: str, answer: Any) -> None:
        """S3 answers AccessDenied for a missing object to callers that may not list the bucket."""
        listing: Grant = ("s3:ListBucket", ("bucket",))
        if called == "documents.get" and answer is None and self.walk.running and self.walk.running[-1] != "Sentinel":
            self.used.add((self.walk.running[-1], listing))
            if (self.walk.running[-1], listing) == (self.function, self.grant):
                raise _denied(called)


def _denied(called: str) -> Exception:
    if called in REFUSABLE:
        return Refused("aws", called, "AccessDeniedException", "not authorized")
    return Unavailable("aws", called, "AccessDeniedException", "not authorized", retryable=False)


class _Port:
    def __init__(self, policed: Policed, name: str, port: Any) -> None:
        self._policed, self._name, self._port = policed, name, port

    def __getattr__(self, method: str) -> Any:
        attribute = getattr(self._port, method)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            called = f"{self._name}.{method}"
            self._policed.call(called, args, kwargs)
            answer = attribute(*args, **kwargs)
            self._policed.answered(called, answer)
            return answer

        return call


@dataclass(frozen=True)
class Seen:
    """What people, machines and the account see of a scene."""

    raised: tuple[str, ...]
    endings: tuple[str, ...]
    notified: tuple[str, ...]
    left: tuple[str, ...]
    timeline: tuple[str, ...]
    written: tuple[tuple[str, str], ...]

    def but(self, other: Seen) -> str:
        """The gravest difference from another play, in words; empty if there is none."""
        if news := Counter(self.raised) - Counter(other.raised):
            return next(iter(news))
        for name in ("endings", "notified", "left", "timeline"):
            if news := Counter(getattr(self, name)) - Counter(getattr(other, name)):
                return next(iter(news))
            if gone := Counter(getattr(other, name)) - Counter(getattr(self, name)):
                return f"missing: {next(iter(gone))}"
        different = sorted(dict(self.written).items() ^ dict(other.written).items())
        return f"{different[0][0]} is another" if different else ""


def play(scene: str, function: str = "", grant: Grant | None = None) -> tuple[Seen, set[tuple[str, Grant]]]:
    """What the scene shows with that grant taken from that function, and every grant that was used in it."""
    with (
        arranged() as (walk, world),
        patch.object(page, "VENDOR", UPLOT / "dist"),
        patch.object(period, "load_deployed", vars(admit)["load_deployed"]),
        patch.object(schedules, "load_deployed", vars(admit)["load_deployed"]),
    ):
        policed = Policed(walk, function, grant)
        wiring = FakeWiring(world, {**SETTINGS, "SQUALL_SAFETY_LEVER": "true"})
        vars(wiring).update({name: _Port(policed, name, vars(wiring)[name]) for name in PORTS})
        set_wiring(wiring)
        outcomes = _listened(walk)
        SCENES[scene](walk, world)
        walk.quietly("Pulse", TICK)
        return _seen(world, outcomes), policed.used


ANSWERS = frozenset({"Abort", "Approve", "Halt", "Note", "Resume", "Report", "Schedule"})
"""The functions that people call, and whose answers they read."""


def _listened(walk: Walk) -> list[str]:
    """A list that fills with the errors that functions raise, which an alarm of the stack shows, and with the answers
    of functions that people call."""
    outcomes: list[str] = []
    real = walk.invoke

    def invoke(name: str, payload: dict[str, Any]) -> Any:
        try:
            answer = real(name, payload)
        except Exception as error:
            outcomes.append(f"{name} raises {type(error).__name__}")
            raise
        if name in ANSWERS:
            outcomes.append(f"{name} answers {answer}")
        return answer

    walking = walk.run

    def run(*args: Any, **kwargs: Any) -> Any:
        done = walking(*args, **kwargs)
        outcomes.append(f"{done.arn.rpartition(':')[2]} is {done.status} at {walk.world.clock.now():%H:%M:%S}")
        return done

    vars(walk).update(run=run, invoke=invoke)
    return outcomes


def _seen(world: FakeWorld, outcomes: list[str]) -> Seen:
    records = world.records.items
    endings = [f"{record.id} ends {record.verdict or record.status}: {record.reason}" for record in records.values()]
    endings += [
        f"campaign {record.id} ends {record.verdict or record.status}: {record.reason}" for record in world.campaigns.items.values()
    ]
    left = [f"left: lock {key}" for key in world.locks.leases] + [f"left: slot {key}" for key in world.locks.slot_leases]
    left += [f"left: template {key}" for key in world.faults.templates] + [f"left: alarm {key}" for key in world.alarms.alarms]
    left += [f"left: fault {fault.status}" for fault in world.faults.active()] + [f"sleeps: {token}" for token in world.workflow.tokens]
    left += [f"left: ticket of {ticket[1]}" for ticket in world.locks.tickets] + [f"open: {id_}" for id_ in world.records.in_open_index]
    left += [f"lever {world.faults.lever_engaged}", f"flag {world.halt_flag.get().engaged}", f"copy {world.halt_copy.get().engaged}"]
    left += [f"probes: {key} {lease.owner} {lease.until}" for key, lease in world.sentinels.leases.items()]
    left += [f"measured: {len(world.sentinel_metrics.data)}"]
    left += [f"probe started at {at}" for at in world.probes.started]
    left += [f"announced: {event.id} {event.status} {reason}" for event, reason in world.lifecycle.events]
    left += [f"announced: campaign {event.id} {event.status} {event.reason}" for event in world.campaign_events.emitted]
    left += [f"announced: prompt {detail}" for detail in world.campaign_events.asked]
    left += [f"open: campaign {id_}" for id_ in world.campaigns.list_open()]
    return Seen(
        (*outcomes, *(call.replace("raised:Sentinel:", "Sentinel raises ") for call in world.calls if call.startswith("raised:Sentinel"))),
        tuple(endings),
        tuple(f"told: {message.subject}: {message.body[:4000]}" for message in world.notifier.sent),
        tuple(left),
        tuple(f"{record.id} {event.event} {event.detail} {event.at}" for record in records.values() for event in record.events),
        tuple(sorted(world.documents.files.items())),
    )


@dataclass(frozen=True)
class Needed:
    function: str
    grant: Grant
    scene: str = ""
    effect: str = ""

    @property
    def survives(self) -> bool:
        """Whether the grant can be taken away without any effect, and no reason is known to keep it."""
        return not self.effect and not excused(self.function, self.grant[0])

    def __str__(self) -> str:
        reason = self.effect or excused(self.function, self.grant[0]) or "NOTHING FAILS"
        resource = f" on {self.grant[1][0].rpartition(':')[2]}" if self.grant[1] != ("*",) else ""
        return f"{self.function} {self.grant[0]}{resource}: {reason[:150]}" + (f" ({self.scene})" if self.scene else "")


_KEY = "asked by DynamoDB, S3, SNS and SQS in the function's name where the stack has a key of its own: no port knows of it"
_NETWORK = "asked by Lambda itself, where the sentinel lives in a VPC, before the function's first line runs"
_OF_PARTS = "only a part of a run over several Regions calls it, and a scene is one Region: `tests/workflow/regions` shows it"
NOT_SHOWN: dict[tuple[str, str], str] = {
    ("*", "iam:CreateServiceLinkedRole"): "asked by FIS itself, once in an account's life, for its first experiment",
    **{
        (function, action): _OF_PARTS
        for function in ("AwaitPeers", "Decide")
        for action in ("dynamodb:GetItem", "dynamodb:UpdateItem", "states:SendTaskSuccess")
        if (function, action) != ("Decide", "dynamodb:UpdateItem")
    },
    ("Pulse", "ssm:GetParameter"): "read for campaigns over members of a fleet, and a scene is one stack: "
    "`tests/workflow/campaign/members` shows it",
    ("AcquireSlot", "s3:PutObject"): "its source can reach a write of the checks it makes again; no scene has brought it there yet",
    ("*", "sqs:SendMessage"): "asked by Lambda itself, for an event on which the function failed for good",
    **{("*", f"kms:{action}"): _KEY for action in ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey")},
    **{
        ("Sentinel", f"ec2:{action}"): _NETWORK
        for action in (
            "CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets",
            "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses",
        )
    },
}  # fmt: skip
"""The reason why no scene can show that an action is needed, by function (or `*`) and action."""


def excused(function: str, action: str) -> str:
    """The reason why no scene can show that the action is needed; empty if a scene must."""
    return NOT_SHOWN.get((function, action)) or NOT_SHOWN.get(("*", action), "")


@cache
def undisturbed(scene: str) -> tuple[Seen, frozenset[tuple[str, Grant]]]:
    shown, used = play(scene)
    return shown, frozenset(used)


def needed(function: str) -> Iterator[Needed]:
    """Each grant of a function, with the first scene that shows that it is needed."""
    for grant in granted(function):
        result = Needed(function, grant)
        for scene in SCENES:
            shown, used = undisturbed(scene)
            if (function, grant) in used and (effect := play(scene, function, grant)[0].but(shown)):
                result = Needed(function, grant, scene, effect.partition("\n")[0])
                break
        yield result


def main() -> int:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    results = [result for function in HOLDERS for result in needed(function)]
    for result in results:
        print(result)
    survivors = [result for result in results if result.survives]
    shown = sum(bool(result.effect) for result in results)
    print(f"{len(results)} grants of {len(HOLDERS)} functions in {len(SCENES)} scenes: {shown} missed, {len(survivors)} that nothing needs")
    print(f"{time.process_time() - began:.0f} s of one core")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
