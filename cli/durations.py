"""`45s`, `10m`, `1h30m` or ISO 8601 (`PT45S`) as the ISO form the execution input takes."""

import re

from cli.errors import CommandError
from cli.exits import Exit

_SHORT = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$")
_ISO = re.compile(r"^PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$")
_EXPECTED = "Write it as 45s, 10m, 1h30m or, in ISO 8601, PT45S."


def total_seconds(text: str) -> float:
    """Seconds in a length of time; refuses zero, a bare number and what it doesn't know."""
    stripped = text.strip()
    found = _SHORT.match(stripped.lower()) or _ISO.match(stripped.upper())
    if found is None or not any(found.groups()):
        raise CommandError(f"{text!r} is not a length of time.", _EXPECTED, code=Exit.REFUSED)
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + rest
    if total <= 0:
        raise CommandError(f"{text!r} is no time at all.", _EXPECTED, code=Exit.REFUSED)
    return total


def iso(text: str) -> str:
    """ISO 8601 of the same length."""
    return f"PT{total_seconds(text):g}S" if total_seconds(text) < 1e6 else f"PT{total_seconds(text):.0f}S"
