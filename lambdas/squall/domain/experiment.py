"""The experiment as a person writes it: the seed's twelve fields, plus Squall's optional ones.

These models check shape and ranges. Whether the sentences parse, the targets exist and the windows are long
enough is decided by `squall.domain.definition` and the workflow.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from squall.domain.model import Model
from squall.domain.vocabulary import BlastRadius, FaultType, Mode

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Target(Model):
    """A richer way to say `target_resources`: candidates by ARN, tag or filter."""

    resource_type: Literal["aws:ec2:instance"] = "aws:ec2:instance"
    arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    filters: dict[str, tuple[str, ...]] = {}
    select: Literal["radius", "all"] = "radius"
    """`radius`: the blast radius bounds what is pinned. `all`: refuse unless every candidate fits the radius."""


class MetricDefinition(Model):
    """A user's own binding of a metric name used in criteria and abort conditions to CloudWatch.

    `unit` is a unit of the language (percent, seconds, milliseconds, count, per_second, bytes, none).
    """

    namespace: Annotated[str, Field(min_length=1, max_length=255)]
    metric_name: Annotated[str, Field(min_length=1, max_length=255)]
    dimensions: dict[str, str] = {}
    statistic: str = "Average"
    unit: str = "none"
    lag_seconds: Annotated[int, Field(ge=0, le=900)] = 180
    published: Literal["always", "nonzero", "with_traffic"] = "always"


class Schedule(Model):
    """When EventBridge Scheduler starts the experiment."""

    expression: Annotated[str, Field(pattern=r"^(rate|cron|at)\(.+\)$")]
    timezone: str = "UTC"
    flexible_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    enabled: bool = True


class Criterion(Model):
    """A success criterion with options; a plain string is a criterion without."""

    text: Text
    critical: bool = False


class Experiment(Model):
    name: Name
    description: Text
    type: FaultType
    hypothesis: Text
    blast_radius: BlastRadius
    target_resources: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    duration_minutes: Annotated[float, Field(gt=0, le=720, allow_inf_nan=False)] | None = None
    duration: timedelta | None = None
    """ISO 8601 (`PT45S`); replaces `duration_minutes`."""
    rollback_plan: Annotated[str, Field(max_length=2000)]
    """May be empty here: the safety check `rollback_plan` refuses it, so that the refusal is recorded."""
    success_criteria: Annotated[tuple[str | Criterion, ...], Field(min_length=1, max_length=20)]
    abort_conditions: Annotated[tuple[str, ...], Field(min_length=1, max_length=5)]
    environment: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]

    target: Target | None = None
    parameters: dict[str, Any] = {}
    metrics: dict[str, MetricDefinition] = {}
    steady_state: tuple[str, ...] = ()
    recovery: timedelta | None = None
    stop_alarms: Annotated[tuple[str, ...], Field(max_length=4)] = ()
    rollback: str | None = None
    schedule: Schedule | None = None
    owner: str | None = None
    tags: dict[str, str] = {}
    fis_template_id: str | None = None
    ramp: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_duration(self) -> "Experiment":
        if (self.duration_minutes is None) == (self.duration is None):
            raise ValueError("give exactly one of duration_minutes and duration")
        if self.duration is not None and self.duration <= timedelta(0):
            raise ValueError("duration must be positive")
        if not self.target_resources and self.target is None:
            raise ValueError("give target_resources or target")
        return self

    @property
    def length(self) -> timedelta:
        """How long the fault is to last."""
        return self.duration if self.duration is not None else timedelta(minutes=self.duration_minutes or 0)

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return tuple(Criterion(text=c) if isinstance(c, str) else c for c in self.success_criteria)


class Overrides(Model):
    """The only things an execution may change: never targets, environment, criteria or abort conditions."""

    duration: timedelta | None = None
    duration_minutes: Annotated[float, Field(gt=0, le=720, allow_inf_nan=False)] | None = None
    parameters: dict[str, Any] = {}


class Trigger(Model):
    """What fired a scheduled execution; Admit runs each pair once."""

    schedule_arn: str
    scheduled_time: str


class ExecutionInput(Model):
    experiment: str | None = None
    definition: dict[str, Any] | None = None
    mode: Mode = Mode.RUN
    overrides: Overrides = Overrides()
    requested_by: Annotated[str, Field(max_length=256)] | None = None
    trigger: Trigger | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "ExecutionInput":
        if (self.experiment is None) == (self.definition is None):
            raise ValueError("give exactly one of experiment (a catalogue name) and definition")
        return self
