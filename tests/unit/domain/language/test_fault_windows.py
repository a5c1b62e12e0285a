"""Sentences that are judged during one fault of a scenario."""

import pytest

from squall.domain.language.errors import SentenceError
from squall.domain.language.parse import parse_admitted_criterion, parse_condition, parse_criterion, parse_steady_state
from squall.domain.language.sentences import AlarmOk, Threshold, render_sentence

FAULTS = ("slow", "gone-away", "recovery-db", "Outage")


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("Response time < 2 seconds during slow", "slow"),
        ("Response time < 2 seconds during the SLOW fault", "slow"),
        ("p99 response time < 2 s for 2 minutes in the slow phase", "slow"),
        ("Error rate increases by < 5 points vs baseline during gone-away", "gone-away"),
        ("99 % of requests succeed during recovery-db", "recovery-db"),
        ("Response time < 2 seconds during the fault", "fault"),
        ("Response time < 2 seconds during recovery", "recovery"),
        ("Response time < 2 seconds", "observation"),
    ],
)
def test_a_fault_s_name_is_a_window(text: str, window: str) -> None:
    sentence = parse_criterion(text, {}, FAULTS)
    assert isinstance(sentence, Threshold)
    assert sentence.window == window
    again = parse_criterion(render_sentence(sentence), {}, FAULTS)
    assert again == sentence.model_copy(update={"text": render_sentence(sentence)})


def test_an_alarm_may_have_to_be_ok_during_one_fault() -> None:
    sentence = parse_criterion('alarm "in slow motion" is OK during slow', {}, FAULTS)
    assert isinstance(sentence, AlarmOk)
    assert (sentence.alarm, sentence.window) == ("in slow motion", "slow")


def test_an_unknown_name_is_an_error_at_its_position_with_the_nearest_name() -> None:
    text = "Response time < 2 seconds during the slwo fault"
    with pytest.raises(SentenceError) as caught:
        parse_criterion(text, {}, FAULTS)
    error = caught.value
    assert error.position == text.index("slwo")
    assert error.message == 'there is no fault and no window "slwo", did you mean "slow"?'
    assert error.proposals == ("Response time < 2 seconds during the slow fault",)
    assert set(FAULTS) <= set(error.expected)


def test_a_name_that_is_a_word_for_a_window_is_refused_and_means_the_window_in_what_was_admitted_before() -> None:
    text = "Response time < 2 seconds during outage"
    with pytest.raises(SentenceError, match="also a word for the time of all its faults") as caught:
        parse_criterion(text, {}, FAULTS)
    assert caught.value.position == text.index("outage")
    admitted = parse_admitted_criterion(text, {}, FAULTS)
    assert isinstance(admitted, Threshold)
    assert admitted.window == "fault"
    assert parse_criterion(text, {}) == admitted, "no fault is called so here"


@pytest.mark.parametrize("parse", [parse_condition, parse_steady_state])
def test_what_is_checked_all_the_time_has_no_fault_s_window(parse: object) -> None:
    text = "Response time > 2 seconds during slow"
    with pytest.raises(SentenceError, match="checked all the time") as caught:
        (parse_condition if parse is parse_condition else parse_steady_state)(text, {}, FAULTS)
    assert caught.value.proposals


def test_without_faults_a_name_is_not_understood_as_before() -> None:
    with pytest.raises(SentenceError) as caught:
        parse_criterion("Response time < 2 seconds during slow", {})
    assert caught.value.message == '"slow" is not understood here'
