"""What a page is put together from: words with a colour, tables, tiles, links."""

from dataclasses import dataclass
from typing import Any

from squall.domain.documents.finding import Finding, FindingStatus
from squall.reporting.formatting import date, words

TONES = {
    **dict.fromkeys(("validated", "planned", "completed", "passed", "met", "restored", "recovered"), "good"),
    **dict.fromkeys(("refuted", "rejected", "failed", "not_met", "not_restored", "high", "critical"), "bad"),
    **dict.fromkeys(("inconclusive", "invalid", "cannot_tell", "not_evaluated", "warned", "medium"), "open"),
    "aborted": "stopped",
}
"""How a word of a closed set is coloured; any other is plain."""


@dataclass(frozen=True)
class Word:
    """A word of a closed set with its colour; the colour never stands alone."""

    text: str
    tone: str

    @classmethod
    def of(cls, value: str) -> "Word":
        return cls("can’t tell" if value == "cannot_tell" else words(value), TONES.get(value, "plain"))


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells under column names; the first cell of a row is its head."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    numeric: tuple[int, ...] = ()
    """Columns of numbers, aligned to the right."""


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
    """How often it was seen, since when, or by what it was closed."""
    practice: str
    improvements: tuple[str, ...]


def finding_view(finding: Finding) -> FindingView:
    """A finding as it stands in a list."""
    closed = finding.status is FindingStatus.CLOSED
    seen = f"seen {finding.seen_count} times" if (finding.seen_count or 0) > 1 else "new" if finding.seen_count == 1 else ""
    since = f"first on {date(finding.first_seen)}" if finding.first_seen and (finding.seen_count or 0) > 1 else ""
    state = f"closed by {finding.closed_by}" if closed else ", ".join(part for part in (seen, since) if part)
    severity = Word("fixed", "good") if closed else Word.of(finding.severity.value)
    return FindingView(finding.id, finding.title, finding.detail, severity, state, finding.practice, finding.improvements)
