"""A run over several Regions answers for all at once only if their faults were at work together."""

from datetime import UTC, datetime, timedelta

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.record import StepRun
from squall.domain.campaign.regions import combine_parts

NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
WHOLE = (Status.COMPLETED, Verdict.VALIDATED, True)
OPEN = (Status.COMPLETED, Verdict.INCONCLUSIVE, None)
REFUTED = (Status.COMPLETED, Verdict.REFUTED, False)


def part(region: str, late: int | None, seconds: int, outcome: StepOutcome = StepOutcome.VALIDATED) -> StepRun:
    """A part whose fault began so many seconds late and was watched for `seconds`; None: it has no fault."""
    if late is None:
        return StepRun(1, region, f"shop-{region}", NOW, outcome)
    since = NOW + timedelta(seconds=late)
    return StepRun(1, region, f"shop-{region}", NOW, outcome, watched_from=since, watched_until=since + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("parts", "ending"),
    [
        ((part("a", 0, 60), part("b", 30, 60)), WHOLE),
        ((part("a", 0, 60), part("b", 31, 60)), OPEN),
        ((part("a", 0, 60), part("b", 90, 60)), OPEN),
        ((part("a", 0, 600), part("b", 59, 600)), WHOLE),
        ((part("a", 0, 600), part("b", 540, 60)), WHOLE),
        ((part("a", 0, 60), part("b", 20, 60), part("c", 40, 60)), OPEN),
        ((part("a", 0, 60), part("b", None, 0)), WHOLE),
        ((part("a", 0, 60), part("b", 59, 60, StepOutcome.REFUTED)), REFUTED),
    ],
)
def test_less_than_half_of_the_shortest_fault_together_is_no_answer(
    parts: tuple[StepRun, ...], ending: tuple[Status, Verdict, bool | None]
) -> None:
    whole = combine_parts(parts)
    assert (whole.status, whole.verdict, whole.hypothesis_validated) == ending
    assert ("at work together for only" in whole.reason) is (ending == OPEN)
