"""Target groups of load balancers, the health of what is registered in them, and who sends them requests."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.names import Names
from squall.domain.resources.workload import TargetGroup
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from squall.adapters.inventory.classic_balancers import ClassicBalancers

_NO_GROUP = frozenset({"TargetGroupNotFound", "TargetGroupNotFoundException"})
_NO_BALANCER = frozenset({"LoadBalancerNotFound", "LoadBalancerNotFoundException", "ListenerNotFound", "ListenerNotFoundException"})
_IDLE = frozenset({"draining", "unhealthy.draining", "unused"})
"""States of targets that get no requests: they were deregistered, their zone is not enabled, or no listener uses the
group."""
_SERVES = frozenset({"healthy", "unavailable"})
"""`unavailable`: health checks are disabled, so that the load balancer sends requests anyway."""
_SHIFTED = "zonal_shift_active"
"""The override of a target whose zone was shifted away: it gets no requests, however healthy."""
_APPLICATION = ":loadbalancer/app/"


class TargetGroups:
    """Finds target groups by ARN, and by what is registered in them; and classic load balancers, where `classic` can be
    asked."""

    def __init__(self, client: Any, classic: ClassicBalancers | None = None) -> None:
        self._client, self._classic = client, classic

    def find(self, arns: Collection[str], names: Mapping[str, str]) -> list[TargetGroup]:
        """The existing groups with these ARNs, and those in which one of these targets is registered, sorted by ARN.

        `names` maps each target's name to its VPC; the VPC of a function is `""`. ELB can't list the groups of a
        target, so all groups of the VPCs are read: requests reach a target whoever registered it.
        """
        look, by_vpc = _Look(self._client), _names_by_vpc(names)
        entries = [group for arn, group in look.groups.items() if arn in arns or look.holds(group, by_vpc)]
        described = [look.read(group) for group in entries if look.is_there(group)]
        classic = self._classic.find(arns, by_vpc) if self._classic else ()
        return sorted([*described, *classic], key=lambda group: group.arn)


def _names_by_vpc(names: Mapping[str, str]) -> dict[str, Names]:
    return {vpc: Names.of(name for name, own in names.items() if own == vpc) for vpc in set(names.values())}


class _Look:
    """The target groups of the account at one moment. Each is asked once."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._health: dict[str, list[Any] | None] = {}
        self._forwarded: dict[str, frozenset[str]] = {}

    @cached_property
    def groups(self) -> dict[str, Any]:
        """Every target group, by ARN. A listing is complete even if a group that is looked for does not exist."""
        return {group["TargetGroupArn"]: group for group in list_items(self._client, "describe_target_groups", "TargetGroups")}

    def health(self, arn: str) -> list[Any]:
        """Every target and its health, once for each port with which it is registered."""
        if arn not in self._health:
            answer = call(self._client, "describe_target_health", absent=_NO_GROUP, TargetGroupArn=arn)
            self._health[arn] = None if answer is None else list(answer["TargetHealthDescriptions"])
        return self._health[arn] or []

    def holds(self, group: Mapping[str, Any], names: Mapping[str, Names]) -> bool:
        """Whether one of these targets is registered in the group. The names are by VPC."""
        wanted = names.get(group.get("VpcId", ""))
        return bool(wanted and wanted.match({entry["Target"]["Id"] for entry in self.health(group["TargetGroupArn"])}))

    def is_there(self, group: Mapping[str, Any]) -> bool:
        """Whether the group still exists: it may have been deleted since the listing."""
        self.health(group["TargetGroupArn"])
        return self._health[group["TargetGroupArn"]] is not None

    def read(self, group: Mapping[str, Any]) -> TargetGroup:
        """The group with its targets, its use, and how many groups its load balancer serves."""
        balancer = next(iter(group.get("LoadBalancerArns", [])), None)
        served = [arn for arn in self._list_used(balancer) if self._has_targets(arn)] if balancer else None
        in_use = balancer is not None and group["TargetGroupArn"] in self._list_used(balancer)
        target_group = _read_group(group, self.health(group["TargetGroupArn"]))
        return target_group.model_copy(update={"in_use": in_use, "load_balancer_groups": None if served is None else len(served)})

    def _has_targets(self, arn: str) -> bool:
        return any(_is_asked(entry) for entry in self.health(arn))

    def _list_used(self, balancer: str) -> frozenset[str]:
        """ARNs of the target groups to which a listener of the load balancer, or one of its rules, sends requests."""
        if balancer not in self._forwarded:
            self._forwarded[balancer] = frozenset(arn for actions in self._list_actions(balancer) for arn in _forwarded_to(actions))
        return self._forwarded[balancer]

    def _list_actions(self, balancer: str) -> Iterator[Sequence[Any]]:
        try:
            for listener in list_items(self._client, "describe_listeners", "Listeners", LoadBalancerArn=balancer):
                yield listener.get("DefaultActions", ())
                if _APPLICATION in balancer:  # other load balancers have no rules
                    rules = list_items(self._client, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"])
                    yield from (rule.get("Actions", ()) for rule in rules)
        except Unavailable as error:
            if error.code not in _NO_BALANCER:  # deleted since: it sends nothing any more
                raise


def _forwarded_to(actions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The target groups that get requests: those with a weight above zero, where an action has weights."""
    for action in actions:
        weighted = action.get("ForwardConfig", {}).get("TargetGroups", [])
        yield from (group["TargetGroupArn"] for group in weighted if group.get("Weight", 1) > 0)
        if not weighted and "TargetGroupArn" in action:
            yield action["TargetGroupArn"]


def _state_of(entry: Mapping[str, Any]) -> str:
    """The state of a target, as far as requests go: a healthy one in a zone that was shifted away is not used."""
    shifted = entry.get("AdministrativeOverride", {}).get("State") == _SHIFTED
    return "unused" if shifted else str(entry["TargetHealth"]["State"])


def _is_asked(entry: Mapping[str, Any]) -> bool:
    return _state_of(entry) not in _IDLE


def _read_group(group: Mapping[str, Any], registered: Sequence[Mapping[str, Any]]) -> TargetGroup:
    states: dict[str, set[str]] = {}
    for entry in registered:
        states.setdefault(entry["Target"]["Id"], set()).add(_state_of(entry))
    asked = {target: target_states - _IDLE for target, target_states in states.items() if not target_states <= _IDLE}
    ports = tuple(sorted({entry["Target"]["Port"] for entry in registered if "Port" in entry["Target"]}))
    health_port = str(group.get("HealthCheckPort", "traffic-port"))
    return TargetGroup(
        arn=group["TargetGroupArn"],
        load_balancer=next(iter(group.get("LoadBalancerArns", [])), None),
        protocol=group.get("Protocol"),
        ports=ports,
        health_ports=(int(health_port),) if health_port.isdecimal() else ports,
        unhealthy_after_seconds=_find_unhealthy_after(group),
        healthy=tuple(sorted(target for target, target_states in asked.items() if target_states <= _SERVES)),
        unhealthy=tuple(sorted(target for target, target_states in asked.items() if not target_states <= _SERVES)),
        idle=tuple(sorted(states.keys() - asked.keys())),
    )


def _find_unhealthy_after(group: Mapping[str, Any]) -> int | None:
    """After how many seconds of silence a target is unhealthy: so many checks fail, and the last one runs into its
    timeout."""
    settings = [group.get(f"HealthCheck{name}Seconds") for name in ("Interval", "Timeout")] + [group.get("UnhealthyThresholdCount")]
    if None in settings or not group.get("HealthCheckEnabled", True):
        return None
    interval, timeout, failures = (int(value) for value in settings if value is not None)
    return interval * failures + timeout
