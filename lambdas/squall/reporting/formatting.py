"""Numbers, durations and times as people read them."""

from datetime import datetime

from squall.domain.base.printable import remove_invisible

_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def strip_invisible(value: object) -> str:
    """Text without invisible characters that hide or reorder others; line breaks and tabs stay."""
    return remove_invisible(str(value).replace("\r\n", "\n"), keep="\n\t")


def format_quantity(value: float | None, unit: str) -> str:
    """A value of a canonical unit (percent, seconds, count, per_second, bytes, none) in the unit that people would
    choose."""
    if value is None:
        return "—"
    if unit == "percent":
        return f"{format_number(value)} %"
    if unit == "seconds":
        return f"{format_number(value * 1000)} ms" if abs(value) < 1 and value else f"{format_number(value)} s"
    if unit == "per_second":
        return f"{format_number(value)} /s"
    if unit == "bytes":
        factor, name = next(((factor, name) for factor, name in _SIZES if abs(value) >= factor), (1.0, "B"))
        return f"{format_number(value / factor)} {name}"
    return format_number(value)


def format_number(value: float) -> str:
    """Four significant digits, without an exponent for everyday values."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def format_duration(seconds: float) -> str:
    """A duration: 7.1 s, 45 s, 10 min, 1 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")


def format_clock(at: datetime) -> str:
    """The time of day in UTC."""
    return f"{at:%H:%M:%S}"


def format_date(at: datetime) -> str:
    """Day and time in UTC."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def spell_out(value: str) -> str:
    """A word of a closed set with spaces: `not met` for `not_met`."""
    return value.replace("_", " ")


def join_items(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
