"""Pods of EKS clusters as targets."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from squall.domain.base.problems import Problem, extend_path, show_value, suggest_name
from squall.domain.base.vocabulary import ResourceType
from squall.domain.policy.environment import Environment
from squall.domain.resources.base import Member

PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
"""The Pod Security Standards, from the one that allows everything to the strictest."""
POD_SECURITY = (PRIVILEGED, BASELINE, RESTRICTED)
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = rf"{_LABEL}(\.{_LABEL})*"
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
CLUSTER = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
FILTERS: Mapping[str, tuple[str, str]] = {
    "availability-zone": (r"[a-z0-9-]{1,64}", "the name of an Availability Zone"),
    "cluster": (CLUSTER, "the name of an EKS cluster"),
    "namespace": (rf"(?=.{{1,63}}$){_LABEL}", "the name of a namespace"),
    "deployment": (rf"(?=.{{1,253}}$){_NAME}", "the name of a Deployment"),
    "pod": (rf"(?=.{{1,253}}$){_NAME}", "the name of a pod"),
    "labels": (rf"(?=.{{1,320}}$)({_NAME}/)?{_WORD}=({_WORD})?", "a label and its value: app=web"),
}
"""The filters of pods, each with the pattern of its values and a description of them. A pod must have all of several
labels."""


CHAOS_MESH = "chaos-mesh.org/v1alpha1"
"""The API of Chaos Mesh."""


class EksPod(Member):
    """A pod, with what decides whether FIS can disturb it.

    Its id contains its uid, because the next pod of a StatefulSet has the same name.
    """

    USABLE = frozenset({"Ready"})
    LOST = frozenset({"Terminating", "Succeeded", "Failed"})
    IDENTITY = ("arn", "state", "zone", "group")

    type: Literal[ResourceType.POD] = ResourceType.POD
    name: str
    namespace: str
    uid: str
    cluster: str
    """ARN of its cluster."""
    cluster_state: str = "ACTIVE"
    service_account: str = ""
    """The service account as which FIS's own pod acts in the namespace: the environment's `eks_service_account`."""
    pod_ip: str | None = None
    host_network: bool = False
    fargate: bool = False
    read_only_root: bool = False
    """Whether a container has a read-only root file system, where FIS can't monitor what it injects."""
    unprivileged: bool = False
    """Whether the pod's security context keeps its containers, FIS's ephemeral one too, from running as root."""
    pod_security: str = PRIVILEGED
    """The Pod Security Standard that its namespace enforces, by its label; FIS's own pod must conform to it."""
    memory_limited: bool = False
    """Whether every container, and so the pod, has a memory limit: without one the fault takes its node's memory."""
    injecting: tuple[str, ...] = ()
    """Names of the ephemeral containers that run in the pod."""
    chaos: tuple[str, ...] | None = None
    """Custom resources of Chaos Mesh in its namespace, as `networkchaos.chaos-mesh.org/name`. None: Chaos Mesh is not installed,
    or Squall may not list them."""
    chaos_pods: dict[str, tuple[str, ...]] = {}
    """Of these custom resources those that list pods of this namespace by name, and no others, with the names of the pods."""
    helpers: tuple[str, ...] = ()
    """Names of FIS's own pods (`fispod-…`) in its namespace that have not finished and are not being deleted."""

    def in_policy(self, environment: Environment, /) -> Self:
        return self.model_copy(update={"service_account": environment.eks_service_account or ""})

    @property
    def answers_to(self) -> frozenset[str]:
        return frozenset({self.id, self.arn, self.cluster})

    @property
    def measured_as(self) -> str:
        """The pod's name, by which Container Insights and the pod's own metrics know it."""
        return self.name

    @property
    def short(self) -> str:
        """The first eight characters of its uid, for names in the template, where the pod's name may be too long."""
        return self.uid[:8]

    @property
    def private_ip(self) -> str | None:
        """The pod's own address in the VPC."""
        return None if self.host_network else self.pod_ip

    @property
    def agent(self) -> str | None:
        return None

    @property
    def registered_names(self) -> frozenset[str]:
        """The pod's address: target groups of pods (target type ip) know it by this."""
        return frozenset({self.private_ip} if self.private_ip else ())

    @property
    def own_domain(self) -> str:
        return f"eks/{self.cluster.rpartition('/')[2]}/{self.namespace}/pod/{self.name}"

    @property
    def hit(self) -> frozenset[str]:
        """Both of its names: its group knows it by id, target groups by address."""
        return frozenset({self.id, *([self.private_ip] if self.private_ip else [])})


def filter_problems(filters: Mapping[str, Any], *, named: bool) -> Iterator[Problem]:
    """What is wrong with the filters of pods, whose values become part of requests to a cluster.

    `named`: the target names clusters by ARN.
    """
    for name, values in filters.items():
        where = extend_path("target.filters", name)
        if name not in FILTERS:
            known = ", ".join(sorted(FILTERS))
            yield Problem(path=where, message=f"there is no such filter{suggest_name(name, FILTERS)}", expected=known)
        elif isinstance(values, list | tuple):
            pattern, words = FILTERS[name]
            wrong = [value for value in values if not isinstance(value, str) or not re.fullmatch(pattern, value)]
            yield from (Problem(path=where, message=f"{show_value(value)} is refused", expected=words) for value in wrong)
    if not filters.get("namespace"):
        yield Problem(path="target.filters", message="does not say in which namespace", expected="namespace: [its name]")
    if not filters.keys() & {"deployment", "labels", "pod"}:
        yield Problem(path="target.filters", message="would choose all pods of a namespace", expected="deployment, labels or pod")
    if not named and not filters.get("cluster"):
        yield Problem(
            path="target.filters", message="does not say in which cluster", expected="cluster: [its name], or its ARN in target.arns"
        )
