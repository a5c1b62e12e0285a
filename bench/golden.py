"""`make golden`: runs experiments with known verdicts, each kind many times, and writes a table of docs/judge.md.

    python -m bench.golden [--repeat N] [--only KIND …] [--write]

An unexpected verdict or finding, or anything left behind, makes the command fail. Rows of kinds that were not run now
stay as they are, with their own date.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from bench.account import ROOT, STATE, Bench, MeasurementError, Run, bench_account
from bench.running import Place, Progress, delete_metrics, interrupt_on_sigterm, list_leftovers, wait_for_parts, wait_until_healthy
from bench.tables import Spread, Table, read_load
from local.deploy import DeployError
from local.up import LocalAccountError, change_workload
from local.workload.settings import BLUE_GREEN, CONTROLLER, PLAIN, RESILIENT, TWO_BALANCERS
from squall.domain.result.finding_rules import finding_id

PLACE = Place(ROOT / "docs" / "judge.md", "<!-- golden: written by make golden -->", "<!-- end of golden -->")
REPEAT = 10
SHORTEST = "PT30S"
"""The shortest duration that the local account admits: five whole periods wherever they begin, and twice a guard's
reaction time."""
COLUMNS = ("kind", "experiment and workload", "expected", "repetitions", "verdicts", "findings", "seconds a run", "measured")


@dataclass(frozen=True)
class Kind:
    """Runs whose verdict is known beforehand."""

    name: str
    verdict: str
    experiment: str
    """An experiment of local/experiments. It runs inline under its own name, so that its findings are its own."""
    workload: str = RESILIENT
    changes: Mapping[str, Any] = field(default_factory=lambda: {"duration": SHORTEST})
    """Fields of the experiment that are replaced."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Settings of the workload, besides its name and shape."""
    shape: str = PLAIN
    """How the instances are registered: a value of the workload's setting `shape`."""
    finding: str = ""
    """The kind of the one finding about the workload that is expected; empty: none is expected."""
    about: str = ""
    """The subject of that finding, which with kind and experiment makes its id. Empty where it differs between
    accounts."""
    because: str = ""
    """Words that the reason of the verdict must contain."""
    felt: bool = False
    """Whether the fault affects the workload; its metrics are then deleted before the next run."""

    @property
    def definition(self) -> dict[str, Any]:
        experiment = yaml.safe_load((ROOT / "local" / "experiments" / f"{self.experiment}.yaml").read_text())
        return {**experiment, "name": f"Golden run: {self.name}", **self.changes}

    @property
    def conditions(self) -> list[str]:
        """The workload's shape and settings where they are not the usual ones, in words."""
        shape = [] if self.shape == PLAIN else [f"shape {self.shape}"]
        return shape + [f"{name} {value}" for name, value in self.settings.items()]

    def matches(self, findings: Mapping[str, str]) -> bool:
        """Whether the expected finding is among these (id to kind), or whether there are none where none is
        expected."""
        if not self.finding:
            return not findings
        return any(
            kind == self.finding and (not self.about or id_ == finding_id(kind, self.definition["name"], self.about))
            for id_, kind in findings.items()
        )


_GROUPS = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup"
PUBLIC, INTERNAL = f"{_GROUPS}/sample-web/982b19546783fb71", f"{_GROUPS}/sample-internal/fc559b420612bba0"
_EVERYTHING: Mapping[str, Any] = {"tags": {"squall:environment": "staging"}}
"""Targets by tag: all instances of the environment, those of the idle colour too."""
_GREEN: Mapping[str, Any] = {"tags": {"squall:environment": "staging", "sample:workload": "sample-green"}}
PLAIN_KINDS = (
    Kind("resilient", "validated", "cpu-stress"),
    Kind("does nothing", "invalid", "cpu-stress", "immune", finding="fault_unproven", because="the fault did nothing to i-"),
    Kind("fragile", "refuted", "cpu-stress", "fragile-cpu", finding="availability_lost", about="availability below fault", felt=True,
         because="'System availability >= 99 %' was not met"),
    Kind("answered only", "inconclusive", "service-unavailable", "fragile-balancer", finding="unmeasured",
         about="response_time above fault", felt=True, changes={"duration": SHORTEST, "success_criteria": ["Response time < 1 second"]},
         because="response times say nothing about these"),
    Kind("abort", "aborted", "abort-demo", changes={}, finding="guard_fired", felt=True, because="guard '"),
)  # fmt: skip
"""The same experiment on a workload that is resilient, on one that is not, and on one that the fault does not reach; an
experiment that asks for the response times alone while a third of the requests gets no answer; and one whose guard fires: requests to the
database fail, which trips both of its abort conditions within seconds, and the first alarm aborts."""
SHAPE_KINDS = (
    Kind("two balancers, none named", "rejected", "cpu-stress", shape=TWO_BALANCERS, because="name in service the one to guard and judge"),
    Kind("two balancers, internal", "validated", "service-unavailable", "fragile-balancer", {"service": INTERNAL}, shape=TWO_BALANCERS,
         felt=True),
    Kind("two balancers, public", "refuted", "service-unavailable", "fragile-balancer", {"duration": SHORTEST, "service": PUBLIC},
         shape=TWO_BALANCERS, finding="availability_lost", about="availability below fault", felt=True,
         because="'System availability >= 90 %' was not met"),
    Kind("blue and green", "validated", "cpu-stress", RESILIENT, {"duration": SHORTEST, "target": _EVERYTHING}, shape=BLUE_GREEN),
    Kind("blue and green, fragile", "refuted", "service-unavailable", "fragile-balancer", {"duration": SHORTEST, "target": _EVERYTHING},
         shape=BLUE_GREEN, finding="availability_lost", about="availability below fault", felt=True,
         because="'System availability >= 90 %' was not met"),
    Kind("blue and green, idle colour", "rejected", "cpu-stress", RESILIENT, {"target": _GREEN, "service": PUBLIC}, shape=BLUE_GREEN,
         because="serves nobody: no listener sends requests to targetgroup/sample-green/"),
    Kind("controller", "validated", "ec2-instance-termination", shape=CONTROLLER, felt=True),
    Kind("controller, fragile", "refuted", "ec2-instance-termination", "fragile-group", shape=CONTROLLER, finding="not_replaced",
         felt=True, because="'Auto Scaling launches replacement instance' (no replacement"),
)  # fmt: skip
"""Three other shapes of accounts (docs/local.md). The same fault on the same instances is felt by the users of one load
balancer and not by those of the other, and the experiment has to say whose it is about. Candidates by tag are of both
colours, and only one serves. What the group of the instances knows says nothing about where they serve."""
ZONE_KINDS = (
    Kind("zone", "validated", "zone-loss", changes={}, felt=True),
    Kind("zone, fragile", "refuted", "zone-loss", "fragile-database", {}, finding="availability_lost", felt=True,
         because="'System availability >= 97 %' was not met"),
    Kind("zone, nothing launched", "invalid", "zone-loss", changes={}, settings={"replacement_delay_seconds": 75},
         finding="fault_unproven", felt=True, because="launched nothing that was refused"),
    Kind("zone, abort", "aborted", "zone-loss", "fragile-database", {"abort_conditions": ["System availability < 95 %"]},
         finding="guard_fired", felt=True, because="guard '"),
)  # fmt: skip
"""The loss of a zone, three faults together: on a workload that serves and reads from the other zone, and on one that reads in
this zone alone, to its end and until a guard fires; and one of whose faults nothing is seen, because its group launches only
when all is over."""
KINDS = (*PLAIN_KINDS, *SHAPE_KINDS, *ZONE_KINDS)


@dataclass(frozen=True)
class Ended:
    """One repetition."""

    run: Run
    left: tuple[str, ...]
    load: float
    """The machine's load average at the start."""

    @property
    def verdict(self) -> str:
        return str(self.run.result["verdict"] or self.run.result["status"])

    @property
    def findings(self) -> dict[str, str]:
        """Id to kind of each open finding about the workload; findings of the safety checks are left out."""
        open_findings = (finding for finding in self.run.result["findings"] if finding["status"] == "open")
        return {finding["id"]: finding["kind"] for finding in open_findings if not finding["kind"].startswith("check_")}

    def surprises(self, kind: Kind) -> list[str]:
        """Everything that is not as expected."""
        reason, findings = str(self.run.result["reason"]), self.findings
        surprises = [] if self.verdict == kind.verdict else [f"expected {kind.verdict}, is {self.verdict}: {reason}"]
        if kind.because not in reason:
            surprises.append(f"expected the reason to say {kind.because!r}: {reason}")
        if not kind.matches(findings):
            surprises.append(f"expected {kind.finding or 'no finding'}, there are {sorted(findings) or 'none'}")
        return surprises + [f"left behind: {leftover}" for leftover in self.left]


def make_row(kind: Kind, ended: Sequence[Ended]) -> tuple[str, ...]:
    """The row of a kind, from its repetitions."""
    loads = Spread(tuple(repetition.load for repetition in ended), digits=0)
    verdicts = Counter(repetition.verdict for repetition in ended)
    findings = Counter(id_ for repetition in ended for id_ in repetition.findings)
    return (
        kind.name,
        ", ".join([kind.experiment, kind.workload, *kind.conditions]),
        kind.verdict,
        str(len(ended)),
        ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()),
        ", ".join(f"{count} × {id_}" for id_, count in findings.items()) or "none",
        str(Spread(tuple(repetition.run.wall for repetition in ended), digits=0)),
        f"{datetime.fromtimestamp(ended[-1].run.ended, UTC):%Y-%m-%d %H:%M}, load {loads}",
    )


def make_table(rows: Mapping[str, tuple[str, ...]]) -> Table:
    """The table of the kinds that have a row, in their order."""
    return Table("Golden runs", COLUMNS, tuple(rows[kind.name] for kind in KINDS if kind.name in rows), words=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0 if every repetition of every chosen kind ended as expected and left nothing behind."""
    parser = argparse.ArgumentParser(prog="bench.golden", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=REPEAT, metavar="N", help=f"repetitions of each kind ({REPEAT})")
    parser.add_argument("--only", nargs="+", choices=[kind.name for kind in KINDS], metavar="KIND", help=", ".join(k.name for k in KINDS))
    parser.add_argument("--write", action="store_true", help="write docs/judge.md after each kind")
    parser.add_argument("--state", type=Path, default=STATE, help="state folder of the local account; one that is up is used and left up")
    arguments = parser.parse_args(argv)
    chosen = [kind for kind in KINDS if not arguments.only or kind.name in arguments.only]
    say = Progress()
    ended: dict[str, list[Ended]] = {kind.name: [] for kind in chosen}
    surprising = 0
    with interrupt_on_sigterm():
        try:
            for kind, repetition in _run_kinds(chosen, arguments.repeat, arguments.state, say):
                ended[kind.name].append(repetition)
                surprising += bool(repetition.surprises(kind))
                if arguments.write:
                    _write_row(kind, ended[kind.name])
        except (MeasurementError, LocalAccountError, DeployError) as error:
            say(f"golden: {error}")
        except KeyboardInterrupt:
            return 130
    say.show([make_table({kind.name: make_row(kind, ended[kind.name]) for kind in chosen if ended[kind.name]})])
    ran, planned = sum(map(len, ended.values())), arguments.repeat * len(chosen)
    say(f"{ran} of {planned} ran, {ran - surprising} as expected")
    return 0 if ran == planned and not surprising else 1


def _write_row(kind: Kind, ended: Sequence[Ended]) -> None:
    text = PLACE.document.read_text()
    rows = {**PLACE.rows(text, len(COLUMNS)), kind.name: make_row(kind, ended)}
    PLACE.document.write_text(PLACE.insert_tables(text, [make_table(rows)]))


def _run_kinds(chosen: Sequence[Kind], repeat: int, state: Path, say: Progress) -> Iterator[tuple[Kind, Ended]]:
    with bench_account(state, say) as bench, _restored(bench):
        for kind in chosen:
            say(f"{kind.name}: {repeat} runs, to be {kind.verdict} (load {os.getloadavg()[0]:.0f})")
            delete_metrics(bench)
            for number in range(1, repeat + 1):
                ended = _run_repetition(bench, kind)
                say(f"    {number}/{repeat} {ended.verdict} after {ended.run.wall:.0f} s: {ended.run.result['reason']}")
                for surprise in ended.surprises(kind):
                    say(f"    NOT AS EXPECTED: {surprise}")
                yield kind, ended


def _run_repetition(bench: Bench, kind: Kind) -> Ended:
    """One run on a healthy workload; the run itself waits for the history that its baseline needs."""
    wait_until_healthy(bench)
    change_workload(bench.account, workload=kind.workload, shape=kind.shape, **kind.settings)
    wait_for_parts(bench)
    if kind.felt:
        delete_metrics(bench)
    load = read_load()
    try:
        run = bench.run({"definition": kind.definition})
        return Ended(run, list_leftovers(bench), load)
    finally:
        change_workload(bench.account, workload=RESILIENT, shape=kind.shape)


@contextmanager
def _restored(bench: Bench) -> Iterator[None]:
    """Leaves the workload as it is by default."""
    try:
        yield
    finally:
        change_workload(bench.account, workload=RESILIENT)


if __name__ == "__main__":
    sys.exit(main())
