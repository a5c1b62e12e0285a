"""Probes of Chaos Toolkit: an HTTP probe is the sentinel, an alarm's state a criterion, a CloudWatch metric a metric with
criteria."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from cli.importing.values import has_token

if TYPE_CHECKING:
    from cli.importing.chaos.blocks import Block

_CLOUDWATCH = "chaosaws.cloudwatch.probes"
_UNITS = {"Seconds": "seconds", "Milliseconds": "milliseconds", "Percent": "percent", "Count": "count", "Count/Second": "per_second"}
_UNITS |= {"Bytes": "bytes", "None": "none"}
_WORDS = {"seconds": "s", "milliseconds": "ms", "percent": "%", "per_second": "per second", "bytes": "bytes"}
_PLAIN = re.compile(r"[\w \-:,;!/@#%&=<>\"']{1,200}")
"""Regular expressions that are plain text."""


@dataclass
class Judged:
    """What the probes say of an experiment."""

    criteria: list[str] = field(default_factory=list)
    steady_state: list[str] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    sentinel: dict[str, Any] = field(default_factory=dict)


def read_probe(probe: Block, judged: Judged) -> None:
    """Adds what the probe asks for, or loses it."""
    provider = probe.take_block("provider")
    kind, module, function = provider.value.get("type"), provider.value.get("module"), provider.value.get("func")
    if kind == "http":
        _read_http(probe, provider, judged)
    elif (kind, module, function) == ("python", _CLOUDWATCH, "get_alarm_state_value"):
        _read_alarm(probe, provider, judged)
    elif (kind, module) == ("python", _CLOUDWATCH) and function in {"get_metric_statistics", "get_metric_data"}:
        _read_metric(probe, provider, judged)
    else:
        name = f"{module}.{function}" if kind == "python" else f"a probe by {kind}"
        probe.value["provider"] = provider.value
        probe.lose(f"{name} is nothing that Squall measures; CloudWatch metrics, alarms and a URL are")


def _read_http(probe: Block, provider: Block, judged: Judged) -> None:
    method, url = str(provider.value.get("method") or "GET").upper(), provider.value.get("url")
    if method != "GET" or judged.sentinel or not isinstance(url, str):
        probe.value["provider"] = provider.value
        why = "an experiment has one sentinel, and another probe is it" if judged.sentinel else "the sentinel only gets a URL"
        probe.lose(why)
        return
    for key in ("type", "method", "url"):
        provider.take(key)
    expect: dict[str, Any] = {}
    tolerance = probe.take("tolerance")
    statuses = tolerance if isinstance(tolerance, list) else [tolerance]
    if statuses and all(isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 599 for status in statuses):
        expect["status"] = statuses[0] if len(statuses) == 1 else statuses
    elif text := _read_text(tolerance):
        expect["body"] = text
    elif tolerance is not None:
        probe.value["tolerance"] = tolerance
    timeout = provider.value.get("timeout")
    limits: list[float] = [limit for limit in (timeout if isinstance(timeout, list) else [timeout]) if _is_number(limit)]
    if limits and 0.05 <= max(limits) <= 10:
        provider.take("timeout")
        expect["within_ms"] = round(max(limits) * 1000)
    judged.sentinel |= {"url": url, **({"expect": expect} if expect else {})}
    judged.criteria.append("Sentinel availability > 99 %")
    _finish(probe, provider, "the sentinel only gets a URL, without headers, and looks at status, time and text")


def _read_text(tolerance: Any) -> str | None:
    """The text that the body has to hold, if the tolerance is a regular expression that is plain text."""
    if isinstance(tolerance, dict) and tolerance.get("type") == "regex" and set(tolerance) <= {"type", "target", "pattern"}:
        pattern = tolerance.get("pattern")
        if tolerance.get("target", "body") == "body" and isinstance(pattern, str) and _PLAIN.fullmatch(pattern):
            return pattern
    return None


def _read_alarm(probe: Block, provider: Block, judged: Judged) -> None:
    arguments = provider.take_block("arguments")
    name, tolerance = arguments.value.get("alarm_name"), probe.value.get("tolerance")
    if tolerance not in ("OK", ["OK"]) or not isinstance(name, str) or '"' in name or has_token(name):
        probe.value["provider"] = {**provider.value, "arguments": arguments.value}
        probe.lose("is no alarm that has to be OK; `alarm NAME fires within 5 minutes` says that one has to fire")
        return
    sentence = f"alarm {name} is OK" if re.fullmatch(r"[\w.-]+", name) else f'alarm "{name}" is OK'
    arguments.take("alarm_name")
    probe.take("tolerance")
    judged.criteria.append(sentence)
    judged.steady_state.append(sentence)
    arguments.lose_rest()
    _finish(probe, provider)


def _read_metric(probe: Block, provider: Block, judged: Judged) -> None:
    arguments = provider.take_block("arguments")
    binding: dict[str, Any] = {key: arguments.take(key) for key in ("namespace", "metric_name")}
    dimensions = _read_dimensions(arguments)
    statistic = arguments.take("extended_statistic") or arguments.take("statistic") or "Average"
    unit = _UNITS.get(str(arguments.value.get("unit") or "None"))
    binding |= {"dimensions": dimensions, "statistic": statistic, "unit": unit or "none"}
    if unit:
        arguments.take("unit")
    name = _make_name(str(probe.value.get("name") or binding["metric_name"] or "metric"), judged)
    bounds = _read_bounds(probe.value.get("tolerance"))
    if bounds is None:
        probe.value |= {"provider": {**provider.value, "arguments": {**arguments.value, **binding}}}
        probe.lose("has no tolerance that is a number or a range of numbers")
        return
    probe.take("tolerance")
    judged.metrics[name] = binding
    quoted = f'"{name}"'
    words = _WORDS.get(binding["unit"], "")
    judged.criteria += [f"{quoted} {comparator} {_format(value)} {words}".rstrip() for comparator, value in bounds]
    arguments.lose_rest("is no part of a criterion: it is judged over the whole window, in periods of the policy")
    _finish(probe, provider)


def _read_dimensions(arguments: Block) -> dict[str, Any]:
    single = {str(arguments.take("dimension_name")): arguments.take("dimension_value")} if "dimension_name" in arguments.value else {}
    listed = arguments.take("dimensions") or []
    pairs = {str(d.get("Name")): d.get("Value") for d in listed if isinstance(d, dict)} if isinstance(listed, list) else {}
    return {**single, **pairs}


def _read_bounds(tolerance: Any) -> list[tuple[str, float]] | None:
    """The comparisons that a tolerance means; None if it is none of numbers."""
    limits = tolerance.get("range") if isinstance(tolerance, dict) and set(tolerance) == {"type", "range"} else None
    if isinstance(limits, list) and len(limits) == 2 and all(_is_number(limit) for limit in limits):
        return [(">=", limits[0]), ("<=", limits[1])]
    return [("=", tolerance)] if _is_number(tolerance) else None


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _format(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _make_name(text: str, judged: Judged) -> str:
    """A name that a metric of an experiment may have, and that no other has."""
    clean = re.sub(r"[^A-Za-z0-9 ._-]+", " ", text).strip()
    name = (clean if clean[:1].isalpha() else f"metric {clean}")[:60].strip()
    return name if name not in judged.metrics else f"{name} {len(judged.metrics)}"


def _finish(probe: Block, provider: Block, why: str = "has no meaning in an experiment of Squall") -> None:
    for key in ("type", "module", "func"):
        provider.take(key)
    for key in ("type", "name"):
        probe.take(key)
    provider.lose_rest(why)
    probe.lose_rest(why)
