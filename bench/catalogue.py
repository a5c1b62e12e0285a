"""`make catalogue`: every experiment of the local catalogue run for real, one after another, and the tables of docs/faults.md written.

    python -m bench.catalogue [--only NAME …] [--write]

Each run is compared with what `bench.cases` expects of it, and afterwards everything a run could leave is looked for: an ending that is
not the expected one, or anything left, makes the command fail. Rows of cases not run now stay as they are, with their own date.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.account import ROOT, STATE, Bench, MeasurementError, Run, bench_account
from bench.cases import CASES, FRAGILE_CASES, INVALID_CASES, RESILIENT_CASES, Case, Signal
from bench.tables import Table, busy
from local.deploy import DeployError
from local.up import LocalAccountError, change_workload
from local.workload.settings import RESILIENT

DOCUMENT = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- catalogue: written by make catalogue -->", "<!-- end of catalogue -->"
CALM_SECONDS, CLEAN_SECONDS = 120.0, 60.0
HISTORY_SECONDS = 20.0
"""Of the workload as it is to be, before each start; the run itself waits for as many periods as the policy wants."""
OVER: dict[str, Callable[[list[float]], float]] = {"max": max, "min": min, "sum": sum}
ENDED = ("completed", "stopped", "failed", "cancelled")
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
            f"{datetime.fromtimestamp(self.run.ended, UTC):%Y-%m-%d %H:%M}, load {busy():.0f}",
        )


COLUMNS = ("run", "type", "action", "signal before → during", "verdict", "because", "recovered after", "rollback", "left", "measured")


def run_case(bench: Bench, case: Case) -> Outcome:
    """One run on a workload that is whole, and whose earlier failures are forgotten: its baseline is its own."""
    change_workload(bench.account, workload=RESILIENT)
    _calm(bench)
    change_workload(bench.account, workload=case.workload, **(case.settings or {}))
    _forget(bench)
    time.sleep(HISTORY_SECONDS)
    overrides = {"overrides": {"duration": case.duration}} if case.duration else {}
    try:
        run = bench.run({"experiment": case.experiment, **overrides})
        return Outcome(case, run, _actions(bench, run), _measured(bench, case.signal, run), _left(bench))
    finally:
        change_workload(bench.account, workload=RESILIENT)


def _calm(bench: Bench) -> None:
    deadline = time.monotonic() + CALM_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{bench.account.workload_url}/instances", timeout=10) as answer:
            states = [(web["lifecycle_state"], web["target_state"]) for web in json.load(answer)]
        status = bench.account.client("rds").describe_db_clusters(DBClusterIdentifier="sample-db")["DBClusters"][0]["Status"]
        if states == [("InService", "healthy")] * 3 and status == "available":
            return
        time.sleep(1.0)
    raise MeasurementError(f"the workload is not whole after {CALM_SECONDS:g} s: {states}, database {status}")


def _forget(bench: Bench) -> None:
    """The last run's failures are no steady state of this one."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    direct.open(urllib.request.Request(f"{bench.account.endpoint}/_squall/metrics", method="DELETE"), timeout=10).close()


def _actions(bench: Bench, run: Run) -> tuple[str, ...]:
    """What FIS was told to do, without the waits: an action, or the document it sends."""
    if run.result["timeline"] and not any(event["event"] == "template_created" for event in run.result["timeline"]):
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


def _left(bench: Bench) -> tuple[str, ...]:
    """Whatever of a run is still there after its end; the release and its sweep have a minute."""
    deadline = time.monotonic() + CLEAN_SECONDS
    while (found := _found(bench)) and time.monotonic() < deadline:
        time.sleep(1.0)
    return found


def _found(bench: Bench) -> tuple[str, ...]:
    account = bench.account
    experiments = [f"fault {one['id']}" for one in bench.fis.list_experiments()["experiments"] if one["state"]["status"] not in ENDED]
    templates = [f"template {one['id']}" for one in bench.fis.list_experiment_templates()["experimentTemplates"]]
    alarms = bench.cloudwatch.describe_alarms(AlarmNamePrefix=f"squall-{account.stack_name}-")["MetricAlarms"]
    guards = [f"guard {one['AlarmName']}" for one in alarms if "execution=" in one.get("AlarmDescription", "")]
    pages = account.client("dynamodb").get_paginator("scan").paginate(TableName=account.outputs["ResultsTableName"], ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    locks = [item["pk"]["S"] for item in items if item["pk"]["S"].startswith("LOCK#")]
    return (*experiments, *templates, *guards, *locks)


def tables(outcomes: Sequence[Outcome], known: dict[str, tuple[str, ...]]) -> list[Table]:
    """One a section, of what was run now and what `known` rows say of the rest. What never came to a fault is no row."""
    ran = [outcome for outcome in outcomes if outcome.run.result["status"] not in {"rejected", "failed"}]
    rows = {**known, **{outcome.case.name: outcome.cells for outcome in ran}}
    return [Table(title, COLUMNS, tuple(rows[case.name] for case in cases if case.name in rows), words=True) for title, cases in SECTIONS]


def rows_of(text: str) -> dict[str, tuple[str, ...]]:
    """The rows between the markers by their first cell."""
    inside = text.partition(BEGIN)[2].partition(END)[0]
    lines = [line for line in inside.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    cells = [tuple(cell.strip().replace("\\|", "|") for cell in line.strip("| ").split(" | ")) for line in lines]
    return {row[0]: row for row in cells if row[0] in {case.name for case in CASES} and len(row) == len(COLUMNS)}


def written(text: str, made: Sequence[Table]) -> str:
    """The document with new tables between its markers."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise MeasurementError(f"{DOCUMENT} has no place for the tables: {BEGIN} … {END}")
    body = "\n".join(table.markdown().replace("## ", "### ", 1) for table in made if table.rows)
    return f"{before}{BEGIN}\n\n{body}\n{END}{after}"


def main(argv: Sequence[str] | None = None) -> int:
    """0 if every case chosen ran, ended as expected and left nothing."""
    parser = argparse.ArgumentParser(prog="bench.catalogue", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES], metavar="NAME", help="; ".join(c.name for c in CASES))
    parser.add_argument("--write", action="store_true", help="write docs/faults.md after each run")
    parser.add_argument("--state", type=Path, default=STATE, help="state folder of the local account; one that is up is used and left up")
    given = parser.parse_args(argv)
    chosen = [case for name in given.only for case in CASES if case.name == name] if given.only else list(CASES)
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
    with _interrupted():
        outcomes: list[Outcome] = []
        try:
            for outcome in _run(chosen, given.state, console):
                outcomes.append(outcome)
                if given.write:
                    text = DOCUMENT.read_text()
                    DOCUMENT.write_text(written(text, tables(outcomes, rows_of(text))))
        except (MeasurementError, LocalAccountError, DeployError) as error:
            console.print(f"catalogue: {error}")
        except KeyboardInterrupt:
            return 130
    for table in tables(outcomes, {}):
        console.print(table.rich() if console.is_terminal else table.markdown())
    surprising = [outcome for outcome in outcomes if outcome.surprises]
    console.print(f"{len(outcomes)} of {len(chosen)} ran, {len(outcomes) - len(surprising)} as expected")
    return 0 if len(outcomes) == len(chosen) and not surprising else 1


def _run(chosen: Sequence[Case], state: Path, console: Console) -> Iterator[Outcome]:
    def say(step: str) -> None:
        console.print(f"{datetime.now(UTC):%H:%M:%S} {step}")

    with bench_account(state, say) as bench:
        for number, case in enumerate(chosen, start=1):
            say(f"{number}/{len(chosen)} {case.name}, to be {case.verdict} (load {os.getloadavg()[0]:.0f})")
            outcome = run_case(bench, case)
            say(f"    {outcome.verdict} after {outcome.run.wall:.0f} s: {outcome.run.result['reason']}")
            for surprise in outcome.surprises:
                say(f"    NOT AS EXPECTED: {surprise}")
            yield outcome


@contextmanager
def _interrupted() -> Iterator[None]:
    """A request to end takes the account down, too."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
