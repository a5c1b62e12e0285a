"""What is going on around the workload: alarms, deployments, the last fault. Nobody breaks what is already moving."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.metrics.periods import format_length
from squall.domain.metrics.scopes import load_balancer_dimension
from squall.domain.resources.databases import Database, DatabaseCluster
from squall.domain.resources.functions import LambdaFunction
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import AlarmState
from squall.domain.run.record import ExecutionRecord
from squall.domain.safety.inputs import Answer, Check, SafetyInput

NAMED_AT_MOST = 10


def _do_not_disturb(given: SafetyInput) -> Answer:
    policy = given.definition.environment
    wanted = policy.calm.do_not_disturb
    if not wanted:
        return True, f"{policy.name} names no do-not-disturb alarm"
    if given.named_alarms is None:
        return None, f"the states of {_few(wanted)} could not be asked"
    absent = [name for name in wanted if name not in given.named_alarms]
    if absent:
        return None, f"there is no alarm {_few(absent)}: whether to disturb can't be told"
    firing = [name for name in wanted if given.named_alarms[name].state == "ALARM"]
    return not firing, f"do not disturb: {_few(firing)} in ALARM" if firing else f"{_few(wanted)}: none in ALARM"


def _workload_alarms(given: SafetyInput) -> Answer:
    policy = given.definition.environment
    if given.firing is None or given.workload_now is None:
        return None, "which alarms are in ALARM, or what the workload consists of, could not be asked"
    guards = {guard.name for guard in given.guards}  # of this run, and judged by guards_healthy
    passed_over = guards | set(policy.calm.ignored_alarms)
    places = _list_places(given.workload_now)
    found = [alarm for alarm in given.firing if alarm.name not in passed_over and not alarm.only_scales and _is_of(alarm, places)]
    if not found:
        return True, f"no alarm of the workload is in ALARM; {len(given.firing)} of others, or that don't count, are"
    said = f"in ALARM: {_few([alarm.name for alarm in found])}"
    match policy.calm.workload_alarms:
        case "refuse":
            return False, said
        case "warn":
            return CheckOutcome.WARNED, said
        case "ignore":
            return True, f"{said}; {policy.name} ignores alarms of the workload"


Place = Mapping[str, str]
"""The dimensions of the metrics of one part of the workload."""


def _list_places(workload: Workload) -> list[Place]:
    scaling = [group for group in workload.groups if group.kind == "auto_scaling"]
    clustered = [group.name.rpartition("/") for group in workload.groups if group.kind == "ecs"]
    served = [(group.name, group.load_balancer) for group in workload.target_groups]
    return [
        *({"AutoScalingGroupName": group.name} for group in scaling),
        *({"InstanceId": member, "AutoScalingGroupName": group.name} for group in scaling for member in group.in_service),
        *({"InstanceId": instance.id} for instance in workload.instances),
        *({"TargetGroup": name, "LoadBalancer": load_balancer_dimension(balancer or "")} for name, balancer in served),
        *({"ServiceName": service, "ClusterName": cluster} for cluster, _, service in clustered),
        *({"FunctionName": one.id} for one in workload.others if isinstance(one, LambdaFunction)),
        *_list_databases(workload),
    ]


def _list_databases(workload: Workload) -> Iterator[Place]:
    for one in workload.others:
        if isinstance(one, DatabaseCluster):
            yield {"DBClusterIdentifier": one.id}
            yield from ({"DBClusterIdentifier": one.id, "DBInstanceIdentifier": member.id} for member in one.members)
        elif isinstance(one, Database):
            yield {"DBInstanceIdentifier": one.id}


_SHARED = frozenset({"ClusterName"})
"""Dimensions that by themselves name more than a part of the workload."""


def _is_of(alarm: AlarmState, places: Sequence[Place]) -> bool:
    """Whether the alarm watches a part of the workload: all of its dimensions that are known of this part agree."""
    return any(_agrees(dict(watched.dimensions), place) for watched in alarm.watches for place in places)


def _agrees(dimensions: Mapping[str, str], place: Place) -> bool:
    common = dimensions.keys() & place.keys()
    return bool(common - _SHARED) and all(dimensions[name] == place[name] for name in common)


def _cool_down(given: SafetyInput) -> Answer:
    policy = given.definition.environment
    wanted = policy.calm.cool_down
    if wanted is None:
        return True, f"{policy.name} asks for no cool-down"
    if given.recent_faults is None:
        return None, "the last faults could not be looked up"
    ended = sorted(_ended_here(given), reverse=True)
    if not ended:
        return True, f"no fault on {', '.join(given.discovery.failure_domains)} in the last {format_length(wanted)}"
    at, execution = ended[0]
    said = (
        f"the last fault here, of {execution}, ended at {at:%Y-%m-%d %H:%M:%S} UTC; {policy.name} asks for {format_length(wanted)} of rest"
    )
    return given.now - at >= wanted, said


def _ended_here(given: SafetyInput) -> Iterator[tuple[datetime, str]]:
    """Ends of others' faults on these failure domains, and whose; one that may still run ends now."""
    for record in given.recent_faults or ():
        if record.id != given.execution_id and set(record.lock_keys) & set(given.discovery.failure_domains):
            yield _end(record) or given.now, record.id


def _end(record: ExecutionRecord) -> datetime | None:
    return record.fault_ended_at or record.ended_at


def _no_deployment(given: SafetyInput) -> Answer:
    if given.deployments is None:
        return None, "what is being deployed could not be asked"
    calm = given.definition.environment.calm
    looked_at = ["instance refreshes of the targets' groups", *calm.pipelines, *calm.deployment_groups]
    return not given.deployments, "; ".join(given.deployments) or f"nothing is being deployed: {', '.join(looked_at)}"


def _few(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


ALWAYS: Mapping[str, Check] = {
    "do_not_disturb": _do_not_disturb,
    "workload_alarms": _workload_alarms,
    "cool_down": _cool_down,
    "no_deployment": _no_deployment,
}
