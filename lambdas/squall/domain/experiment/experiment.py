"""The experiment as a person writes it: the twelve fields of REL12-BP05's sample, and Squall's optional ones.

These models check shape and ranges. `squall.admission` and the workflow check whether the sentences parse, the targets
exist and the fault is long enough.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from squall.domain.base.durations import Minutes, Span, Timezone, check_schedule, validation_error
from squall.domain.base.model import Model
from squall.domain.base.printable import one_line
from squall.domain.base.problems import ENVIRONMENT_NAME, require_pattern, show_value
from squall.domain.base.vocabulary import BlastRadius, FaultType, Mode, ResourceType
from squall.domain.language.metric_table import Published
from squall.domain.language.units import DeclaredUnit
from squall.domain.policy.environment import FIS_TEMPLATE, ROLLBACK_NAME
from squall.domain.resources.types import type_named
from squall.domain.sentinel.config import Sentinel

NOT_BLANK = require_pattern(r"\S", "some text")
PLAIN = require_pattern(r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$", "text on one line")
Text = Annotated[str, Field(min_length=1, max_length=2000), NOT_BLANK]
Line = Annotated[str, Field(min_length=1, max_length=500), PLAIN]
Name = Annotated[str, Field(min_length=1, max_length=128), PLAIN]
Number = Annotated[float, Field(allow_inf_nan=False)]
MetricName = Annotated[
    str, Field(max_length=64), require_pattern(r"^[A-Za-z][A-Za-z0-9 ._-]*$", "a letter, then letters, digits, spaces, . _ -")
]
RESOURCE_NAME = require_pattern(r"^(i-[0-9A-Za-z-]+|(subnet|vol)-[0-9a-f]+|arn:[^\s]+)$", "an id (i-…, subnet-…, vol-…) or an ARN")
TargetResource = Annotated[str, Field(max_length=2048), RESOURCE_NAME]
TARGET_GROUP = require_pattern(r"^arn:[^:\s]+:elasticloadbalancing:[^:\s]+:\d{12}:targetgroup/[^\s]+$", "the ARN of a target group")
Statistic = Annotated[
    str,
    require_pattern(
        r"^(Average|Sum|Minimum|Maximum|SampleCount|p(\d{1,2}(\.\d{1,2})?|100))$", "Average, Sum, Minimum, Maximum, SampleCount or p99"
    ),
]
Flag = Annotated[bool, Field(strict=True)]


class Target(Model):
    """A richer way to say `target_resources`: candidates by ARN, tag or filter."""

    resource_type: ResourceType | None = None
    """None: what the ARNs are of, else EC2 instances."""
    arns: Annotated[tuple[TargetResource, ...], Field(max_length=50)] = ()
    tags: dict[str, str] = {}
    filters: dict[str, tuple[str, ...]] = {}
    """Narrow `arns` or `tags`; alone they would mean every instance of the account."""
    select: Literal["radius", "all"] = "radius"
    """`radius`: the blast radius bounds what is pinned. `all`: refuse unless every candidate fits the radius."""

    @model_validator(mode="after")
    def _chooses(self) -> "Target":
        if not self.arns and not self.tags:
            raise validation_error("says nothing about which resources", "arns or tags")
        return self


class MetricDefinition(Model):
    """A user's own binding of a metric name used in criteria and abort conditions to CloudWatch.

    `unit` is a unit of the language; a metric published in milliseconds is compared in seconds.
    """

    namespace: Annotated[str, Field(min_length=1, max_length=255)]
    metric_name: Annotated[str, Field(min_length=1, max_length=255)]
    dimensions: dict[str, str] = {}
    statistic: Statistic = "Average"
    unit: DeclaredUnit = "none"
    lag_seconds: Annotated[int, Field(ge=0, le=900, strict=True)] = 180
    published: Published = "always"


EACH_TARGET = "$target"
"""What a definition writes for the id of each pinned target in turn."""


class FaultSignal(Model):
    """A metric of the mechanism, of each target by itself: one that the fault must move if it happens at all, and that no user feels. A run
    in which it did not move is invalid, whatever the fault's command reports."""

    namespace: Annotated[str, Field(min_length=1, max_length=255), PLAIN]
    metric_name: Annotated[str, Field(min_length=1, max_length=255), PLAIN]
    dimensions: Annotated[dict[Line, Line], Field(min_length=1, max_length=30)]
    """All it is published with; `$target` stands for the target's id."""
    statistic: Statistic = "Average"
    direction: Literal["up", "down"] = "up"
    by: Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False, strict=True)]
    """How far it must move from its median before the fault, at least, in the metric's own unit."""
    after_seconds: Annotated[int, Field(ge=0, le=3600, strict=True)] = 0
    """How long the fault lasts before the metric must show it."""

    @field_validator("dimensions")
    @classmethod
    def _of_each_target(cls, value: dict[str, str]) -> dict[str, str]:
        if not any(EACH_TARGET in text for text in value.values()):
            expected = "a dimension with $target, such as InstanceId: $target"
            raise validation_error("is of no single target: one that moves would speak for all", expected)
        return value

    def dimensions_of(self, target: str) -> tuple[tuple[str, str], ...]:
        """Those of one target's metric, by what its metrics call it."""
        return tuple(sorted((name, value.replace(EACH_TARGET, target)) for name, value in self.dimensions.items()))


class Schedule(Model):
    """When EventBridge Scheduler starts the experiment."""

    expression: Annotated[str, Field(max_length=256), require_pattern(r"^(rate|cron|at)\(.+\)$", "rate(…), cron(…) or at(…)")]
    timezone: Timezone = "UTC"
    flexible_minutes: Annotated[int, Field(ge=0, le=1440, strict=True)] = 0
    enabled: Flag = True

    @field_validator("expression")
    @classmethod
    def _understood(cls, value: str) -> str:
        return check_schedule(value)


class Criterion(Model):
    """A success criterion with options; a plain string is a criterion without."""

    text: Line
    critical: Flag = False


ParameterText = Annotated[str, Field(min_length=1, max_length=512), PLAIN]


class Rollback(Model):
    """What is run after the fault, always: one of the environment's `rollback_documents`; a plain string is one without parameters."""

    document: Annotated[str, ROLLBACK_NAME]
    """Its name there."""
    parameters: dict[str, ParameterText | Annotated[tuple[ParameterText, ...], Field(min_length=1, max_length=50)]] = {}
    """Values or lists of them. `$targets`: the ids of the pinned targets; `$execution`: the execution's id."""


def _rollback(value: object) -> object:
    return {"document": value} if isinstance(value, str) else value


def _criterion_form(value: object) -> str:
    return "sentence" if isinstance(value, str) else "criterion"


SuccessCriterion = Annotated[Annotated[Line, Tag("sentence")] | Annotated[Criterion, Tag("criterion")], Discriminator(_criterion_form)]


ONE_DURATION = validation_error(
    "the length of the fault is given once", "exactly one of duration_minutes and duration", at="duration_minutes"
)
NO_TARGET = validation_error("no target is named", "target_resources or target", at="target_resources")
ONE_SOURCE = validation_error("what to run is given once", "exactly one of experiment (a catalogue name) and definition", at="experiment")


def type_problem(named: Iterable[str], declared: ResourceType | None) -> tuple[str, str] | None:
    """What is wrong with the types of the resources named, and what was expected; None: they are of one type, the declared one if any."""
    types = {name: type_named(name, declared) for name in named}
    unknown = [name for name, kind in types.items() if kind is None]
    if unknown:
        return f"nothing can be injected into {show_value(unknown[0])}", "an ARN of " + ", ".join(kind.words for kind in ResourceType)
    found = sorted({kind for kind in types.values() if kind})
    if declared and found and found != [declared]:
        return f"resource_type is {declared.value}, the targets are {', '.join(found)}", f"{declared.value} only"
    if len(found) > 1:
        return f"the targets are {' and '.join(found)}", "resources of one type: one experiment is one fault"
    return None


OverrideValues = Annotated[tuple[ParameterText | Flag, ...], Field(min_length=1, max_length=50)]


class Experiment(Model):
    name: Name
    description: Text
    type: FaultType
    hypothesis: Text
    blast_radius: BlastRadius
    target_resources: Annotated[tuple[TargetResource, ...], Field(max_length=50)] = ()
    """Candidates: the blast radius bounds how many of them are hit."""
    duration_minutes: Minutes | None = None
    duration: Span | None = None
    """ISO 8601 (`PT45S`); replaces `duration_minutes`."""
    rollback_plan: Annotated[str, Field(max_length=2000)]
    """May be empty here: the safety check `rollback_plan` refuses it, so that the refusal is recorded."""
    success_criteria: Annotated[tuple[SuccessCriterion, ...], Field(min_length=1, max_length=20)]
    abort_conditions: Annotated[tuple[Line, ...], Field(min_length=1, max_length=5)]
    environment: Annotated[str, ENVIRONMENT_NAME]

    target: Target | None = None
    service: Annotated[str, Field(max_length=2048), TARGET_GROUP] | None = None
    """Whose users are guarded and judged: ARN of a target group. Needed where the targets are registered in none themselves (a
    database …), and where they serve in several."""
    parameters: dict[str, Any] = {}
    """Of the fault; each fault type says which it has."""
    override_ranges: Annotated[dict[Line, tuple[Number, Number]], Field(max_length=50)] = {}
    """Parameter to the least and greatest value that an execution may override it with."""
    override_values: Annotated[dict[Line, OverrideValues], Field(max_length=50)] = {}
    """Parameter to the values that an execution may override it with. A parameter in neither of the two is not
    overridden; `values.<name>` is a value of a custom action."""
    metrics: dict[MetricName, MetricDefinition] = {}
    fault_signal: FaultSignal | None = None
    """A metric that tells whether the fault did anything, besides those that Squall knows of its type."""
    steady_state: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    recovery: Span | None = None
    """The longest wait for the steady state after the fault; else the environment says."""
    stop_alarms: Annotated[tuple[Line, ...], Field(max_length=4)] = ()
    sentinel: Sentinel | None = None
    """A probe of a URL while the run lasts: the metrics `sentinel availability` and `sentinel response time`."""
    rollback: Annotated[Rollback, BeforeValidator(_rollback)] | None = None
    schedule: Schedule | None = None
    owner: Name | None = None
    tags: dict[str, str] = {}
    fis_template_id: Annotated[str, FIS_TEMPLATE] | None = None
    """An existing FIS template of the environment's `fis_templates`: its targets and parameters are compiled anew; it is not started."""
    ramp: dict[str, Any] | None = None

    @field_validator("override_ranges")
    @classmethod
    def _ordered(cls, value: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for name, (least, greatest) in value.items():
            if not least <= greatest:
                raise validation_error(f"the range of {name} is empty: {least:g} to {greatest:g}", "the least, then the greatest")
        return value

    @model_validator(mode="after")
    def _one_duration(self) -> "Experiment":
        if (self.duration_minutes is None) == (self.duration is None):
            raise ONE_DURATION
        if not self.said and self.fis_template_id is None:
            raise NO_TARGET
        return self

    @model_validator(mode="after")
    def _one_type(self) -> "Experiment":
        found = type_problem(self.named, self.target.resource_type if self.target else None)
        if found:
            raise validation_error(*found, at="target_resources")
        return self

    @property
    def said(self) -> bool:
        """Whether it says what is hit; a FIS template may say it in its stead."""
        return bool(self.target_resources) or self.target is not None

    @property
    def named(self) -> tuple[str, ...]:
        """The candidates that are named, by id or ARN."""
        return (*self.target_resources, *(self.target.arns if self.target else ()))

    @property
    def resource_type(self) -> ResourceType:
        """What the fault hits: as declared, else as the names tell, else EC2 instances."""
        declared = self.target.resource_type if self.target else None
        return declared or next((kind for name in self.named if (kind := type_named(name))), ResourceType.INSTANCE)

    @property
    def length(self) -> timedelta:
        """How long the fault is to last, in whole seconds."""
        return self.duration if self.duration is not None else timedelta(seconds=round((self.duration_minutes or 0) * 60))

    @property
    def declared_units(self) -> dict[str, str]:
        """The experiment's own metrics and their units, as the language wants them."""
        return {name: str(metric.unit) for name, metric in self.metrics.items()}

    @property
    def stop_alarm_names(self) -> tuple[str, ...]:
        """Names of `stop_alarms`, which may be given by ARN."""
        return tuple(dict.fromkeys(alarm.rpartition(":alarm:")[2] for alarm in self.stop_alarms))

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return tuple(Criterion(text=c) if isinstance(c, str) else c for c in self.success_criteria)


class Overrides(Model):
    """The only things an execution may change: never targets, environment, criteria or abort conditions.

    The length, as far as the environment's policy allows, and the parameters that the experiment lists in
    `override_ranges` and `override_values`.
    """

    duration: Span | None = None
    duration_minutes: Minutes | None = None
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_duration(self) -> "Overrides":
        if self.duration_minutes is not None and self.duration is not None:
            raise ONE_DURATION
        return self


class Trigger(Model):
    """What fired a scheduled execution; Admit runs each pair once."""

    schedule_arn: Annotated[str, Field(max_length=1600), require_pattern(r"^arn:[^\s#]+$", "an ARN")]
    scheduled_time: Annotated[str, Field(max_length=40)]
    """ISO 8601."""


class ExecutionInput(Model):
    experiment: Annotated[str, Field(max_length=128)] | None = None
    definition: dict[str, Any] | None = None
    mode: Mode = Mode.RUN
    overrides: Overrides = Overrides()
    requested_by: Annotated[str, Field(max_length=256), AfterValidator(one_line)] | None = None
    trigger: Trigger | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "ExecutionInput":
        if (self.experiment is None) == (self.definition is None):
            raise ONE_SOURCE
        return self
