"""Writes the truth table of verdicts into docs/judge.md, by calling the function that decides them. `--check` only
compares.

PYTHONPATH=lambdas python -m scripts.verdicts [--check]
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from squall.domain.base.vocabulary import AbortSource, CriterionOutcome
from squall.domain.documents.judgement import CriterionResult
from squall.domain.judging.verdict import OUTSIDE_SOURCES, Decision, decide_ending, exit_code
from squall.domain.run.record import Abort

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "judge.md"
BEGIN, END = "<!-- verdicts -->\n", "<!-- /verdicts -->"
_MET, _NOT_MET, _UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL
_SHARES = {
    _MET: "at least 80 % met",
    _UNKNOWN: "80 % only if what can't be told is met",
    _NOT_MET: "under 80 % even then",
}
"""Outcome of the non-critical criteria as a whole to its words in the table; `_make_criteria` has five criteria for
each."""
_CRITICAL = {None: "", _UNKNOWN: ", a critical one can't be told", _NOT_MET: ", a critical one not met"}
_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """One combination of abort, fault and criteria, with the decision for it."""

    abort: str
    fault: str
    criteria: str
    decision: Decision

    @property
    def cells(self) -> tuple[str, ...]:
        validated = {True: "true", False: "false", None: "null"}[self.decision.hypothesis_validated]
        verdict = self.decision.verdict.value if self.decision.verdict else "null"
        code = exit_code(self.decision.status, self.decision.verdict)
        return (self.abort, self.fault, self.criteria, self.decision.status.value, f"**{verdict}**", validated, str(code))


def make_table() -> str:
    """The truth table as Markdown; combinations that differ only in a column that decides nothing share a row."""
    columns = ("stopped by", "fault", "criteria", "status", "verdict", "`hypothesis_validated`", "exit")
    lines = [_make_line(columns), _make_line(["---"] * len(columns)), *(_make_line(cells) for cells in _make_rows())]
    return "\n".join(lines) + "\n"


def _make_rows() -> Iterator[tuple[str, ...]]:
    for name, abort in _list_aborts().items():
        by_fault = {fault: list(_decide_rows(name, fault, abort, **facts)) for fault, facts in _list_faults().items()}
        outcomes = {tuple(row.cells[3:]) for rows in by_fault.values() for row in rows}
        if len(outcomes) == 1:
            yield (name, "any", "any", *outcomes.pop())
            continue
        for rows in by_fault.values():
            yield from _merge_rows(rows)


def _merge_rows(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """Merges all rows into one where the criteria decide nothing; otherwise merges the rows that have the same
    decision."""
    if len({row.cells[3:] for row in rows}) == 1:
        yield (*rows[0].cells[:2], "any", *rows[0].cells[3:])
        return
    ordered = sorted(rows, key=lambda row: row.cells[3:])
    for outcome, group in groupby(ordered, key=lambda row: row.cells[3:]):
        equal_rows = list(group)
        yield (*equal_rows[0].cells[:2], "; ".join(row.criteria for row in equal_rows), *outcome)


def _list_aborts() -> dict[str, Abort | None]:
    outside = sorted(source.value for source in OUTSIDE_SOURCES)
    return {
        "nobody": None,
        "a guard": Abort(AbortSource.GUARD, "", _AT),
        "a blind guard": Abort(AbortSource.BLIND_GUARD, "", _AT),
        ", ".join(outside): Abort(AbortSource.OPERATOR, "", _AT),
    }


def _list_faults() -> dict[str, Mapping[str, bool]]:
    return {
        "nothing injected": {"injected": False, "proven": False},
        "not proven on every target": {"injected": True, "proven": False},
        "proven": {"injected": True, "proven": True},
    }


def _decide_rows(abort_name: str, fault: str, abort: Abort | None, *, injected: bool, proven: bool) -> Iterator[Row]:
    for critical, critical_words in _CRITICAL.items():
        for share, share_words in _SHARES.items():
            # A critical criterion is combined only with shares that would be enough without it.
            if critical is None or share is _MET:
                results = [*_make_criteria(share), *([_make_result(critical, critical=True)] if critical else [])]
                decision = decide_ending(criteria=results, abort=abort, injected=injected, proven=proven)
                yield Row(abort_name, fault, f"{share_words}{critical_words}", decision)


def _make_criteria(share: CriterionOutcome) -> list[CriterionResult]:
    """Five criteria: four met and one not; or three met, one unknown and one not; or three met and two not."""
    last_two = {_MET: (_MET, _NOT_MET), _UNKNOWN: (_UNKNOWN, _NOT_MET), _NOT_MET: (_NOT_MET, _NOT_MET)}[share]
    return [_make_result(outcome, critical=False) for outcome in (_MET, _MET, _MET, *last_two)]


def _make_result(outcome: CriterionOutcome, *, critical: bool) -> CriterionResult:
    return CriterionResult(text="a criterion", kind="threshold", critical=critical, outcome=outcome, reason="")


def _make_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def insert_table(text: str) -> str:
    """The document's text with the table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{make_table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Writes the table; with --check only reports whether it is stale, and returns 1 if it is."""
    text = DOCUMENT.read_text(encoding="utf-8")
    current = insert_table(text)
    if "--check" in arguments:
        if text != current:
            sys.stderr.write(f"{DOCUMENT} differs from the code: run python -m scripts.verdicts\n")
        return 1 if text != current else 0
    DOCUMENT.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
