"""Which faults of Chaos Mesh an environment allows at all, and in which namespaces."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from squall.domain.base.problems import require_pattern

ChaosKind = Literal["DNSChaos", "HTTPChaos", "IOChaos", "NetworkChaos", "StressChaos", "TimeChaos"]
"""The kinds that disturb nothing but the pods that their selector names, and only while they exist."""
KINDS: tuple[ChaosKind, ...] = get_args(ChaosKind)
Namespace = Annotated[
    str, Field(max_length=63), require_pattern(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "the name of a Kubernetes namespace, without patterns")
]
ChaosNamespaces = dict[ChaosKind, Annotated[tuple[Namespace, ...], Field(min_length=1, max_length=50)]]
"""Kind to the namespaces in which experiments may create it."""
