"""ISO 8601 durations as FIS takes them: days, hours, minutes, seconds; at most twelve hours."""

import re

MAXIMUM_SECONDS = 12 * 3600
_PATTERN = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def parse_seconds(text: str) -> int:
    """The duration in seconds. Raises ValueError if the text is not an ISO 8601 duration."""
    match = _PATTERN.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is not an ISO 8601 duration")
    days, hours, minutes, rest = (int(group or 0) for group in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest
