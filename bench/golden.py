"""`make golden`: five kinds of runs whose verdict is known beforehand, each many times over for real, and a table of docs/judge.md written.

    python -m bench.golden [--repeat N] [--only KIND …] [--write]

A verdict that is not the expected one, a finding that is not the expected one, or anything left behind makes the command fail. Kinds
not run now stay as they are, with their own date.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from bench.account import ROOT, STATE, Bench, MeasurementError, Run, bench_account
from bench.running import Place, Progress, calm, forget, interruptible, left
from bench.tables import Spread, Table, busy
from local.deploy import DeployError
from local.up import LocalAccountError, change_workload
from local.workload.settings import RESILIENT
from squall.domain.result.finding_rules import finding_id

PLACE = Place(ROOT / "docs" / "judge.md", "<!-- golden: written by make golden -->", "<!-- end of golden -->")
REPEAT = 10
SHORTEST = "PT30S"
"""Five whole periods wherever they begin, and twice what a guard takes to react: nothing shorter is admitted in the local account."""
COLUMNS = ("kind", "experiment and workload", "expected", "repetitions", "verdicts", "findings", "seconds a run", "measured")


@dataclass(frozen=True)
class Kind:
    """Runs of which everybody knows how they must end."""

    name: str
    verdict: str
    experiment: str
    """Of local/experiments, run inline under a name of its own, so that its findings are its own."""
    workload: str = RESILIENT
    changes: Mapping[str, Any] = field(default_factory=lambda: {"duration": SHORTEST})
    """Of the experiment."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Of the workload, besides its name."""
    finding: str = ""
    """Kind of the one finding about the workload there must be; empty: there must be none."""
    about: str = ""
    """What that is about: with kind and experiment it is the finding's id. Empty: what differs between accounts."""
    because: str = ""
    """What its reason must say."""
    felt: bool = False
    """Whether the workload feels the fault: the next run's baseline must not."""

    @property
    def definition(self) -> dict[str, Any]:
        given = yaml.safe_load((ROOT / "local" / "experiments" / f"{self.experiment}.yaml").read_text())
        return {**given, "name": f"Golden run: {self.name}", **self.changes}

    def is_there(self, found: Mapping[str, str]) -> bool:
        """Whether the finding is among these (id to kind); where there must be none, whether there is none."""
        if not self.finding:
            return not found
        return any(
            kind == self.finding and (not self.about or id_ == finding_id(kind, self.definition["name"], self.about))
            for id_, kind in found.items()
        )


KINDS = (
    Kind("resilient", "validated", "cpu-stress"),
    Kind("does nothing", "invalid", "cpu-stress", "immune", finding="fault_unproven", because="the fault did nothing to i-"),
    Kind("fragile", "refuted", "cpu-stress", "fragile-cpu", finding="availability_lost", about="availability below fault", felt=True,
         because="'System availability >= 99 %' was not met"),
    Kind("too short", "inconclusive", "ec2-instance-termination", finding="unmeasured", about="replacement", felt=True,
         changes={"duration": SHORTEST, "recovery": "PT10S",
                  "success_criteria": ["Auto Scaling launches replacement instance within 5 minutes"]},
         settings={"replacement_delay_seconds": 90}, because="no replacement yet, but watched only"),
    Kind("abort", "aborted", "abort-demo", changes={}, finding="guard_fired", felt=True, because="aborted (guard): the guard '"),
)  # fmt: skip
"""The same experiment on a workload that bears it, one that doesn't, and one that never feels it; one that is watched for too short a
time to see what it asks for; one whose guard fires: its delay trips both of its abort conditions within seconds (what asks the
database fails), and whichever alarm is first aborts."""


@dataclass(frozen=True)
class Ended:
    """One repetition."""

    run: Run
    left: tuple[str, ...]
    load: float
    """Of the machine when it began."""

    @property
    def verdict(self) -> str:
        return str(self.run.result["verdict"] or self.run.result["status"])

    @property
    def findings(self) -> dict[str, str]:
        """Id of each finding about the workload that is open to its kind: remarks of the safety checks are none."""
        open_ones = (one for one in self.run.result["findings"] if one["status"] == "open")
        return {one["id"]: one["kind"] for one in open_ones if not one["kind"].startswith("check_")}

    def wrong(self, kind: Kind) -> list[str]:
        """What is not as expected."""
        reason, found = str(self.run.result["reason"]), self.findings
        wrong = [] if self.verdict == kind.verdict else [f"expected {kind.verdict}, is {self.verdict}: {reason}"]
        if kind.because not in reason:
            wrong.append(f"expected the reason to say {kind.because!r}: {reason}")
        if not kind.is_there(found):
            wrong.append(f"expected {kind.finding or 'no finding'}, there are {sorted(found) or 'none'}")
        return wrong + [f"left behind: {one}" for one in self.left]


def row(kind: Kind, ended: Sequence[Ended]) -> tuple[str, ...]:
    """A kind's repetitions in one line."""
    verdicts = Counter(one.verdict for one in ended)
    found = Counter(id_ for one in ended for id_ in one.findings)
    return (
        kind.name,
        f"{kind.experiment}, {kind.workload}{''.join(f', {name} {value}' for name, value in kind.settings.items())}",
        kind.verdict,
        str(len(ended)),
        ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()),
        ", ".join(f"{count} × {id_}" for id_, count in found.items()) or "none",
        str(Spread(tuple(one.run.wall for one in ended), digits=0)),
        f"{datetime.fromtimestamp(ended[-1].run.ended, UTC):%Y-%m-%d %H:%M}, load {Spread(tuple(one.load for one in ended), digits=0)}",
    )


def table(rows: Mapping[str, tuple[str, ...]]) -> Table:
    """Of the kinds that have a row, in their order."""
    return Table("Golden runs", COLUMNS, tuple(rows[kind.name] for kind in KINDS if kind.name in rows), words=True)


def main(argv: Sequence[str] | None = None) -> int:
    """0 if every repetition of every kind chosen ended as expected and left nothing."""
    parser = argparse.ArgumentParser(prog="bench.golden", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=REPEAT, metavar="N", help=f"repetitions of each kind ({REPEAT})")
    parser.add_argument("--only", nargs="+", choices=[kind.name for kind in KINDS], metavar="KIND", help=", ".join(k.name for k in KINDS))
    parser.add_argument("--write", action="store_true", help="write docs/judge.md after each kind")
    parser.add_argument("--state", type=Path, default=STATE, help="state folder of the local account; one that is up is used and left up")
    given = parser.parse_args(argv)
    chosen = [kind for kind in KINDS if not given.only or kind.name in given.only]
    say = Progress()
    ended: dict[str, list[Ended]] = {kind.name: [] for kind in chosen}
    wrong = 0
    with interruptible():
        try:
            for kind, one in _run(chosen, given.repeat, given.state, say):
                ended[kind.name].append(one)
                wrong += bool(one.wrong(kind))
                if given.write:
                    _write(kind, ended[kind.name])
        except (MeasurementError, LocalAccountError, DeployError) as error:
            say(f"golden: {error}")
        except KeyboardInterrupt:
            return 130
    say.show([table({kind.name: row(kind, ended[kind.name]) for kind in chosen if ended[kind.name]})])
    ran, wanted = sum(map(len, ended.values())), given.repeat * len(chosen)
    say(f"{ran} of {wanted} ran, {ran - wrong} as expected")
    return 0 if ran == wanted and not wrong else 1


def _write(kind: Kind, ended: Sequence[Ended]) -> None:
    text = PLACE.document.read_text()
    rows = {**PLACE.rows(text, len(COLUMNS)), kind.name: row(kind, ended)}
    PLACE.document.write_text(PLACE.written(text, [table(rows)]))


def _run(chosen: Sequence[Kind], repeat: int, state: Path, say: Progress) -> Iterator[tuple[Kind, Ended]]:
    with bench_account(state, say) as bench:
        for kind in chosen:
            say(f"{kind.name}: {repeat} runs, to be {kind.verdict} (load {os.getloadavg()[0]:.0f})")
            forget(bench)
            for number in range(1, repeat + 1):
                ended = _repetition(bench, kind)
                say(f"    {number}/{repeat} {ended.verdict} after {ended.run.wall:.0f} s: {ended.run.result['reason']}")
                for surprise in ended.wrong(kind):
                    say(f"    NOT AS EXPECTED: {surprise}")
                yield kind, ended


def _repetition(bench: Bench, kind: Kind) -> Ended:
    """One run on a workload that is whole; the run itself waits for the history that its baseline needs."""
    calm(bench)
    change_workload(bench.account, workload=kind.workload, **kind.settings)
    if kind.felt:
        forget(bench)
    load = busy()
    try:
        run = bench.run({"definition": kind.definition})
        return Ended(run, left(bench), load)
    finally:
        change_workload(bench.account, workload=RESILIENT)


if __name__ == "__main__":
    sys.exit(main())
