"""What a test or a person may change on the running workload, validated at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

PERIOD_SECONDS = 5
"""Metric period of the local account: short, so that a baseline of 60 points takes five minutes."""


class InvalidSettingError(ValueError):
    """A setting with an unknown name, a wrong type or a value out of range."""


@dataclass(frozen=True)
class Settings:
    """Switches of the workload; the defaults are a healthy system under steady load."""

    load: bool = True
    load_rps: float = 50.0
    base_latency_ms: float = 12.0
    error_rate: float = 0.0
    journal_required: bool = False
    """Whether a request that can't be written down is refused: False is the service that bears a full disk, True one that doesn't."""
    replace: bool = True
    replacement_delay_seconds: float = 6.0

    def changed(self, values: Mapping[str, object]) -> Settings:
        """A copy with `values` applied; refuses what it does not know, by name."""
        types = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        checked: dict[str, bool | float] = {}
        for name, value in values.items():
            if name not in types:
                raise InvalidSettingError(f"unknown setting {name!r}; known: {', '.join(sorted(types))}")
            checked[name] = _bool(name, value) if types[name] is bool else _number(name, value)
        return replace(self, **checked)  # type: ignore[arg-type]

    def of_instance(self) -> dict[str, bool | float]:
        """Those an instance obeys."""
        return {"base_latency_ms": self.base_latency_ms, "error_rate": self.error_rate, "journal_required": self.journal_required}

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


_LIMITS = {
    "load_rps": (0.1, 200.0),
    "base_latency_ms": (0.0, 10_000.0),
    "error_rate": (0.0, 1.0),
    "replacement_delay_seconds": (0.0, 600.0),
}


def _bool(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidSettingError(f"{name} must be true or false, not {value!r}")


def _number(name: str, value: object) -> float:
    low, high = _LIMITS[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InvalidSettingError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)
