"""Which faults of other runs may have disturbed what is measured."""

from datetime import UTC, datetime

from squall.application.step import Step
from squall.domain.metrics.disturbances import LONGEST_RUN, Disturbance, find_disturbances

MOST_FAULTS = 50
"""The most faults that are read. The locks allow one at a time on a failure domain, so this covers two days of runs."""


def read_disturbances(step: Step, since: int, until: datetime) -> tuple[Disturbance, ...]:
    """Faults and recoveries of other runs on the same failure domains that may reach past `since` (epoch seconds)."""
    domains = step.discovery.failure_domains
    if not domains:
        return ()
    begun = datetime.fromtimestamp(since, UTC) - LONGEST_RUN
    return find_disturbances(step.w.records.faulted(domains, begun, until, most=MOST_FAULTS), step.run.id, step.now)
