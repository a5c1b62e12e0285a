"""`make bench`: takes every measurement. `--write` puts the tables into docs/bench.md, those of the judge into
docs/judge.md.

    python -m bench [--only cold transitions judge periods stops endings overhead scenarios] [--runs N] [--write]

All parts take some forty minutes; `--only cold transitions judge` needs no local account and takes six minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import platform
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import cold_starts, endings, judge, overhead, periods, scenarios, stops, transitions
from bench.account import STATE, Bench, MeasurementError, bench_account
from bench.tables import Table
from local.deploy import DeployError
from local.up import LocalAccountError

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "bench.md"
PARTS = ("cold", "transitions", "judge", "periods", "stops", "endings", "overhead", "scenarios")
ON_ACCOUNT = frozenset({"stops", "endings", "overhead", "scenarios"})
Tick = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """The chosen parts and options."""

    only: tuple[str, ...]
    runs: int
    write: bool
    state: Path


def parse_options(argv: Sequence[str] | None = None) -> Options:
    """Parses the command line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--runs", type=int, default=3, help="experiments a measurement (3)")
    parser.add_argument("--write", action="store_true", help="write docs/bench.md, where parts not measured now stay as they are")
    parser.add_argument(
        "--state", type=Path, default=STATE, help="state folder of the local account; one that is up there is used and left up"
    )
    arguments = parser.parse_args(argv)
    if arguments.runs < 1:
        parser.error("--runs is at least 1")
    return Options(tuple(part for part in PARTS if part in arguments.only), arguments.runs, arguments.write, arguments.state)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0 if everything could be measured, whatever the figures are."""
    chosen = parse_options(argv)
    signal.signal(signal.SIGTERM, _raise_interrupt)
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 160
    measured: dict[str, list[Table]] = {}
    try:
        for part, tables in _measure_parts(chosen, console):
            measured[part] = tables  # noqa: PERF403 - kept when a later part fails
    except (MeasurementError, LocalAccountError, DeployError) as error:
        console.print(f"bench: {error}", soft_wrap=True)
    except KeyboardInterrupt:
        return 130
    for tables in measured.values():
        for table in tables:
            console.print(table.rich())
            console.print()
    if chosen.write and measured:
        _write_tables(measured, console)
    return 0 if len(measured) == len(chosen.only) else 1


def _write_tables(measured: dict[str, list[Table]], console: Console) -> None:
    ours = {part: "\n".join(table.markdown() for table in tables) for part, tables in measured.items() if part != "judge"}
    if ours:
        write_document(DOCUMENT, ours)
        console.print(f"written: {DOCUMENT}", soft_wrap=True)
    if "judge" in measured:
        judge.write_tables(judge.DOCUMENT, measured["judge"])
        console.print(f"written: {judge.DOCUMENT}", soft_wrap=True)


def _raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _measure_parts(chosen: Options, console: Console) -> Iterator[tuple[str, list[Table]]]:
    with _show_progress(console) as tick, contextlib.ExitStack() as stack:
        if "cold" in chosen.only:
            yield "cold", cold_starts.tables(cold_starts.measure(chosen.runs, tick("cold")))
        if "transitions" in chosen.only:
            counted = transitions.make_tables(transitions.measure_transitions(tick("transitions")))
            campaigns = transitions.make_campaign_table(transitions.measure_campaigns(tick("transitions")))
            fleets = transitions.make_fleet_table(transitions.measure_fleets(tick("transitions")))
            yield "transitions", [*counted, campaigns, fleets]
        if "periods" in chosen.only:
            yield "periods", periods.make_tables(periods.measure_reads(tick("periods")))
        if "judge" in chosen.only:
            yield "judge", judge.measure_judge(tick("judge"))
        if ON_ACCOUNT & set(chosen.only):
            bench: Bench = stack.enter_context(bench_account(chosen.state, tick("local account")))
            # The overhead comes first, because it also measures functions that have not run yet.
            if "overhead" in chosen.only:
                yield "overhead", overhead.make_tables(overhead.measure_overhead(bench, chosen.runs, tick("overhead")))
            if "scenarios" in chosen.only:
                yield "scenarios", [scenarios.make_table(scenarios.measure_scenarios(bench, chosen.runs, tick("scenarios")))]
            if "stops" in chosen.only:
                yield "stops", stops.make_tables(stops.measure_stops(bench, chosen.runs, tick("stops")))
            if "endings" in chosen.only:
                yield "endings", endings.make_tables(endings.measure_endings(bench, chosen.runs, tick("endings")))


@contextlib.contextmanager
def _show_progress(console: Console) -> Iterator[Callable[[str], Tick]]:
    """Shows a line for each part with its last step and its time; writes plain lines where there is no terminal."""
    if not console.is_terminal:
        yield lambda part: lambda step: console.print(f"{datetime.now(UTC):%H:%M:%S} {part}: {step}", soft_wrap=True)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console) as shown:

        def start_part(part: str) -> Tick:
            task = shown.add_task(f"{part} …", total=None)
            return lambda step: shown.update(task, description=f"{part}: {step}")

        yield start_part


def write_document(document: Path, measured: dict[str, str]) -> None:
    """Replaces the parts that were measured now, and keeps the others."""
    parts = {**_read_parts(document.read_text() if document.exists() else ""), **measured}
    head = [
        "# Measurements",
        "The tables of `make bench`, written by `python -m bench --write`. They are measurements, not promises: no test asserts them.",
    ]
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    stamp = f"Measured {datetime.now(UTC):%Y-%m-%d}: {machine}."
    body = [
        f"<!-- {part} -->\n\n{parts[part] if part not in measured else measured[part].rstrip() + chr(10) + chr(10) + stamp}"
        for part in PARTS
        if part in parts
    ]
    document.write_text("\n\n".join([*head, *(text.rstrip() for text in body)]) + "\n")


def _read_parts(text: str) -> dict[str, str]:
    parts = {}
    for part in PARTS:
        _, mark, rest = text.partition(f"<!-- {part} -->\n\n")
        if mark:
            parts[part] = rest.partition("<!-- ")[0].rstrip()
    return parts


if __name__ == "__main__":
    sys.exit(main())
