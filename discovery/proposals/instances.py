"""Faults on EC2 instances of a service: those of an Auto Scaling group, or those registered by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.proposals.dependencies import list_dependencies
from discovery.proposals.idea import SHORT_PERCENT, Idea, Obstacle, Surroundings, Users
from squall.domain.base.vocabulary import BlastRadius, FaultType, ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.analysis.services import Service

_UNDO = "ends by itself after the duration, and when its Systems Manager command is cancelled"


def propose_for_instances(service: Service, users: Users, around: Surroundings) -> Iterator[Idea | Obstacle]:
    """Losses of instances first, then faults that slow them down."""
    count = len(service.members)
    if count < 2:
        reason = around.why_unknown("ec2:DescribeInstances") or f"{count} instance serves: nothing would be left. Run a second one first"
        yield Obstacle(service.id, "Loss of an instance", reason)
        return
    if service.kind == "auto_scaling":
        yield _terminate(service, around)
        if len(service.zones) > 1 and count >= 4:
            yield _lose_zone(service)
    unmanaged = [name for name in service.members if name in around.lookup.instances and not around.lookup.instances[name].managed]
    if unmanaged:
        known = f"{len(unmanaged)} of {count} instances are not online in Systems Manager, which FIS needs to disturb them"
        reason = around.why_unknown("ssm:DescribeInstanceInformation") or known
        yield Obstacle(service.id, "Silence, slow network, dependencies, CPU, memory, disk", reason)
        return
    yield from _silence(service, users, around)
    for dependency in list_dependencies(service, around):
        yield Idea(
            service=service,
            fault=FaultType.DEPENDENCY_TIMEOUT,
            resource=ResourceType.INSTANCE,
            name=f"without-{dependency.slug}",
            title=f"Instances of {service.name} without {dependency.name}",
            condition=f"one instance of {service.name} gets no answer from {dependency.name}",
            mitigation="give up on it in time and answer without it",
            why=f"Its configuration names {dependency.name}, and nothing in the account shows what happens when calls to it hang.",
            teaches=72,
            target=_target(service),
            parameters={"dependency": dependency.address},
            rollback_plan=f"The packets pass again: the fault {_UNDO}",
        )
    yield from _starve(service, around)
    yield Idea(
        service=service,
        fault=FaultType.NETWORK_LATENCY,
        resource=ResourceType.INSTANCE,
        name="slow-network",
        title=f"Slow network of one instance of {service.name}",
        condition=f"the network of one instance of {service.name} is 200 ms slower",
        mitigation="go on serving from all instances, without waiting in a queue for the slow one",
        why="A slow instance passes its health check, so nothing takes it out: only an experiment shows how long its users wait.",
        teaches=50,
        target=_target(service),
        parameters={"latency_ms": 200},
        slower_seconds=0.2 / count,
        rollback_plan=f"The delay {_UNDO}",
    )


def _target(service: Service) -> dict[str, Any]:
    if service.kind == "auto_scaling":
        return {"target_resources": [service.id]}
    return {"target_resources": list(service.members[:50])}


def _terminate(service: Service, around: Surroundings) -> Idea:
    group = around.lookup.scaling_groups[service.id]
    stuck = sorted({"Launch", "ReplaceUnhealthy"} & set(group.suspended))
    why = (
        f"{' and '.join(stuck)} is suspended, so it is doubtful that a lost instance is replaced at all."
        if stuck
        else (
            f"Every instance dies some day: this shows whether {len(service.members) - 1} of {len(service.members)} carry the load "
            "until another one is ready."
        )
    )
    return Idea(
        service=service,
        fault=FaultType.INSTANCE_TERMINATION,
        resource=ResourceType.INSTANCE,
        name="lost-instance",
        title=f"Loss of one instance of {service.name}",
        condition=f"one instance of {service.name} is terminated",
        mitigation="answer from the other instances while Auto Scaling launches another",
        why=why,
        teaches=90 if stuck else 78,
        target=_target(service),
        criteria=("Auto Scaling launches replacement instance",),
        rollback_plan="Nothing undoes a termination; Auto Scaling launches a replacement",
    )  # fmt: skip


def _lose_zone(service: Service) -> Idea:
    return Idea(
        service=service,
        fault=FaultType.INSTANCE_TERMINATION,
        resource=ResourceType.INSTANCE,
        name="lost-zone",
        title=f"Loss of the instances of {service.name} in one zone",
        condition=f"the instances of {service.name} in one Availability Zone are lost",
        mitigation="serve from the other zones and replace what it lost",
        why=f"It is spread over {len(service.zones)} zones; only the loss of one shows whether the others carry the load.",
        teaches=60,
        target=_target(service),
        radius=BlastRadius.SINGLE_AZ,
        criteria=("Auto Scaling launches replacement instance",),
        rollback_plan="Nothing undoes a termination; Auto Scaling launches replacements and balances the zones",
    )


def _silence(service: Service, users: Users, around: Surroundings) -> Iterator[Idea]:
    """An instance that stops answering, until the load balancer takes it out of service."""
    if not users.group.ports or users.front.id != service.id:
        return
    group = around.lookup.scaling_groups.get(service.id)
    kept = group is not None and "ELB" not in group.health_check
    seconds = users.group.unhealthy_after_seconds
    known = seconds or 60
    why = (
        "The group uses only EC2's health checks, so nothing replaces an instance whose process hangs."
        if kept
        else f"A hung instance is in service until its health checks fail, after about {known} s: its share of requests ends in time-outs."
        if seconds
        else "Its target group has no health check that would take out an instance that hangs."
    )
    yield Idea(
        service=service,
        fault=FaultType.SERVICE_UNAVAILABLE,
        resource=ResourceType.INSTANCE,
        name="silent-instance",
        title=f"One silent instance of {service.name}",
        condition=f"one instance of {service.name} stops answering without dying",
        mitigation=f"take it out of service within {known} seconds and answer from the others",
        why=why,
        teaches=84 if kept or not seconds else 76,
        target=_target(service),
        parameters={"port": users.group.ports[0]},
        lost_share_percent=100.0 / len(service.members),
        lost_seconds=known,
        rollback_plan=f"The port answers again: the fault {_UNDO}; health checks put the instance back into service",
    )


def _starve(service: Service, around: Surroundings) -> Iterator[Idea]:
    """Stress of CPU, memory and disk. The more of them is in use at present, the more the experiment teaches."""
    level = around.level_of(service)
    kinds = (
        (FaultType.CPU_STRESS, "CPU", "busy-cpu", level.cpu_percent, {"load_percent": 80},
         "the CPUs of one instance of {} are 80 percent busy"),
        (FaultType.MEMORY_STRESS, "memory", "little-memory", level.memory_percent, {"memory_percent": 80},
         "80 percent of the free memory of one instance of {} are taken"),
        (FaultType.DISK_FILL, "disk", "full-disk", level.disk_percent, {"disk_percent": 90},
         "the disk of one instance of {} is 90 percent full"),
    )  # fmt: skip
    for base, (fault, word, name, used, parameters, condition) in zip((48, 46, 44), kinds, strict=True):
        short = used is not None and used >= SHORT_PERCENT
        now = f"At present {used:.0f} % of the {word} are in use" if used is not None else f"How much {word} is in use is not known"
        yield Idea(
            service=service,
            fault=fault,
            resource=ResourceType.INSTANCE,
            name=name,
            title=f"Little {word} on one instance of {service.name}" if word != "disk" else f"Full disk on one instance of {service.name}",
            condition=condition.format(service.name),
            mitigation="answer from the rest of its capacity",
            why=f"{now}: this shows whether requests wait or fail when something else wants it.",
            teaches=base + (40 if short else 0),
            target=_target(service),
            parameters=parameters,
            rollback_plan=f"The fault {_UNDO}",
        )
