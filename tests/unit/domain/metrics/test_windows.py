"""Windows hold whole periods only, wherever they begin and end."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from squall.domain.documents.rollback import Proof
from squall.domain.metrics.windows import EffectSpan, baseline_window, fault_window, find_effect_span, recovery_window
from squall.domain.policy.environment import Timing
from tests.unit.builders import NOW

MOMENTS = st.floats(1.7e9, 1.8e9).map(lambda at: datetime.fromtimestamp(at, UTC))
PERIODS = st.sampled_from([1, 5, 10, 60])
LENGTHS = st.integers(0, 5000).map(lambda seconds: timedelta(seconds=seconds))


@given(moment=MOMENTS, period=PERIODS, length=LENGTHS)
def test_a_fault_window_is_aligned_and_inside_the_fault(moment: datetime, period: int, length: timedelta) -> None:
    window = fault_window(moment, length, Timing(metric_period_seconds=period))
    assert window.start % period == window.end % period == 0
    assert window.start >= moment.timestamp()
    assert window.end <= max(window.start, (moment + length).timestamp())
    assert window.periods >= int(length.total_seconds()) // period - 1


@given(moment=MOMENTS, period=PERIODS, lag=st.integers(0, 600))
def test_a_baseline_never_holds_a_period_that_is_not_complete(moment: datetime, period: int, lag: int) -> None:
    window = baseline_window(moment, Timing(metric_period_seconds=period), lag)
    assert window.periods == 60
    assert window.end <= moment.timestamp() - lag
    assert window.end % period == 0


def test_a_fault_that_ended_early_is_judged_up_to_its_end() -> None:
    start = NOW + timedelta(seconds=30)
    assert fault_window(start, timedelta(minutes=10), Timing()).periods == 9
    assert fault_window(start, timedelta(minutes=10), Timing(), ended_at=start + timedelta(minutes=3)).periods == 2


def test_recovery_begins_where_the_fault_ended() -> None:
    end = NOW
    window = recovery_window(end, end + timedelta(seconds=330), Timing())
    assert (window.start, window.periods) == (int(end.timestamp()), 5)


def test_a_window_without_a_whole_period_is_empty_not_negative() -> None:
    start = NOW + timedelta(seconds=30)
    assert fault_window(start, timedelta(seconds=10), Timing()).periods == 0


def proof(start: int | None, end: int | None = None, **changes: Any) -> Proof:
    at, until = (None if minute is None else NOW + timedelta(minutes=minute) for minute in (start, end))
    return Proof.model_validate({"target": "i", "proven": True, "kind": "mechanism", "detail": "", "at": at, "until": until, **changes})


def minutes(result: EffectSpan | None) -> list[float]:
    assert result
    return [(at - NOW).total_seconds() / 60 for at in (result.first, result.all, result.no_longer_all, result.over)]


def test_a_fault_is_whole_while_it_is_in_effect_on_every_target() -> None:
    ten = timedelta(minutes=10)
    assert minutes(find_effect_span([proof(1, 11), proof(3, 12)], ten, stopped_at=None, lasting_until=None)) == [1, 3, 11, 12]
    assert minutes(find_effect_span([proof(1), proof(3)], ten, stopped_at=None, lasting_until=None)) == [1, 3, 11, 13]
    assert minutes(find_effect_span([proof(1)], ten, stopped_at=NOW + timedelta(minutes=4), lasting_until=None)) == [1, 1, 4, 4]
    assert minutes(find_effect_span([proof(1), proof(1, 11)], ten, stopped_at=None, lasting_until=NOW + timedelta(minutes=30))) == [
        1,
        1,
        11,
        30,
    ]


def test_without_a_mechanism_that_worked_nothing_tells_when_it_was_in_effect() -> None:
    for answer in ([], [proof(None)], [proof(1, kind="state")], [proof(1, proven=False)]):
        assert find_effect_span(answer, timedelta(minutes=10), stopped_at=None, lasting_until=None) is None
