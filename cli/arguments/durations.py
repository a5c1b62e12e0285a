"""Durations of the command line: `45s`, `10m`, `1h30m` or ISO 8601 (`PT45S`)."""

import re

from cli.errors import CommandError
from cli.exits import Exit

_SHORT = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$")
_ISO = re.compile(r"^PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$")
_EXPECTED = "Write it as 45s, 10m, 1h30m or, in ISO 8601, PT45S."


def parse_seconds(text: str) -> float:
    """The duration in seconds. Raises CommandError for zero and for anything that is not a duration, also a bare
    number."""
    stripped = text.strip()
    match = _SHORT.match(stripped.lower()) or _ISO.match(stripped.upper())
    if match is None or not any(match.groups()):
        raise CommandError(f"{text!r} is not a duration.", _EXPECTED, code=Exit.REFUSED)
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total <= 0:
        raise CommandError(f"{text!r} is zero; a duration must be longer.", _EXPECTED, code=Exit.REFUSED)
    return total


def to_iso(text: str) -> str:
    """The duration in ISO 8601, as the execution input takes it. Raises CommandError."""
    seconds = parse_seconds(text)
    return f"PT{seconds:g}S" if seconds < 1e6 else f"PT{seconds:.0f}S"
