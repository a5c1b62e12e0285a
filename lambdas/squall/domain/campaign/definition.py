"""A campaign as people write it in `campaigns/*.yaml`: a suite of experiments, a ramp of one experiment's dose, or a game
day: experiments with people in between.

This model checks shape and ranges. `squall.admission.campaign` checks that every experiment exists and every dose is
allowed.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from squall.domain.base.durations import Span, validation_error
from squall.domain.base.model import Model, Number
from squall.domain.base.printable import one_line
from squall.domain.base.problems import require_pattern
from squall.domain.base.vocabulary import Mode
from squall.domain.experiment.execution_input import Overrides, Trigger
from squall.domain.experiment.experiment import Name, Schedule, Text

MOST_STEPS = 500
MOST_DOSES = 100
"""How many doses a ramp may have: each is checked when the campaign is admitted."""
LONGEST_PAUSE = timedelta(hours=1)
"""An abort is recorded at once, but a campaign that pauses ends only when the pause is over."""
DEFAULT_WAIT = timedelta(minutes=15)
DEFAULT_READY = timedelta(minutes=30)
LONGEST_READY = timedelta(hours=12)
DURATION, TARGETS = "duration", "targets"
"""The two doses that are no parameter of the fault: its length in seconds, and the number of its targets."""

CatalogueName = Annotated[str, Field(min_length=1, max_length=128)]
StepName = Annotated[
    str, Field(max_length=64), require_pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", "a letter or digit, then letters, digits, . _ -")
]


MemberName = Annotated[str, require_pattern(r"^[a-z][a-z0-9-]{0,31}$", "lower case letters, digits and -, a letter first")]
"""What a fleet calls one of its members."""


def _require_short_pause(value: timedelta) -> timedelta:
    if value > LONGEST_PAUSE:
        raise validation_error("the pause is too long", "at most 1h")
    return value


class Expectation(Model):
    """Who or what should notice a fault, and how soon."""

    noticed_by: Literal["alarm", "person"]
    """`alarm`: the first guard or stop alarm that fires. `person`: the first note that somebody writes."""
    who: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Whose note counts: a part of the label of the writer. None: anybody's."""
    within: Span
    """How long after the fault took effect."""


class SuiteStep(Model):
    """One run of an experiment; or, in a game day, a prompt to people."""

    experiment: CatalogueName | None = None
    """The name of the experiment in the catalogue: its file name without `.yaml`."""
    member: Annotated[MemberName | None, Field(exclude_if=lambda value: value is None)] = None
    """At the home of a fleet: the member whose stack runs the experiment, by its name in `fleet.yaml`. The experiment is one of
    that stack's catalogue. None: this stack runs it."""
    name: StepName | None = None
    """What other steps call it in `needs`. None: the experiment's name. A prompt has a name."""
    overrides: Overrides = Overrides()
    """What this step changes about the experiment, as in the input of an execution."""
    needs: Annotated[tuple[StepName, ...], Field(max_length=20)] = ()
    """Earlier steps that must be validated; otherwise this step is skipped."""
    expects: Annotated[tuple[Expectation, ...], Field(max_length=5, exclude_if=lambda value: not value)] = ()
    """Only in a game day: who or what should notice the fault of this experiment."""

    prompt: Annotated[str, Field(min_length=1, max_length=1000, exclude_if=lambda value: value is None)] | None = None
    """Only in a game day, in the place of an experiment: a question to people, or what they should do now. The game day
    goes on when somebody has answered."""
    wait: Span | None = Field(default=None, exclude_if=lambda value: value is None)
    """How long a prompt waits for an answer, at most 12 hours. None: 15 minutes. An answer, and an abort of the campaign, end
    the wait at once."""
    unanswered: Literal["stop", "continue"] | None = Field(default=None, exclude_if=lambda value: value is None)
    """What follows if nobody answers. `stop`, also if it is left out: no further step starts. `continue`: the next step."""

    @property
    def label(self) -> str:
        """The step's name in the campaign."""
        return self.name or self.experiment or ""


class Ramp(Model):
    """A search for the smallest dose at which the hypothesis fails."""

    model_config = ConfigDict(serialize_by_alias=True)

    parameter: Annotated[str, Field(min_length=1, max_length=64)]
    """A numeric parameter of the fault, `duration` (in seconds) or `targets` (how many are hit)."""
    start: Annotated[Number, Field(alias="from")]
    """The smallest dose."""
    to: Number
    """The largest dose that is tried."""
    resolution: Annotated[Number, Field(gt=0)]
    """The distance between two doses, and so the width of the answer."""
    method: Literal["ladder", "bisect"] = "bisect"
    """`ladder`: from the smallest dose upwards, until one fails. `bisect`: halve the range; it needs fewer runs and tries
    large doses early."""
    confirm: Annotated[int, Field(ge=1, le=5, strict=True)] = 2
    """How many runs must agree at each of the two doses that make the answer."""
    most_runs: Annotated[int, Field(ge=1, le=200, strict=True)] = 40
    """After how many runs the search ends, with what is known by then."""

    @model_validator(mode="after")
    def _require_range(self) -> "Ramp":
        if not self.start < self.to:
            raise validation_error(f"the range is empty: {self.start:g} to {self.to:g}", "more than from", at="to")
        if self.resolution > self.to - self.start:
            raise validation_error("wider than the range", f"at most {self.to - self.start:g}", at="resolution")
        if (self.to - self.start) / self.resolution > MOST_DOSES - 1:
            least = (self.to - self.start) / (MOST_DOSES - 1)
            raise validation_error(f"makes more than {MOST_DOSES} doses", f"at least {least:.3g}", at="resolution")
        whole = self.parameter in {DURATION, TARGETS}
        if whole and not all(float(value).is_integer() for value in (self.start, self.to, self.resolution)):
            raise validation_error(f"{self.parameter} is counted in whole numbers", "whole numbers for from, to and resolution", at="from")
        if whole and self.start < 1:
            raise validation_error(f"{self.parameter} begins at 1", "at least 1", at="from")
        return self

    @property
    def doses(self) -> tuple[float, ...]:
        """All doses in rising order: from `from` in steps of `resolution`, and `to` itself."""
        count = math.ceil(round((self.to - self.start) / self.resolution, 9))
        return (*(round(self.start + index * self.resolution, 9) for index in range(count)), self.to)


class Campaign(Model):
    name: Name
    """The campaign's name in reports and messages."""
    description: Text
    """What the campaign tells, and why."""
    kind: Literal["suite", "ramp", "gameday", "regions"]
    """`suite`: several experiments. `ramp`: one experiment at several doses. `gameday`: experiments and prompts to people,
    one after the other. `regions`: one experiment in several Regions at the same time."""
    owner: Name | None = None
    """The team that owns the campaign."""
    pause: Annotated[Span, AfterValidator(_require_short_pause)] | None = None
    """How long to wait between steps. None: not at all."""
    schedule: Schedule | None = None
    """When EventBridge Scheduler starts the campaign. None: only people start it."""

    steps: Annotated[tuple[SuiteStep, ...], Field(max_length=MOST_STEPS)] = ()
    """The steps of a suite or of a game day, in order."""
    stop_on: Literal["refuted", "aborted", "never"] = "refuted"
    """When a suite starts no further step. `refuted`: a step is refuted, aborted or failed. `aborted`: a step is aborted
    or failed. `never`: only if the campaign is aborted, the stack is halted or an outcome can't be read."""
    side_by_side: Annotated[int, Field(ge=1, le=5, strict=True)] = 1
    """How many steps of a suite run at the same time. The next ones start when all of these have ended."""

    experiment: CatalogueName | None = None
    """The experiment of a ramp, or the one that names its `regions`, by its name in the catalogue."""
    ramp: Ramp | None = None
    """The doses of a ramp, and how they are searched."""
    ready_within: Annotated[Span | None, Field(exclude_if=lambda value: value is None)] = None
    """Only for several Regions: how long they have to get ready before none of them starts, at most 12 hours, as long as
    people may take to approve. None: 30 minutes."""

    @model_validator(mode="after")
    def _require_kind(self) -> "Campaign":
        if self.kind == "regions":
            return self._require_regions()
        if self.ready_within is not None:
            raise validation_error("belongs to a run over several Regions", "kind: regions", at="ready_within")
        if self.kind == "ramp":
            if self.experiment is None or self.ramp is None:
                raise validation_error("a ramp names what it varies", "experiment and ramp", at="ramp")
            if given := self._list_given("side_by_side", "steps", "stop_on"):
                raise validation_error("belongs to a suite, and this is a ramp", "no such key", at=given[0])
            return self
        words = "a suite" if self.kind == "suite" else "a game day"
        if not self.steps:
            raise validation_error(f"{words} has steps", "at least one", at="steps")
        if given := self._list_given("experiment", "ramp"):
            raise validation_error(f"belongs to a ramp, and this is {words}", "no such key", at=given[0])
        problem = _find_gameday_problem(self) if self.kind == "gameday" else _find_suite_problem(self.steps)
        if problem := problem or _find_step_problem(self.steps):
            raise problem
        return self

    def _require_regions(self) -> "Campaign":
        if self.experiment is None:
            raise validation_error("is missing", "the name of an experiment with regions", at="experiment")
        if given := self._list_given("side_by_side", "steps", "stop_on", "ramp", "pause"):
            raise validation_error("means nothing for several Regions", "no such key", at=given[0])
        if self.ready_within is not None and not timedelta(minutes=1) <= self.ready_within <= LONGEST_READY:
            raise validation_error("is too short or too long", "1m to 12h", at="ready_within")
        return self

    def _list_given(self, *fields: str) -> list[str]:
        """Those of the fields that have another value than their default."""
        return [field for field in fields if getattr(self, field) != type(self).model_fields[field].default]


def _find_suite_problem(steps: Iterable[SuiteStep]) -> Exception | None:
    """The first step of a suite that names no experiment, or has what belongs to a game day."""
    for number, step in enumerate(steps):
        at = f"steps[{number}]"
        for field in ("prompt", "wait", "unanswered", "expects"):
            if getattr(step, field):
                return validation_error("belongs to a game day, and this is a suite", "kind: gameday", at=f"{at}.{field}")
        if step.experiment is None:
            return validation_error("is missing", "the name of an experiment in the catalogue", at=f"{at}.experiment")
    return None


def _find_gameday_problem(campaign: Campaign) -> Exception | None:
    """What keeps the campaign from being a game day: a step is exactly one of an experiment and a prompt."""
    if campaign.side_by_side != 1:
        return validation_error("belongs to a suite: a game day has one step after the other", "no such key", at="side_by_side")
    for number, step in enumerate(campaign.steps):
        if problem := _find_gameday_step_problem(step, f"steps[{number}]"):
            return problem
    if all(step.experiment is None for step in campaign.steps):
        return validation_error("a game day has an experiment", "at least one step with an experiment", at="steps")
    return None


def _find_gameday_step_problem(step: SuiteStep, at: str) -> Exception | None:
    if (step.experiment is None) == (step.prompt is None):
        return validation_error("is not one of an experiment and a prompt", "exactly one of both", at=f"{at}.prompt")
    if step.needs:
        return validation_error("belongs to a suite: a game day goes from step to step", "stop_on, or no such key", at=f"{at}.needs")
    wrong = ("overrides", "expects") if step.prompt is not None else ("wait", "unanswered")
    for field in wrong:
        if getattr(step, field) != SuiteStep.model_fields[field].default:
            other = "an experiment, and this is a prompt" if step.prompt is not None else "a prompt, and this is an experiment"
            return validation_error(f"belongs to {other}", "no such key", at=f"{at}.{field}")
    if step.prompt is not None and step.name is None:
        return validation_error("a prompt has a name, by which it is answered", "a name of its own", at=f"{at}.name")
    return None


def _find_step_problem(steps: Iterable[SuiteStep]) -> Exception | None:
    """The first step whose name is taken, or that needs a step that does not come before it."""
    earlier: set[str] = set()
    for number, step in enumerate(steps):
        if step.member is not None and (step.prompt is not None or step.expects):
            message = "belongs to an experiment without `expects`: home does not read who noticed a fault in a member"
            return validation_error(message, "no such key", at=f"steps[{number}].member")
        if step.label in earlier:
            return validation_error(f'"{step.label}" is the name of an earlier step', "a name of its own", at=f"steps[{number}].name")
        for needed in step.needs:
            if needed not in earlier:
                known = ", ".join(sorted(earlier)) or "no step comes before this one"
                return validation_error(f'"{needed}" is no earlier step', known, at=f"steps[{number}].needs")
        earlier.add(step.label)
    return None


class CampaignInput(Model):
    """The input of an execution of the campaign machine."""

    campaign: Annotated[str, Field(min_length=1, max_length=128)]
    """The name of a deployed campaign: its file name without `.yaml`."""
    mode: Mode = Mode.RUN
    """Only for several Regions: `run`, or `plan`: every Region prepares and checks its part, and injects nothing."""
    overrides: Overrides = Overrides()
    """Only for several Regions: what this run changes about the experiment, in each of them. A Region without a fault takes the
    lengths alone."""
    requested_by: Annotated[str, Field(max_length=256), AfterValidator(one_line)] | None = None
    """A label that says who asked for it; it proves nothing."""
    trigger: Trigger | None = None
    """The schedule that started it, and for which time. Each pair runs once."""

    @property
    def given(self) -> tuple[str, ...]:
        """What it says that only a run over several Regions understands."""
        return tuple(name for name in ("mode", "overrides") if getattr(self, name) != type(self).model_fields[name].default)


def make_overrides(parameter: str, dose: float) -> dict[str, Any]:
    """The `overrides` of an execution at this dose."""
    value: float = int(dose) if float(dose).is_integer() else dose
    if parameter == DURATION:
        return {"duration": f"PT{value}S"}
    if parameter == TARGETS:
        return {"targets": value}
    return {"parameters": {parameter: value}}


def dump_overrides(overrides: Overrides) -> Mapping[str, Any]:
    """Overrides as the input of an execution has them."""
    return overrides.model_dump(mode="json", exclude_defaults=True)
