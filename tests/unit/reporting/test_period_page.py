"""The page and the digest of a period: what they say, and that whatever stands in a name is only text."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.code import UPLOT
from squall.adapters.sns import render_text
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.history.period import MESSAGE, Period
from squall.domain.messages.digest import MOST, make_message
from squall.reporting import page
from squall.reporting.period import build_page, render_period
from tests.unit.domain.history.test_period import END, START, finding, report, run

ATTACK = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


@pytest.fixture(autouse=True)
def charting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a staged asset has its copy of uPlot."""
    monkeypatch.setattr(page, "VENDOR", UPLOT / "dist")


def busy() -> Any:
    return report(
        run(1, days_ago=20, recovery_seconds=40.0, findings=(finding(1), finding(2))),
        run(2, days_ago=10, verdict=Verdict.REFUTED, workload="asg/weak", recovery_seconds=90.0, findings=(finding(1),)),
        run(3, days_ago=5, verdict=None, status=Status.REJECTED),
        run(4, days_ago=1, recovery_seconds=20.0, findings=(finding(2, closed=True),)),
        catalogue={"Never tried": "disk_fill"},
    )


def test_the_page_says_what_the_report_says() -> None:
    text = html.unescape(re.sub(r"<[^>]+>", " ", render_period(busy()).split("<main>")[1].split("<script")[0]))
    for words in (
        "4 experiments ended: 2 validated, 1 refuted, 1 rejected. 1 finding is open. asg/weak scores lowest, 0 of 100.",
        "50 %",
        "Expand chaos experiments to cover more failure scenarios",
        "did not hold 22 Oct",
        "never",
    ):
        assert words in " ".join(text.split())
    assert "Never tried" in render_period(busy())


def test_what_is_drawn_is_what_was_counted() -> None:
    drawn = json.loads(re.search(r'id="data">(.*?)</script>', render_period(busy()), re.DOTALL)[1])  # type: ignore[index]
    assert len(drawn["times"]) == 30
    assert {entry["word"]: sum(entry["counts"]) for entry in drawn["runs"]} == {"validated": 2, "refuted": 1, "rejected": 1}
    assert [round(value) for value in drawn["recovery"]["median"] if value is not None] == [40, 90, 20]


def test_an_empty_period_is_a_page_without_charts() -> None:
    made = render_period(Period(START, END).report())
    assert MESSAGE in made
    assert 'id="data"' not in made
    assert made.count("<script>") == 1, "no charting library"


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=60).map(lambda text: ATTACK + text))
def test_names_from_outside_are_only_ever_text(name: str) -> None:
    hostile = run(1, workload=name, fault_type=name, findings=(replace(finding(1), title=name, severity=name, id=name),), experiment=name)
    made = render_period(report(hostile, catalogue={name + "2": name}))
    assert "<script>alert" not in made
    assert "<img" not in made
    assert made.count("<script>") == 4, "prelude, uPlot, and the page's own two"


def test_the_digest_in_a_few_lines() -> None:
    message = make_message(busy(), "s3://bucket/page.html")
    body = render_text(message)
    assert message.subject == "Squall report 2026-10-02 to 2026-11-01: 4 experiments, 50 % validated"
    for line in (
        "4 experiments: 2 validated, 1 refuted, 1 rejected.",
        "Median recovery: 40 s at first, 20 s lately.",
        "  asg/weak: 0 (refuted: instance_termination; 1 fault types not covered)",
        "  high: Finding 1, 2 ×",
        "Not run in the period: Never tried",
        "  report:    s3://bucket/page.html",
    ):
        assert line in body.splitlines(), body
    assert "Finding 2" not in body, "it was closed"


def test_the_digest_of_nothing_says_so() -> None:
    message = make_message(Period(START, END).report(), "s3://bucket/page.html")
    assert message.subject.endswith("no experiments")
    assert render_text(message).startswith(MESSAGE)


def test_the_digest_stays_short() -> None:
    many = [run(number, workload=f"asg/{number}", findings=(finding(number),)) for number in range(40)]
    body = render_text(make_message(report(*many), "s3://bucket/page.html"))
    assert len(body.splitlines()) < 4 * MOST + 10
    assert len(body.encode()) < 8_000


def test_outcomes_stand_in_one_order() -> None:
    assert [word.text for word in build_page(busy()).legend] == ["validated", "refuted", "rejected"]
