"""What the judge promises on real series, on a few stretches of each: docs/judge.md has the rates on many."""

from collections import Counter
from itertools import product
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from bench.real_series import (
    BINDING,
    CONFIRMED,
    CRITERION,
    TUNED,
    Floats,
    Trial,
    compare_trial,
    cut_anomalies,
    cut_trials,
    load_series,
    multiply_by,
)
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.judging.doubts import explain_whole
from squall.domain.judging.judge_input import JudgeInput
from squall.domain.judging.thresholds import decide_against_baseline
from squall.domain.language.parse import parse_criterion
from squall.domain.language.sentences import Threshold

SERIES = (*TUNED, *CONFIRMED)


@pytest.mark.parametrize("size", [(10, 5), (60, 10), (60, 60)])
def test_where_nothing_happened_a_change_is_seen_in_at_most_seven_of_a_hundred(size: tuple[int, int]) -> None:
    results = [compare_trial(trial).conclusion for name in SERIES for trial in cut_trials(name, size, 8)]
    assert sum(conclusion in {"higher", "lower"} for conclusion in results) / len(results) <= 0.07


@pytest.mark.parametrize("size", [(10, 5), (60, 10), (60, 60)])
def test_a_complete_separation_by_two_is_always_decided(size: tuple[int, int]) -> None:
    for name, number in product(SERIES, range(3)):
        trial = cut_trials(name, size, 3)[number]
        least, greatest = float(np.min(trial.after)), float(np.max(trial.before))
        if least > 0 and greatest > 0:
            apart = compare_trial(trial.changed(multiply_by(2.0001 * greatest / least)))
            assert apart.conclusion in {"higher", "no_difference"}
            assert apart.conclusion == "higher" or apart.usual, "the same on an earlier day"


def test_a_level_twice_as_high_is_seen_in_nine_of_ten_stretches_of_twenty_and_ten_periods() -> None:
    """The half of the series that the margins were not chosen on, without stretches of zeros."""
    trials = [trial for name in CONFIRMED for trial in cut_trials(name, (20, 10), 20) if np.median(trial.after)]
    seen = [compare_trial(trial.changed(multiply_by(2))).conclusion == "higher" for trial in trials]
    assert sum(seen) / len(seen) >= 0.9


def test_the_stretches_are_without_labels_and_the_anomalies_have_one() -> None:
    for name in SERIES:
        values, labelled, middles = load_series(name)
        assert len(values) == len(labelled)
        assert all(labelled[middle] for middle in middles)
        assert len(cut_anomalies(name)) == len(middles)


def test_the_criterion_of_the_bench_is_a_sentence_of_the_language() -> None:
    parsed = parse_criterion(CRITERION)
    assert isinstance(parsed, Threshold)
    assert (parsed.relative, parsed.value) == ("change", 20.0)


def take_for_good(trial: Trial) -> tuple[bool, bool]:
    """Whether the criterion of the bench is met by the typical period, and whether it is with the value over the window as well."""
    parsed, compared = parse_criterion(CRITERION), compare_trial(trial)
    assert isinstance(parsed, Threshold)
    decided = decide_against_baseline(parsed, compared)
    if decided is None or decided.outcome.value != "met":
        return False, False
    windows = {
        name: Window(name=name, start=0, end=300 * len(values), period_seconds=300)
        for name, values in (("baseline", trial.before), ("fault", trial.after))
    }
    values = {name: {BINDING.name: float(np.mean(of))} for name, of in (("baseline", trial.before), ("fault", trial.after))}
    inputs = cast("JudgeInput", SimpleNamespace(window_of=lambda name, _: windows[name], values=values))
    return True, not explain_whole(parsed, BINDING, compared, windows["fault"], inputs)


def multiply_one_period(values: Floats) -> Floats:
    changed = values.copy()
    middle = len(changed) // 2
    changed[middle] = 1000 * max(changed[middle], 1e-9)
    return changed


@pytest.mark.parametrize("size", [(20, 10), (60, 10), (60, 60)])
def test_a_thousandfold_period_is_never_taken_for_good_and_what_was_good_stays_so(size: tuple[int, int]) -> None:
    trials = [trial for name in SERIES for trial in cut_trials(name, size, 8)]
    harmed = Counter(take_for_good(trial.changed(multiply_one_period)) for trial in trials)
    assert harmed[True, True] == 0
    assert harmed[True, False] > len(trials) / 2, "the typical period alone takes most of them for good"
    unchanged = Counter(take_for_good(trial) for trial in trials)
    assert unchanged[True, False] <= 0.05 * unchanged[True, True]
