"""How people spell metrics and statistics, and the spelling nearest to an unknown one."""

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache

from squall.domain.language.metric_table import METRICS, Metric

_PERCENTILE = re.compile(r"p(\d{1,2}(\.\d{1,2})?|100)")
_STATISTICS = {
    "Average": ("average", "mean", "avg"),
    "Maximum": ("maximum", "max"),
    "Minimum": ("minimum", "min"),
    "Sum": ("sum", "total"),
    "SampleCount": ("count", "samplecount"),
    "p50": ("median",),
}
_SPELLED = {word: statistic for statistic, words in _STATISTICS.items() for word in words}


@lru_cache(maxsize=1024)
def normalize_name(name: str) -> str:
    """The name in lower case, without spaces, underscores and hyphens. Two spellings of equal result are the same name."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def canonical_metric(name: str) -> str | None:
    """The canonical name of the known metric that has this name, title or alias; None if there is none."""
    wanted = normalize_name(name)
    return next((row.name for row in METRICS.values() if wanted in map(normalize_name, (row.name, row.title, *row.aliases))), None)


def find_statistic(word: str) -> str | None:
    """CloudWatch's spelling of a statistic (`mean` is Average, `P99.90` is p99.9); None if the word is not a
    statistic."""
    known = _SPELLED.get(word.casefold())
    if known is not None:
        return known
    match = _PERCENTILE.fullmatch(word.casefold())
    return f"p{float(match[1]):g}" if match else None


def allows_statistic(metric: Metric, statistic: str) -> bool:
    """Whether a sentence may ask for this statistic of the metric."""
    asked = "p" if statistic.startswith("p") else statistic
    return statistic == metric.statistic or asked in metric.statistics


def find_nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice most like the name; None if none is like it."""
    by_normalized = {normalize_name(choice): choice for choice in choices}
    matches = difflib.get_close_matches(normalize_name(name), list(by_normalized), n=1, cutoff=0.6)
    return by_normalized[matches[0]] if matches else None
