"""`discovery.json`: resolved targets, the workload around them, and metric bindings."""

from squall.domain.documents.document import Document
from squall.domain.documents.metric_models import MetricBinding
from squall.domain.resources.types import AnyResource
from squall.domain.resources.workload import Workload


class Discovery(Document):
    """`discovery.json`, by Discover: what was found, what is pinned and how it is measured."""

    NAME = "discovery"

    workload: Workload
    pinned: tuple[AnyResource, ...]
    seed: str
    """The seed of the choice among candidates, so that it can be repeated."""
    failure_domains: tuple[str, ...]
    """Lock keys: `asg/<name>`, `ecs/<cluster>/<service>`, `tg/<arn suffix>`, else the resource's own (`instance/<id>` …); sorted."""
    bindings: tuple[MetricBinding, ...]
