"""The rows under `analytics/`: what Athena asks, one JSON object a line, partitioned by environment and month.

`COLUMNS` is the one description of each table: the stack's Glue tables are made of it, and every row has just these keys.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from squall.domain.documents.statistics import Comparison, MetricStatistics, WindowStatistics
from squall.domain.history.summary import RunSummary

EXECUTIONS, MEASUREMENTS = "executions", "measurements"
PREFIX = "analytics"
_TEXT = dict.fromkeys
COLUMNS: Mapping[str, Mapping[str, str]] = {
    EXECUTIONS: {
        **_TEXT(("execution_id", "experiment", "fault_type", "workload", "owner", "trigger", "status", "verdict"), "string"),
        "hypothesis_validated": "boolean",
        "started_at": "timestamp",
        "ended_at": "timestamp",
        "duration_seconds": "double",
        "recovery_seconds": "double",
        "findings": "array<struct<id:string,title:string,severity:string,closed:boolean>>",
    },
    MEASUREMENTS: {
        **_TEXT(("execution_id", "experiment", "fault_type", "workload", "metric", "unit"), "string"),
        "started_at": "timestamp",
        "compared": "string",
        **_TEXT(("n", "mean", "median", "p95", "p99", "minimum", "maximum"), "double"),
        **_TEXT(("shift", "shift_low", "shift_high", "p_value", "p_adjusted", "effect_size"), "double"),
        "conclusion": "string",
    },
}
"""Table to column to Hive type. `compared` is the window the numbers are of; the shift is from the baseline to it."""
PARTITIONS = ("environment", "month")
NOWHERE = "none"
"""Environment of a run that was refused before it had one."""


def key(table: str, run: RunSummary) -> str:
    """Where a run's rows stand: made again they replace themselves."""
    return f"{PREFIX}/{table}/environment={run.environment or NOWHERE}/month={run.started_at:%Y-%m}/{run.execution_id}.json"


def files(run: RunSummary, statistics: Iterable[MetricStatistics]) -> dict[str, str]:
    """Object key to content of everything a finished run adds."""
    measured = [line for metric in statistics for line in _measured(run, metric)]
    found = {key(EXECUTIONS, run): _lines([_execution(run)])}
    return {**found, key(MEASUREMENTS, run): _lines(measured)} if measured else found


def _execution(run: RunSummary) -> dict[str, Any]:
    return {
        **_common(run),
        "owner": run.owner,
        "trigger": run.trigger,
        "status": run.status.value,
        "verdict": run.verdict.value if run.verdict else None,
        "hypothesis_validated": run.hypothesis_validated,
        "ended_at": _moment(run.ended_at),
        "duration_seconds": (run.ended_at - run.started_at).total_seconds() if run.ended_at else None,
        "recovery_seconds": run.recovery_seconds,
        "findings": [
            {"id": finding.id, "title": finding.title, "severity": finding.severity, "closed": finding.closed} for finding in run.findings
        ],
    }


def _common(run: RunSummary) -> dict[str, Any]:
    return {
        "execution_id": run.execution_id,
        "experiment": run.experiment,
        "fault_type": run.fault_type,
        "workload": run.workload,
        "started_at": _moment(run.started_at),
    }


def _measured(run: RunSummary, metric: MetricStatistics) -> Iterable[dict[str, Any]]:
    windows: dict[str, WindowStatistics | None] = {"baseline": metric.baseline, "fault": metric.fault, "recovery": metric.recovery}
    from_baseline: dict[str, Comparison] = {one.windows[1]: one for one in metric.comparisons if one.windows[0] == "baseline"}
    for name, window in windows.items():
        if window is None:
            continue
        compared = from_baseline.get(name)
        yield {
            **_common(run),
            "metric": metric.metric,
            "unit": metric.unit,
            "compared": name,
            **{number: getattr(window, number) for number in ("n", "mean", "median", "p95", "p99", "minimum", "maximum")},
            "shift": compared.shift if compared else None,
            "shift_low": compared.low if compared else None,
            "shift_high": compared.high if compared else None,
            "p_value": compared.p_value if compared else None,
            "p_adjusted": compared.p_adjusted if compared else None,
            "effect_size": compared.effect_size if compared else None,
            "conclusion": compared.conclusion if compared else None,
        }


def _moment(at: datetime | None) -> str | None:
    """As Athena's JSON SerDe reads a timestamp; UTC."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if at else None


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """A line break inside a value is escaped by JSON: one row stays one line."""
    return "".join(json.dumps(row, allow_nan=False, separators=(",", ":")) + "\n" for row in rows)
