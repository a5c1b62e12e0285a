"""Golden runs: what is expected can be run, what is unexpected is said, and the table keeps what was not run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.account import Run
from bench.golden import COLUMNS, KINDS, PLACE, PLAIN_KINDS, SHAPE_KINDS, Ended, Kind, make_row, make_table
from local.workload.settings import PLAIN, SHAPES, Settings
from squall.admission.experiment import parse_experiment
from squall.domain.base.vocabulary import Verdict
from squall.domain.result.finding_kinds import KINDS as FINDINGS
from squall.domain.result.finding_rules import finding_id

BY_NAME = {kind.name: kind for kind in KINDS}
FRAGILE = BY_NAME["fragile"]


def ended(kind: Kind, verdict: str = "", findings: tuple[tuple[str, str], ...] = (), reason: str = "", left: tuple[str, ...] = ()) -> Ended:
    results: list[dict[str, Any]] = [{"id": id_, "kind": name, "status": "open"} for id_, name in findings]
    results.append({"id": "check_warned-1", "kind": "check_warned", "status": "open"})
    results.append({"id": "degraded-1", "kind": "degraded", "status": "closed"})
    result = {
        "verdict": verdict or kind.verdict,
        "status": "completed",
        "reason": reason or f"so {kind.because} it is",
        "findings": results,
    }
    return Ended(Run("run-1", 0.0, 61.4, result), left, 3.2)


def right(kind: Kind) -> tuple[tuple[str, str], ...]:
    return ((finding_id(kind.finding, kind.definition["name"], kind.about), kind.finding),) if kind.finding else ()


def test_every_verdict_has_its_kind() -> None:
    assert {kind.verdict for kind in PLAIN_KINDS} == {verdict.value for verdict in Verdict}
    assert all(not kind.finding or kind.finding in FINDINGS for kind in KINDS)


def test_every_shape_is_run_where_its_users_notice_nothing_and_where_they_do() -> None:
    verdicts = {shape: {kind.verdict for kind in SHAPE_KINDS if kind.shape == shape} for shape in SHAPES if shape != PLAIN}
    assert all({"validated", "refuted"} <= verdict for verdict in verdicts.values())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_is_an_experiment_on_a_workload_that_exist(kind: Kind) -> None:
    assert parse_experiment(kind.definition).name == f"Golden run: {kind.name}"
    Settings().changed({"workload": kind.workload, "shape": kind.shape, **kind.settings})
    assert ended(kind, findings=right(kind)).surprises(kind) == []


def test_another_verdict_reason_or_finding_and_what_is_left_are_wrong() -> None:
    result = right(FRAGILE)
    assert ended(FRAGILE, "validated", result).surprises(FRAGILE)[0].startswith("expected refuted, is validated")
    assert ended(FRAGILE, "", result, "for another reason").surprises(FRAGILE) == [
        f"expected the reason to say {FRAGILE.because!r}: for another reason"
    ]
    assert ended(FRAGILE, "", (("availability_lost-of-another", "availability_lost"),)).surprises(FRAGILE) == [
        "expected availability_lost, there are ['availability_lost-of-another']"
    ]
    assert ended(BY_NAME["resilient"], "", result).surprises(BY_NAME["resilient"]) == [f"expected no finding, there are ['{result[0][0]}']"]
    assert ended(FRAGILE, "", result, "", ("LOCK#asg/web",)).surprises(FRAGILE) == ["left behind: LOCK#asg/web"]


def test_rows_of_kinds_not_run_again_stay_and_others_are_replaced() -> None:
    document = f"# Judge\n{PLACE.begin}\n{PLACE.end}\nmore\n"
    rows = {kind.name: make_row(kind, [ended(kind, findings=right(kind))] * 2) for kind in KINDS}
    once = PLACE.insert_tables(document, [make_table(rows)])
    assert PLACE.rows(once, len(COLUMNS)) == {COLUMNS[0]: COLUMNS, **rows}
    assert rows["fragile"][3:5] == ("2", "2 refuted")
    assert rows["resilient"][5] == "none"
    mixed = make_row(FRAGILE, [ended(FRAGILE), ended(FRAGILE, "validated")])
    again = PLACE.insert_tables(once, [make_table({**PLACE.rows(once, len(COLUMNS)), "fragile": mixed})])
    assert "| 1 refuted, 1 validated |" in again
    assert PLACE.rows(again, len(COLUMNS))["abort"] == rows["abort"]


def test_the_documentation_has_a_place_for_the_table() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "judge.md").read_text()
    assert text.count(PLACE.begin) == text.count(PLACE.end) == 1
