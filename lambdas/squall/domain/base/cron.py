"""Cron expressions as EventBridge Scheduler accepts them: six fields, of which one of the two for days is `?`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")


@dataclass(frozen=True)
class _Field:
    """One of the six fields: the values, names and special forms that it accepts."""

    name: str
    least: int
    greatest: int
    names: tuple[str, ...] = ()
    """Names of its values, from `least` on."""
    special: str = r"(?!)"
    """The pattern of the field's special forms, such as the last day of the month."""

    def explain_wrong(self, text: str) -> str:
        """The reason why EventBridge refuses the field; empty if it does not."""
        wrong = next((part for part in text.split(",") if not self._accepts(part)), None)
        if wrong is None:
            return ""
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.name} is {wrong!r:.20}, not {self.least} to {self.greatest}{names}"

    def _accepts(self, part: str) -> bool:
        if re.fullmatch(self.special, part):
            return True
        match = _PART.fullmatch(part)
        if not match or (match["step"] is not None and int(match["step"]) == 0):
            return False
        return all(self._has(value) for value in (match["first"], match["last"]) if value is not None)

    def _has(self, value: str) -> bool:
        if value.upper() in self.names:
            return True
        return value.isascii() and value.isdigit() and self.least <= int(value) <= self.greatest


_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31, special=r"L|LW|([1-9]|[12]\d|3[01])W"),
    _Field("month", 1, 12, names=_MONTHS),
    _Field("day of week", 1, 7, names=_DAYS, special=rf"L|([1-7]|{'|'.join(_DAYS)})(L|#[1-5])"),
    _Field("year", 1970, 2199),
)
_DAY_FIELDS = (2, 4)


def explain_wrong_cron(fields: Sequence[str]) -> str:
    """The reason why EventBridge refuses these six fields, as a phrase; empty if it accepts them."""
    asked = [fields[at] for at in _DAY_FIELDS]
    if asked.count("?") != 1:
        return "exactly one of day of month and day of week must be ?, and the other says when"
    judged = (field.explain_wrong(text) for field, text in zip(_FIELDS, fields, strict=True) if text != "?" or field.name[:3] != "day")
    return next((wrong for wrong in judged if wrong), "")
