"""The experiment as a person writes it: the twelve fields of REL12-BP05's sample, and Squall's optional ones.

These models check shape and ranges. `squall.admission` and the workflow check whether the sentences parse, the targets
exist and the fault is long enough.
"""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from squall.domain.base.durations import Minutes, Span, Timezone, check_schedule, validation_error
from squall.domain.base.model import Model, Number
from squall.domain.base.problems import ENVIRONMENT_NAME, PLAIN, extend_path, require_pattern
from squall.domain.base.vocabulary import BlastRadius, FaultType
from squall.domain.experiment.fault_signal import FaultSignal, Statistic
from squall.domain.experiment.form import ONE_LENGTH, TWO_LENGTHS, find_form_problems
from squall.domain.experiment.scenario import MOST_FAULTS, NAME_PATTERN, PlannedFault, ScenarioFault, schedule_faults
from squall.domain.experiment.target import Line, Target, TargetResource, find_type_problem
from squall.domain.language.metric_table import Published
from squall.domain.language.units import DeclaredUnit
from squall.domain.policy.environment import FIS_TEMPLATE
from squall.domain.policy.rollback import ParameterText, Rollback, expand_rollback
from squall.domain.sentinel.config import Sentinel

NOT_BLANK = require_pattern(r"\S", "some text")
Text = Annotated[str, Field(min_length=1, max_length=2000), NOT_BLANK]
Name = Annotated[str, Field(min_length=1, max_length=128), PLAIN]
MetricName = Annotated[
    str, Field(max_length=64), require_pattern(r"^[A-Za-z][A-Za-z0-9 ._-]*$", "a letter, then letters, digits, spaces, . _ -")
]
TARGET_GROUP = require_pattern(r"^arn:[^:\s]+:elasticloadbalancing:[^:\s]+:\d{12}:targetgroup/[^\s]+$", "the ARN of a target group")
Flag = Annotated[bool, Field(strict=True)]


class MetricDefinition(Model):
    """A user's own binding of a metric name used in criteria and abort conditions to CloudWatch.

    `unit` is a unit of the language; a metric published in milliseconds is compared in seconds.
    """

    namespace: Annotated[str, Field(min_length=1, max_length=255)]
    """The CloudWatch namespace, as `AWS/ApplicationELB`."""
    metric_name: Annotated[str, Field(min_length=1, max_length=255)]
    """The name of the metric in its namespace."""
    dimensions: dict[str, str] = {}
    """The dimensions that the metric is published with, all of them."""
    statistic: Statistic = "Average"
    """How the values of a period become one. A criterion on a `Sum` compares the total of its whole window."""
    unit: DeclaredUnit = "none"
    """The unit in which the metric is published."""
    lag_seconds: Annotated[int, Field(ge=0, le=900, strict=True)] = 180
    """How many seconds after the end of a period its value is complete in CloudWatch."""
    published: Published = "always"
    """What a period without a value means. `always`: nothing is known. `nonzero`: the count was zero. `with_traffic`: no request was
    counted."""


class Schedule(Model):
    """When EventBridge Scheduler starts the experiment."""

    expression: Annotated[str, Field(max_length=256), require_pattern(r"^(rate|cron|at)\(.+\)$", "rate(…), cron(…) or at(…)")]
    """When: `rate(7 days)`, `cron(0 3 ? * TUE *)` or `at(2026-12-01T03:00:00)`."""
    timezone: Timezone = "UTC"
    """The time zone of the expression, as `Europe/Berlin`."""
    flexible_minutes: Annotated[int, Field(ge=0, le=1440, strict=True)] = 0
    """The run may start up to this many minutes after that time. 0: at that time."""
    enabled: Flag = True
    """`false` keeps the schedule and starts nothing."""

    @field_validator("expression")
    @classmethod
    def _check_expression(cls, value: str) -> str:
        return check_schedule(value)


class Criterion(Model):
    """A success criterion with options; a plain string is a criterion without."""

    text: Line
    """The criterion as a sentence: docs/language.md."""
    critical: Flag = False
    """If it is not met, the run is refuted, however many others are met."""


def _choose_form(value: object) -> str:
    return "sentence" if isinstance(value, str) else "criterion"


SuccessCriterion = Annotated[Annotated[Line, Tag("sentence")] | Annotated[Criterion, Tag("criterion")], Discriminator(_choose_form)]


TWO_DURATIONS = validation_error(TWO_LENGTHS, ONE_LENGTH, at="duration_minutes")
SCENARIO = "scenario"
"""What stands for the type of the fault where there are several."""


OverrideValues = Annotated[tuple[ParameterText | Flag, ...], Field(min_length=1, max_length=50)]


class Experiment(Model):
    name: Name
    """The experiment's name in reports, messages and history. Experiments of one name share their history."""
    description: Text
    """What is tested, and why."""
    type: FaultType | None = None
    """The kind of fault. Required, unless `faults` has the faults of a scenario."""
    hypothesis: Text
    """What should happen to users while the fault lasts, and why."""
    blast_radius: BlastRadius
    """How much may be hit at most; a policy lists what it allows."""
    target_resources: Annotated[tuple[TargetResource, ...], Field(max_length=50)] = ()
    """Candidates: the blast radius bounds how many of them are hit."""
    duration_minutes: Minutes | None = None
    """How long the fault lasts, in minutes. Give either this or `duration`."""
    duration: Span | None = None
    """How long the fault lasts: `45s`, `10m`, or ISO 8601 (`PT45S`); replaces `duration_minutes`."""
    observation: Span | None = None
    """How long the run is guarded and judged, from the effect of the fault on: `10m` or `PT10M`, at least as long as the
    fault. None: as long as the fault."""
    rollback_plan: Annotated[str, Field(max_length=2000)]
    """May be empty here: the safety check `rollback_plan` refuses it, so that the refusal is recorded."""
    success_criteria: Annotated[tuple[SuccessCriterion, ...], Field(min_length=1, max_length=20)]
    """What must hold for the hypothesis to be validated: sentences, or a sentence with `critical`."""
    abort_conditions: Annotated[tuple[Line, ...], Field(min_length=1, max_length=5)]
    """When the fault is ended early: sentences. Each becomes a CloudWatch alarm."""
    environment: Annotated[str, ENVIRONMENT_NAME]
    """The environment whose policy holds. Targets carry its name in the opt-in tag."""

    target: Target | None = None
    """The candidates by tag, filter or ARN, instead of `target_resources`."""
    service: Annotated[str, Field(max_length=2048), TARGET_GROUP] | None = None
    """The ARN of the target group whose users are guarded and judged. Needed where the targets are registered in no target
    group themselves (a database, for example), and where they serve in several."""
    parameters: dict[str, Any] = {}
    """The fault's parameters. Each fault type says which it has."""
    override_ranges: Annotated[dict[Line, tuple[Number, Number]], Field(max_length=50)] = {}
    """Parameter to the least and greatest value that an execution may override it with. `targets`: the number of targets;
    `duration_minutes` and `observation_minutes`: the lengths, which then also replace those of a FIS template."""
    override_values: Annotated[dict[Line, OverrideValues], Field(max_length=50)] = {}
    """Parameter to the values that an execution may override it with. A parameter in neither of the two is not
    overridden; `values.<name>` is a value of a custom action."""
    metrics: dict[MetricName, MetricDefinition] = {}
    """Metrics of your own by the names that criteria and abort conditions use."""
    fault_signal: FaultSignal | None = None
    """A metric that tells whether the fault did anything, besides those that Squall knows of its type."""
    steady_state: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    """Thresholds of normal operation, beside those of the success criteria: they must hold before the fault, and recovery waits
    for them."""
    recovery: Span | None = None
    """The longest wait for the steady state after the fault. None: the environment's."""
    stop_alarms: Annotated[tuple[Line, ...], Field(max_length=4)] = ()
    """CloudWatch alarms of yours, by name or ARN, that end the fault as well."""
    sentinel: Sentinel | None = None
    """A probe of a URL while the run lasts: the metrics `sentinel availability` and `sentinel response time`."""
    rollback: Annotated[Rollback, BeforeValidator(expand_rollback)] | None = None
    """The Automation document that is run after the fault: its name in the policy's `rollback_documents`, or with
    parameters."""
    schedule: Schedule | None = None
    """When the experiment starts by itself. None: when somebody starts it."""
    owner: Name | None = None
    """The team that owns the experiment; a policy may list who may."""
    tags: dict[str, str] = {}
    """Labels of your own for the experiment."""
    fis_template_id: Annotated[str, FIS_TEMPLATE] | None = None
    """An existing FIS template of the environment's `fis_templates`. Its targets and parameters are compiled anew; it is
    not started."""
    ramp: dict[str, Any] | None = None
    """Refused at admission: a ramp is a campaign of kind ramp, in a file of its own."""
    faults: Annotated[
        dict[str, ScenarioFault],
        Field(max_length=MOST_FAULTS, exclude_if=lambda faults: not faults, json_schema_extra={"propertyNames": {"pattern": NAME_PATTERN}}),
    ] = {}
    """A scenario: several faults in one run, by name, instead of `type`, `target_resources`, `target` and `parameters`. A stop ends
    all of them."""

    @field_validator("override_ranges")
    @classmethod
    def _check_ranges(cls, value: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for name, (least, greatest) in value.items():
            if not least <= greatest:
                raise validation_error(f"the range of {name} is empty: {least:g} to {greatest:g}", "the least, then the greatest")
        return value

    @model_validator(mode="after")
    def _require_faults(self) -> "Experiment":
        if problem := next(find_form_problems(self.model_dump(mode="json", exclude_defaults=True)), None):
            raise validation_error(problem.message, problem.expected, at=problem.path)
        return self

    @model_validator(mode="after")
    def _require_one_type(self) -> "Experiment":
        for fault in self.plan:
            problem = find_type_problem(fault.named, fault.target.resource_type if fault.target else None)
            if problem:
                raise validation_error(*problem, at=extend_path(fault.path, "target_resources"))
        return self

    @property
    def plan(self) -> tuple[PlannedFault, ...]:
        """The faults, in the order in which they begin: those of the scenario, or the only one, which has no name."""
        if self.type is None:
            return schedule_faults(self.faults, self._given_length)
        given = self._given_length
        return (PlannedFault("", self.type, self.parameters, self.target_resources, self.target, given, self.fault_signal),)

    @property
    def kind(self) -> str:
        """The type of the only fault; `scenario` if there are several."""
        return self.type.value if self.type else SCENARIO

    @property
    def words(self) -> str:
        """The faults in a sentence."""
        return self.type.value if self.type else f"{SCENARIO} of {', '.join(fault.words for fault in self.plan)}"

    @property
    def named(self) -> tuple[str, ...]:
        """The candidates that are named, by id or ARN, of every fault."""
        return tuple(dict.fromkeys(name for fault in self.plan for name in fault.named))

    @property
    def length(self) -> timedelta:
        """How long the fault is to last, in whole seconds; of a scenario, from its beginning to the end of its last
        fault."""
        return max(fault.end for fault in self.plan)

    @property
    def _given_length(self) -> timedelta:
        """The length that the experiment itself gives."""
        return self.duration if self.duration is not None else timedelta(seconds=round((self.duration_minutes or 0) * 60))

    @property
    def observed_length(self) -> timedelta:
        """How long the run is observed from the effect of the fault on: guarded, and judged by every sentence that names no
        window. Equals `length` unless `observation` is longer."""
        return self.observation or self.length

    @property
    def observes_longer(self) -> bool:
        """Whether the run is still observed when the fault is over."""
        return self.observed_length > self.length

    def judged_length(self, window: str) -> timedelta:
        """The planned length of the window in which a sentence is judged: the fault's for `fault` and for the name of a
        scenario's fault, else that of the whole observation."""
        return self.fault_lengths.get(window) or (self.length if window == "fault" else self.observed_length)

    @property
    def fault_lengths(self) -> dict[str, timedelta]:
        """The planned length of each fault of a scenario, by its name; empty for an experiment with one fault."""
        return {fault.name: fault.length for fault in self.plan if fault.name}

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
