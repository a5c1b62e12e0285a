"""Measures the cold start of each function as Lambda runs it: a fresh process, the deployed code and layers, no bytecode
but what they ship, nothing of this machine's packages but what the runtime has."""

from __future__ import annotations

import compileall
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from bench.tables import Table, describe_load, read_load
from scripts.build_layer import DEPENDENCIES, STATISTICS, build_layer, native_platform

ROOT = Path(__file__).resolve().parents[1]
WHOLE_PROCESSOR_MB = 1769
"""Lambda gives a function processor time in proportion to its memory; this is a whole one."""
EARLIER_MB: Mapping[str, int] = {"Compare": 1769}
"""The memory of the functions when they had no bytecode; 512 where nothing is named."""
ONLY_WITH_PEOPLE = ("AskApproval", "AwaitApproval", "ObserveApproval")
HEAVY = ("pydantic", "lark", "scipy", "boto3", "botocore.session")
PROVIDED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
"""What Lambda's Python has beside the standard library."""
RUN = "a whole run, all functions cold"
_PROBE = """import json, resource, sys
import {module}
used = resource.getrusage(resource.RUSAGE_SELF)
heavy = [name for name in {heavy!r} if name in sys.modules]
print(json.dumps([used.ru_utime + used.ru_stime, heavy, len(sys.modules)]))
"""


@dataclass(frozen=True)
class ColdStart:
    """One function: CPU seconds in fresh processes, from the interpreter's start until it waits for an event."""

    name: str
    memory_mb: int
    in_run: bool
    """Whether every run that goes well calls it."""
    sources: tuple[float, ...]
    """CPU seconds without any bytecode in code and layers."""
    bytecode: tuple[float, ...]
    """CPU seconds with the bytecode that is deployed."""
    boto3: tuple[float, ...]
    """CPU seconds of `import boto3` alone, each measured right before."""
    heavy: tuple[str, ...]
    modules: int

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios: a busy moment slows both measurements of a pair."""
        return median(seconds / base for seconds, base in zip(self.bytecode, self.boto3, strict=True))

    @property
    def before(self) -> float:
        """Estimated seconds in Lambda without bytecode and with the earlier memory."""
        return median(self.sources) / processor_share(EARLIER_MB.get(self.name, 512))

    @property
    def now(self) -> float:
        """Estimated seconds in Lambda as deployed."""
        return median(self.bytecode) / processor_share(self.memory_mb)


@dataclass(frozen=True)
class ColdStarts:
    functions: tuple[ColdStart, ...]
    compiled: bool
    """Whether a Python of the measured version compiled code and layers."""
    load: str


def processor_share(memory: int) -> float:
    """The part of a processor that comes with this memory, at most one: an import uses one thread."""
    return min(1.0, memory / WHOLE_PROCESSOR_MB)


def measure(rounds: int = 3, tick: Callable[[str], None] = lambda _: None) -> ColdStarts:
    """Measures every function with and without bytecode, each time beside `import boto3`."""
    # ruff: noqa: PLC0415 - the CDK is not loaded for the other measurements
    from infra.permissions.holders import OUTSIDE_FUNCTIONS, WORKFLOW_FUNCTIONS

    at_start = read_load()
    probes: dict[str, list[tuple[_Probed, _Probed, _Probed]]] = {name: [] for name in (*WORKFLOW_FUNCTIONS, *OUTSIDE_FUNCTIONS)}
    with tempfile.TemporaryDirectory() as folder:
        deployed, plain = _lay_out(Path(folder))
        for turn in range(rounds):
            for name, probed in probes.items():
                probed.append((_run_boto3(deployed), _run_function(name, plain), _run_function(name, deployed)))
            tick(f"round {turn + 1} of {rounds}")
        compiled = any(deployed.code.rglob("*.pyc"))
    functions = (_summarize_function(name, in_workflow=name in WORKFLOW_FUNCTIONS, probed=probed) for name, probed in probes.items())
    return ColdStarts(tuple(sorted(functions, key=lambda function: function.ratio)), compiled, describe_load(at_start))


@dataclass(frozen=True)
class _Probed:
    seconds: float
    heavy: list[str]
    modules: int


@dataclass(frozen=True)
class _Place:
    """The folders that Lambda mounts."""

    code: Path
    layers: Path
    runtime: Path


def _lay_out(folder: Path) -> tuple[_Place, _Place]:
    """The assets as they are deployed, and the same without bytecode."""
    from infra.code import stage_code
    from infra.definitions import load_definitions

    runtime, architecture = native_platform()
    definitions = load_definitions(ROOT / "experiments", ROOT / "environments")
    deployed = _Place(folder / "code", folder / "opt", folder / "runtime")
    shutil.copytree(stage_code(definitions, runtime), deployed.code)
    for layer in (DEPENDENCIES, STATISTICS):
        with zipfile.ZipFile(build_layer(layer, runtime, architecture)) as archive:
            archive.extractall(deployed.layers / layer.name)
    deployed.runtime.mkdir()
    _compile_standard_library()
    for name in PROVIDED:
        spec = find_spec(name)
        origin = Path(str(spec.origin)) if spec else None
        if origin:
            source = origin.parent if origin.name == "__init__.py" else origin
            (compileall.compile_dir if source.is_dir() else compileall.compile_file)(str(source), quiet=2)
            (deployed.runtime / source.name).symlink_to(source)
    plain = _Place(folder / "plain" / "code", folder / "plain" / "opt", deployed.runtime)
    for source, target in ((deployed.code, plain.code), (deployed.layers, plain.layers)):
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    return deployed, plain


def _compile_standard_library() -> None:
    """Gives the standard library bytecode, as Lambda's has. A Python that was only unpacked has none."""
    left_out = re.compile(r"/(test|idlelib|lib2to3|site-packages|dist-packages)/")
    compileall.compile_dir(sysconfig.get_path("stdlib"), quiet=2, rx=left_out)


def _run_boto3(place: _Place) -> _Probed:
    return _run_fresh("boto3", [place.runtime])


def _run_function(name: str, place: _Place) -> _Probed:
    """Imports a function's handler from what Lambda mounts for it, in Lambda's order."""
    from infra.functions import WITH_STATISTICS, WITHOUT_LAYER, to_snake_case

    layers = [] if name in WITHOUT_LAYER else [DEPENDENCIES, *([STATISTICS] if name in WITH_STATISTICS else [])]
    paths = [place.code, *(place.layers / layer.name / "python" for layer in layers), place.runtime]
    return _run_fresh(f"squall.handlers.{to_snake_case(name)}", paths)


def _run_fresh(module: str, paths: list[Path]) -> _Probed:
    """Imports a module in a process without this machine's packages. Bytecode is not written, as on a read-only mount."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        **{f"SQUALL_{name}": "bench" for name in ("STACK", "TABLE", "BUCKET", "TOPIC_ARN", "EVENT_BUS", "OPT_IN_TAG")},
    }
    command = [sys.executable, "-S", "-P", "-c", _PROBE.format(module=module, heavy=HEAVY)]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=True)
    return _Probed(*json.loads(done.stdout))


def _summarize_function(name: str, *, in_workflow: bool, probed: list[tuple[_Probed, _Probed, _Probed]]) -> ColdStart:
    from infra.functions import DEFAULT_MEMORY_MB, MEMORY_MB

    boto3, sources, bytecode = (tuple(probe.seconds for probe in column) for column in zip(*probed, strict=True))
    last = probed[-1][2]
    in_run = in_workflow and name not in ONLY_WITH_PEOPLE
    return ColdStart(name, MEMORY_MB.get(name, DEFAULT_MEMORY_MB), in_run, sources, bytecode, boto3, tuple(last.heavy), last.modules)


def tables(result: ColdStarts) -> list[Table]:
    """A table with every function and the sum over the functions of a run."""
    run = [function for function in result.functions if function.in_run]
    rows = [
        (
            function.name,
            str(function.memory_mb),
            f"{median(function.sources):.2f}",
            f"{median(function.bytecode):.2f}",
            f"{function.ratio:.2f}",
            f"{function.before:.1f}",
            f"{function.now:.1f}",
            str(function.modules),
            ", ".join(function.heavy) or "none",
        )
        for function in result.functions
    ]
    sums = [sum(values) for values in zip(*((median(f.sources), median(f.bytecode), f.before, f.now) for f in run), strict=True)]
    rows.append((RUN, "", f"{sums[0]:.2f}", f"{sums[1]:.2f}", "", f"{sums[2]:.1f}", f"{sums[3]:.1f}", "", f"{len(run)} functions"))
    base = [seconds for function in result.functions for seconds in function.boto3]
    compiled = "" if result.compiled else "No Python of this version compiled the assets: both columns are without bytecode. "
    notes = (
        (
            f"CPU seconds from the interpreter's start to a function that waits for its first event, with the clients that it makes at "
            f"import; medians of {len(result.functions[0].bytecode)}; {result.load}. `import boto3` alone takes {median(base):.2f} s in "
            f"the median of {len(base)}; the ratio to it is what carries over to other machines. {compiled}Each process is fresh and has "
            "the deployed code, the deployed layers and boto3, nothing else; the runtime's boto3 and standard library are taken to have "
            "bytecode, as this machine's have."
        ),
        (
            "The seconds in Lambda are an estimate: CPU seconds divided by the share of a processor that comes with the memory "
            "(1769 MB: one), without bytecode and with the earlier 512 MB, and as deployed. It is the pessimistic one: AWS documents "
            "that an on-demand function has a full processor while it initializes, whatever its memory. Not in it: starting the "
            "sandbox and loading the archives, and the calls to AWS themselves."
        ),
    )
    columns = ("function", "MB", "CPU s, sources", "CPU s, bytecode", "× import boto3", "s before", "s now", "modules", "heavy among them")
    return [Table("Cold start of each function", columns, tuple(rows), notes)]
