"""The settings that tests and people may change on the running workload, validated when they are set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace

PERIOD_SECONDS = 5
"""Metric period of the local account: short, so that a baseline of 60 points takes five minutes."""
FAULT_KINDS = frozenset({"cpu", "memory", "disk", "network", "process"})

PLAIN, TWO_BALANCERS, BLUE_GREEN, CONTROLLER = "plain", "two-balancers", "blue-green", "controller"
SHAPES = (PLAIN, TWO_BALANCERS, BLUE_GREEN, CONTROLLER)


class InvalidSettingError(ValueError):
    """A setting with an unknown name, a wrong type or a value out of range."""


@dataclass(frozen=True)
class Settings:
    """Settings of the workload; the defaults are a healthy and resilient system under steady load."""

    load: bool = True
    load_rps: float = 50.0
    base_latency_ms: float = 12.0
    error_rate: float = 0.0
    replace: bool = True
    """Whether the group replaces lost instances."""
    replacement_delay_seconds: float = 6.0
    refresh_seconds: float = 0.0
    """Seconds after which the group replaces its oldest instance by one that is launched first, again and again; 0:
    never."""
    eject: bool = True
    """Whether the load balancer stops sending requests to an instance whose health check fails. The internal load
    balancer of the shape `two-balancers` always does."""
    retry: bool = True
    """Whether an instance asks the dependency and the function a second time, and the database for as long as a
    failover may take."""
    dependency_timeout_ms: float = 200.0
    """How long an instance waits for an answer of the dependency; 0: without a limit."""
    fallback: bool = True
    """Whether a request succeeds without a dependency or function that failed."""
    journal_required: bool = False
    """Whether a request that can't be written to the journal fails: False is the service that survives a full disk."""
    disk_mib: float = 32.0
    cpu_bound: bool = False
    """Whether a request needs the instance's one CPU, and so waits for every other process on it. What requests need is
    in the CPU metrics."""
    memory_bound: bool = False
    """Whether the service holds a quarter of the instance's memory, and a request fails while two thirds of it are in
    use."""
    standby: bool = True
    """Whether the database has a standby."""
    failover_seconds: float = 3.0
    """Seconds from the loss of the primary to the standby's promotion; without a standby ten times as long until the
    primary is back."""
    pods: bool = False
    """Whether the sample's EKS cluster runs: an API server, two nodes, and a Deployment behind a load balancer of its
    own."""
    ignore: frozenset[str] = frozenset()
    """Kinds of fault that no instance feels, while Systems Manager reports success."""
    tasks: bool = False
    """Whether the ECS service runs, beside the web instances."""
    container_instances: bool = False
    """Whether an ECS service with six tasks on four container instances runs, beside the web instances."""
    minimum_healthy_percent: float = 100.0
    """How much of its desired count that service keeps healthy while it moves tasks from container instances that drain."""
    failing_agents: float = 0.0
    """The number of targets of each command that fail it, the first ones it reaches."""
    functions: bool = False
    """Whether there is a Lambda function that takes orders, which some requests ask."""
    function_timeout_ms: float = 1000.0
    """How long an instance waits for an answer of the function; 0: as long as its own caller waits."""
    extension_reads: bool = True
    """Whether the function's role may read the folder where FIS leaves faults for the extension."""
    replicas: bool = False
    """Whether there are a table and a bucket that are replicated, and readers of their copies."""
    ask_original: bool = True
    """Whether such a reader asks the original once its copy is too old."""
    shape: str = PLAIN
    """How the web instances are registered, one of SHAPES: in one target group; in a second one behind an internal load
    balancer, too; in the colour in use, beside an idle one; or by a controller, and not by their group."""

    def changed(self, values: Mapping[str, object]) -> Settings:
        """A copy with `values` applied, a named `workload` first. Raises InvalidSettingError."""
        base = find_workload(values["workload"]) if "workload" in values else self
        types = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        checked: dict[str, bool | float | str | frozenset[str]] = {}
        for name, value in values.items():
            if name == "workload":
                continue
            if name not in types:
                raise InvalidSettingError(f"unknown setting {name!r}; known: workload, {', '.join(sorted(types))}")
            checked[name] = _CHECKS[types[name]](name, value)
        return replace(base, **checked)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "ignore": sorted(self.ignore)}


_LIMITS = {
    "load_rps": (0.1, 200.0),
    "base_latency_ms": (0.0, 10_000.0),
    "error_rate": (0.0, 1.0),
    "replacement_delay_seconds": (0.0, 600.0),
    "refresh_seconds": (0.0, 600.0),
    "dependency_timeout_ms": (0.0, 60_000.0),
    "function_timeout_ms": (0.0, 60_000.0),
    "disk_mib": (8.0, 256.0),
    "failing_agents": (0.0, 100.0),
    "minimum_healthy_percent": (0.0, 100.0),
    "failover_seconds": (0.0, 600.0),
}


def _parse_bool(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidSettingError(f"{name} must be true or false, not {value!r}")


def _parse_number(name: str, value: object) -> float:
    low, high = _LIMITS[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InvalidSettingError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def _parse_kinds(name: str, value: object) -> frozenset[str]:
    if isinstance(value, list) and all(isinstance(kind, str) and kind in FAULT_KINDS for kind in value):
        return frozenset(value)
    raise InvalidSettingError(f"{name} must be a list of {', '.join(sorted(FAULT_KINDS))}, not {value!r}")


def _parse_shape(name: str, value: object) -> str:
    if isinstance(value, str) and value in SHAPES:
        return value
    raise InvalidSettingError(f"{name} must be one of {', '.join(SHAPES)}, not {value!r}")


_CHECKS: Mapping[type, Callable[[str, object], bool | float | str | frozenset[str]]] = {
    bool: _parse_bool,
    float: _parse_number,
    str: _parse_shape,
    frozenset: _parse_kinds,
}

RESILIENT = "resilient"
WORKLOADS: dict[str, Settings] = {
    RESILIENT: Settings(),
    "fragile-group": Settings(replace=False),
    "fragile-balancer": Settings(eject=False),
    "fragile-dependency": Settings(retry=False, dependency_timeout_ms=0.0, fallback=False),
    "impatient": Settings(retry=False, fallback=False, dependency_timeout_ms=360.0),
    "fragile-database": Settings(retry=False, failover_seconds=30.0),
    "no-standby": Settings(standby=False),
    "fragile-disk": Settings(journal_required=True, disk_mib=8.0),
    "fragile-cpu": Settings(cpu_bound=True),
    "fragile-memory": Settings(memory_bound=True),
    "no-headroom": Settings(base_latency_ms=150.0),
    "immune": Settings(ignore=FAULT_KINDS),
    "tasks": Settings(tasks=True),
    "failing-agent": Settings(failing_agents=1.0),
    "fragile-function": Settings(functions=True, retry=False, fallback=False, function_timeout_ms=0.0),
    "fragile-replica": Settings(replicas=True, ask_original=False),
    "deaf-extension": Settings(functions=True, extension_reads=False),
    "two-balancers": Settings(shape=TWO_BALANCERS),
    "blue-green": Settings(shape=BLUE_GREEN),
    "controller": Settings(shape=CONTROLLER),
}
"""The sample workload by default, and each way in which it is not resilient, or faults do not do to it what they
should."""


def find_workload(name: object) -> Settings:
    """The settings of a named workload; raises InvalidSettingError."""
    if not isinstance(name, str) or name not in WORKLOADS:
        raise InvalidSettingError(f"no workload {name!r}; known: {', '.join(WORKLOADS)}")
    return WORKLOADS[name]
