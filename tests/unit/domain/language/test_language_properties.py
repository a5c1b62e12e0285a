"""The language under arbitrary input: nothing but SentenceError, and what is rendered means the same."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from squall.domain.language.errors import SentenceError
from squall.domain.language.metric_table import METRICS
from squall.domain.language.parse import parse_condition, parse_criterion
from squall.domain.language.sentences import AlarmFires, AlarmOk, MembersRun, Recovers, Replacement, Sentence, Threshold, render_sentence
from squall.domain.language.units import SPELLINGS, Unit

DECLARED: dict[str, Unit] = {"queue depth": "count", "for baseline": "bytes", "p99": "none", "Average": "seconds", "5xx": "per_second"}
_WORDS = """
System availability response time latency p99 p99.9 max average of the sum count error rate > >= < <= = != is above below at least most
not stays under more than 99 99.9 2 0 -1 1e9 % seconds ms minutes requests/s MB for during fault recovery baseline window vs increases
decreases by recovers within alarm fires "x y" Auto Scaling launches replacement instance . queue depth
"""
WORDS = _WORDS.split()

seconds = st.integers(1, 43_200)
numbers = st.floats(allow_nan=False, allow_infinity=False)
own_names = st.sampled_from(sorted(DECLARED))
quotable = st.text(st.characters(blacklist_categories=("C", "Z"), blacklist_characters="\"'“”"), min_size=1, max_size=40)


@st.composite
def thresholds(draw: st.DrawFn) -> Threshold:
    """Any threshold of a metric without bounds, and of the known ones inside theirs."""
    known = draw(st.booleans())
    metric = draw(st.sampled_from(sorted(METRICS))) if known else draw(own_names)
    relative = draw(st.sampled_from((None, "change", "ratio", "difference")))
    unit: Unit = METRICS[metric].unit if known else DECLARED[metric]
    value = draw(numbers)
    if relative == "ratio":
        value = abs(value)
    elif known and relative is None:
        value = draw(st.floats(1, 99))
    window = draw(st.sampled_from(("fault", "recovery", "baseline") if relative is None else ("fault", "recovery")))
    statistic = None if known else draw(st.sampled_from((None, "Average", "Maximum", "Minimum", "Sum", "p50", "p99.9", "p100")))
    return Threshold(
        text="",
        metric=metric,
        statistic=statistic,
        comparator=draw(st.sampled_from((">", ">=", "<", "<=", "==", "!="))),
        value=value + 0.0,
        unit="percent" if relative in {"change", "ratio"} else unit,
        relative=relative,
        for_seconds=draw(st.none() | seconds),
        window=window,
    )


events = (
    st.builds(AlarmFires, text=st.just(""), alarm=quotable, within_seconds=seconds)
    | st.builds(AlarmOk, text=st.just(""), alarm=quotable, window=st.sampled_from((None, "fault", "recovery")))
    | st.builds(
        Recovers,
        text=st.just(""),
        metric=st.just("response_time"),
        statistic=st.sampled_from((None, "p99", "Maximum")),
        band=st.floats(1, 500),
        within_seconds=seconds,
    )
    | st.builds(Recovers, text=st.just(""), metric=st.none() | st.sampled_from(sorted(METRICS)) | own_names, within_seconds=seconds)
    | st.builds(Replacement, text=st.just(""), within_seconds=st.none() | seconds)
    | st.builds(
        MembersRun,
        text=st.just(""),
        members=st.sampled_from(("instances", "tasks", "pods")),
        count=st.integers(1, 10_000),
        within_seconds=seconds,
    )
)


@given(thresholds() | events)
def test_what_is_rendered_means_the_same(sentence: Sentence) -> None:
    text = render_sentence(sentence)
    again = parse_criterion(text, DECLARED)
    assert again == sentence.model_copy(update={"text": text})
    assert render_sentence(again) == text


def failure(text: str, parse: Callable[[str, Mapping[str, str]], object]) -> SentenceError | None:
    try:
        parse(text, DECLARED)
    except SentenceError as error:
        return error
    return None


def check_total(text: str) -> None:
    for parse in (parse_criterion, parse_condition):
        error = failure(text, parse)
        if error is not None:
            assert 0 <= error.position <= len(text)
            sentence, caret = error.caret.split("\n")
            assert caret.strip() == "^"
            assert len(caret) <= len(sentence) + 1
            assert error.message


@given(st.text(max_size=600))
def test_arbitrary_text_is_understood_or_a_sentence_error(text: str) -> None:
    check_total(text)


@given(st.text(st.characters(), max_size=40))
def test_so_is_text_with_surrogates(text: str) -> None:
    check_total(f"latency {text}")


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_so_is_any_jumble_of_the_languages_own_words(text: str) -> None:
    check_total(text)


@given(thresholds() | events, st.data())
def test_so_is_a_right_sentence_with_a_piece_missing(sentence: Sentence, data: st.DataObject) -> None:
    text = render_sentence(sentence)
    start = data.draw(st.integers(0, len(text)))
    check_total(text[:start] + text[data.draw(st.integers(start, len(text))) :])


@given(st.sampled_from(sorted(SPELLINGS)), st.decimals(0, 10**6, allow_nan=False, places=3))
def test_every_unit_converts_exactly(written: str, number: object) -> None:
    spelling = SPELLINGS[written]
    criterion = parse_criterion(f"own < {number} {written}", {"own": spelling.unit})
    assert isinstance(criterion, Threshold)
    assert criterion.value == float(Fraction(str(number)) * spelling.factor)
    assert criterion.unit == spelling.unit


@given(thresholds(), st.floats(-1e6, 1e6), st.floats(0.001, 1e6))
def test_a_comparison_and_its_opposite_never_agree(sentence: Threshold, value: float, baseline: float) -> None:
    opposite = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}[sentence.comparator]
    other = sentence.model_copy(update={"comparator": opposite})
    assert sentence.holds(value, baseline) is not other.holds(value, baseline)
