"""`make catalogue`: every experiment of the local catalogue run for real, one after another, and the tables of docs/faults.md written.

    python -m bench.catalogue [--only NAME …] [--write]

Each run is compared with what `bench.cases` expects of it, and afterwards everything a run could leave is looked for: an ending that is
not the expected one, or anything left, makes the command fail. Rows of cases not run now stay as they are, with their own date.
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
from bench.running import Place, Progress, arrived, calm, forget, interruptible, left
from bench.tables import Table, busy
from local.deploy import DeployError
from local.up import LocalAccountError, change_workload
from local.workload.settings import RESILIENT
from squall.domain.run.timeline import EventName

PLACE = Place(ROOT / "docs" / "faults.md", "<!-- catalogue: written by make catalogue -->", "<!-- end of catalogue -->")
HISTORY_SECONDS = 20.0
"""Of the workload as it is to be, before each start; the run itself waits for as many periods as the policy wants."""
OVER: dict[str, Callable[[list[float]], float]] = {"max": max, "min": min, "sum": sum}
SECTIONS = (
    ("The workload as it is", RESILIENT_CASES),
    ("Each type once against a workload that isn't resilient to it", FRAGILE_CASES),
    ("Faults that did nothing", INVALID_CASES),
)


@dataclass(frozen=True)
class Outcome:
    """A case that was run."""

    case: Case
    run: Run
    actions: tuple[str, ...]
    signal: tuple[float | None, float | None]
    """Before and during the fault."""
    left: tuple[str, ...]
    load: float
    """Of the machine when it began."""

    @property
    def verdict(self) -> str:
        return str(self.run.result["verdict"] or self.run.result["status"])

    @property
    def unmet(self) -> str:
        """The first criterion that isn't met, with what was measured; else why there is no verdict on criteria."""
        failed = [one for one in self.run.result["criteria"] if one["outcome"] == "not_met"]
        if self.verdict == "refuted" and failed:
            chosen = next((one for one in failed if self.case.unmet and one["text"].startswith(self.case.unmet)), failed[0])
            return f"{chosen['text']}: {chosen['reason']}"
        return str(self.run.result["reason"])

    @property
    def surprises(self) -> list[str]:
        """What isn't as expected."""
        found = (
            [] if self.verdict == self.case.verdict else [f"expected {self.case.verdict}, is {self.verdict}: {self.run.result['reason']}"]
        )
        if self.verdict == self.case.verdict == "refuted" and not self.unmet.startswith(self.case.unmet):
            found.append(f"expected {self.case.unmet!r} not to be met, but it is {self.unmet}")
        return found + [f"left behind: {one}" for one in self.left]

    @property
    def cells(self) -> tuple[str, ...]:
        result, before, during = self.run.result, *self.signal
        recovery, rollback = result["recovery"] or {}, result["rollback"] or {}
        seconds = recovery.get("seconds_to_recover")
        said = self.unmet if self.verdict in {"refuted", "invalid", "aborted"} else f"{len(result['criteria'])} criteria met"
        return (
            self.case.name,
            str(result["experiment_type"]),
            ", ".join(self.actions),
            f"{self.case.signal.title} {_figure(before, self.case.signal)} → {_figure(during, self.case.signal)}",
            self.verdict,
            said,
            "never" if recovery and not recovery["recovered"] else "–" if seconds is None else f"{seconds:.0f} s",
            str(rollback.get("outcome", "–")),
            "; ".join(self.left) or "nothing",
            f"{datetime.fromtimestamp(self.run.ended, UTC):%Y-%m-%d %H:%M}, load {self.load:.0f}",
        )


COLUMNS = ("run", "type", "action", "signal before → during", "verdict", "because", "recovered after", "rollback", "left", "measured")


def run_case(bench: Bench, case: Case) -> Outcome:
    """One run on a workload that is whole, and whose earlier failures are forgotten: its baseline is its own."""
    change_workload(bench.account, workload=RESILIENT)
    calm(bench)
    change_workload(bench.account, workload=case.workload, **(case.settings or {}))
    arrived(bench)
    forget(bench)
    time.sleep(HISTORY_SECONDS)
    load = busy()
    overrides = {"overrides": {"duration": case.duration}} if case.duration else {}
    try:
        run = bench.run({"experiment": case.experiment, **overrides})
        return Outcome(case, run, _actions(bench, run), _measured(bench, case.signal, run), left(bench), load)
    finally:
        change_workload(bench.account, workload=RESILIENT)


def _actions(bench: Bench, run: Run) -> tuple[str, ...]:
    """What FIS was told to do, without the waits: an action, or the document it sends."""
    if run.result["timeline"] and not any(event["event"] == EventName.TEMPLATE_CREATED for event in run.result["timeline"]):
        return ()
    actions = bench.document(run.id, "template")["body"]["actions"].values()
    names = [action.get("parameters", {}).get("documentArn", action["actionId"]).rpartition("/")[2] for action in actions]
    return tuple(dict.fromkeys(name for name in names if name != "aws:fis:wait"))


def _measured(bench: Bench, signal: Signal, run: Run) -> tuple[float | None, float | None]:
    """The mean before and the extreme during the fault; None where nothing was published."""
    if not run.result["criteria"]:
        return None, None
    windows = {window["name"]: window for window in bench.document(run.id, "series")["windows"]}
    if not {"baseline", "fault"} <= set(windows):
        return None, None
    targets = [target["id"] for target in run.result["targets"]]
    before = _points(bench, signal, targets, windows["baseline"])
    during = _points(bench, signal, targets, windows["fault"])
    mean = (sum(before) if signal.over == "sum" else sum(before) / len(before)) if before else None
    return mean, OVER[signal.over](during) if during else None


def _points(bench: Bench, signal: Signal, targets: Sequence[str], window: dict[str, Any]) -> list[float]:
    if window["start"] >= window["end"]:
        return []  # a fault that never was in effect
    known = {"$target": targets[0] if targets else "", **{f"${key}": value for key, value in _names(bench).items()}}
    dimensions = [{"Name": name, "Value": known.get(value, value)} for name, value in signal.by]
    metric = {"Namespace": signal.namespace, "MetricName": signal.metric, "Dimensions": dimensions}
    found = bench.cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "m", "MetricStat": {"Metric": metric, "Period": window["period_seconds"], "Stat": signal.statistic}},
        ],
        StartTime=datetime.fromtimestamp(window["start"], UTC),
        EndTime=datetime.fromtimestamp(window["end"], UTC),
    )
    return list(found["MetricDataResults"][0]["Values"])


def _names(bench: Bench) -> dict[str, str]:
    dimensions = bench.account.workload["dimensions"]
    return {"load_balancer": dimensions["LoadBalancer"], "target_group": dimensions["TargetGroup"]}


def _figure(value: float | None, signal: Signal) -> str:
    return "–" if value is None else f"{value:.3g}{signal.unit}"


def tables(outcomes: Sequence[Outcome], known: dict[str, tuple[str, ...]]) -> list[Table]:
    """One a section, of what was run now and what `known` rows say of the rest. What never came to a fault is no row."""
    ran = [outcome for outcome in outcomes if outcome.run.result["status"] not in {"rejected", "failed"}]
    rows = {**known, **{outcome.case.name: outcome.cells for outcome in ran}}
    return [Table(title, COLUMNS, tuple(rows[case.name] for case in cases if case.name in rows), words=True) for title, cases in SECTIONS]


def rows_of(text: str) -> dict[str, tuple[str, ...]]:
    """The rows of cases that still are."""
    names = {case.name for case in CASES}
    return {name: row for name, row in PLACE.rows(text, len(COLUMNS)).items() if name in names}


def main(argv: Sequence[str] | None = None) -> int:
    """0 if every case chosen ran, ended as expected and left nothing."""
    parser = argparse.ArgumentParser(prog="bench.catalogue", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES], metavar="NAME", help="; ".join(c.name for c in CASES))
    parser.add_argument("--write", action="store_true", help="write docs/faults.md after each run")
    parser.add_argument("--state", type=Path, default=STATE, help="state folder of the local account; one that is up is used and left up")
    given = parser.parse_args(argv)
    chosen = [case for name in given.only for case in CASES if case.name == name] if given.only else list(CASES)
    say = Progress()
    with interruptible():
        outcomes: list[Outcome] = []
        try:
            for outcome in _run(chosen, given.state, say):
                outcomes.append(outcome)
                if given.write:
                    text = PLACE.document.read_text()
                    PLACE.document.write_text(PLACE.written(text, tables(outcomes, rows_of(text))))
        except (MeasurementError, LocalAccountError, DeployError) as error:
            say(f"catalogue: {error}")
        except KeyboardInterrupt:
            return 130
    say.show(tables(outcomes, {}))
    surprising = [outcome for outcome in outcomes if outcome.surprises]
    say(f"{len(outcomes)} of {len(chosen)} ran, {len(outcomes) - len(surprising)} as expected")
    return 0 if len(outcomes) == len(chosen) and not surprising else 1


def _run(chosen: Sequence[Case], state: Path, say: Progress) -> Iterator[Outcome]:
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
