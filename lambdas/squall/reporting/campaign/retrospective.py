"""The retrospective of a game day as Markdown: what people expected, what happened, who saw what when, and what to talk
about. It says nothing that the records do not; the lines to fill in are empty."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from squall.domain.campaign.noticing import Sighting, compare_sightings
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord
from squall.domain.documents.metrics.statistics import Times
from squall.domain.documents.result import Result
from squall.reporting.formatting import format_clock, format_date, format_duration
from squall.reporting.markdown import escape_text

_HOW_TO_READ = (
    "Times count from the moment when the fault took effect. A person is the first note after it, by the label that the writer's "
    "command sent: a label, no proof."
)


@dataclass(frozen=True)
class Moment:
    """One line of the day's timeline."""

    at: datetime
    who: str
    what: str


def write_retrospective(record: CampaignRecord, plan: CampaignPlan, results: Mapping[str, Result]) -> str:
    """The text. `results`: those of the runs that have one, by their id."""
    times = {execution_id: result.times for execution_id, result in results.items()}
    ending = (record.verdict or record.status).value
    blocks = [
        f"# {escape_text(plan.campaign.name)}: retrospective",
        f"{format_date(record.started_at)}, as `{record.id}`: **{escape_text(ending)}**. {escape_text(record.reason)}".rstrip(),
        escape_text(plan.campaign.description),
        "## Expected and real detection",
        _HOW_TO_READ,
        _make_table(
            ("Step", "By", "Expected within", "Real", "Who or what", "So"),
            [_write_sighting(row) for row in compare_sightings(plan, record, times)],
        ),
        "## Experiments",
        _make_table(
            ("Step", "Run", "Outcome", "Why"),
            [(run.step, run.execution_id, run.outcome.words if run.outcome else "no outcome", run.reason) for run in record.runs],
        ),
        "## Prompts",
        _make_table(("Prompt", "Asked", "Answer"), list(_list_prompts(record, plan))),
        "## Who saw what when",
        _make_table(
            ("UTC", "Who", "What"), [(format_clock(moment.at), moment.who, moment.what) for moment in list_moments(record, plan, results)]
        ),
        "## Findings",
        "\n".join(_list_findings(results)) or "No run has a finding.",
        "## To talk about",
        "\n".join(f"- {question}\n" for question in _list_questions(record, plan, times)).rstrip(),
        "## Tasks",
        "| What | Who | Until |\n| --- | --- | --- |\n|  |  |  |",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def list_moments(record: CampaignRecord, plan: CampaignPlan, results: Mapping[str, Result]) -> list[Moment]:
    """Everything that happened, in order of time."""
    return sorted(_list_moments(record, plan, results), key=lambda moment: moment.at)


def _list_moments(record: CampaignRecord, plan: CampaignPlan, results: Mapping[str, Result]) -> Iterator[Moment]:
    yield Moment(record.started_at, record.requested_by or "somebody", "started the game day")
    for run in record.runs:
        yield Moment(run.begun_at, "Squall", f"started {run.step} as {run.execution_id}")
        if run.ended_at:
            yield Moment(run.ended_at, "Squall", f"{run.step} ended: {run.outcome.words if run.outcome else 'no outcome'}")
        if result := results.get(run.execution_id):
            yield from _list_moments_of_run(run.step, result.times)
    for prompt in record.prompts:
        yield Moment(prompt.asked_at, "Squall", f"asked {prompt.step}: {plan.find_step(prompt.step).prompt}")
        if prompt.outcome and prompt.ended_at and record.find_answer(prompt.step) is None:
            yield Moment(prompt.ended_at, "Squall", f"{prompt.step}: {prompt.outcome.words}")
    yield from _list_moments_of_people(record)


def _list_moments_of_run(step: str, times: Times) -> Iterator[Moment]:
    if times.effect_at:
        yield Moment(times.effect_at, "Squall", f"the fault of {step} took effect")
    if times.detected_at:
        yield Moment(times.detected_at, times.detected_by or "an alarm", f"alarm during {step}")


def _list_moments_of_people(record: CampaignRecord) -> Iterator[Moment]:
    for note in record.notes:
        answered = f"answered {note.answers}{', and stopped the game day' if note.stops else ''}: " if note.answers else ""
        yield Moment(note.at, note.by, answered + note.text)
    if record.abort:
        yield Moment(record.abort.at, record.abort.by or record.abort.source.value, f"no further step starts: {record.abort.reason}")
    if record.ended_at:
        yield Moment(record.ended_at, "Squall", "the game day ended")


def _write_sighting(row: Sighting) -> tuple[str, ...]:
    expected = format_duration(row.expected.within.total_seconds()) if row.expected else "—"
    by = row.kind + (f" ({row.expected.who})" if row.expected and row.expected.who else "")
    return (row.step, by, expected, "—" if row.seconds is None else format_duration(row.seconds), row.by or "—", row.conclusion)


def _list_prompts(record: CampaignRecord, plan: CampaignPlan) -> Iterator[tuple[str, ...]]:
    for prompt in record.prompts:
        answer = record.find_answer(prompt.step)
        said = f"{answer.by}: {answer.text}" if answer else prompt.outcome.words if prompt.outcome else "waits"
        yield plan.find_step(prompt.step).prompt, format_clock(prompt.asked_at), said


def _list_findings(results: Mapping[str, Result]) -> Iterator[str]:
    for execution_id, result in results.items():
        for finding in result.findings:
            yield f"- {escape_text(finding.title)} ({escape_text(finding.id)}, `{execution_id}`): {escape_text(finding.detail)}"


def _list_questions(record: CampaignRecord, plan: CampaignPlan, times: Mapping[str, object]) -> Iterator[str]:
    yield "What surprised us?"
    for run in record.runs:
        if run.outcome is None or run.execution_id not in times:
            yield f"{escape_text(run.step)} has no result: what happened?"
    begun = {run.step for run in record.runs} | {prompt.step for prompt in record.prompts}
    for step in plan.steps:
        if step.name not in begun:
            yield f"{escape_text(step.name)} did not take place: is it still worth it?"
    yield "What would have told us sooner?"
    yield "Who was missing, and what was hard to find?"


def _make_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "None."
    lines = [columns, ["---"] * len(columns), *([escape_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
