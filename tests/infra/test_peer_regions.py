"""The Regions that a stack acts with: the setting, and what the stack says of itself there."""

import json
from collections.abc import Callable

import pytest

from infra.settings import SettingsError, read_context
from squall.domain.regions.names import StackNames, parse_names
from squall.version import VERSION
from tests.infra.conftest import CONTEXT
from tests.infra.template import Resources, text

pytestmark = pytest.mark.xdist_group("infra")


@pytest.mark.parametrize(
    ("peers", "other", "words"),
    [
        ("eu-central-1", {}, "eu-central-1 is the stack's own Region"),
        ("eu-west-1,eu-wset-2", {}, 'eu-wset-2 is no Region of AWS, did you mean "eu-west-2"'),
        ("eu-west-1,us-east-1,eu-west-1", {}, "eu-west-1 is named twice"),
        ("cn-north-1", {}, "cn-north-1 is in the partition aws-cn, and eu-central-1 in aws"),
        ("us-east-1,us-east-2,us-west-1,us-west-2,eu-west-1", {}, "names 5 Regions, and a run has at most 5"),
        ("eu-west-1", {"region": None}, "needs the setting region"),
        ("eu-west-1", {"stack_name": "A-name-of-25-characters-x"}, "at most 24 characters"),
        ("eu-west-1", {"kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/1111"}, "multi-Region key"),
    ],
)
def test_what_no_stack_could_act_with_is_refused_by_the_field(peers: str, other: dict[str, str | None], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_context({**CONTEXT, "peer_regions": peers, **other})
    (line,) = [line for line in str(refused.value).splitlines() if line.strip().startswith("peer_regions:")]
    assert words in line


def test_every_problem_of_the_field_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        read_context({**CONTEXT, "peer_regions": "eu-central-1,moon-west-1,us-east-1,us-east-1"})
    assert all(words in str(refused.value) for words in ("own Region", "moon-west-1 is no Region", "us-east-1 is named twice"))


def test_peers_come_from_the_command_line_and_from_json_and_there_are_none_without_the_setting() -> None:
    named = {**CONTEXT, "kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/mrk-1111"}
    peers = ("us-east-1", "eu-west-1")
    assert read_context({**named, "peer_regions": "us-east-1, eu-west-1"}).peer_regions == peers
    assert read_context({**named, "peer_regions": list(peers)}).peer_regions == peers
    assert read_context(CONTEXT).peer_regions == ()


def test_a_stack_without_peers_says_its_names_to_nobody(stack: Resources) -> None:
    assert stack.of_type("AWS::SSM::Parameter") == {}


def test_a_stack_with_peers_says_its_names_in_a_parameter_that_is_called_the_same_everywhere(
    synthesize: Callable[..., Resources],
) -> None:
    made = synthesize(peer_regions="us-east-1,eu-west-1")
    parameter = made.one("AWS::SSM::Parameter")
    assert (parameter["Name"], parameter["Type"]) == ("/squall/Squall/names", "String")
    said = parse_names(text(parameter["Value"]))
    abort = next(name for name, function in made.of_type("AWS::Lambda::Function").items() if ".abort." in function["Handler"])
    (table,) = made.of_type("AWS::DynamoDB::Table")
    assert (said.region, said.version, said.peer_regions) == ("eu-central-1", VERSION, ("us-east-1", "eu-west-1"))
    assert (said.table, said.abort_function) == (f"${{{table}}}", f"${{{abort}}}")
    assert said.state_machine_arn == text(made.outputs["ExperimentStateMachineArn"]["Value"])
    assert set(json.loads(text(parameter["Value"]))) == set(StackNames.__dataclass_fields__), "nothing that no reader knows"
