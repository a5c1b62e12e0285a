"""Faults of Chaos Mesh, as FIS creates them in the cluster. Squall writes the selector itself: the pinned pods by name."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.policy.chaos_mesh import KINDS, ChaosKind
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.pods import CHAOS_MESH, EksPod
from squall.domain.resources.types import cast_resources, join_ids
from squall.domain.resources.workload import Workload
from squall.domain.run.commands import shell_command
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.faults.base import Injection, Remnant
from squall.faults.checks import check_targets, make_check
from squall.faults.fis import LONGEST_VALUE
from squall.faults.grants import grant_tagged
from squall.faults.mechanisms.lasting import LastingFault
from squall.faults.pods.base import PodFault, check_memory_limits, check_ready
from squall.faults.pods.chaos_specs import NETWORKED, find_spec_mistakes, list_stressors

RESERVE = timedelta(minutes=1)
"""How much longer than the custom resource FIS's action may take, to see that it is over and to delete it."""
CUSTOM_RESOURCES = ",".join(f"{kind.lower()}.{CHAOS_MESH.partition('/')[0]}" for kind in KINDS)


def _check_spec(spec: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    kind: ChaosKind | None = info.data.get("kubernetesKind")
    if kind and (mistakes := find_spec_mistakes(kind, spec)):
        raise ValueError(f"a spec of {kind} in which this is put right: {'; '.join(mistakes)}")
    return spec


class Parameters(Model):
    kubernetesKind: ChaosKind  # noqa: N815 - FIS's own name
    """The kind of custom resource; the environment's `chaos_mesh` has to list it for the pods' namespace."""
    kubernetesSpec: Annotated[dict[str, Any], Field(min_length=1), AfterValidator(_check_spec)]  # noqa: N815 - FIS's own name
    """The spec of the custom resource as Chaos Mesh documents it, without `selector`, `mode` and `duration`, which Squall
    writes."""


class CustomResource(PodFault[Parameters]):
    """`aws:eks:inject-kubernetes-custom-resource`: FIS creates a custom resource of Chaos Mesh that names the pinned pods, and
    deletes it at the end. Chaos Mesh itself ends the fault after its duration, too."""

    type = FaultType.CUSTOM_RESOURCE
    verb = "disturbed by Chaos Mesh"
    risk = "high"
    actions = ("aws:eks:inject-kubernetes-custom-resource",)
    target_key = "Cluster"
    action = "inject-kubernetes-custom-resource"
    length_parameter = "maxDuration"
    parameters = Parameters
    needs_signal = True
    in_place_of_templates = "the experiment's own target, and kubernetesSpec without a selector: in a template, that decides what is hit"

    @property
    def fis_resource_type(self) -> str:
        return "aws:eks:cluster"

    @property
    def reads_templates(self) -> bool:
        """Never: the selector in somebody else's template decides what is hit."""
        return False

    def grants(self) -> tuple[Grant, ...]:
        # AWS documents no permission: Kubernetes guards custom resources. FIS may learn where a cluster of the environment is.
        return (grant_tagged("eks:DescribeCluster", "eks", "cluster/*"),)

    def traits(self, parameters: Model) -> FaultTraits:
        """What the kind holds, uses and is told by on each pod."""
        own = self._own(parameters)
        if own.kubernetesKind in NETWORKED:
            return replace(super().traits(parameters), takes=frozenset({"network"}))
        if own.kubernetesKind != "StressChaos":
            return super().traits(parameters)
        stressed = list_stressors(own.kubernetesSpec)
        # Whatever takes memory uses CPU, too.
        return replace(super().traits(parameters), takes=stressed, told_by=stressed, stirs=stressed | {"cpu"})

    def describe(self, parameters: Parameters, /) -> str:
        return f"Disturb the pinned pods by {parameters.kubernetesKind} of Chaos Mesh"

    def refresh(self, target: EksPod, workload: Workload, /) -> EksPod:
        return workload.now(target) or target

    def fis_targets(self, injection: Injection[EksPod, Parameters], /) -> dict[str, dict[str, Any]]:
        clusters = sorted({pod.cluster for pod in injection.targets})
        if len(clusters) != 1 or len({pod.namespace for pod in injection.targets}) != 1:
            raise ValueError("a custom resource is in one namespace of one cluster")
        name = self.target_key
        return {name: {"resourceType": self.fis_resource_type, "resourceArns": clusters, "selectionMode": "ALL"}}

    def action_parameters(self, injection: Injection[EksPod, Parameters], /) -> Mapping[str, str]:
        return {
            "kubernetesApiVersion": CHAOS_MESH,
            "kubernetesKind": injection.parameters.kubernetesKind,
            "kubernetesNamespace": injection.targets[0].namespace,
            "kubernetesSpec": write_spec(injection),
        }

    def action_length(self, length: timedelta, /) -> timedelta:
        return length + RESERVE

    def check_targets(self, injection: Injection[EksPod, Parameters], /) -> Iterable[SafetyCheck]:
        pods = injection.targets
        yield from check_ready(injection.workload, pods)
        places = sorted({f"{pod.cluster.rpartition('/')[2]}/{pod.namespace}" for pod in pods})
        apart = places if len(places) > 1 else []
        refusal = f"the pods are in {', '.join(places)}: a custom resource is in one namespace of one cluster"
        yield check_targets("one_namespace", pods, apart, refusal, ", ".join(places))
        blind = [place for place in places if any(pod.chaos is None for pod in pods)]
        refusal = (
            f"{', '.join(blind)}: Chaos Mesh is not installed, or Squall may not list its resources there, so that it could not find what"
            " FIS left; a RoleBinding for the group squall-readers lets it"
        )
        yield check_targets("custom_resources_readable", pods, blind, refusal, "Squall can list the custom resources of Chaos Mesh")
        fargate = [pod for pod in pods if pod.fargate]
        refusal = f"{join_ids(fargate)} runs on Fargate, where Chaos Mesh's daemon, a DaemonSet, can't run"
        yield check_targets("not_on_fargate", pods, fargate, refusal, "no pod runs on Fargate")
        kind, spec = injection.parameters.kubernetesKind, injection.parameters.kubernetesSpec
        shared = [pod for pod in pods if pod.host_network and kind in NETWORKED]
        refusal = f"{join_ids(shared)} uses its node's network: everything on that node would be hit"
        yield check_targets("network_of_its_own", pods, shared, refusal, "no other pod shares a disturbed network with them")
        if kind == "StressChaos" and "memory" in list_stressors(spec):
            yield check_memory_limits(pods)
        length = len(write_spec(injection))
        yield make_check("spec_fits", length <= LONGEST_VALUE, f"the spec with the pods' names has {length} of {LONGEST_VALUE} characters")

    def find_action(self, fis: FisExperiment | None, pod: EksPod, /) -> ActionState | None:
        return LastingFault.find_action(self, fis, pod)

    def list_remnants(self, before: Sequence[TargetBefore], workload: Workload) -> tuple[Remnant, ...]:
        """The custom resources that name exactly the pinned pods of a namespace, exist now and did not before. Where they can't be
        listed, the question whether there is one."""
        then = cast_resources(EksPod, (target.resource for target in before))
        now = [resource for resource in workload.others if isinstance(resource, EksPod)]
        places = sorted({(pod.cluster, pod.namespace) for pod in then})
        return tuple(
            remnant
            for place in places
            for remnant in _find_left_in(
                place[1],
                [pod for pod in then if (pod.cluster, pod.namespace) == place],
                [pod for pod in now if (pod.cluster, pod.namespace) == place],
            )
        )


def _find_left_in(namespace: str, then: Sequence[EksPod], now: Sequence[EksPod]) -> Iterable[Remnant]:
    pinned = {pod.name for pod in then}
    if not now or any(pod.chaos is None for pod in (*then, *now)):
        why = "could not be listed" if now else "could not be checked, since the pods are gone and nothing replaced them"
        description = f"the custom resources of Chaos Mesh in {namespace} {why}; one that names {', '.join(sorted(pinned))} may be left"
        yield Remnant(description, shell_command("kubectl", "-n", namespace, "get", CUSTOM_RESOURCES))
        return
    known = {name for pod in then for name in pod.chaos or ()}
    ours = {name for pod in now for name, selected in pod.chaos_pods.items() if set(selected) == pinned}
    for name in sorted(ours - known):
        yield Remnant(f"{name} of Chaos Mesh is still in {namespace}", shell_command("kubectl", "-n", namespace, "delete", name))


def write_spec(injection: Injection[EksPod, Parameters]) -> str:
    """The spec with the pinned pods as its selector. Chaos Mesh ignores every other selector beside a list of pods."""
    by_namespace: dict[str, list[str]] = {}
    for pod in sorted(injection.targets, key=lambda pod: pod.name):
        by_namespace.setdefault(pod.namespace, []).append(pod.name)
    own = {"selector": {"pods": by_namespace}, "mode": "all", "duration": f"{ceil(injection.length.total_seconds())}s"}
    return json.dumps({**injection.parameters.kubernetesSpec, **own}, separators=(",", ":"), sort_keys=True)
