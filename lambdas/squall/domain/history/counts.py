"""Counts and percentages as a report shows them."""

from collections.abc import Mapping


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts above zero, the highest first, equal counts by name."""
    return dict(sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0])))


def compute_percent(part: int, whole: int) -> float:
    """A percentage from 0 to 100 with one decimal; 0 if the whole is 0."""
    return round(100 * part / whole, 1) if whole else 0.0
