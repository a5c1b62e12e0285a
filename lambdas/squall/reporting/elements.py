"""The elements of a page: words with a colour, tables, tiles, links, findings."""

from dataclasses import dataclass
from typing import Any

from squall.domain.documents.finding import Finding, FindingStatus
from squall.reporting.formatting import format_date, spell_out

TONES = {
    **dict.fromkeys(("validated", "planned", "completed", "passed", "met", "restored", "recovered"), "good"),
    **dict.fromkeys(("refuted", "not_met", "not_restored", "high", "critical"), "bad"),
    **dict.fromkeys(("inconclusive", "invalid", "cannot_tell", "not_evaluated", "warned", "medium"), "open"),
    "aborted": "stopped",
    "failed": "broken",
}
"""The colour of each word of a closed set; all other words are plain. Outcomes that a chart stacks differ: a refused run
(`rejected`) is plain, a failure of Squall (`failed`) is not the refuted hypothesis of a run."""


@dataclass(frozen=True)
class Word:
    """A word of a closed set with its colour. The colour never is the only carrier of the meaning."""

    text: str
    tone: str

    @classmethod
    def of(cls, value: str) -> "Word":
        return cls("can’t tell" if value == "cannot_tell" else spell_out(value), TONES.get(value, "plain"))


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells under column names. The first cell of a row is its header."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    numeric: tuple[int, ...] = ()
    """Indexes of the columns with numbers, which are aligned right."""


@dataclass(frozen=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True)
class FindingView:
    id: str
    title: str
    detail: str
    severity: Word
    state: str
    """How many runs have it and since when, or which run closed it."""
    practice: str
    improvements: tuple[str, ...]


def view_finding(finding: Finding) -> FindingView:
    """A finding as an element of a list."""
    closed = finding.status is FindingStatus.CLOSED
    times = f"seen {finding.seen_count} times" if (finding.seen_count or 0) > 1 else "new" if finding.seen_count == 1 else ""
    since = f"first on {format_date(finding.first_seen)}" if finding.first_seen and (finding.seen_count or 0) > 1 else ""
    state = f"closed by {finding.closed_by}" if closed else ", ".join(part for part in (times, since) if part)
    severity = Word("fixed", "good") if closed else Word.of(finding.severity.value)
    return FindingView(finding.id, finding.title, finding.detail, severity, state, finding.practice, finding.improvements)
