"""Every key of a FIS template, and every parameter of every action that AWS documents: carried over, refused by name, or named as
not carried over. Nothing is dropped in silence."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest

from cli.importing.experiment import Imported
from squall.admission.adopted_template import adopt_template
from squall.admission.execution_input import Place, admit_input
from squall.domain.actions.action import ActionParameter, FisAction
from squall.domain.actions.table import ACTIONS
from squall.domain.base.problems import InvalidInput
from squall.domain.documents.definition import Definition
from squall.faults.adoption.template import ABOUT_ITSELF
from tests.cli.importing.importing import import_document, show_outcome
from tests.unit.admission.test_public_templates import POLICY, load
from tests.unit.builders import ACCOUNT, NOW, REGION, REL12

ROLE = f"arn:aws:iam::{ACCOUNT}:role/theirs"
OTHER_VALUES: dict[str, Any] = {
    "targets.*.resourceType": "aws:ec2:spot-instance",
    "targets.*.resourceArns[]": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0a",
    "targets.*.filters[].path": "KeyName",
    "targets.*.selectionMode": "PERCENT(37)",
    "actions.*.actionId": "aws:ec2:reboot-instances",
    "actions.*.startAfter[]": "elsewhere",
    "actions.*.targets.*": "another",
    "stopConditions[].source": "aws:cloudwatch:alarm",
    "stopConditions[].value": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:theirs",
    "roleArn": ROLE,
    "experimentOptions.accountTargeting": "multi-account",
    "experimentOptions.emptyTargetResolutionMode": "skip",
    "targetAccountConfigurationsCount": 2,
}
"""Values with a meaning of their own; any other key gets a word."""
TOGETHER: dict[str, dict[str, Any]] = {
    "stopConditions[].value": {"source": "aws:cloudwatch:alarm"},
    "targets.*.filters[].path": {"values": ["x"]},
}
"""What has to be said beside a key."""
WITHOUT_EFFECT = {*ABOUT_ITSELF, "actions.*.description"}
"""Names and times of the template itself: docs/faults.md lists them."""


def list_leaves(shape: Any, path: str = "") -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from list_leaves(member, f"{path}.{name}" if path else name)
    elif shape.type_name == "map":
        yield from list_leaves(shape.value, f"{path}.*")
    elif shape.type_name == "list":
        yield from list_leaves(shape.member, f"{path}[]")
    else:
        yield path


@cache
def leaves() -> tuple[str, ...]:
    """Every value that AWS's own description of the API knows of a template."""
    model = botocore.session.get_session().get_service_model("fis")
    return tuple(list_leaves(model.shape_for("ExperimentTemplate")))


def put(container: Any, path: str, value: Any, beside: dict[str, Any]) -> None:
    """Sets the value at a path in which `*` is the first name, and `[]` a new entry."""
    head, _, rest = path.partition(".")
    name, entry = head.removesuffix("[]"), head.endswith("[]")
    if name == "*":
        name = next(iter(container), "theirs")
    if entry:
        entries = container.setdefault(name, [])
        entries.append({**beside} if rest else value)
        if rest:
            put(entries[-1], rest, value, {})
    elif rest:
        put(container.setdefault(name, {}), rest, value, beside)
    else:
        container[name] = value


def adopt(template: dict[str, Any], experiment: dict[str, Any]) -> Definition:
    written = {**REL12, "success_criteria": REL12["success_criteria"][:2], **experiment, "fis_template_id": "EXTcase"}
    del written["target_resources"]
    environments = {"staging": POLICY}
    place = Place(ACCOUNT, REGION, "aws")
    definition = admit_input({"experiment": "case"}, "run-1", {"case": written}, environments, place=place, now=NOW)
    return adopt_template(definition, template)


def describe_adoption(template: dict[str, Any], experiment: dict[str, Any]) -> tuple[str, str]:
    """What is known of an adopted template, and the refusal: one of the two is empty."""
    try:
        adopted = adopt(template, experiment)
    except InvalidInput as invalid:
        return "", str(invalid)
    return json.dumps([adopted.experiment.model_dump(mode="json"), adopted.not_carried_over]), ""


def unchanged() -> tuple[dict[str, Any], dict[str, Any]]:
    """A template without a role, which any other has, and its experiment."""
    case = load("01")
    return {key: value for key, value in case["template"].items() if key != "roleArn"}, case["experiment"]


def changed(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    template, experiment = unchanged()
    put(template, path, OTHER_VALUES.get(path, "marker-of-theirs"), TOGETHER.get(path, {}))
    return template, experiment


@pytest.mark.parametrize("path", [path for path in leaves() if path not in WITHOUT_EFFECT])
def test_a_value_of_an_adopted_template_changes_the_run_or_is_named(path: str) -> None:
    plain, refused = describe_adoption(*unchanged())
    assert not refused
    told, refusal = describe_adoption(*changed(path))
    assert refusal or told != plain, f"{path} is dropped in silence"
    assert not refusal or "fis_template_id." in refusal, refusal


@pytest.mark.parametrize("path", leaves())
def test_a_value_of_an_imported_template_is_written_or_named(path: str) -> None:
    if path == "actions.*.description":
        return  # part of the experiment's description
    template, _ = changed(path)
    assert show_outcome(import_document(template)) != show_outcome(import_document(unchanged()[0])), f"{path} is dropped in silence"


def other_value(parameter: ActionParameter) -> str:
    """A value that is not the default."""
    if parameter.choices:
        return next(word for word in reversed(parameter.choices) if word != parameter.default)
    if parameter.kind in {"integer", "number"}:
        return str(int(min(parameter.greatest or 37, max(parameter.least or 0, 37))))
    if parameter.kind == "length":
        return "PT10M"
    return '{"a":"marker"}' if parameter.kind == "json" else "10.9.8.0/24" if parameter.name == "sources" else "marker"


def of_action(row: FisAction, parameter: ActionParameter | None = None) -> dict[str, Any]:
    """A template with this action, on one target of its type, and one parameter besides those that it requires."""
    needed = {known.name: other_value(known) for known in row.parameters if known.required or known.name == row.length_parameter}
    given = {**needed, **({parameter.name: other_value(parameter)} if parameter else {})}
    target = {"resourceType": row.resource_type, "resourceTags": {"app": "web"}, "selectionMode": "ALL"}
    if row.resource_type == "aws:eks:pod":
        where = {"clusterIdentifier": "main", "namespace": "shop", "selectorType": "labelSelector", "selectorValue": "app=web"}
        target = {"resourceType": row.resource_type, "parameters": where, "selectionMode": "ALL"}
        given |= {"kubernetesServiceAccount": given.get("kubernetesServiceAccount", "fis")}
    targets = {"t": target} if row.resource_type else {}
    used = {row.target_key: "t"} if row.target_key else {}
    return {
        "description": "x",
        "targets": targets,
        "actions": {"a": {"actionId": row.id, "parameters": given, "targets": used}},
        "stopConditions": [{"source": "none"}],
        "roleArn": ROLE,
    }


OPTIONAL = [
    (row, parameter)
    for row in ACTIONS.values()
    for parameter in row.parameters
    if not (parameter.required or parameter.name == row.length_parameter)
]


@pytest.mark.parametrize(("row", "parameter"), OPTIONAL, ids=[f"{row.id} {parameter.name}" for row, parameter in OPTIONAL])
def test_a_parameter_of_an_imported_action_is_written_or_named(row: FisAction, parameter: ActionParameter) -> None:
    plain, told = import_document(of_action(row), REGION), import_document(of_action(row, parameter), REGION)
    if any(isinstance(made, Imported) for made in told):
        assert show_outcome(told) != show_outcome(plain), f"{parameter.name} of {row.id} is dropped in silence"


ACCOUNTED = [row for row in ACTIONS.values() if any(known.name == "kubernetesServiceAccount" for known in row.parameters)]


@pytest.mark.parametrize("row", ACCOUNTED, ids=lambda row: row.id)
def test_another_service_account_is_named(row: FisAction) -> None:
    template = of_action(row)
    template["actions"]["a"]["parameters"]["kubernetesServiceAccount"] = "theirs"
    made = import_document(template, REGION, eks_service_account="fis")
    assert "theirs" in show_outcome(made) or not any(isinstance(each, Imported) for each in made)


def test_what_is_not_carried_over_is_told_with_the_run() -> None:
    case = load("01")
    case["template"] |= {"logConfiguration": {"logSchemaVersion": 2}, "tags": {"Name": "theirs"}}
    case["template"]["experimentOptions"]["emptyTargetResolutionMode"] = "skip"
    case["template"]["targets"]["spare"] = {**case["template"]["targets"]["t"]}
    told = adopt(case["template"], case["experiment"]).not_carried_over
    assert [entry.partition(":")[0] for entry in told] == [
        "roleArn", "tags", "logConfiguration", "experimentOptions.emptyTargetResolutionMode", "targets.spare"
    ]  # fmt: skip
