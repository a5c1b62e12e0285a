"""The length of a document in the words of its own parameter."""

import re
from datetime import timedelta
from math import ceil

from squall.faults.fis import iso_duration
from squall.faults.parameters import parse_length

_UNITS = {"seconds": timedelta(seconds=1), "minutes": timedelta(minutes=1)}


def write_length(unit: str, length: timedelta) -> str:
    """The length as the document reads it, never shorter."""
    if unit == "iso":
        return iso_duration(length)
    return str(max(1, ceil(length / _UNITS[unit])))


def read_length(unit: str, text: str | None) -> timedelta | None:
    """The length in the document's words; None if there is none, or if it is no length."""
    if unit == "iso" or text is None:
        return parse_length(text)
    return int(text) * _UNITS[unit] if re.fullmatch(r"[1-9]\d{0,5}", text) else None
