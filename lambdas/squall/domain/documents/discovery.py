"""`discovery.json`: resolved targets, the workload around them, and metric bindings."""

from squall.domain.documents.document import Document
from squall.domain.documents.metrics.metric_models import MetricBinding
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
