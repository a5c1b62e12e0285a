"""All rewrites in the order in which they are tried."""

from squall.domain.language.rewrites.claims import CHARACTERS, COMPARISONS, METRICS, SEVERAL, SHARES, STATISTICS, WRAPPERS
from squall.domain.language.rewrites.events import BASELINES, EVENTS, TIMES

TABLES = (SEVERAL, WRAPPERS, CHARACTERS, SHARES, STATISTICS, METRICS, COMPARISONS, EVENTS, TIMES, BASELINES)
