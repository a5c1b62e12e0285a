"""Sentences as people write them: each is understood with exactly one meaning, or refused with sentences that work.

`field.json` holds sentences of SLO documents, alarm descriptions and experiments; `kinds.json` more of each kind.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.admission.sentences import find_sentence_problems, turn_proposals
from squall.domain.language.errors import SentenceError
from squall.domain.language.parse import parse_admitted_criterion, parse_condition, parse_criterion, parse_steady_state
from squall.domain.language.sentences import Sentence, Threshold, render_sentence

DATA = Path(__file__).parents[3] / "data" / "language"
OWN = {"queue depth": "count", "Checkout latency": "milliseconds"}
PARSERS: Mapping[str, Callable[[str, Mapping[str, str]], Sentence]] = {
    "criterion": parse_criterion,
    "abort": parse_condition,
    "steady": parse_steady_state,
}


def read_cases(name: str) -> list[Any]:
    cases: list[Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return cases


FIELD, KINDS = read_cases("field.json"), read_cases("kinds.json")


def refusal(text: str, parse: Callable[[str, Mapping[str, str]], Sentence]) -> SentenceError:
    with pytest.raises(SentenceError) as caught:
        parse(text, OWN)
    return caught.value


@pytest.mark.parametrize("case", FIELD, ids=lambda case: str(case["text"]))
def test_a_sentence_of_the_field(case: Mapping[str, Any]) -> None:
    if "meaning" in case:
        meaning = parse_criterion(case["text"], OWN).model_dump(exclude={"text"}, exclude_defaults=True)
        assert meaning == case["meaning"]
    else:
        assert list(refusal(case["text"], parse_criterion).proposals) == case["proposals"]


@pytest.mark.parametrize("case", KINDS, ids=lambda case: f"{case['as']}: {case['text']}")
def test_more_of_each_kind(case: Mapping[str, Any]) -> None:
    parse = PARSERS[case["as"]]
    if "means" in case:
        assert render_sentence(parse(case["text"], OWN)) == case["means"]
        return
    error = refusal(case["text"], parse)
    assert error.position == case["at"]
    assert error.is_example is ("example" in case)
    assert list(error.proposals) == case.get("proposals", case.get("example"))


@pytest.mark.parametrize("case", [*FIELD, *KINDS], ids=lambda case: str(case["text"]))
def test_every_proposal_for_an_abort_condition_passes_admission(case: Mapping[str, Any]) -> None:
    """Also the checks of admission: a condition that good values meet, and one of equality, would be refused again."""
    try:
        parse_condition(case["text"], {})
    except SentenceError as error:
        turn_proposals(error, {})
        found = {text: [str(problem) for problem in find_sentence_problems({"abort_conditions": [text]})] for text in error.proposals}
        assert not any(found.values()), found


def test_the_proposal_for_an_abort_condition_that_good_values_meet_is_its_opposite() -> None:
    (problem,) = find_sentence_problems({"abort_conditions": ["at least 2 hosts are healthy"]})
    assert "Healthy hosts >= 2" not in problem.message
    assert re.search(r'"?healthy hosts"? < 2', problem.message, re.IGNORECASE), problem.message


@pytest.mark.parametrize("case", [*FIELD, *KINDS], ids=lambda case: str(case["text"]))
@pytest.mark.parametrize("place", sorted(PARSERS))
def test_every_proposal_is_accepted_where_it_is_made(case: Mapping[str, Any], place: str) -> None:
    check_proposals(case["text"], OWN, PARSERS[place])


def check_proposals(text: str, declared: Mapping[str, str], parse: Callable[[str, Mapping[str, str]], Sentence]) -> None:
    error = None
    try:
        parse(text, declared)
    except SentenceError as refused:
        error = refused
    if error is not None:
        assert error.proposals
        for proposal in error.proposals:
            assert parse(proposal, declared).text == proposal


_WORDS = """
latency p99 99th percentile response times 99.9% of requests succeed complete within 300 ms error rate 5xx errors zero no at most 1 in 1,000
fails < > <= is stays below above never exceeds does not increases by 20 % 1 point vs of baseline 2x twice returns to baseline recovers
within five minutes alarm NAME is OK does not fire during the fault recovery for 10m 10 m , and or “ ” . ! abort if ensure that SLO: between
healthy hosts availability tps RPS 1,5 0,5 – - ≥ PT5M 1h30m
"""


@given(st.lists(st.sampled_from(_WORDS.split()), max_size=10).map(" ".join), st.sampled_from(sorted(PARSERS)))
def test_so_is_every_proposal_for_a_jumble_of_such_words(text: str, place: str) -> None:
    check_proposals(text, OWN, PARSERS[place])


@given(st.text(max_size=80), st.sampled_from(sorted(PARSERS)))
def test_so_is_every_proposal_for_arbitrary_text(text: str, place: str) -> None:
    check_proposals(text, OWN, PARSERS[place])


def test_a_declared_metric_keeps_its_name_whatever_it_sounds_like() -> None:
    for name in ("99% of requests", "zero errors", "recovery time", "latency", "twice", "no"):
        sentence = parse_criterion(f'"{name}" < 5', {name: "count"})
        assert isinstance(sentence, Threshold)
        assert (sentence.metric, sentence.comparator, sentence.value) == (name, "<", 5.0)
    assert isinstance(parse_criterion("Recovery time < 5", {"recovery time": "count"}), Threshold)


def test_examples_of_last_resort_avoid_names_that_an_experiment_redefines() -> None:
    redefined = {"System availability": "count", "Response time": "count"}
    error = refusal("nothing of the kind", lambda text, _: parse_condition(text, redefined))
    assert error.is_example
    assert parse_condition(error.proposals[0], redefined).metric in redefined


def test_the_message_shows_the_sentence_the_place_and_what_to_write() -> None:
    assert str(refusal("P99 < 2s", parse_criterion)).split("\n") == [
        "of which metric is this the P99?",
        "P99 < 2s",
        "^",
        "write: P99 response time < 2s",
        "or: P99 database write latency < 2s",
    ]
    assert "for example: " in str(refusal("Everything works", parse_criterion))
    assert "a number could follow" in refusal("System availability >", parse_criterion).message


def test_a_change_in_percent_of_a_percentage_means_what_it_meant_when_it_was_admitted() -> None:
    text = "Error rate increases by < 20 % vs baseline"
    assert "1 point" not in str(refusal(text, parse_criterion))
    sentence = parse_admitted_criterion(text)
    assert isinstance(sentence, Threshold)
    assert (sentence.relative, sentence.value, sentence.unit) == ("change", 20.0, "percent")


def test_a_sentence_that_nobody_can_mend_is_refused_quickly() -> None:
    error = refusal("and or , within " * 30, parse_criterion)
    assert error.is_example


_MANUAL = (Path(__file__).parents[4] / "docs" / "language.md").read_text(encoding="utf-8")
_EXAMPLES = [line.strip().partition("#")[0].strip() for block in _MANUAL.split("```text")[1:] for line in block.split("```")[0].split("\n")]


@pytest.mark.parametrize("text", [example for example in _EXAMPLES if example])
def test_every_example_of_the_manual_is_understood(text: str) -> None:
    assert parse_criterion(text).text == text
