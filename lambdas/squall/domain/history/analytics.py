"""The rows under `analytics/` that Athena queries: one JSON object per line, partitioned by environment and month.

`COLUMNS` describes each table. The stack makes the Glue tables from it, and every row has exactly these keys.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from squall.domain.documents.metrics.statistics import Comparison, MetricStatistics, WindowStatistics
from squall.domain.history.summary import RunSummary

EXECUTIONS, MEASUREMENTS = "executions", "measurements"
PREFIX = "analytics"
_TEXT = dict.fromkeys
COLUMNS: Mapping[str, Mapping[str, str]] = {
    EXECUTIONS: {
        **_TEXT(("execution_id", "experiment", "fault_type", "workload", "owner", "trigger", "status", "verdict"), "string"),
        "hypothesis_validated": "boolean",
        "plan": "boolean",
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
"""Table to column to Hive type. `compared` is the window that the numbers describe; the shift is from the baseline to
it."""
PARTITIONS = ("environment", "month")
NOWHERE = "none"
"""The environment of a run that was refused before its environment was known."""


def make_key(table: str, run: RunSummary) -> str:
    """The S3 key of a run's rows: rows that are written again replace the old ones."""
    return f"{PREFIX}/{table}/environment={run.environment or NOWHERE}/month={run.started_at:%Y-%m}/{run.execution_id}.json"


def make_files(run: RunSummary, statistics: Iterable[MetricStatistics]) -> dict[str, str]:
    """S3 key to content of everything that a run adds when it has ended."""
    measurements = [row for metric in statistics for row in _measurement_rows(run, metric)]
    executions = {make_key(EXECUTIONS, run): _join_lines([_execution_row(run)])}
    return {**executions, make_key(MEASUREMENTS, run): _join_lines(measurements)} if measurements else executions


def _execution_row(run: RunSummary) -> dict[str, Any]:
    return {
        **_common_columns(run),
        "owner": run.owner,
        "trigger": run.trigger,
        "status": run.status.value,
        "verdict": run.verdict.value if run.verdict else None,
        "hypothesis_validated": run.hypothesis_validated,
        "plan": run.plan,
        "ended_at": _format_timestamp(run.ended_at),
        "duration_seconds": (run.ended_at - run.started_at).total_seconds() if run.ended_at else None,
        "recovery_seconds": run.recovery_seconds,
        "findings": [
            {"id": finding.id, "title": finding.title, "severity": finding.severity, "closed": finding.closed} for finding in run.findings
        ],
    }


def _common_columns(run: RunSummary) -> dict[str, Any]:
    return {
        "execution_id": run.execution_id,
        "experiment": run.experiment,
        "fault_type": run.fault_type,
        "workload": run.workload,
        "started_at": _format_timestamp(run.started_at),
    }


def _measurement_rows(run: RunSummary, metric: MetricStatistics) -> Iterable[dict[str, Any]]:
    windows: dict[str, WindowStatistics | None] = {
        "baseline": metric.baseline,
        "fault": metric.fault,
        "observation": metric.observation,
        "recovery": metric.recovery,
    }
    from_baseline: dict[str, Comparison] = {
        comparison.windows[1]: comparison for comparison in metric.comparisons if comparison.windows[0] == "baseline"
    }
    for name, window in windows.items():
        if window is None:
            continue
        compared = from_baseline.get(name)
        yield {
            **_common_columns(run),
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


def _format_timestamp(at: datetime | None) -> str | None:
    """A timestamp in UTC as Athena's JSON SerDe reads it."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if at else None


def _join_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One line per row: JSON escapes line breaks inside values."""
    return "".join(json.dumps(row, allow_nan=False, separators=(",", ":")) + "\n" for row in rows)
