"""The input of an execution as a person, a schedule or a pipeline writes it."""

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from squall.domain.base.durations import Minutes, Span, validation_error
from squall.domain.base.model import Model
from squall.domain.base.printable import one_line
from squall.domain.base.problems import require_pattern
from squall.domain.base.vocabulary import Mode
from squall.domain.experiment.experiment import TWO_DURATIONS

ONE_SOURCE = "exactly one of experiment (a catalogue name) and definition"
NO_SOURCE = validation_error("nothing says what to run", ONE_SOURCE, at="experiment")
TWO_SOURCES = validation_error("experiment and definition each say what to run", ONE_SOURCE, at="experiment")


class Overrides(Model):
    """The only things an execution may change: never the candidates, the environment, criteria or abort
    conditions.

    The lengths of the fault and of its observation, as far as the environment's policy allows, and the number of targets and
    the parameters that the experiment lists in `override_ranges` and `override_values`.
    """

    duration: Span | None = None
    """Another length of the fault (`10m`, `PT10M`), as far as the policy allows."""
    duration_minutes: Minutes | None = None
    """Another length of the fault in minutes."""
    observation: Span | None = None
    """Another length of the observation (`10m`, `PT10M`), at least that of the fault, as far as the policy allows."""
    targets: Annotated[int, Field(ge=1, le=50, strict=True)] | None = None
    """Another number of targets, in place of `target.select`, as far as `override_ranges` lists `targets`."""
    parameters: dict[str, Any] = {}
    """Other values of parameters that the experiment lists in `override_ranges` or `override_values`."""

    @model_validator(mode="after")
    def _require_one_duration(self) -> "Overrides":
        if self.duration_minutes is not None and self.duration is not None:
            raise TWO_DURATIONS
        return self


class Trigger(Model):
    """The schedule that started an execution, and for which time. Admit runs each pair once."""

    schedule_arn: Annotated[str, Field(max_length=1600), require_pattern(r"^arn:[^\s#]+$", "an ARN")]
    """The ARN of the schedule that fired."""
    scheduled_time: Annotated[str, Field(max_length=40)]
    """ISO 8601."""


class CampaignStep(Model):
    """The step of a campaign that an execution is. Admit compares it with the campaign's record."""

    id: Annotated[str, Field(max_length=128)]
    """The id of the campaign."""
    number: Annotated[int, Field(ge=1, strict=True)]
    """The number of the execution in the campaign."""


RegionName = Annotated[str, Field(max_length=30), require_pattern(r"^[a-z]{2}(-[a-z]+)+-[0-9]+$", "the name of a Region")]


class RegionPart(Model):
    """The part of a run over several Regions that an execution is. Admit takes that Region's experiment of the definition."""

    run: Annotated[str, Field(max_length=80), require_pattern(r"^[0-9A-Za-z_-]+$", "the id of a run")]
    """The id of the whole run."""
    home: RegionName
    """The Region in which the run was started, which decides whether the faults start."""
    regions: Annotated[tuple[RegionName, ...], Field(max_length=5)]
    """All Regions of the run."""
    start_by: AwareDatetime
    """Until when every part has to be ready."""
    definition_hash: Annotated[str, Field(max_length=128)]
    """The hash of what this part has to run, as home has admitted it."""
    published: Annotated[bool, Field(strict=True)] = False
    """Whether the campaign that starts it is published. Then this Region's policy has to let published ones run."""

    @model_validator(mode="after")
    def _require_peers(self) -> "RegionPart":
        if len(set(self.regions)) < 2 or len(set(self.regions)) < len(self.regions):
            raise validation_error("are not several Regions, each once", "2 to 5 Regions", at="regions")
        return self


class FleetStep(Model):
    """The step of a campaign at the home of a fleet that an execution in one of its members is."""

    campaign: Annotated[str, Field(max_length=128)]
    """The id of the campaign at home."""
    number: Annotated[int, Field(ge=1, strict=True)]
    """The number of the execution in the campaign."""
    start_by: AwareDatetime
    """When home stops trying to start it. An execution that begins later is refused: home counts on that."""


class ExecutionInput(Model):
    experiment: Annotated[str, Field(max_length=128)] | None = None
    """The name of a deployed or published experiment: its file name without `.yaml`. Give either this or `definition`."""
    definition: dict[str, Any] | None = None
    """A whole experiment, where the policy allows `inline_definitions`."""
    mode: Mode = Mode.RUN
    """`run`, or `plan`: everything except the fault."""
    overrides: Overrides = Overrides()
    """What this execution changes about the experiment."""
    requested_by: Annotated[str, Field(max_length=256), AfterValidator(one_line)] | None = None
    """A label that says who asked for it; it proves nothing."""
    trigger: Trigger | None = None
    """Set by a schedule, never by hand."""
    campaign: CampaignStep | None = None
    """Set by a campaign, never by hand."""
    fleet: FleetStep | None = None
    """Set by a campaign at the home of the fleet, never by hand."""
    part: RegionPart | None = None
    """Set by home, never by hand, for a run over several Regions."""

    @model_validator(mode="after")
    def _require_one_source(self) -> "ExecutionInput":
        if self.experiment is None and self.definition is None:
            raise NO_SOURCE
        if self.experiment is not None and self.definition is not None:
            raise TWO_SOURCES
        return self
