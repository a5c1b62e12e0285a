"""Measures how long each function takes to import, beside `import boto3` alone: Squall's own part of a cold start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.tables import Table, busy, load

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("pydantic", "lark", "boto3")
ABORT = "abort, made ready"
# Everything that Abort loads before it calls FIS: its module, boto3 and three clients.
_READY = """import squall.handlers.abort
from squall.wiring import Wiring
from squall.settings import Settings
w = Wiring(Settings({'SQUALL_TABLE': 't', 'SQUALL_STACK': 's'}))
w.faults; w.records; w.workflow"""
_PROBE = """import json, sys, time
began = time.perf_counter()
{statement}
took = time.perf_counter() - began
heavy = [name for name in {heavy!r} if name in sys.modules]
ours = sorted(name for name in sys.modules if name.startswith("squall"))
print(json.dumps([took, heavy, len(sys.modules), ours]))
"""


@dataclass(frozen=True)
class Import:
    """One module: its import times in fresh interpreters, in seconds, and the modules that it loads."""

    name: str
    seconds: tuple[float, ...]
    boto3: tuple[float, ...]
    """The times of `import boto3` alone, each measured right before."""
    heavy: tuple[str, ...]
    modules: int
    ours: tuple[str, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios: a busy moment slows both measurements of a pair."""
        return median(seconds / base for seconds, base in zip(self.seconds, self.boto3, strict=True))


@dataclass(frozen=True)
class Imports:
    handlers: tuple[Import, ...]
    load: str


def handlers() -> list[str]:
    """Names of the handler modules."""
    return sorted(path.stem for path in (ROOT / "lambdas" / "squall" / "handlers").glob("*.py") if path.stem != "__init__")


def measure(rounds: int = 5, tick: Callable[[str], None] = lambda _: None) -> Imports:
    """Measures each module beside its own `import boto3`, in fresh interpreters. A first round only writes bytecode."""
    at_start = busy()
    statements = {ABORT: _READY, **{name: f"import squall.handlers.{name}" for name in handlers()}}
    imports: dict[str, list[_Probed]] = {name: [] for name in statements}
    beside: dict[str, list[float]] = {name: [] for name in statements}
    for turn in range(rounds + 1):
        for name, statement in statements.items():
            base, probed = _run_fresh("import boto3"), _run_fresh(statement)
            if turn:
                beside[name].append(base.seconds)
                imports[name].append(probed)
        tick(f"round {turn} of {rounds}" if turn else "bytecode written")
    measured = [_summarize_module(name, probed, beside[name]) for name, probed in imports.items()]
    return Imports(tuple(sorted(measured, key=lambda module: module.ratio)), load(at_start))


@dataclass(frozen=True)
class _Probed:
    seconds: float
    heavy: list[str]
    modules: int
    ours: list[str]


def _run_fresh(statement: str) -> _Probed:
    code = _PROBE.format(statement=statement, heavy=HEAVY)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lambdas"), "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    return _Probed(*json.loads(done.stdout))


def _summarize_module(name: str, probed: Sequence[_Probed], boto3: Sequence[float]) -> Import:
    last = probed[-1]
    return Import(name, tuple(probe.seconds for probe in probed), tuple(boto3), tuple(last.heavy), last.modules, tuple(last.ours))


def tables(result: Imports) -> list[Table]:
    """A table with every module, and a note with what the abort path loads."""
    rows = tuple(
        (handler.name, f"{handler.median * 1000:.0f}", f"{handler.ratio:.2f}", str(handler.modules), ", ".join(handler.heavy) or "none")
        for handler in result.handlers
    )
    base = [seconds for handler in result.handlers for seconds in handler.boto3]
    abort = next((handler for handler in result.handlers if handler.name == "abort"), None)
    loaded = ", ".join(f"`{name}`" for name in abort.ours) if abort else ""
    notes = (
        (
            f"Fresh interpreters, bytecode already written, each beside an `import boto3` of its own ({median(base) * 1000:.0f} ms in the "
            f"median of {len(base)}); milliseconds and ratios are medians of {len(result.handlers[0].seconds)}; {result.load}. The ratio "
            "is what carries over to other machines. Handlers import their adapters, and with them boto3, when first used; "
            f"the row “{ABORT}” holds that too: module, boto3 and the clients of FIS, DynamoDB and Step Functions."
        ),
        f"All of Squall that `handlers.abort` loads: {loaded}.",
    )
    columns = ("module", "ms", "× import boto3", "modules loaded", "heavy among them")
    return [Table("Import time of each handler", columns, rows, notes)]
