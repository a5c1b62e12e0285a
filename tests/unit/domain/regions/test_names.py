"""What a peer's stack says about itself is believed only if all of it can be read."""

import json

import pytest

from squall.domain.regions.names import StackNames, UnreadableNamesError, parameter_name, parse_names

NAMES = StackNames(
    region="eu-west-1",
    version="1.0",
    peers="eu-central-1,us-east-1",
    table="Squall-Table-1",
    abort_function="Squall-Abort-1",
    state_machine_arn="arn:aws:states:eu-west-1:123456789012:stateMachine:Squall-Experiment",
)


def test_names_that_are_written_are_read_again_and_what_a_later_version_adds_is_ignored() -> None:
    assert parse_names(json.dumps({**vars(NAMES), "later": {"more": 1}})) == NAMES
    assert NAMES.peer_regions == ("eu-central-1", "us-east-1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "not an object"),
        (json.dumps({**vars(NAMES), "table": ""}), "no text as table"),
        (json.dumps({**vars(NAMES), "table": 1, "peers": None}), "no text as peers, table"),
        (json.dumps({name: value for name, value in vars(NAMES).items() if name != "abort_function"}), "no text as abort_function"),
    ],
)
def test_half_a_parameter_is_none(text: str, words: str) -> None:
    with pytest.raises(UnreadableNamesError, match=words):
        parse_names(text)


def test_each_stack_has_a_parameter_of_its_own() -> None:
    assert parameter_name("Squall") != parameter_name("Prod")
