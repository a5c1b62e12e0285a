"""Writes the truth table of verdicts into docs/judge.md, from the function that decides them. `--check` only compares.

PYTHONPATH=lambdas python -m scripts.verdicts [--check]
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from squall.domain.documents.judgement import CriterionResult
from squall.domain.judging.verdict import OUTSIDE_SOURCES, Decision, decide, exit_code
from squall.domain.run.record import Abort
from squall.domain.vocabulary import AbortSource, CriterionOutcome

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "judge.md"
BEGIN, END = "<!-- verdicts -->\n", "<!-- /verdicts -->"
_MET, _NOT_MET, _UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL
_SHARES = {
    _MET: "at least 80 % met",
    _UNKNOWN: "80 % only if what can't be told is met",
    _NOT_MET: "under 80 % even then",
}
"""What the criteria that are not critical come to: five of them, the last of this outcome and one more open or failed."""
_CRITICAL = {None: "", _UNKNOWN: ", a critical one can't be told", _NOT_MET: ", a critical one not met"}
_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    abort: str
    fault: str
    criteria: str
    decision: Decision

    @property
    def cells(self) -> tuple[str, ...]:
        told = {True: "true", False: "false", None: "null"}[self.decision.hypothesis_validated]
        verdict = self.decision.verdict.value if self.decision.verdict else "null"
        code = exit_code(self.decision.status, self.decision.verdict)
        return (self.abort, self.fault, self.criteria, self.decision.status.value, f"**{verdict}**", told, str(code))


def table() -> str:
    """Every combination, those that differ in nothing but an unimportant column in one row."""
    columns = ("stopped by", "fault", "criteria", "status", "verdict", "`hypothesis_validated`", "exit")
    lines = [_line(columns), _line(["---"] * len(columns)), *(_line(cells) for cells in _rows())]
    return "\n".join(lines) + "\n"


def _rows() -> Iterator[tuple[str, ...]]:
    for abort, given in _aborts().items():
        by_fault = {fault: list(_criteria(abort, fault, given, **facts)) for fault, facts in _faults().items()}
        outcomes = {tuple(row.cells[3:]) for rows in by_fault.values() for row in rows}
        if len(outcomes) == 1:
            yield (abort, "any", "any", *outcomes.pop())
            continue
        for rows in by_fault.values():
            yield from _merged(rows)


def _merged(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """One row where the criteria decide nothing; else those that come to the same are named together."""
    if len({row.cells[3:] for row in rows}) == 1:
        yield (*rows[0].cells[:2], "any", *rows[0].cells[3:])
        return
    ordered = sorted(rows, key=lambda row: row.cells[3:])
    for outcome, alike in groupby(ordered, key=lambda row: row.cells[3:]):
        same = list(alike)
        yield (*same[0].cells[:2], "; ".join(row.criteria for row in same), *outcome)


def _aborts() -> dict[str, Abort | None]:
    outside = sorted(source.value for source in OUTSIDE_SOURCES)
    return {
        "nobody": None,
        "a guard": Abort(AbortSource.GUARD, "", _AT),
        "a blind guard": Abort(AbortSource.BLIND_GUARD, "", _AT),
        ", ".join(outside): Abort(AbortSource.OPERATOR, "", _AT),
    }


def _faults() -> dict[str, Mapping[str, bool]]:
    return {
        "nothing injected": {"injected": False, "proven": False},
        "not proven on every target": {"injected": True, "proven": False},
        "proven": {"injected": True, "proven": True},
    }


def _criteria(abort: str, fault: str, given: Abort | None, *, injected: bool, proven: bool) -> Iterator[Row]:
    for critical, said in _CRITICAL.items():
        for share, name in _SHARES.items():
            if critical is None or share is _MET:  # a critical one matters most where the others would have been enough
                results = [*_five(share), *([_result(critical, critical=True)] if critical else [])]
                decision = decide(criteria=results, abort=given, injected=injected, proven=proven)
                yield Row(abort, fault, f"{name}{said}", decision)


def _five(share: CriterionOutcome) -> list[CriterionResult]:
    """Of five: four met and one not; three met, one open and one not; three met and two not."""
    last = {_MET: (_MET, _NOT_MET), _UNKNOWN: (_UNKNOWN, _NOT_MET), _NOT_MET: (_NOT_MET, _NOT_MET)}[share]
    return [_result(outcome, critical=False) for outcome in (_MET, _MET, _MET, *last)]


def _result(outcome: CriterionOutcome, *, critical: bool) -> CriterionResult:
    return CriterionResult(text="a criterion", kind="threshold", critical=critical, outcome=outcome, reason="")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def written(text: str) -> str:
    """The document with the table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the table, or with --check only say that it is stale."""
    text = DOCUMENT.read_text(encoding="utf-8")
    wanted = written(text)
    if "--check" in arguments:
        if text != wanted:
            sys.stderr.write(f"{DOCUMENT} is not what the code says: run python -m scripts.verdicts\n")
        return 1 if text != wanted else 0
    DOCUMENT.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
