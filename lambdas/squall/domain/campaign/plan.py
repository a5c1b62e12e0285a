"""The plan of a campaign: what AdmitCampaign has checked, and what every later state chooses steps from."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from squall.domain.base.model import Model, hash_document
from squall.domain.base.vocabulary import Mode
from squall.domain.campaign.choice import Choice, Ending
from squall.domain.campaign.definition import Campaign, Expectation, Ramp
from squall.domain.campaign.gameday import GamedayPlan, choose_gameday_step
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.ramp import Bracket, DoseRun, RampPlan, Tally, choose_dose, count_runs, find_bracket
from squall.domain.campaign.record import PromptRun, StepRun
from squall.domain.campaign.suite import SuitePlan, choose_suite_steps, list_skipped
from squall.domain.documents.document import Document
from squall.domain.experiment.published import DefinitionSource


class PlannedStep(Model):
    """An execution that the campaign may start. A ramp may start each of its steps several times."""

    name: str
    """The name of a suite's step, or the dose of a ramp's."""
    experiment: str
    """The name in the catalogue."""
    overrides: dict[str, Any] = {}
    """As in the input of an execution."""
    needs: tuple[str, ...] = ()
    member: Annotated[str, Field(exclude_if=lambda value: not value)] = ""
    """The member of the fleet that runs it. Its own stack knows the experiment, so what is below this is empty."""
    definition_hash: str
    """The hash of the experiment with these overrides, as admitted. A run of another definition is none of this step."""
    environment: str
    fault_type: str
    resource_type: str
    seconds: int
    """How long the fault lasts; in a scenario, until the last fault ends, with the time that FIS keeps in reserve between them."""
    ends_seconds: Annotated[int, Field(exclude_if=lambda value: not value)] = 0
    """Of the part of a run over several Regions: how long after the start of its fault it has ended by itself at the latest."""
    expects: Annotated[tuple[Expectation, ...], Field(exclude_if=lambda value: not value)] = ()
    """Who or what should notice the fault."""
    prompt: Annotated[str, Field(exclude_if=lambda value: not value)] = ""
    """What people are asked; then the step is no execution, and everything about one is empty."""
    wait_seconds: Annotated[int, Field(exclude_if=lambda value: not value)] = 0
    """How long the prompt waits for an answer."""
    goes_on: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    """Whether the next step follows if nobody answers."""


class CampaignPlan(Document):
    NAME: ClassVar[str] = "campaign"

    campaign: Campaign
    steps: tuple[PlannedStep, ...]
    mode: Annotated[Mode, Field(exclude_if=lambda value: value is Mode.RUN)] = Mode.RUN
    """Of a run over several Regions: whether its parts inject anything."""
    source: Annotated[DefinitionSource | None, Field(exclude_if=lambda value: value is None)] = None
    """The published version; None for a deployed campaign."""

    @property
    def digest(self) -> str:
        """The hash of the whole document."""
        return hash_document(self.model_dump(mode="json"))

    def find_step(self, name: str) -> PlannedStep:
        """The step of this name. Raises KeyError if there is none."""
        return {step.name: step for step in self.steps}[name]

    @property
    def members(self) -> dict[str, str]:
        """The steps that run in a member of the fleet, and in which."""
        return {step.name: step.member for step in self.steps if step.member}

    @property
    def suite(self) -> SuitePlan:
        """The suite's steps as its planner takes them."""
        campaign = self.campaign
        return SuitePlan({step.name: step.needs for step in self.steps if not step.prompt}, campaign.stop_on, campaign.side_by_side)

    @property
    def gameday(self) -> GamedayPlan:
        """The steps of a game day as its planner takes them."""
        return GamedayPlan(self.suite, {step.name: step.goes_on if step.prompt else None for step in self.steps})

    @property
    def ramp(self) -> RampPlan:
        """The ramp's doses as its planner takes them. Raises ValueError for a suite."""
        declared = self.campaign.ramp
        if declared is None:
            raise ValueError("a suite has no doses")
        return RampPlan(tuple(step.name for step in self.steps), declared.method, declared.confirm, declared.most_runs)

    def list_dose_runs(self, runs: Sequence[StepRun]) -> list[DoseRun]:
        """The ended runs of a ramp, in order."""
        index = {step.name: number for number, step in enumerate(self.steps)}
        return [DoseRun(index[run.step], run.outcome) for run in runs if run.outcome is not None]

    def tally(self, runs: Sequence[StepRun]) -> tuple[list[Tally], Bracket]:
        """What the runs of a ramp say of each dose, and the answer so far."""
        tallies = count_runs(self.ramp, self.list_dose_runs(runs))
        return tallies, find_bracket(tallies)


def choose_steps(plan: CampaignPlan, runs: Sequence[StepRun], prompts: Sequence[PromptRun] = ()) -> Choice:
    """The steps to start now, when no run is without an outcome and no prompt is open; or the ending of the campaign."""
    if plan.campaign.kind == "regions":
        return Choice(start=tuple(step.name for step in plan.steps))  # all at once; how it ends is for `regions.outcome`
    if plan.campaign.kind == "gameday":
        return choose_gameday_step(plan.gameday, _list_outcomes(runs), prompts)
    if plan.campaign.ramp is None:
        return choose_suite_steps(plan.suite, _list_outcomes(runs))
    dose = choose_dose(plan.ramp, plan.list_dose_runs(runs))
    return Choice(ending=dose) if isinstance(dose, Ending) else Choice(start=(plan.steps[dose].name,))


def explain_skipped(plan: CampaignPlan, runs: Sequence[StepRun]) -> dict[str, str]:
    """The steps of a suite that did not run, each with the reason; empty for a ramp, which needs only some doses."""
    return {} if plan.campaign.ramp else list_skipped(plan.suite, _list_outcomes(runs))


def label_dose(ramp: Ramp, dose: float) -> str:
    """A dose as people read it, such as `latency_ms 180`."""
    return f"{ramp.parameter} {dose:g}"


def _list_outcomes(runs: Sequence[StepRun]) -> Mapping[str, StepOutcome]:
    return {run.step: run.outcome for run in runs if run.outcome is not None}
