"""`template.json` and `fault.json`: the FIS template, the state of each target before the fault, and how FIS ended."""

from datetime import datetime
from typing import Any

from squall.domain.base.model import Model
from squall.domain.documents.document import Document
from squall.domain.documents.guards import GuardSpec
from squall.domain.resources.base import Resource
from squall.domain.resources.types import AnyResource
from squall.domain.resources.workload import Workload


class TargetBefore(Model):
    """A pinned target before the fault. VerifyRollback compares it with the target after the fault."""

    resource: AnyResource
    healthy_in: tuple[str, ...]
    """Target group ARNs in which it was healthy."""


def describe_before(resource: Resource, workload: Workload) -> TargetBefore:
    """The resource with the target groups in which this workload says that it is healthy."""
    names = workload.names_of(resource)
    healthy_in = tuple(group.arn for group in workload.target_groups if names & set(group.healthy))
    return TargetBefore.model_validate({"resource": resource, "healthy_in": healthy_in})


class FaultTemplate(Document):
    """`template.json`, by CreateTemplate: the FIS template as created, and the targets before the fault."""

    NAME = "template"

    body: dict[str, Any]
    """Arguments of CreateExperimentTemplate without the client token."""
    before: tuple[TargetBefore, ...]
    guards: tuple[GuardSpec, ...]


class FaultReport(Document):
    """`fault.json`, by StopFault: how the FIS experiment ended."""

    NAME = "fault"

    experiment_id: str
    status: str
    reason: str = ""
    error_code: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    actions: tuple[dict[str, str], ...] = ()
