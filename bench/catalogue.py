"""`make catalogue`: runs every experiment of the local catalogue in turn, and writes the tables of docs/faults.md.

    python -m bench.catalogue [--only NAME …] [--write]

Each run is compared with the expectation in `bench.cases`, and then everything that a run could leave behind is
searched for. An unexpected end, or anything left behind, makes the command fail. Rows of cases that were not run now
stay as they are, with their own date.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.account import ROOT, STATE, Bench, MeasurementError, Run, bench_account
from bench.cases import CASES, FRAGILE_CASES, INVALID_CASES, RESILIENT_CASES, Case, Signal
from bench.running import Place, Progress, delete_metrics, interrupt_on_sigterm, list_leftovers, wait_for_parts, wait_until_healthy
from bench.tables import Table, read_load
from local.deploy import DeployError
from local.up import LocalAccountError, change_workload
from local.workload.settings import RESILIENT
from squall.domain.run.timeline import EventName

PLACE = Place(ROOT / "docs" / "faults.md", "<!-- catalogue: written by make catalogue -->", "<!-- end of catalogue -->")
HISTORY_SECONDS = 20.0
"""The wait before each start, for a history of the changed workload; the run itself waits for as many periods as its
policy demands."""
OVER: dict[str, Callable[[list[float]], float]] = {"max": max, "min": min, "sum": sum}
SECTIONS = (
    ("The workload as it is", RESILIENT_CASES),
    ("Each type once against a workload that isn't resilient to it", FRAGILE_CASES),
    ("Faults that did nothing", INVALID_CASES),
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one case."""

    case: Case
    run: Run
    actions: tuple[str, ...]
    signal: tuple[float | None, float | None]
    """The signal's value before and during the fault."""
    left: tuple[str, ...]
    load: float
    """The machine's load average at the start."""

    @property
    def verdict(self) -> str:
        return str(self.run.result["verdict"] or self.run.result["status"])

    @property
    def unmet(self) -> str:
        """The criterion that is not met, with its measurement; if the run is not refuted, the reason of its verdict."""
        failed = [criterion for criterion in self.run.result["criteria"] if criterion["outcome"] == "not_met"]
        if self.verdict == "refuted" and failed:
            expected = (criterion for criterion in failed if self.case.unmet and criterion["text"].startswith(self.case.unmet))
            criterion = next(expected, failed[0])
            return f"{criterion['text']}: {criterion['reason']}"
        return str(self.run.result["reason"])

    @property
    def surprises(self) -> list[str]:
        """Everything that is not as expected."""
        surprises = (
            [] if self.verdict == self.case.verdict else [f"expected {self.case.verdict}, is {self.verdict}: {self.run.result['reason']}"]
        )
        if self.verdict == self.case.verdict == "refuted" and not self.unmet.startswith(self.case.unmet):
            surprises.append(f"expected {self.case.unmet!r} not to be met, but it is {self.unmet}")
        return surprises + [f"left behind: {leftover}" for leftover in self.left]

    @property
    def cells(self) -> tuple[str, ...]:
        result, before, during = self.run.result, *self.signal
        recovery, rollback = result["recovery"] or {}, result["rollback"] or {}
        seconds = recovery.get("seconds_to_recover")
        because = self.unmet if self.verdict in {"refuted", "invalid", "aborted"} else f"{len(result['criteria'])} criteria met"
        return (
            self.case.name,
            str(result["experiment_type"]),
            ", ".join(self.actions),
            f"{self.case.signal.title} {_format_figure(before, self.case.signal)} → {_format_figure(during, self.case.signal)}",
            self.verdict,
            because,
            "never" if recovery and not recovery["recovered"] else "–" if seconds is None else f"{seconds:.0f} s",
            str(rollback.get("outcome", "–")),
            "; ".join(self.left) or "nothing",
            f"{datetime.fromtimestamp(self.run.ended, UTC):%Y-%m-%d %H:%M}, load {self.load:.0f}",
        )


COLUMNS = ("run", "type", "action", "signal before → during", "verdict", "because", "recovered after", "rollback", "left", "measured")


def run_case(bench: Bench, case: Case) -> Outcome:
    """Runs one case on a healthy workload without the metrics of earlier failures, so that the baseline is the run's
    own."""
    change_workload(bench.account, workload=RESILIENT)
    wait_until_healthy(bench)
    change_workload(bench.account, workload=case.workload, **(case.settings or {}))
    wait_for_parts(bench)
    delete_metrics(bench)
    time.sleep(HISTORY_SECONDS)
    load = read_load()
    overrides = {"overrides": {"duration": case.duration}} if case.duration else {}
    try:
        run = bench.run({"experiment": case.experiment, **overrides})
        return Outcome(case, run, _list_actions(bench, run), _measure_signal(bench, case.signal, run), list_leftovers(bench), load)
    finally:
        change_workload(bench.account, workload=RESILIENT)


def _list_actions(bench: Bench, run: Run) -> tuple[str, ...]:
    """The FIS actions of the run without waits; for a command, the name of its document."""
    if run.result["timeline"] and not any(event["event"] == EventName.TEMPLATE_CREATED for event in run.result["timeline"]):
        return ()
    actions = bench.document(run.id, "template")["body"]["actions"].values()
    names = [action.get("parameters", {}).get("documentArn", action["actionId"]).rpartition("/")[2] for action in actions]
    return tuple(dict.fromkeys(name for name in names if name != "aws:fis:wait"))


def _measure_signal(bench: Bench, signal: Signal, run: Run) -> tuple[float | None, float | None]:
    """The mean before the fault and the extreme or sum during it; None where nothing was published."""
    if not run.result["criteria"]:
        return None, None
    windows = {window["name"]: window for window in bench.document(run.id, "series")["windows"]}
    if not {"baseline", "fault"} <= set(windows):
        return None, None
    targets = [target["id"] for target in run.result["targets"]]
    before = _read_points(bench, signal, targets, windows["baseline"])
    during = _read_points(bench, signal, targets, windows["fault"])
    mean = (sum(before) if signal.over == "sum" else sum(before) / len(before)) if before else None
    return mean, OVER[signal.over](during) if during else None


def _read_points(bench: Bench, signal: Signal, targets: Sequence[str], window: dict[str, Any]) -> list[float]:
    if window["start"] >= window["end"]:
        return []  # The fault never took effect.
    known = {"$target": targets[0] if targets else "", **{f"${key}": value for key, value in _resource_names(bench).items()}}
    dimensions = [{"Name": name, "Value": known.get(value, value)} for name, value in signal.by]
    metric = {"Namespace": signal.namespace, "MetricName": signal.metric, "Dimensions": dimensions}
    answer = bench.cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "m", "MetricStat": {"Metric": metric, "Period": window["period_seconds"], "Stat": signal.statistic}},
        ],
        StartTime=datetime.fromtimestamp(window["start"], UTC),
        EndTime=datetime.fromtimestamp(window["end"], UTC),
    )
    return list(answer["MetricDataResults"][0]["Values"])


def _resource_names(bench: Bench) -> dict[str, str]:
    dimensions = bench.account.workload["dimensions"]
    return {"load_balancer": dimensions["LoadBalancer"], "target_group": dimensions["TargetGroup"]}


def _format_figure(value: float | None, signal: Signal) -> str:
    return "–" if value is None else f"{value:.3g}{signal.unit}"


def make_tables(outcomes: Sequence[Outcome], known: dict[str, tuple[str, ...]]) -> list[Table]:
    """One table per section: rows of the outcomes, and `known` rows for the other cases. Rejected and failed runs get
    no row."""
    ran = [outcome for outcome in outcomes if outcome.run.result["status"] not in {"rejected", "failed"}]
    rows = {**known, **{outcome.case.name: outcome.cells for outcome in ran}}
    return [Table(title, COLUMNS, tuple(rows[case.name] for case in cases if case.name in rows), words=True) for title, cases in SECTIONS]


def rows_of(text: str) -> dict[str, tuple[str, ...]]:
    """The document's rows of the cases that still exist."""
    names = {case.name for case in CASES}
    return {name: row for name, row in PLACE.rows(text, len(COLUMNS)).items() if name in names}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0 if every chosen case ran, ended as expected and left nothing behind."""
    parser = argparse.ArgumentParser(prog="bench.catalogue", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES], metavar="NAME", help="; ".join(c.name for c in CASES))
    parser.add_argument("--write", action="store_true", help="write docs/faults.md after each run")
    parser.add_argument("--state", type=Path, default=STATE, help="state folder of the local account; one that is up is used and left up")
    arguments = parser.parse_args(argv)
    chosen = [case for name in arguments.only for case in CASES if case.name == name] if arguments.only else list(CASES)
    say = Progress()
    with interrupt_on_sigterm():
        outcomes: list[Outcome] = []
        try:
            for outcome in _run_cases(chosen, arguments.state, say):
                outcomes.append(outcome)
                if arguments.write:
                    text = PLACE.document.read_text()
                    PLACE.document.write_text(PLACE.insert_tables(text, make_tables(outcomes, rows_of(text))))
        except (MeasurementError, LocalAccountError, DeployError) as error:
            say(f"catalogue: {error}")
        except KeyboardInterrupt:
            return 130
    say.show(make_tables(outcomes, {}))
    surprising = [outcome for outcome in outcomes if outcome.surprises]
    say(f"{len(outcomes)} of {len(chosen)} ran, {len(outcomes) - len(surprising)} as expected")
    return 0 if len(outcomes) == len(chosen) and not surprising else 1


def _run_cases(chosen: Sequence[Case], state: Path, say: Progress) -> Iterator[Outcome]:
    with bench_account(state, say) as bench:
        for number, case in enumerate(chosen, start=1):
            say(f"{number}/{len(chosen)} {case.name}, to be {case.verdict} (load {os.getloadavg()[0]:.0f})")
            outcome = run_case(bench, case)
            say(f"    {outcome.verdict} after {outcome.run.wall:.0f} s: {outcome.run.result['reason']}")
            for surprise in outcome.surprises:
                say(f"    NOT AS EXPECTED: {surprise}")
            yield outcome


if __name__ == "__main__":
    sys.exit(main())
