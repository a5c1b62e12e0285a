"""Faults on the pods of EKS workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.analysis.services import OPT_IN
from discovery.proposals.dependencies import list_dependencies
from discovery.proposals.idea import Idea, Obstacle, Surroundings, Users
from squall.domain.base.vocabulary import FaultType, ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.analysis.services import Service
    from discovery.things.eks_workloads import PodWorkload

_NEEDS = ("the stack's setting eks_namespaces with this namespace, and a service account for FIS: docs/faults.md, EKS pods",)
_UNDO = "The fault ends by itself; a pod that stays broken is deleted, and Kubernetes starts another"


def propose_for_pods(service: Service, _users: Users, around: Surroundings) -> Iterator[Idea | Obstacle]:
    """The loss of a pod, lost dependencies, and CPU stress."""
    count, workload = len(service.members), around.lookup.pod_workloads[service.id]
    if count < 2:
        yield Obstacle(service.id, "Loss of a pod", f"{count} pod is ready: nothing would be left. Run a second one first")
        return
    target = _target(workload, around.environment_of(service))
    yield Idea(
        service=service,
        fault=FaultType.INSTANCE_TERMINATION,
        resource=ResourceType.POD,
        name="lost-pod",
        title=f"Loss of one pod of {service.name}",
        condition=f"one pod of {service.name} is deleted",
        mitigation="answer from its other pods while Kubernetes starts another",
        why="Every rollout and every drained node deletes pods: this shows whether requests are lost with them.",
        teaches=78,
        target=target,
        criteria=("Auto Scaling launches replacement instance",),
        needs=_NEEDS,
        rollback_plan="None needed, as Kubernetes starts another pod; if it does not, look at the workload's events",
    )
    for dependency in list_dependencies(service, around):
        yield Idea(
            service=service,
            fault=FaultType.DEPENDENCY_TIMEOUT,
            resource=ResourceType.POD,
            name=f"without-{dependency.slug}",
            title=f"Pods of {service.name} without {dependency.name}",
            condition=f"one pod of {service.name} gets no answer from {dependency.name}",
            mitigation="give up on it in time and answer without it",
            why=f"Its pod template names {dependency.name}, and nothing shows what happens when calls to it hang.",
            teaches=74,
            target=target,
            parameters={"dependency": dependency.address},
            needs=_NEEDS,
            rollback_plan=_UNDO,
        )
    yield Idea(
        service=service,
        fault=FaultType.CPU_STRESS,
        resource=ResourceType.POD,
        name="busy-cpu",
        title=f"Little CPU for one pod of {service.name}",
        condition=f"the CPUs of one pod of {service.name} are 80 percent busy",
        mitigation="answer from the rest of its capacity",
        why="Neighbours on a node take CPU from each other: this shows whether requests then wait.",
        teaches=56,
        target=target,
        parameters={"load_percent": 80},
        needs=_NEEDS,
        rollback_plan=_UNDO,
    )


def _target(workload: PodWorkload, environment: str) -> dict[str, Any]:
    filters: dict[str, list[str]] = {"cluster": [workload.cluster], "namespace": [workload.namespace]}
    if workload.kind == "deployment":
        filters["deployment"] = [workload.name]
    else:
        filters["labels"] = [f"{name}={value}" for name, value in sorted(workload.labels.items()) if "." not in name]
    return {"target": {"resource_type": ResourceType.POD.value, "tags": {OPT_IN: environment}, "filters": filters}}
