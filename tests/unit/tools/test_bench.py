"""The benchmark's tables, from canned figures. What it measures is told, never asserted."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bench import cold_starts, endings, judge, overhead, periods, scenarios, stops, transitions
from bench.__main__ import PARTS, parse_options, write_document
from bench.tables import Spread, Table

FIGURES: dict[str, list[Table]] = {
    "cold": cold_starts.tables(
        cold_starts.ColdStarts(
            (
                cold_starts.ColdStart("Abort", 1769, False, (0.8, 1.0, 1.2), (0.3, 0.5, 0.4), (0.3, 0.5, 0.4), ("boto3",), 400),
                cold_starts.ColdStart("Judge", 1769, True, (1.0,) * 3, (0.5,) * 3, (0.25,) * 3, ("pydantic", "boto3"), 700),
                cold_starts.ColdStart("Compare", 1769, True, (3.0,) * 3, (1.5,) * 3, (0.25,) * 3, ("scipy",), 900),
            ),
            compiled=True,
            load="load average 0.5 on 2 cores",
        )
    ),
    "transitions": [
        *transitions.make_tables(
            [
                transitions.Counted(
                    transitions.Case("metrics every 10 s", timedelta(minutes=1)),
                    timedelta(seconds=100),
                    timedelta(seconds=20),
                    60,
                    200,
                    "validated",
                ),
                transitions.Counted(
                    transitions.Case("metrics every 60 s", timedelta(hours=12), faults=3),
                    timedelta(seconds=43_620),
                    timedelta(0),
                    67,
                    250,
                    "validated",
                ),
            ]
        ),
        transitions.make_campaign_table(
            [
                transitions.CountedCampaign(10, timedelta(hours=2), 53, 200, 0.5, 0.1, "validated"),
                transitions.CountedCampaign(500, timedelta(hours=84), 2503, 10_600, 9.0, 1.5, "validated"),
            ]
        ),
        transitions.make_fleet_table(
            [
                transitions.CountedFleet(20, transitions.CountedCampaign(100, timedelta(hours=5), 366, 1341, 0.5, 0.0, "validated"), 900),
                transitions.CountedFleet(
                    20, transitions.CountedCampaign(300, timedelta(hours=14), 1086, 3981, 4.0, 0.0, "validated"), 2700
                ),
            ]
        ),
    ],
    "periods": periods.make_tables(
        [periods.Read(1000, 0.5, 8_000_000, 1, 500_000), periods.Read(100_000, 50.0, 16_000_000, 50, 50_000_000)]
    ),
    "judge": [judge.compare_with_scipy(3), judge.compare_with_kayenta(2)],
    "stops": stops.make_tables(
        stops.Stops(
            (
                stops.Stop("all together", None, 0.2),
                stops.Stop("EventBridge → abort function alone", 1.0, 1.5),
                stops.Stop("EventBridge → abort function alone", 3.0, 2.5),
            ),
            "load average 0.5 on 2 cores",
        )
    ),
    "endings": endings.make_tables(
        endings.Endings((endings.Ending("squall halt", 1.0, 2.0), endings.Ending("squall halt", 2.0, 4.0)), "load average 0.5 on 2 cores")
    ),
    "overhead": overhead.make_tables(
        overhead.Overhead(
            (overhead.Timed(60.0, {"fault": 30.5}, "validated"), overhead.Timed(64.0, {"fault": 31.5}, "validated")),
            overhead.Timed(80.0, {"fault": 30.0}, "validated"),
            (overhead.Timed(33.0, {"fault": 30.0}, "completed"),),
            "chaostoolkit-lib 1",
            "load average 0.5 on 2 cores",
        )
    ),
    "scenarios": [
        scenarios.make_table(
            scenarios.Compared(
                (scenarios.Timed(8.0, 50, "validated"), scenarios.Timed(10.0, 50, "validated")),
                (scenarios.Timed(9.9, 55, "validated"), scenarios.Timed(9.9, 53, "refuted")),
                "load average 0.5 on 2 cores",
            )
        )
    ],
}
EXPECTED = {
    "cold": [
        "| Abort | 1769 | 1.00 | 0.40 | 1.00 | 3.5 | 0.4 | 400 | boto3 |",
        "| Judge | 1769 | 1.00 | 0.50 | 2.00 | 3.5 | 0.5 | 700 | pydantic, boto3 |",
        "| Compare | 1769 | 3.00 | 1.50 | 6.00 | 3.0 | 1.5 | 900 | scipy |",
        "| a whole run, all functions cold |  | 4.00 | 2.00 |  | 6.5 | 2.0 |  | 2 functions |",
    ],
    "transitions": [
        "| 1 min, metrics every 10 s | 1 min 40 s | 20 s | 60 | 200 | 0.8% | $0.0015 |",
        "| 12 h, three faults, metrics every 60 s | 12 h 7 min | 0 s | 67 |",
        "| 500 | 84 h | 2503 | 10600 | 42.4% | $0.0626 | 9.0 | 1.50 | validated |",
        "Each further step enters 5 states.",
        "| 300 | 20 | 14 h | 1086 | 3981 | 15.9% | $0.0272 | 2700 | 4.0 | validated |",
        "3.6 states at home.",
    ],
    "periods": ["| 100,000 | 50.00 | 16.0 | 50 | 0.00076 |", "100 times the executions take 100 × the time and 2.0 × the memory"],
    "judge": ["| 5 and 5 | exact |", "| flat, then elsewhere | Low 100 % | lower 100 % |", "| no data during the fault | Nodata 100 % |"],
    "stops": ["| all together | 1 | – | 0.20 |", "| EventBridge → abort function alone | 2 | 2.00 (1.00 to 3.00) | 2.00 (1.50 to 2.50) |"],
    "endings": ["| squall halt | 2 | 1.5 (1.0 to 2.0) | 3.0 (2.0 to 4.0) |"],
    "overhead": [
        "| Squall | 2 | 62.0 (60.0 to 64.0) | 32.0 (30.0 to 34.0) | validated |",
        "| fault | 31.0 |",
        "| Chaos Toolkit | 1 | 33.0 | 3.0 |",
    ],
    "scenarios": [
        "| ec2-instance-termination | 1 | 2 | 9.0 (8.0 to 10.0) | 50 (50 to 50) | validated |",
        "| zone-loss | 3 | 2 | 9.9 (9.9 to 9.9) | 54 (53 to 55) | refuted; validated |",
        "| three faults ÷ one |  |  | 1.10 | 1.08 |",
    ],
}


@pytest.mark.parametrize("part", PARTS)
def test_figures_become_tables(part: str) -> None:
    console = Console(file=StringIO(), width=200, record=True)
    for table in FIGURES[part]:
        console.print(table.rich())
    shown, document = console.export_text(), "\n".join(table.markdown() for table in FIGURES[part])
    for table in FIGURES[part]:
        assert table.title in shown
        assert all(row[0] in shown for row in table.rows)
        assert all(len(row) == len(table.columns) for row in table.rows)
    for line in EXPECTED[part]:
        assert line in document


def test_the_document_keeps_what_was_not_measured_now(tmp_path: Path) -> None:
    document = tmp_path / "bench.md"
    write_document(document, {part: FIGURES[part][0].markdown() for part in PARTS})
    first = document.read_text()
    write_document(document, {"stops": "## Replaced\n"})
    second = document.read_text()
    assert [part for part in PARTS if FIGURES[part][0].title not in second] == ["stops"]
    assert "## Replaced" in second
    assert first.count("Measured ") == second.count("Measured ") == len(PARTS)


def test_parts_are_chosen_in_their_order() -> None:
    assert parse_options(["--only", "stops", "cold"]).only == ("cold", "stops")
    with pytest.raises(SystemExit):
        parse_options(["--runs", "0"])


def test_a_spread() -> None:
    assert [str(Spread(())), str(Spread((1.0,))), str(Spread((3.0, 1.0, 2.0)))] == ["–", "1.0", "2.0 (1.0 to 3.0)"]


def test_the_judges_tables_stand_between_the_marks_of_its_page(tmp_path: Path) -> None:
    document = tmp_path / "judge.md"
    document.write_text(f"# By hand\n{judge.BEGIN}old{judge.END}\nbelow\n")
    judge.write_tables(document, [FIGURES["judge"][1]])
    text = document.read_text()
    assert text.startswith("# By hand\n")
    assert text.endswith("\nbelow\n")
    assert "old" not in text
    assert f"### {FIGURES['judge'][1].title}" in text
