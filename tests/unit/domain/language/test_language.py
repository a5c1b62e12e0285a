"""The language: what sentences mean, and what is said of those that aren't understood."""

from typing import Any

import pytest

from squall.domain.language.errors import SentenceError
from squall.domain.language.metric_names import canonical_metric
from squall.domain.language.metric_table import METRICS
from squall.domain.language.parse import parse_condition, parse_criterion
from squall.domain.language.sentences import AlarmFires, MembersRun, Recovers, Replacement, Threshold, render_sentence

OWN = {"queue depth": "count", "Checkout latency": "milliseconds", "heap": "bytes", "max connections": "count", "score": "none"}


def meaning(text: str) -> dict[str, Any]:
    return parse_criterion(text, OWN).model_dump(exclude={"text"}, exclude_defaults=True)


REL12_SENTENCES = [
    ("System availability > 99%", {"metric": "availability", "comparator": ">", "value": 99.0, "unit": "percent"}),
    ("Response time < 2 seconds", {"metric": "response_time", "comparator": "<", "value": 2.0, "unit": "seconds"}),
    ("Auto Scaling launches replacement instance", {}),
    ("System availability < 95%", {"metric": "availability", "comparator": "<", "value": 95.0, "unit": "percent"}),
    ("Response time > 5 seconds", {"metric": "response_time", "comparator": ">", "value": 5.0, "unit": "seconds"}),
]


@pytest.mark.parametrize(("text", "expected"), REL12_SENTENCES)
def test_the_seeds_five_sentences(text: str, expected: dict[str, Any]) -> None:
    assert meaning(text) == expected
    assert parse_criterion(text).text == text


@pytest.mark.parametrize(
    ("text", "comparator"),
    [
        ("latency > 1 s", ">"),
        ("latency is above 1 s", ">"),
        ("latency exceeds 1 s", ">"),
        ("latency rises above 1 s", ">"),
        ("latency more than 1 s", ">"),
        ("latency >= 1 s", ">="),
        ("latency ≥ 1 s", ">="),
        ("latency is at least 1 s", ">="),
        ("latency is not below 1 s", ">="),
        ("latency is greater than or equal to 1 s", ">="),
        ("latency < 1 s", "<"),
        ("latency stays under 1 s", "<"),
        ("latency drops below 1 s", "<"),
        ("latency must stay below 1 s", "<"),
        ("latency <= 1 s", "<="),
        ("latency ≤ 1 s", "<="),
        ("latency at most 1 s", "<="),
        ("latency no more than 1 s", "<="),
        ("latency = 1 s", "=="),
        ("latency == 1 s", "=="),
        ("latency equals 1 s", "=="),
        ("latency != 1 s", "!="),
        ("latency is not equal to 1 s", "!="),
    ],
)
def test_comparators(text: str, comparator: str) -> None:
    assert meaning(text)["comparator"] == comparator


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("latency < 300 ms", 0.3, "seconds"),
        ("latency < 1001ms", 1.001, "seconds"),
        ("latency < 1.5 MINUTES", 90.0, "seconds"),
        ("latency < 250 µs", 0.00025, "seconds"),
        ("availability > 99.95 percent", 99.95, "percent"),
        ("request rate > 30 requests/s", 30.0, "per_second"),
        ("request rate > 30 requests per second", 30.0, "per_second"),
        ("throughput > 600 requests / minute", 10.0, "per_second"),
        ("throughput > 30 rps", 30.0, "per_second"),
        ("healthy hosts >= 2", 2.0, "count"),
        ("healthy hosts >= 2 hosts", 2.0, "count"),
        ("error count < 5 errors", 5.0, "count"),
        ("queue depth < 100", 100.0, "count"),
        ("checkout latency < 300 ms", 0.3, "seconds"),
        ("heap < 1.5 MB", 1_500_000.0, "bytes"),
        ("heap < 1 KiB", 1024.0, "bytes"),
        ("score > -0.5", -0.5, "none"),
    ],
)
def test_units_are_converted_to_the_metrics_own(text: str, value: float, unit: str) -> None:
    assert (meaning(text)["value"], meaning(text)["unit"]) == (value, unit)


@pytest.mark.parametrize(
    ("text", "metric", "statistic"),
    [
        ("p99 response time < 1 s", "response_time", "p99"),
        ("P99.90 of the response time < 1 s", "response_time", "p99.9"),
        ("response time p95 < 1 s", "response_time", "p95"),
        ("median latency < 1 s", "response_time", "p50"),
        ("mean latency < 1 s", "response_time", "Average"),
        ("Maximum CPU utilization < 90 %", "cpu_utilization", "Maximum"),
        ("min healthy hosts >= 1", "healthy_hosts", "Minimum"),
        ("average availability > 99 %", "availability", None),
        ("total error count < 3", "error_count", "Sum"),
        ("count of response time > 10", "response_time", "SampleCount"),
        ("max connections < 5", "max connections", None),
        ("max max connections < 5", "max connections", "Maximum"),
        ('p90 "queue depth" < 5', "queue depth", "p90"),
        ("SYSTEM_AVAILABILITY > 99 %", "availability", None),
        ("Error-Rate < 1 %", "error_rate", None),
    ],
)
def test_metrics_and_statistics(text: str, metric: str, statistic: str | None) -> None:
    criterion = parse_criterion(text, OWN)
    assert isinstance(criterion, Threshold)
    assert (criterion.metric, criterion.statistic) == (metric, statistic)


def test_a_metrics_own_declaration_wins_over_the_known_one() -> None:
    criterion = parse_criterion("response time < 3", {"Response time": "count"})
    assert isinstance(criterion, Threshold)
    assert (criterion.metric, criterion.unit) == ("Response time", "count")


@pytest.mark.parametrize(
    ("text", "comparator", "value", "relative"),
    [
        ("Response time increases by < 20 % vs baseline", "<", 20.0, "change"),
        ("Response time increases by less than 20 % compared with the baseline", "<", 20.0, "change"),
        ("Request rate decreases by at most 10 %", ">=", -10.0, "change"),
        ("Request rate drops by < 10 % vs baseline", ">", -10.0, "change"),
        ("Error rate increases by < 1 % of the baseline", "<", 1.0, "change"),
        ("Availability drops by < 1 point", ">", -1.0, "difference"),
        ("Response time < 120 % of baseline", "<", 120.0, "ratio"),
        ("p99 response time < 120 % vs baseline", "<", 120.0, "ratio"),
        ("Availability >= 99 % of the baseline", ">=", 99.0, "ratio"),
    ],
)
def test_relative_thresholds(text: str, comparator: str, value: float, relative: str) -> None:
    result = meaning(text)
    assert (result["comparator"], result["value"], result["relative"], result["unit"]) == (comparator, value, relative, "percent")


@pytest.mark.parametrize(
    ("text", "seconds", "window"),
    [
        ("latency < 1 s", None, "observation"),
        ("latency < 1 s for 2 minutes", 120, "observation"),
        ("latency < 1 s during the observation", None, "observation"),
        ("latency < 1 s during the fault", None, "fault"),
        ("latency < 1 s during recovery", None, "recovery"),
        ("latency < 1 s during the recovery window for 30 s", 30, "recovery"),
        ("latency < 1 s for 30 s during the baseline", 30, "baseline"),
    ],
)
def test_durations_and_windows(text: str, seconds: int | None, window: str) -> None:
    criterion = parse_criterion(text)
    assert isinstance(criterion, Threshold)
    assert (criterion.for_seconds, criterion.window) == (seconds, window)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alarm High-Latency fires within 3 minutes", AlarmFires(text="", alarm="High-Latency", within_seconds=180)),
        ('Alarm "Orders / failing: 5xx" fires within 90 s.', AlarmFires(text="", alarm="Orders / failing: 5xx", within_seconds=90)),
        ("recovers within 5 minutes", Recovers(text="", within_seconds=300)),
        ("System recovers within 5 minutes", Recovers(text="", within_seconds=300)),
        ("Response time recovers within 45 s", Recovers(text="", metric="response_time", within_seconds=45)),
        ("queue depth recovers within 1 hour", Recovers(text="", metric="queue depth", within_seconds=3600)),
        ("Auto Scaling launches replacement instance", Replacement(text="")),
        ("auto-scaling group launches a replacement instance within 5 minutes", Replacement(text="", within_seconds=300)),
        ("3 tasks run within 5 minutes", MembersRun(text="", members="tasks", count=3, within_seconds=300)),
        ("more than two pods are ready within 90 s.", MembersRun(text="", members="pods", count=3, within_seconds=90)),
        (
            "at least 1,000 instances are in service within 1 hour",
            MembersRun(text="", members="instances", count=1000, within_seconds=3600),
        ),
    ],
)
def test_events(text: str, expected: AlarmFires | MembersRun | Recovers | Replacement) -> None:
    assert parse_criterion(text, OWN) == expected.model_copy(update={"text": text})


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "empty"),
        ("   ", 0, "empty"),
        ("Everything is fine", 14, '"fine" is not understood here'),
        ("System availability >", 21, "ends too early"),
        ("System availability above ninety %", 26, '"ninety" is not understood'),
        ("System availability > 99% and more", 26, '"and" is not understood'),
        ("System availability > 99", 24, "needs a unit"),
        ("System availability > 99 seconds", 25, "not measured in seconds"),
        ("Response time < 2 %", 18, "not measured in %"),
        ("Response time < 2 secnds", 18, 'did you mean "seconds"'),
        ("Respons time < 2 seconds", 0, 'did you mean "Response time"'),
        ("p99 respons time < 2 seconds", 0, 'did you mean "Response time"'),
        ("queue dpth < 2", 0, 'did you mean "queue depth"'),
        ("p99 availability > 3 %", 0, "no statistic p99"),
        ("p101 latency > 3 s", 0, "is not a metric"),
        ("System availability > 100 %", 22, "never true"),
        ("System availability <= 100 %", 23, "always true"),
        ("Response time >= 0 s", 17, "always true"),
        ("Error rate < 0 %", 13, "never true"),
        ("Error rate > 500 %", 13, "never true"),
        ("latency < 1e999 s", 10, "too large"),
        ("latency < 5 % of baseline during baseline", 33, "compared with itself"),
        ("latency < 5 s of baseline", 14, "a share of the baseline is in %"),
        ("latency > -5 % of baseline", 10, "not negative"),
        ("latency < 1 s for 0 s", 18, "whole seconds"),
        ("latency < 1 s for 1.5 s", 18, "whole seconds"),
        ("latency < 1 s for 3 %", 20, "a duration is not measured in %"),
        ("latency < 1 s for 3", 19, "needs a unit"),
        ("latency < 1 s for 13 hours", 18, "whole seconds"),
        ("latency < 1 s during lunch", 21, '"lunch" is not understood'),
        ("alarm fires within 3 minutes", 12, '"within" is not understood'),
        ("alarm x fires", 13, "ends too early"),
        ("p99 latency recovers within 3 minutes", 0, "not that of a statistic"),
        ("latency < 1 s\ud800", 13, "can't be part of a sentence"),
        ("latency < 1 s\x00", 13, "can't be part of a sentence"),
        ("latency " * 100, 500, "longer than"),
    ],
)
def test_what_is_not_understood_is_an_error_at_its_position(text: str, position: int, message: str) -> None:
    with pytest.raises(SentenceError) as caught:
        parse_criterion(text, OWN)
    assert message in caught.value.message
    assert caught.value.position == position


def test_the_caret_stands_under_the_position() -> None:
    with pytest.raises(SentenceError) as caught:
        parse_criterion("Response time < 2 bananas")
    sentence, caret = caught.value.caret.split("\n")
    assert sentence == "Response time < 2 bananas"
    assert caret == " " * 18 + "^"
    assert caught.value.expected == ("seconds, ms or minutes",)


def test_long_sentences_are_cut_around_the_caret() -> None:
    with pytest.raises(SentenceError) as caught:
        parse_criterion("latency < 1 s for 5 minutes and " + "blah " * 80)
    sentence, caret = caught.value.caret.split("\n")
    assert len(sentence) < 130
    assert sentence[caret.index("^") :].startswith("and")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Auto Scaling launches replacement instance", "only be a success criterion"),
        ("alarm x fires within 3 minutes", "an alarm stops the fault if stop_alarms names it"),
        ("alarm x is OK", "an alarm stops the fault if stop_alarms names it"),
        ("latency increases by > 800 ms", "no baseline exists"),
        ("p99 latency returns to baseline within 5 minutes", "only be a success criterion"),
        ("System recovers within 3 minutes", "only be a success criterion"),
        ("latency increases by > 5 % vs baseline", "no baseline exists"),
        ("latency > 120 % of baseline", "no baseline exists"),
        ("latency > 1 s during recovery", "has no window"),
    ],
)
def test_conditions_are_absolute_thresholds(text: str, message: str) -> None:
    parse_criterion(text)
    with pytest.raises(SentenceError, match=message):
        parse_condition(text)


@pytest.mark.parametrize(
    ("text", "value", "baseline", "expected"),
    [
        ("latency < 1 s", 0.999, None, True),
        ("latency < 1 s", 1.0, None, False),
        ("latency <= 1 s", 1.0, None, True),
        ("latency > 1 s", 1.0, None, False),
        ("latency >= 1 s", 1.0, None, True),
        ("latency = 300 ms", 0.1 + 0.2, None, True),
        ("latency != 300 ms", 0.1 + 0.2, None, False),
        ("latency increases by < 20 % vs baseline", 0.23, 0.2, True),
        ("latency increases by < 20 % vs baseline", 0.25, 0.2, False),
        ("throughput decreases by at most 10 %", 91.0, 100.0, True),
        ("throughput decreases by at most 10 %", 89.0, 100.0, False),
        ("latency < 120 % of baseline", 0.23, 0.2, True),
        ("latency < 120 % of baseline", 0.25, 0.2, False),
    ],
)
def test_holds(text: str, value: float, baseline: float | None, expected: bool) -> None:
    criterion = parse_criterion(text)
    assert isinstance(criterion, Threshold)
    assert criterion.holds(value, baseline) is expected


@pytest.mark.parametrize(("value", "baseline"), [(1.0, None), (1.0, 0.0), (float("nan"), 1.0)])
def test_what_cant_be_told_is_an_error_never_a_pass(value: float, baseline: float | None) -> None:
    criterion = parse_criterion("latency < 120 % of baseline")
    assert isinstance(criterion, Threshold)
    with pytest.raises(ValueError, match="can't be evaluated"):
        criterion.holds(value, baseline)


def test_known_metrics_are_found_by_every_alias() -> None:
    for metric in METRICS.values():
        for name in (metric.name, metric.title, *metric.aliases):
            assert canonical_metric(name.upper().replace(" ", "_")) == metric.name
    assert canonical_metric("queue depth") is None


def test_rendering_is_plain() -> None:
    assert render_sentence(parse_criterion("P99.9 of the latency stays under 300ms during the recovery phase")) == (
        "p99.9 Response time < 0.3 seconds during recovery"
    )
