"""The exact commands that opt a service in. Squall's roles can't inject faults into anything without the tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discovery.analysis.services import OPT_IN, POD_LABEL, Service
from squall.domain.run.commands import shell_command

if TYPE_CHECKING:
    from discovery.analysis.aspects import Lookup


def list_tag_commands(service: Service, environment: str, lookup: Lookup) -> tuple[str, ...]:
    """The commands in the order in which they have to be run; none for what already has the tag."""
    commands = _BY_KIND[service.kind](service, environment, lookup)
    return tuple(commands)


def _tag(environment: str) -> str:
    return f"Key={OPT_IN},Value={environment}"


def _tag_group(service: Service, environment: str, lookup: Lookup) -> list[str]:
    commands = []
    if service.environment != environment:
        tag = f"ResourceId={service.name},ResourceType=auto-scaling-group,{_tag(environment)},PropagateAtLaunch=true"
        commands.append(shell_command("aws", "autoscaling", "create-or-update-tags", "--tags", tag))
    return commands + _tag_instances(service, environment, lookup)


def _tag_instances(service: Service, environment: str, lookup: Lookup) -> list[str]:
    known = lookup.instances
    without = [name for name in service.members if name in known and known[name].tags.get(OPT_IN) != environment]
    return [shell_command("aws", "ec2", "create-tags", "--resources", *without, "--tags", _tag(environment))] if without else []


def _tag_ecs(service: Service, environment: str, lookup: Lookup) -> list[str]:
    ecs_service = lookup.ecs_services[service.id]
    commands = []
    pair = f"key={OPT_IN},value={environment}"
    if service.environment != environment:
        commands.append(shell_command("aws", "ecs", "tag-resource", "--resource-arn", service.id, "--tags", pair))
    if not ecs_service.propagates_tags:
        names = ("--cluster", ecs_service.cluster, "--service", ecs_service.name)
        commands.append(shell_command("aws", "ecs", "update-service", *names, "--propagate-tags", "SERVICE"))
    without = [task.id for task in ecs_service.tasks if task.opted_in != environment]
    return commands + [shell_command("aws", "ecs", "tag-resource", "--resource-arn", arn, "--tags", pair) for arn in without]


def _tag_eks(service: Service, environment: str, lookup: Lookup) -> list[str]:
    workload = lookup.pod_workloads[service.id]
    commands = []
    if workload.cluster_tags.get(OPT_IN) != environment:
        tags = ("--resource-arn", workload.cluster_arn, "--tags", f"{OPT_IN}={environment}")
        commands.append(shell_command("aws", "eks", "tag-resource", *tags))
    if workload.labels.get(POD_LABEL) != environment:
        patch = f'{{"spec":{{"template":{{"metadata":{{"labels":{{"{POD_LABEL}":"{environment}"}}}}}}}}}}'
        where = ("-n", workload.namespace, workload.kind, workload.name)
        commands.append(shell_command("kubectl", "patch", *where, "--patch", patch))
    return commands


def _tag_function(service: Service, environment: str, _: Lookup) -> list[str]:
    if service.environment == environment:
        return []
    return [shell_command("aws", "lambda", "tag-resource", "--resource", service.id, "--tags", f"{OPT_IN}={environment}")]


def _tag_database(service: Service, environment: str, _: Lookup) -> list[str]:
    if service.environment == environment:
        return []
    return [shell_command("aws", "rds", "add-tags-to-resource", "--resource-name", service.id, "--tags", _tag(environment))]


def _tag_nothing(_service: Service, _environment: str, _lookup: Lookup) -> list[str]:
    return []


_BY_KIND = {
    "auto_scaling": _tag_group,
    "instances": _tag_instances,
    "ecs": _tag_ecs,
    "eks": _tag_eks,
    "function": _tag_function,
    "database": _tag_database,
    "cache": _tag_nothing,
    "table": _tag_nothing,
}
