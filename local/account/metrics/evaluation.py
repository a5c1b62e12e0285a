"""How CloudWatch decides an alarm's state from existing and missing points.

From "Configuring how CloudWatch alarms treat missing data": more points than the evaluation periods are retrieved. If
enough of them exist, only the newest existing ones count; otherwise missing ones are treated as configured.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
_MISSING_WORDS = {"breaching": "Breaching", "notBreaching": "NonBreaching", "ignore": "Ignored", "missing": "Missing"}


@dataclass(frozen=True)
class Rule:
    comparison: str
    threshold: float
    periods: int
    datapoints: int
    missing: str

    def breached_by(self, value: float) -> bool:
        return _COMPARE[self.comparison](value, self.threshold)


@dataclass(frozen=True)
class Decision:
    state: str
    reason: str
    recent: list[float]


def decide_state(rule: Rule, points: list[float | None], current: str) -> Decision:
    """The alarm's state.

    `points`: oldest first, ``None`` for a missing one. `current`: the state that stays if nothing decides.
    """
    real = [value for value in points if value is not None]
    window = real[-rule.periods :]
    breaching = sum(rule.breached_by(value) for value in window)
    missing = rule.periods - len(window)
    if missing == 0 or breaching >= rule.datapoints:
        state = "ALARM" if breaching >= rule.datapoints else "OK"
    else:
        state = _with_missing(rule, points, breaching, missing, current)
    return Decision(state, _explain_decision(rule, state, window, breaching, missing), window)


def _with_missing(rule: Rule, points: list[float | None], breaching: int, missing: int, current: str) -> str:
    any_real = any(value is not None for value in points)
    if rule.missing == "notBreaching":
        return "OK"
    if rule.missing == "breaching":
        return "ALARM" if breaching + missing >= rule.datapoints else "OK"
    if not any_real:
        return current if rule.missing == "ignore" else "INSUFFICIENT_DATA"
    if breaching == 0:
        return "OK"
    if rule.missing == "missing" and _old_breach(rule, points):
        return "ALARM"
    # Too few points to tell: neither a premature alarm nor an all-clear.
    return current


def _old_breach(rule: Rule, points: list[float | None]) -> bool:
    """Whether the oldest breach is at least M periods old and everything newer is breaching or missing."""
    recent = points[-rule.periods :]
    oldest = next((i for i, value in enumerate(recent) if value is not None and rule.breached_by(value)), None)
    if oldest is None or len(recent) - oldest < rule.datapoints:
        return False
    return all(value is None or rule.breached_by(value) for value in recent[oldest:])


def _count_noun(number: int, noun: str, after: str = "") -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}{after} {'was' if number == 1 else 'were'}"


def _explain_decision(rule: Rule, state: str, window: list[float], breaching: int, missing: int) -> str:
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {missing} datapoints were unknown."
    extra = f" and {_count_noun(missing, 'missing datapoint')} treated as [{_MISSING_WORDS[rule.missing]}]" if missing else ""
    if not window:
        return f"Threshold Crossed: no datapoints were received for {missing} period{'s' if missing != 1 else ''}{extra}."
    if state == "ALARM" and breaching == 0:
        points = _count_noun(len(window), "datapoint", f" {window}")
        return f"Threshold Crossed: {points} not {_WORDS[rule.comparison]} the threshold ({rule.threshold}){extra}."
    crossed = breaching if state == "ALARM" else len(window) - breaching
    change = "OK -> ALARM" if state == "ALARM" else "ALARM -> OK"
    negation = "" if state == "ALARM" else "not "
    return (
        f"Threshold Crossed: {crossed} out of the last {rule.periods} datapoints {window} was {negation}"
        f"{_WORDS[rule.comparison]} the threshold ({rule.threshold}){extra} "
        f"(minimum {rule.datapoints} datapoint for {change} transition)."
    )
