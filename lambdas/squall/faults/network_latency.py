"""Delay the network of pinned instances with AWS's own Systems Manager document."""

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from squall.domain.documents import Instance, Proof, RollbackReport, SafetyCheck, TargetBefore, Workload
from squall.domain.model import Model
from squall.domain.observed import CommandState, FisExperiment
from squall.domain.problems import InvalidInput, Problem
from squall.domain.vocabulary import FaultType, RollbackOutcome
from squall.faults.base import LONGEST, Commands, ModelType, Risk, check, instance_targets, iso_duration, parse_parameters

DOCUMENT = "AWSFIS-Run-Network-Latency-Sources"
DEFAULT_SOURCES = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
"""The private networks: in a VPC with such addresses the load balancer, peers and databases are delayed, as users would notice. In a VPC
with others (100.64.0.0/10 …) nothing would be, and the prerequisite `sources_reach_vpc` refuses. Neither the metadata service nor public
endpoints are delayed; but where Systems Manager is reached by interface endpoints, those live in the VPC, and the agent's own traffic is
delayed too. It is late, not cut off: the policy's range of `latency_ms` keeps it short enough for a cancel to arrive, and the command
ends by itself after DurationSeconds whether or not one does."""
SLACK = timedelta(seconds=60)
"""How much longer the action may take than the fault: dispatch, and installing what the document needs. Billed."""
LONGEST_VALUE = 1024

_ZONE = re.compile(r"(?:[a-z]{2,4}(?:-[a-z]+)+-\d[a-z]|[a-z]{2,4}\d-az\d{1,2})")
_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)
_SERVICES = frozenset({"DYNAMODB", "S3"})
_SHELL = re.compile(r"[^A-Za-z0-9.,:/_-]")
_UNDELIVERED = ("undeliver", "delivery", "invalidplatform", "accessdenied", "notready")


class Parameters(Model):
    latency_ms: Annotated[int, Field(ge=1, le=10_000)] = 200
    jitter_ms: Annotated[int, Field(ge=0, le=10_000)] = 10
    sources: Annotated[str, Field(min_length=1, max_length=700)] = DEFAULT_SOURCES
    """Comma-separated: IPv4 addresses and networks, Availability Zones, domain names, DYNAMODB, S3."""
    interface: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,14}(\.\d{1,4})?$")] | None = None
    """Network interface; None: the document's default."""
    traffic_type: Literal["ingress", "egress"] = "ingress"
    flows_percent: Annotated[int, Field(ge=1, le=100)] = 100

    @field_validator("sources")
    @classmethod
    def _harmless(cls, sources: str) -> str:
        strange = _SHELL.search(sources)
        if strange:
            raise ValueError(f"addresses, networks, zones and domain names without {strange.group()!r}")
        for source in sources.split(","):
            _check_source(source)
        return sources


class NetworkLatency:
    """`aws:ssm:send-command` with AWSFIS-Run-Network-Latency-Sources: ends by itself, and when it is cancelled."""

    type = FaultType.NETWORK_LATENCY
    title = "Network latency"
    risk: Risk = "medium"
    reversible = True
    ssm_document: str | None = DOCUMENT
    fis_actions = ("aws:ssm:send-command",)
    moves_metrics: tuple[str, ...] = ()
    parameters: ModelType = Parameters

    def parse(self, raw: Mapping[str, Any]) -> Parameters:
        return parse_parameters(Parameters, raw)

    def prerequisites(
        self,
        workload: Workload,  # noqa: ARG002 - the protocol's
        pinned: Sequence[Instance],
        parameters: Model,
    ) -> tuple[SafetyCheck, ...]:
        unmanaged = [instance.id for instance in pinned if not instance.managed]
        others = [f"{instance.id} runs {instance.platform}" for instance in pinned if instance.platform.lower() != "linux"]
        offline = f"{', '.join(unmanaged)} is not online in Systems Manager: the command would never arrive"
        online = "every target is online in Systems Manager"
        foreign = f"the document needs Linux: {'; '.join(others)}"
        return (
            check("systems_manager_online", bool(pinned) and not unmanaged, offline if unmanaged else online),
            check("linux", bool(pinned) and not others, foreign if others else "every target runs Linux"),
            check("sources_reach_vpc", *_reaches(pinned, _own(parameters).sources)),
        )

    def compile(
        self, parameters: Model, pinned: Sequence[Instance], length: timedelta, *, region: str, partition: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        parameters = _own(parameters)
        targets = instance_targets(pinned)
        document = _document_parameters(parameters, length)
        actions = {
            f"latency{name.removeprefix('Instances')}": {
                "actionId": "aws:ssm:send-command",
                "description": f"Delay {parameters.traffic_type} traffic by {parameters.latency_ms} ms",
                "parameters": {
                    "documentArn": f"arn:{partition}:ssm:{region}::document/{DOCUMENT}",
                    "documentParameters": document,
                    "duration": iso_duration(min(length + SLACK, LONGEST)),
                },
                "targets": {"Instances": name},
            }
            for name in targets
        }
        return targets, actions

    def prove(
        self,
        pinned: Sequence[Instance],
        workload_after: Workload,  # noqa: ARG002 - the protocol's
        commands: Commands,
        fis: FisExperiment | None,  # noqa: ARG002 - the protocol's
    ) -> tuple[Proof, ...]:
        return tuple(_proof(instance.id, commands.get(instance.id, ())) for instance in pinned)

    def verify(
        self,
        before: Sequence[TargetBefore],
        before_workload: Workload,  # noqa: ARG002 - the protocol's
        after_workload: Workload,
        commands: Commands,
        fis: FisExperiment | None,
        now: datetime,
        length: timedelta | None = None,
    ) -> RollbackReport:
        pinned = [target.instance for target in before]
        proofs = self.prove(pinned, after_workload, commands, fis)
        sent = [command for instance in pinned for command in commands.get(instance.id, ())]
        leftovers = tuple(f"command {c.id} is still {c.status} on {c.instance_id}" for c in sent if c.active)
        differences = [*leftovers, *_changed(before, after_workload)]
        if not sent and not differences:
            outcome = RollbackOutcome.NOT_NEEDED
        else:
            outcome = RollbackOutcome.NOT_RESTORED if differences else RollbackOutcome.RESTORED
        return RollbackReport(
            at=now,
            proofs=proofs,
            outcome=outcome,
            differences=tuple(differences),
            leftovers=leftovers,
            could_have_lasted_until=_latest_end(sent, length),
        )


def _check_source(source: str) -> None:
    if source in _SERVICES or _ZONE.fullmatch(source):
        return
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        if not _DOMAIN.fullmatch(source):
            raise ValueError(f"an IPv4 address or network, an Availability Zone, a domain name, DYNAMODB or S3, not {source!r}") from None
        return
    if network.prefixlen == 0:
        raise ValueError(f"not {source}: it includes the Systems Manager agent's traffic, which brings the command that ends the fault")
    if network.version != 4:
        raise ValueError(f"IPv4, not {source}: the document delays no IPv6 traffic")


def _own(parameters: Model) -> Parameters:
    if not isinstance(parameters, Parameters):
        raise TypeError(f"{type(parameters).__name__} is not a {__name__} model")
    return parameters


def _reaches(pinned: Sequence[Instance], sources: str) -> tuple[bool, str]:
    """Whether the networks that are delayed are those the targets live in: the command succeeds all the same when they aren't.

    Single addresses, names, zones and services are peers somebody chose; whether anything talks to them can't be told beforehand.
    """
    networks = [network for source in sources.split(",") if (network := _network(source))]
    if not networks or len(networks) < len(sources.split(",")) or all(network.num_addresses == 1 for network in networks):
        return bool(pinned), f"the delayed peers are named one by one: {sources}"
    outside = [i for i in pinned if not i.private_ip or not any(ipaddress.ip_address(i.private_ip) in network for network in networks)]
    if outside:
        named = ", ".join(f"{i.id} at {i.private_ip or 'no private IPv4 address'}" for i in outside)
        return False, f"{named} is in none of {sources}: its VPC's traffic would not be delayed; put the VPC's networks into sources"
    return bool(pinned), f"every target's own address is in {sources}"


def _network(source: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(source, strict=False)
    except ValueError:
        return None


def _document_parameters(parameters: Parameters, length: timedelta) -> str:
    """Compact JSON of strings, as FIS wants it."""
    given = {
        "DurationSeconds": str(max(1, ceil(length.total_seconds()))),
        "DelayMilliseconds": str(parameters.latency_ms),
        "JitterMilliseconds": str(parameters.jitter_ms),
        "Sources": parameters.sources,
        "TrafficType": parameters.traffic_type,
        "InstallDependencies": "True",
    }
    if parameters.interface is not None:
        given["Interface"] = parameters.interface
    if parameters.flows_percent != 100:
        given["FlowsPercent"] = str(parameters.flows_percent)
    text = json.dumps(given, separators=(",", ":"))
    if len(text) > LONGEST_VALUE:
        message = f"FIS takes {LONGEST_VALUE} characters of parameters, these are {len(text)}"
        raise InvalidInput([Problem(path="parameters.sources", message=message)])
    return text


def _proof(target: str, commands: Sequence[CommandState]) -> Proof:
    """The command was delivered and ran: in progress, succeeded, or cancelled after it had begun. In effect since the agent began."""
    for command in commands:
        if _ran(command):
            detail = f"command {command.id} is {command.status} on {target}"
            since = command.started_at or command.requested_at
            return Proof(target=target, proven=True, kind="mechanism", detail=detail, at=since, until=command.ended_at)
    newest = commands[0] if commands else None
    why = f"command {newest.id} is {newest.status} {newest.detail}".rstrip() if newest else f"no command {DOCUMENT} reached it"
    return Proof(target=target, proven=False, kind="mechanism", detail=why)


def _ran(command: CommandState) -> bool:
    if command.status in {"InProgress", "Success", "Cancelling"}:
        return True
    if command.status == "Cancelled" and command.started_at is None:  # before any agent took it
        return False
    if command.status not in {"Cancelled", "TimedOut"}:
        return False
    said = command.detail.lower().replace(" ", "")
    return not any(word in said for word in _UNDELIVERED)


def _changed(before: Sequence[TargetBefore], after: Workload) -> list[str]:
    now = {instance.id: instance for instance in after.instances}
    healthy = {group.arn: set(group.healthy) for group in after.target_groups}
    found = []
    for target in before:
        instance = now.get(target.instance.id)
        if instance is None or instance.state != target.instance.state:
            found.append(f"{target.instance.id} is {instance.state if instance else 'gone'}, it was {target.instance.state}")
        sick = [arn for arn in target.healthy_in if target.instance.id not in healthy.get(arn, ())]
        found += [f"{target.instance.id} is no longer healthy in {arn}" for arn in sick]
    return found


def _latest_end(commands: Sequence[CommandState], length: timedelta | None) -> datetime | None:
    """Until when an agent nobody can reach would have kept the delay: each command lasts DurationSeconds, which is the fault's length."""
    starts = [command.started_at or command.requested_at for command in commands]
    return max(starts) + length if starts and length is not None else None
