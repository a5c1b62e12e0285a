"""Pods of an EKS cluster as what a fault can hit."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from squall.domain.policy.environment import Environment
from squall.domain.problems import Problem, extend_path, show_value, suggest
from squall.domain.resources.base import Member
from squall.domain.vocabulary import ResourceType

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = rf"{_LABEL}(\.{_LABEL})*"
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
CLUSTER = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
FILTERS: Mapping[str, tuple[str, str]] = {
    "cluster": (CLUSTER, "the name of an EKS cluster"),
    "namespace": (rf"(?=.{{1,63}}$){_LABEL}", "the name of a namespace"),
    "deployment": (rf"(?=.{{1,253}}$){_NAME}", "the name of a Deployment"),
    "pod": (rf"(?=.{{1,253}}$){_NAME}", "the name of a pod"),
    "labels": (rf"(?=.{{1,320}}$)({_NAME}/)?{_WORD}=({_WORD})?", "a label and its value: app=web"),
}
"""What pods may be narrowed by, each with the pattern of its values and how they are called. Several labels must all be there."""


class EksPod(Member):
    """A pod, with what it says about whether FIS can disturb it. Its id has its uid in it: the next pod of a StatefulSet has its name."""

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
    """As whom FIS's own pod acts in the namespace: the environment's `eks_service_account`."""
    pod_ip: str | None = None
    host_network: bool = False
    fargate: bool = False
    read_only_root: bool = False
    """Whether a container's root file system is read-only, where FIS can't monitor what it injects."""
    unprivileged: bool = False
    """Whether the pod's security context keeps what runs in it from being root, FIS's ephemeral container too."""
    memory_limited: bool = False
    """Whether every container has a memory limit, and so the pod: without, what is taken is taken from its node."""
    injecting: tuple[str, ...] = ()
    """Ephemeral containers that run in it."""
    helpers: tuple[str, ...] = ()
    """Pods of FIS's (`fispod-…`) in its namespace that are neither done nor being deleted."""

    def in_policy(self, environment: Environment) -> Self:
        return self.model_copy(update={"service_account": environment.eks_service_account or ""})

    @property
    def answers_to(self) -> frozenset[str]:
        return frozenset({self.id, self.arn, self.cluster})

    @property
    def measured_as(self) -> str:
        """Container Insights, and whatever else a pod publishes, knows its name."""
        return self.name

    @property
    def short(self) -> str:
        """The first eight of its uid, of which names in the template are made: its own name may be longer than those."""
        return self.uid[:8]

    @property
    def private_ip(self) -> str | None:
        """Its own address in the VPC."""
        return None if self.host_network else self.pod_ip

    @property
    def agent(self) -> str | None:
        return None

    @property
    def registered_as(self) -> str | None:
        """Target groups of pods (target type ip) know them by address."""
        return self.private_ip

    @property
    def own_domain(self) -> str:
        return f"eks/{self.cluster.rpartition('/')[2]}/{self.namespace}/pod/{self.name}"

    @property
    def hit(self) -> frozenset[str]:
        """By both names: its owner's pods are known by id, target groups have addresses."""
        return frozenset({self.id, *([self.private_ip] if self.private_ip else [])})


def filter_problems(filters: Mapping[str, Any], *, named: bool) -> Iterator[Problem]:
    """What is wrong with the filters of pods: these values become part of requests to a cluster. `named`: clusters are given by ARN."""
    for name, values in filters.items():
        where = extend_path("target.filters", name)
        if name not in FILTERS:
            known = ", ".join(sorted(FILTERS))
            yield Problem(path=where, message=f"there is no such filter{suggest(name, FILTERS)}", expected=known)
        elif isinstance(values, list | tuple):
            pattern, words = FILTERS[name]
            wrong = [one for one in values if not isinstance(one, str) or not re.fullmatch(pattern, one)]
            yield from (Problem(path=where, message=f"{show_value(one)} is refused", expected=words) for one in wrong)
    if not filters.get("namespace"):
        yield Problem(path="target.filters", message="says in no namespace which pods", expected="namespace: [its name]")
    if not filters.keys() & {"deployment", "labels", "pod"}:
        yield Problem(path="target.filters", message="says of all pods of a namespace", expected="deployment, labels or pod")
    if not named and not filters.get("cluster"):
        yield Problem(
            path="target.filters", message="says in no cluster which pods", expected="cluster: [its name], or its ARN in target.arns"
        )
