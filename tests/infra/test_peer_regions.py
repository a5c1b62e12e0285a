"""The Regions that a stack acts with: the setting, and what the stack says of itself there."""

import json
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.aws_iam import PolicyStatement

from infra.functions import to_snake_case
from infra.permissions.holders import HOLDERS
from infra.permissions.names import Names
from infra.permissions.regions import CALLED_BY_PEERS, OVER_REGIONS, allow_regions, list_buckets, list_tables, name_function
from infra.settings import SettingsError, read_context
from infra.synth import synthesize_app
from squall.domain.regions.names import StackNames, parse_names
from squall.version import VERSION
from tests.infra.conftest import CONTEXT, make
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


def list_said(made: Resources) -> list[Any]:
    """The parameters in which the stack says its names."""
    return [parameter for parameter in made.of_type("AWS::SSM::Parameter").values() if parameter["Name"] == "/squall/Squall/names"]


def test_a_stack_without_peers_says_its_names_to_nobody_and_reaches_no_other_region(stack: Resources) -> None:
    assert list_said(stack) == []
    for statement in stack.statements():
        for resource in statement.resources:
            assert not resource.startswith("arn:") or resource.split(":")[3] in {"eu-central-1", ""}, statement
        assert "REGIONS#*" not in str(statement.conditions)
    assert not [name for name, function in stack.functions().items() if "SQUALL_PEER_REGIONS" in function["Environment"]["Variables"]]


def test_a_stack_with_peers_says_its_names_in_a_parameter_that_is_called_the_same_everywhere(
    synthesize: Callable[..., Resources],
) -> None:
    made = synthesize(peer_regions="us-east-1,eu-west-1")
    (parameter,) = list_said(made)
    assert (parameter["Name"], parameter["Type"]) == ("/squall/Squall/names", "String")
    said = parse_names(text(parameter["Value"]))
    abort = next(name for name, function in made.of_type("AWS::Lambda::Function").items() if ".abort." in function["Handler"])
    decide = next(name for name, function in made.of_type("AWS::Lambda::Function").items() if ".decide." in function["Handler"])
    (table,) = made.of_type("AWS::DynamoDB::Table")
    assert (said.region, said.version, said.peer_regions) == ("eu-central-1", VERSION, ("us-east-1", "eu-west-1"))
    assert (said.table, said.abort_function, said.decide_function) == (f"${{{table}}}", f"${{{abort}}}", f"${{{decide}}}")
    assert said.state_machine_arn == text(made.outputs["ExperimentStateMachineArn"]["Value"])
    assert set(json.loads(text(parameter["Value"]))) == set(StackNames.__dataclass_fields__), "nothing that no reader knows"


def test_every_function_of_a_stack_with_peers_knows_them(synthesize: Callable[..., Resources]) -> None:
    made = synthesize(peer_regions="us-east-1,eu-west-1")
    known = {function["Environment"]["Variables"].get("SQUALL_PEER_REGIONS") for function in made.functions().values()}
    assert known == {"us-east-1,eu-west-1"}


PEERS = ("us-east-1", "eu-west-1")
NAMES = Names("aws", "eu-central-1", "123456789012", "Squall", "t", "b", "n", "e", "Squall-Experiment", "f", (), (), None, "d", peers=PEERS)


@pytest.fixture(scope="module")
def peering(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    return make(tmp_path_factory.mktemp("cdk"), peer_regions=",".join(PEERS))


def find_foreign(made: Resources, owner: str | None = None) -> dict[str, set[str]]:
    """Action to the resources in the Region of the first peer."""
    found: dict[str, set[str]] = {}
    for statement in made.statements(owner):
        foreign = {resource for resource in statement.resources if f":{PEERS[0]}:" in resource}
        for action in statement.actions if foreign else ():
            found.setdefault(action, set()).update(foreign)
    return found


def test_what_is_granted_in_other_regions_is_reading_parts_starting_and_aborting_them_and_nothing_else(peering: Resources) -> None:
    functions = "arn:aws:lambda:us-east-1:123456789012:function:Squall-{}????????-*"
    assert find_foreign(peering) == {
        "ssm:GetParameter": {"arn:aws:ssm:us-east-1:123456789012:parameter/squall/Squall/names"},
        "dynamodb:GetItem": {"arn:aws:dynamodb:us-east-1:123456789012:table/Squall-ResultsTable????????-*"},
        "lambda:InvokeFunction": {functions.format("Abort"), functions.format("Decide")},
        "states:StartExecution": {"arn:aws:states:us-east-1:123456789012:stateMachine:Squall-Experiment"},
    }


def test_every_function_knows_the_regions_of_the_setting(peering: Resources) -> None:
    variables = {name: function["Environment"]["Variables"].get("SQUALL_PEER_REGIONS") for name, function in peering.functions().items()}
    assert variables == dict.fromkeys(peering.functions(), "us-east-1,eu-west-1")


def test_only_functions_of_the_barrier_reach_another_region(peering: Resources) -> None:
    functions = [name for name in HOLDERS if to_snake_case(name) in peering.functions()]
    found = {name: find_foreign(peering, peering.role_of(to_snake_case(name))) for name in functions}
    reaching = {name for name, actions in found.items() if actions}
    assert reaching == {name for name, held in HOLDERS.items() if set(held) & (set(OVER_REGIONS) - {"wake_parts", "write_decisions"})}
    assert not reaching & {"Halt", "Resume", "Approve", "Sentinel", "CreateTemplate"}
    assert set(found["Report"]) == {"ssm:GetParameter"}, "it reads results, and no table"
    assert {name for name, actions in found.items() if "states:StartExecution" in actions} == {"ChooseSteps"}


@pytest.mark.parametrize(("capability", "key"), [("read_parts", "EXECUTION#*"), ("read_decisions", "REGIONS#*")])
def test_a_peers_table_is_read_item_by_item_and_never_its_approvals(capability: str, key: str) -> None:
    (statement,) = [entry for entry in map(read, allow_regions(NAMES)[capability]) if entry["Action"] == "dynamodb:GetItem"]
    conditions = statement["Condition"]
    assert conditions["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": [key]}
    if capability == "read_parts":
        assert {"ask", "votes", "proofs"} < set(conditions["ForAllValues:StringNotEquals"]["dynamodb:Attributes"])
        assert conditions["StringEqualsIfExists"] == {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}


def test_of_a_peers_bucket_what_the_report_shows_is_read_and_nothing_else(peering: Resources) -> None:
    (statement,) = [entry for entry in map(read, allow_regions(NAMES)["read_results"]) if entry["Action"] == "s3:GetObject"]
    assert statement["Resource"] == [
        f"arn:aws:s3:::squall-resultsbucket????????-*/results/*/{document}.json"
        for document in ("definition", "discovery", "result", "series")
    ]
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": "123456789012"}}
    (bucket,) = [name for name in peering.of_type("AWS::S3::Bucket") if name.startswith("ResultsBucket")]
    assert [fnmatchcase(f"squall-{bucket.lower()}-1abcdefghijkl", name) for name in list_buckets("Squall", in_stackset=False)] == [True]


def read(statement: PolicyStatement) -> dict[str, Any]:
    document: dict[str, Any] = statement.to_statement_json()
    return document


def test_the_wildcards_fit_what_cloudformation_makes_of_the_names(peering: Resources) -> None:
    """The peers' template is this one. CloudFormation names a table or function by the stack, its id in the template, and
    letters and digits of its own."""
    (table,) = peering.of_type("AWS::DynamoDB::Table")
    functions = {name: function["Handler"].split(".")[-2] for name, function in peering.of_type("AWS::Lambda::Function").items()}
    assert [fnmatchcase(f"table/Squall-{table}-1ABCDEFGHIJKL", name) for name in list_tables("Squall", in_stackset=False)] == [True]
    for wanted in CALLED_BY_PEERS:
        pattern = name_function("Squall", wanted, in_stackset=False)
        assert {module for name, module in functions.items() if fnmatchcase(f"function:Squall-{name}-1ABCDEFGHIJKL", pattern)} == {
            wanted.lower()
        }


IN_STACKSET = {
    "fleet_home_account": "111122223333",
    "fleet_external_id": "6f1c6f4e-2f0f-4f0e-9a53-9d0c53c1f0aa",
    "account": None,
    "assets_bucket": "my-deployments",
}
MADE = "StackSet-Squall-bc76328a-71c1-427b-8c7e-2deb1a2d7e9d"
"""What a StackSet calls the stack that it makes."""


@pytest.fixture(scope="module")
def in_stackset(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    return make(tmp_path_factory.mktemp("cdk"), peer_regions=",".join(PEERS), **IN_STACKSET)


def test_the_functions_that_peers_call_have_names_where_a_stackset_may_make_the_stack(peering: Resources, in_stackset: Resources) -> None:
    def names(made: Resources) -> set[str]:
        return {function["FunctionName"] for function in made.of_type("AWS::Lambda::Function").values() if "FunctionName" in function}

    assert names(in_stackset) == {"Squall-Abort", "Squall-Decide"}
    assert names(peering) == set(), "an ordinary stack keeps its functions"
    granted = {
        text(resource).rpartition(":function:")[2]
        for statement in in_stackset.statements()
        if "lambda:InvokeFunction" in statement.actions
        for resource in statement.resources
        if f":{PEERS[0]}:" in text(resource)
    }
    assert granted == {"Squall-Abort", "Squall-Decide"}, "exactly, without wildcards"


def test_the_wildcards_fit_what_a_stackset_makes_and_no_other_stackset(in_stackset: Resources) -> None:
    (table,) = in_stackset.of_type("AWS::DynamoDB::Table")
    patterns = list_tables("Squall", in_stackset=True)
    for name, fits in (("Squall", True), (MADE, True), ("StackSet-Squall-2-" + MADE[-36:], False), ("StackSet-Squall-x", False)):
        assert any(fnmatchcase(f"table/{name}-{table}-1ABCDEFGHIJKL", pattern) for pattern in patterns) is fits, name
    assert any(fnmatchcase(f"{MADE}-resultsb-1abcdefghijkl".lower(), pattern) for pattern in list_buckets("Squall", in_stackset=True))
    assert len(f"{MADE}-{table}-1ABCDEFGHIJKL") < 255, "the longest name of a table: CloudFormation shortens nothing"


def test_the_replicas_of_a_customers_key_are_used_by_the_peers_tables_alone() -> None:
    names = replace(NAMES, kms_key_arn="arn:aws:kms:eu-central-1:123456789012:key/mrk-1111")
    (statement,) = [entry for entry in map(read, allow_regions(names)["read_parts"]) if entry["Action"] == "kms:Decrypt"]
    assert statement["Resource"] == [f"arn:aws:kms:{region}:123456789012:key/mrk-1111" for region in PEERS]
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": [f"dynamodb.{region}.amazonaws.com" for region in PEERS]}}


def test_a_functions_policies_stay_within_iams_limit(tmp_path: Path) -> None:
    """10,240 characters in all inline policies of a role and 6,144 in a managed one, without white space; here with as many
    peers as a run may have."""
    made = make(tmp_path, peer_regions="us-east-1,eu-west-1,ap-northeast-1,ap-southeast-1")
    for name, role in made.of_type("AWS::IAM::Role").items():
        assert sum(measure(policy["PolicyDocument"]) for policy in role.get("Policies", [])) < 10_240, name
    managed = {name: measure(policy["PolicyDocument"]) for name, policy in made.of_type("AWS::IAM::ManagedPolicy").items()}
    assert max(managed.values()) < 6_144, managed
    assert [name for name in managed if name.startswith("PulseElsewhere")]


def measure(document: Any) -> int:
    return len(json.dumps(lengthen(document), separators=(",", ":")))


def lengthen(value: Any) -> Any:
    """The document with each reference as long as the ARNs of this stack are."""
    if isinstance(value, dict):
        is_reference = any(key == "Ref" or key.startswith("Fn::") for key in value)
        return "x" * 90 if is_reference else {key: lengthen(entry) for key, entry in value.items()}
    return [lengthen(entry) for entry in value] if isinstance(value, list) else value


@pytest.mark.parametrize("more", [{}, IN_STACKSET])
def test_the_app_with_peers_has_no_unexplained_finding(tmp_path: Path, more: dict[str, str | None]) -> None:
    folder = synthesize_app(tmp_path, {**CONTEXT, "peer_regions": ",".join(PEERS), **more})
    assert len(list_said(Resources(json.loads((folder / "Squall.template.json").read_text())))) == 1
