"""Forecasts of false aborts on real CloudWatch series: docs/guards.md has every row."""

from bench.false_aborts import list_trials


def test_what_the_first_half_predicts_is_seen_in_the_second_where_the_series_stays_the_same() -> None:
    trials = list_trials()
    changed = {trial.series for trial in trials if not trial.agrees}
    assert sum(trial.agrees for trial in trials) / len(trials) >= 0.8
    assert changed <= {"ec2_network_in_257a54", "elb_request_count_8c0756"}, "two series changed between their halves"


def test_what_is_proposed_hardly_ever_aborts_in_the_second_half() -> None:
    later = [(trial.series, share.percent) for trial in list_trials() for _, share in trial.instead]
    assert len(later) >= 8
    above = {series for series, percent in later if percent is None or percent > 1}
    assert above <= {"ec2_disk_write_bytes_1ef3de"}, "a disk that writes more in its second week"
    assert all(percent is not None and percent <= 7 for _, percent in later)


def test_guards_that_people_choose_would_abort_healthy_runs() -> None:
    noisy = {trial.series for trial in list_trials() if trial.predicted.exceeds_advice}
    assert len(noisy) >= 4
    assert all(trial.predicted.instead for trial in list_trials() if trial.predicted.exceeds_advice)
