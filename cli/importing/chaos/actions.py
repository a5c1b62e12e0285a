"""Actions of chaostoolkit-aws as actions of FIS that do the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squall.domain.base.vocabulary import ResourceType
from squall.faults.adoption.paths import PATHS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.importing.chaos.blocks import Block
    from cli.importing.values import Unknowns


@dataclass
class FisAction:
    """An action and its target as a FIS template has them."""

    action_id: str
    key: str
    target: dict[str, Any]
    parameters: dict[str, str] = field(default_factory=dict)


Reader = Callable[["Block", "Unknowns"], FisAction]
_ALL = "ALL"
_ARN_PATHS = {name: path for path, name in PATHS[ResourceType.INSTANCE].items()}


def read_action(module: str, function: str, arguments: Block, unknowns: Unknowns) -> FisAction | None:
    """The action of FIS that does the same; None if none does. Arguments that it has no place for stay in the block."""
    reader = _READERS.get(f"{module}.{function}")
    return reader(arguments, unknowns) if reader else None


def suggest_in_place(module: str) -> str:
    """What an experiment may have in place of an action that FIS does not have. `module`: of Python; empty for any other action."""
    for beginning, words in _IN_PLACE.items():
        if module.startswith(beginning):
            return words
    known = [name.rpartition(".")[2] for name in _READERS if name.startswith(f"{module}.")]
    others = f"{', '.join(known)} of {module}, or " if known else ""
    return f"{others}what docs/faults.md lists; anything else as a document of the policy's custom_actions"


def _hit_instances(action_id: str, *, single: bool) -> Reader:
    def read(arguments: Block, _unknowns: Unknowns) -> FisAction:
        named = arguments.take("instance_ids") or arguments.take("instance_id")
        ids = named if isinstance(named, list) else [named] if named else []
        target: dict[str, Any] = {"resourceType": "aws:ec2:instance", "selectionMode": "COUNT(1)" if single else _ALL}
        if ids:
            target["resourceArns"] = [str(name) for name in ids]
        else:
            target |= _read_filters(arguments.take("filters"), arguments.take("az"))
        if arguments.value.get("force") is False:
            arguments.take("force")
        return FisAction(action_id, "Instances", target)

    return read


def _read_filters(given: Any, zone: Any) -> dict[str, Any]:
    """EC2's filters: tags with one value are tags of the target, others its filters."""
    tags: dict[str, str] = {}
    filters: list[dict[str, Any]] = []
    for condition in given if isinstance(given, list) else []:
        name, values = str(_mapping(condition).get("Name")), _mapping(condition).get("Values") or []
        if name.startswith("tag:") and len(values) == 1:
            tags[name.removeprefix("tag:")] = str(values[0])
        else:
            filters.append({"path": _ARN_PATHS.get(name, name), "values": values})
    if zone:
        filters.append({"path": "Placement.AvailabilityZone", "values": [str(zone)]})
    return {"resourceTags": tags, "filters": filters}


def _hit_group(action_id: str) -> Reader:
    def read(arguments: Block, _unknowns: Unknowns) -> FisAction:
        names = arguments.take("asg_names") or []
        tags = {"aws:autoscaling:groupName": str(names[0])} if isinstance(names, list) and len(names) == 1 else {}
        if not tags and names:
            arguments.value["asg_names"] = names
        target: dict[str, Any] = {
            "resourceType": "aws:ec2:instance",
            "resourceTags": tags,
            "selectionMode": _read_number(arguments, "instance"),
        }
        if zone := arguments.take("az"):
            target["filters"] = [{"path": "Placement.AvailabilityZone", "values": [str(zone)]}]
        if arguments.value.get("force") is False:
            arguments.take("force")
        return FisAction(action_id, "Instances", target)

    return read


def _read_number(arguments: Block, noun: str) -> str:
    """How many are hit: a number, a percentage, or one."""
    count, percent = arguments.take(f"{noun}_count"), arguments.take(f"{noun}_percent")
    if count is not None:
        return f"COUNT({count})"
    return f"PERCENT({percent})" if percent is not None else "COUNT(1)"


def _stop_tasks(arguments: Block, unknowns: Unknowns) -> FisAction:
    cluster, service, task = (arguments.take(name) for name in ("cluster", "service", "task_id"))
    arguments.take("reason")  # a remark that ECS keeps with the task
    target: dict[str, Any] = {"resourceType": "aws:ecs:task", "selectionMode": _read_number(arguments, "task")}
    if task:
        target["resourceArns"] = [f"{_place('ecs', unknowns)}:task/{cluster or unknowns.add('CLUSTER')}/{task}"]
    else:
        target["parameters"] = {name: str(value) for name, value in (("cluster", cluster), ("service", service)) if value}
    return FisAction("aws:ecs:stop-task", "Tasks", target)


def _fail_over_cluster(arguments: Block, unknowns: Unknowns) -> FisAction:
    arn = f"{_place('rds', unknowns)}:cluster:{arguments.take('db_cluster_identifier')}"
    target = {"resourceType": "aws:rds:cluster", "resourceArns": [arn], "selectionMode": _ALL}
    return FisAction("aws:rds:failover-db-cluster", "Clusters", target)


def _reboot_database(arguments: Block, unknowns: Unknowns) -> FisAction:
    arn = f"{_place('rds', unknowns)}:db:{arguments.take('db_instance_identifier')}"
    target = {"resourceType": "aws:rds:db", "resourceArns": [arn], "selectionMode": _ALL}
    forced = str(bool(arguments.take("force_failover", False))).lower()
    return FisAction("aws:rds:reboot-db-instances", "DBInstances", target, {"forceFailover": forced})


def _send_command(arguments: Block, _unknowns: Unknowns) -> FisAction:
    document, version = str(arguments.take("document_name")), arguments.take("document_version")
    told = arguments.take("parameters") or {}
    parameters = {
        "documentArn": document if document.startswith("arn:") else f"arn:aws:ssm:::document/{document}",
        "documentParameters": json.dumps(told, ensure_ascii=False),
        **({"documentVersion": str(version)} if version else {}),
    }
    target: dict[str, Any] = {"resourceType": "aws:ec2:instance", "selectionMode": _ALL}
    for condition in arguments.take("targets") or []:
        key, values = str(_mapping(condition).get("Key")), _mapping(condition).get("Values") or []
        if key == "InstanceIds":
            target["resourceArns"] = [str(value) for value in values]
        elif key.startswith("tag:") and len(values) == 1:
            target.setdefault("resourceTags", {})[key.removeprefix("tag:")] = str(values[0])
        else:
            target.setdefault("filters", []).append({"path": key, "values": values})
    return FisAction("aws:ssm:send-command", "Instances", target, parameters)


def _place(service: str, unknowns: Unknowns) -> str:
    region = unknowns.region or unknowns.add("REGION")
    return f"arn:aws:{service}:{region}:{unknowns.add('ACCOUNT')}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


_IN_PLACE = {
    "chaosaws.fis": "`squall import --id EXT…`, which reads the template that it starts",
    "chaosk8s": "a fault on pods, such as `type: instance_termination` with `resource_type: aws:eks:pod`",
    "chaostoxi": "`type: network_latency` or `type: dependency_timeout` on what calls the dependency",
    "chaosgremlin": "the fault of docs/faults.md that does the same",
    "chaosgrafana.k6": "no action: load is no fault, and runs beside the experiment",
    "chaoslocust": "no action: load is no fault, and runs beside the experiment",
}
"""Beginnings of modules to what does the same in an experiment of Squall."""
STOP, TERMINATE = "aws:ec2:stop-instances", "aws:ec2:terminate-instances"
_READERS: dict[str, Reader] = {
    "chaosaws.ec2.actions.stop_instance": _hit_instances(STOP, single=True),
    "chaosaws.ec2.actions.stop_instances": _hit_instances(STOP, single=False),
    "chaosaws.ec2.actions.terminate_instance": _hit_instances(TERMINATE, single=True),
    "chaosaws.ec2.actions.terminate_instances": _hit_instances(TERMINATE, single=False),
    "chaosaws.ec2.actions.restart_instances": _hit_instances("aws:ec2:reboot-instances", single=False),
    "chaosaws.asg.actions.stop_random_instances": _hit_group(STOP),
    "chaosaws.asg.actions.terminate_random_instances": _hit_group(TERMINATE),
    "chaosaws.ecs.actions.stop_task": _stop_tasks,
    "chaosaws.ecs.actions.stop_random_tasks": _stop_tasks,
    "chaosaws.rds.actions.failover_db_cluster": _fail_over_cluster,
    "chaosaws.rds.actions.reboot_db_instance": _reboot_database,
    "chaosaws.ssm.actions.send_command": _send_command,
}
