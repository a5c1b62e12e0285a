"""`discovery.json`: resolved targets, the workload around them, and metric bindings."""

from typing import Annotated

from pydantic import Field

from squall.domain.documents.document import Document
from squall.domain.documents.metrics.metric_models import MetricBinding
from squall.domain.resources.base import Resource
from squall.domain.resources.felt import join_felt, list_measured
from squall.domain.resources.types import AnyResource
from squall.domain.resources.workload import Workload


class Discovery(Document):
    """`discovery.json`, by Discover: the workload, the pinned targets and how its metrics are measured."""

    NAME = "discovery"

    workload: Workload
    pinned: tuple[AnyResource, ...]
    seed: str
    """Seed of the random choice among the candidates, so that the choice can be repeated."""
    failure_domains: tuple[str, ...]
    """Lock keys, sorted: `asg/<name>`, `ecs/<cluster>/<service>`, `tg/<arn suffix>`, or of the resource alone,
    `instance/<id>`."""
    bindings: tuple[MetricBinding, ...]
    faults: Annotated[dict[str, tuple[AnyResource, ...]], Field(exclude_if=lambda faults: not faults)] = {}
    """The pinned targets by the name of the fault, in a scenario only."""
    touched: Annotated[tuple[AnyResource, ...], Field(exclude_if=lambda touched: not touched)] = ()
    """What feels the fault besides its targets, as the policy's entry of a command says. Their failure domains are locked, too."""
    parts: Annotated[tuple[Workload, ...], Field(exclude_if=lambda parts: not parts)] = ()
    """The descriptions that `workload` joins, where a scenario's faults choose their candidates differently."""

    opt_in: Annotated[dict[str, str], Field(exclude_if=lambda opt_in: not opt_in)] = {}
    """The tag of resources on which the environment allows faults. FIS asks for it, too, where it chooses targets by tags."""

    @property
    def felt(self) -> tuple[Resource, ...]:
        """The pinned targets, and what feels the fault besides them."""
        return join_felt(self.pinned, self.touched)

    @property
    def candidates(self) -> int:
        """Among how many the targets were chosen."""
        return len({resource.arn for resource in self.workload.resources} - {resource.arn for resource in self.touched})

    @property
    def measured(self) -> tuple[Resource, ...]:
        """Those whose users are measured."""
        return list_measured(self.workload, self.pinned, self.touched)

    def targets_of(self, fault: str) -> tuple[AnyResource, ...]:
        """The pinned targets of the fault with this name; all of them for the only fault, which has none."""
        return self.faults.get(fault, ()) if fault else self.pinned
