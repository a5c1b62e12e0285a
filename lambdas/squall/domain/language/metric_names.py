"""How people spell metrics and statistics, and the spelling nearest to an unknown one."""

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from squall.domain.language.metric_table import METRICS, Metric

_PERCENTILE = re.compile(r"p(\d{1,2}(\.\d{1,2})?|100)")
_ORDINAL = r"(\d{1,2}(?:\.\d{1,2})?)(?:st|nd|rd|th)?[ -]percentile"
_LEADING_ORDINAL = re.compile(rf"{_ORDINAL}(?: of(?: the)?)? (.+)", re.IGNORECASE)
_TRAILING_ORDINAL = re.compile(rf"(.+?),?(?: at)?(?: the)? {_ORDINAL}", re.IGNORECASE)
_TRAILING_AT = re.compile(r"(.+?) at (p\d\S*)", re.IGNORECASE)
_GENERAL_WORDS = frozenset(
    ("the", "our", "api", "http", "https", "service", "application", "app", "web", "system", "workload", "overall", "request")
)
"""Words before a metric that change nothing: Squall measures the workload behind the load balancer as a whole."""
_SIDE_WORDS = frozenset({"target", "alb", "elb"})
"""Words that change nothing before a metric of which the load balancer has only one. Of errors there are three."""
_STATISTICS = {
    "Average": ("average", "mean", "avg"),
    "Maximum": ("maximum", "max", "peak"),
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


def split_statistic(phrase: str) -> Iterator[tuple[str, str]]:
    """The ways to split a statistic off a phrase, each as statistic and rest: `p99 of X`, `X p99`, `99th percentile X`,
    `X (p99)`."""
    if match := _LEADING_ORDINAL.fullmatch(phrase):
        yield f"p{match[1]}", match[2]
    if match := _TRAILING_ORDINAL.fullmatch(phrase):
        yield f"p{match[2]}", match[1]
    if match := _TRAILING_AT.fullmatch(phrase):
        yield match[2], match[1]
    words = phrase.split()
    if len(words) > 2 and words[1].casefold() == "of":
        yield words[0], " ".join(words[3:] if words[2].casefold() == "the" and len(words) > 3 else words[2:])
    if len(words) > 1:
        yield words[0], " ".join(words[1:])
        yield words[-1].strip("()"), " ".join(words[:-1])


def strip_known_words(name: str) -> Iterator[tuple[str, bool]]:
    """The name without each run of known words in front of it, nearest first, and whether one of them names a side of
    the load balancer."""
    words, sided = name.split(), False
    while len(words) > 1 and words[0].casefold() in _GENERAL_WORDS | _SIDE_WORDS:
        sided = sided or words[0].casefold() in _SIDE_WORDS
        words = words[1:]
        yield " ".join(words), sided


def allows_statistic(metric: Metric, statistic: str) -> bool:
    """Whether a sentence may ask for this statistic of the metric."""
    asked = "p" if statistic.startswith("p") else statistic
    return statistic == metric.statistic or asked in metric.statistics


def list_nearest(name: str, choices: Iterable[str]) -> list[str]:
    """Up to three choices that are like the name, the most like first."""
    by_normalized = {normalize_name(choice): choice for choice in choices}
    return [by_normalized[match] for match in difflib.get_close_matches(normalize_name(name), list(by_normalized), n=3, cutoff=0.6)]


def find_nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice most like the name; None if none is like it."""
    return next(iter(list_nearest(name, choices)), None)
