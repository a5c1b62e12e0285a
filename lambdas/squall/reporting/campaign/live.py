"""The live page of a game day: one HTML file that reads itself again every few seconds, for a screen that everybody sees.
The command that follows the game day writes it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape

from squall.domain.base.printable import one_line
from squall.domain.campaign.noticing import compare_sightings
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord
from squall.domain.documents.result import Result
from squall.domain.run.commands import shell_command
from squall.reporting.campaign.retrospective import list_moments
from squall.reporting.formatting import format_clock, format_duration

REFRESH_SECONDS = 5
_STYLE = """
:root { color-scheme: light dark; font: 17px/1.5 system-ui, sans-serif; }
html { background: Canvas; color: CanvasText; }
body { max-width: 70rem; margin: 1.5rem auto; padding: 0 1rem; }
.now { border: 2px solid #6366f1; border-radius: 10px; padding: .8rem 1.2rem; font-size: 1.25rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3rem .8rem .3rem 0; vertical-align: top; }
tr + tr { border-top: 1px solid #8884; } code { overflow-wrap: anywhere; } .dim { opacity: .7; font-size: .85rem; }
td { overflow-wrap: anywhere; }
@media (max-width: 45rem) {
  tr:first-child { display: none; } tr { padding: .5rem 0; } tr, td { display: block; } td { padding: 0; }
  td::before { content: attr(data-column) ": "; opacity: .7; } td:empty { display: none; }
}
"""


def render_live_page(record: CampaignRecord, plan: CampaignPlan, results: Mapping[str, Result], now: datetime) -> str:
    """The page as the game day is at `now`. It stops reading itself again once the game day has ended."""
    refresh = "" if record.final else f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
    times = {execution_id: result.times for execution_id, result in results.items()}
    sightings = [
        (
            row.step,
            row.kind + (f" ({row.expected.who})" if row.expected and row.expected.who else ""),
            format_duration(row.expected.within.total_seconds()) if row.expected else "—",
            "—" if row.seconds is None else format_duration(row.seconds),
            row.by,
            row.conclusion,
        )
        for row in compare_sightings(plan, record, times)
    ]
    moments = [(format_clock(moment.at), moment.who, moment.what) for moment in reversed(list_moments(record, plan, results))]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}'
        f'<meta name="viewport" content="width=device-width"><title>{_text(plan.campaign.name)}</title><style>{_STYLE}</style></head><body>'
        f'<h1>{_text(plan.campaign.name)}</h1><p class="dim">{_text(record.id)}, as of {format_clock(now)} UTC</p>'
        f'<div class="now">{_describe_now(record, plan, now)}</div>'
        f"<h2>Steps</h2>{_make_table(('Step', 'What', 'State'), _list_steps(record, plan))}"
        "<h2>Expected and real detection</h2>"
        f"{_make_table(('Step', 'By', 'Expected within', 'Real', 'Who or what', 'So'), sightings)}"
        '<p class="dim">Known when a run has ended. Seconds count from the effect of the fault. Names are labels, no proof.</p>'
        f"<h2>Who saw what when</h2>{_make_table(('UTC', 'Who', 'What'), moments)}</body></html>\n"
    )


def _describe_now(record: CampaignRecord, plan: CampaignPlan, now: datetime) -> str:
    note = _command("squall", "campaign", "note", record.id, "what I see")
    if record.final:
        return f"Over: <b>{_text((record.verdict or record.status).value)}</b>. {_text(record.reason)}"
    if record.abort:
        return f"No further step starts: {_text(record.abort.reason)}"
    if prompt := record.open_prompt:
        left = max(0.0, (prompt.until - now).total_seconds())
        then = "the next step starts" if plan.find_step(prompt.step).goes_on else "no further step starts"
        return (
            f"<b>{_text(plan.find_step(prompt.step).prompt)}</b><br>{_command('squall', 'campaign', 'answer', record.id, '…')}"
            f"<br>Without an answer in {format_duration(left)} {then}."
        )
    if running := record.running:
        return f"<b>{_text(running[0].step)}</b> runs since {format_clock(running[0].begun_at)} UTC. Say what you see:<br>{note}"
    return "Between two steps." + (f" The next one starts at {format_clock(record.resume_at)} UTC." if record.resume_at else "")


def _list_steps(record: CampaignRecord, plan: CampaignPlan) -> list[tuple[str, str, str]]:
    states = {run.step: run.outcome.words if run.outcome else "runs" for run in record.runs}
    states |= {prompt.step: prompt.outcome.words if prompt.outcome else "waits for an answer" for prompt in record.prompts}
    return [(step.name, step.prompt or step.experiment, states.get(step.name, "not yet")) for step in plan.steps]


def _make_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(map(_make_cell, columns, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _make_cell(column: str, value: str) -> str:
    """A cell that says its column itself: on a phone the cells of a row stand below each other."""
    return f'<td data-column="{column}">{_text(value)}</td>'


def _command(*words: str) -> str:
    return f"<code>{_text(shell_command(*words))}</code>"


def _text(value: object) -> str:
    return escape(one_line(str(value)))
