"""The report of a campaign: its outcome, its steps as a picture, and links to the reports of its runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.result import CampaignResult, RampAnswer, StepResult
from squall.domain.messages.console import ExecutionConsole
from squall.domain.run.commands import shell_command
from squall.reporting.campaign.courses import Courses
from squall.reporting.campaign.pictures import Picture, draw_ramp, draw_suite, word_of
from squall.reporting.campaign.regions import PartMeasured, RegionView, draw_regions, show_overlap, view_regions
from squall.reporting.elements import FindingView, Link, Table, Tile, Word, view_finding
from squall.reporting.formatting import format_date, format_duration, spell_out
from squall.reporting.page import assemble_page

_STATES = {"validated": "good", "refuted": "bad", "undecided": "open", "not_run": "plain"}


@dataclass(frozen=True)
class CampaignPage:
    title: str
    word: Word
    subtitle: tuple[str, ...]
    reason: str
    statement: str
    """How sure the answer of a ramp is; empty for a suite."""
    answered: bool
    """Whether a ramp has an answer, of which the picture shows where it lies."""
    comparison: str
    tiles: tuple[Tile, ...]
    picture: Picture | None
    legend: tuple[Word, ...]
    doses: Table
    coverage: Table
    regions: tuple[RegionView, ...]
    """Of a run over several Regions: each of them; empty for any other campaign."""
    courses: Courses | None
    """What the Regions measured; None if nothing was, or for any other campaign."""
    steps: Table
    findings: tuple[FindingView, ...]
    improvements: tuple[str, ...]
    links: tuple[Link, ...]
    commands: tuple[str, ...]


def render_campaign(page: CampaignPage) -> str:
    """`report.html`."""
    return assemble_page("campaign.html.j2", "report.js", {"page": page}, page.courses.island() if page.courses else None)


def build_campaign_page(result: CampaignResult, execution_arn: str, bucket: str, parts: Sequence[PartMeasured] = ()) -> CampaignPage:
    """The contents of the report. Sections without evidence are empty. `parts`: what the Regions of a run over several measured."""
    console = ExecutionConsole(execution_arn, bucket)
    urls = {
        step.execution_id: console.file_of(step.execution_id, "report.html")
        for step in result.steps
        if step.execution_id and not step.region and not step.member
    }
    urls |= {
        step.execution_id: ExecutionConsole(step.execution_arn, "").execution
        for step in result.steps
        if step.execution_id and step.execution_arn
    }
    return CampaignPage(
        title=result.name,
        word=Word.of((result.verdict or result.status).value),
        subtitle=tuple(part for part in (result.kind and f"campaign, {result.kind}", format_date(result.start_time)) if part),
        reason=result.reason,
        statement=result.ramp.statement if result.ramp else "",
        answered=result.ramp is not None and result.ramp.confidence is not None,
        comparison=result.comparison,
        tiles=(*_make_tiles(result), *show_overlap(result.steps, parts)),
        picture=draw_ramp(result, urls) if result.ramp else draw_suite(result, urls),
        legend=tuple(dict.fromkeys(word_of(step) for step in result.steps)),
        doses=_doses_table(result, result.ramp) if result.ramp else Table((), ()),
        coverage=_coverage_table(result),
        regions=view_regions(result.steps, parts, execution_arn),
        courses=draw_regions(parts),
        steps=_steps_table(result, urls),
        findings=tuple(map(view_finding, result.findings)),
        improvements=(),
        links=(
            Link("Execution in Step Functions", console.execution),
            Link("Result in S3", console.file_of(result.campaign_id, "campaign_result.json")),
        ),
        commands=tuple(_list_commands(result, bucket, console.region)),
    )


def _link_run(step: StepResult, urls: Mapping[str, str]) -> Link | str:
    """The run's report, or where it is: the stack of another Region has a bucket of its own. Of a run in a member, its execution in
    the console of the member's account."""
    if step.execution_id is None:
        return f"in {step.member}" if step.member else "—"
    if step.member:
        label = f"{step.execution_id}, in {step.member}"
        return Link(label, urls[step.execution_id]) if step.execution_id in urls else label
    return f"{step.execution_id}, in the stack of {step.region}" if step.region else Link(step.execution_id, urls[step.execution_id])


def _make_tiles(result: CampaignResult) -> Iterator[Tile]:
    runs = sum(step.execution_id is not None for step in result.steps)
    yield Tile("Runs", str(runs))
    if result.end_time:
        yield Tile("Took", format_duration((result.end_time - result.start_time).total_seconds()))
    answer = result.ramp
    if answer is None:
        if skipped := len(result.steps) - runs:
            yield Tile("Steps that did not run", str(skipped))
        return
    if answer.holds_to is not None:
        yield Tile("Holds to", f"{answer.holds_to:g}", answer.parameter)
    if answer.fails_from is not None:
        yield Tile("Fails from", f"{answer.fails_from:g}", answer.parameter)


def _doses_table(result: CampaignResult, answer: RampAnswer) -> Table:
    """The picture of a ramp in numbers."""
    outcomes: dict[str, list[StepOutcome | None]] = {f"{answer.parameter} {dose:g}": [] for dose in answer.doses}
    for step in result.steps:
        if step.execution_id:
            outcomes.setdefault(step.step, []).append(step.outcome)
    rows = tuple((label, *_count_outcomes(each)) for label, each in outcomes.items())
    return Table(("Dose", "Held", "Failed", "Said nothing"), rows, numeric=(1, 2, 3))


def _count_outcomes(outcomes: Iterable[StepOutcome | None]) -> tuple[str, str, str]:
    known = list(outcomes)
    held = known.count(StepOutcome.VALIDATED)
    failed = sum(outcome is not None and outcome.fails for outcome in known)
    return tuple(str(count) if known else "—" for count in (held, failed, len(known) - held - failed))  # type: ignore[return-value]


def _coverage_table(result: CampaignResult) -> Table:
    rows = tuple(
        (
            covered.resource_type,
            spell_out(covered.fault_type),
            Word(spell_out(covered.state), _STATES[covered.state]),
            ", ".join(_say_outcomes(covered.outcomes, covered.not_run, covered.steps)),
        )
        for covered in result.coverage
    )
    return Table(("Resource type", "Fault", "State", "Steps"), rows)


def _say_outcomes(outcomes: dict[str, int], not_run: int, steps: int) -> Iterator[str]:
    for outcome, count in outcomes.items():
        yield f"{count} {StepOutcome(outcome).words}"
    if not_run:
        yield f"{not_run} not run"
    if missing := steps - not_run - sum(outcomes.values()):
        yield f"{missing} without an outcome"


def _steps_table(result: CampaignResult, urls: dict[str, str]) -> Table:
    rows = tuple(
        (
            step.step,
            _link_run(step, urls),
            word_of(step),
            format_duration((step.ended_at - step.begun_at).total_seconds()) if step.begun_at and step.ended_at else "—",
            step.reason,
        )
        for step in result.steps
    )
    return Table(("Step", "Report of the run", "Outcome", "Took", "Why"), rows)


def _list_commands(result: CampaignResult, bucket: str, region: str) -> Iterator[str]:
    yield shell_command("squall", "campaign", "show", result.campaign_id)
    yield shell_command("aws", "s3", "cp", f"s3://{bucket}/results/{result.campaign_id}/campaign_result.json", "-", "--region", region)
