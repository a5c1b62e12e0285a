"""Who may write which attribute of a record: the grants, what the source can reach, and what the adapter really names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from typing import Any

import pytest

from infra.functions import to_snake_case
from infra.permissions.attributes import ATTRIBUTES, attributes_kept_from
from infra.permissions.holders import HOLDERS
from squall.adapters.dynamodb.items import FIELDS
from squall.adapters.dynamodb.records import DynamoRecords
from squall.domain.approval.votes import Ask, Decision, Vote
from squall.domain.base.vocabulary import AbortSource
from squall.domain.run.record import Abort, Event
from squall.domain.run.timeline import EventName
from tests.adapters.scripted import Scripted
from tests.infra.calls import reachable
from tests.infra.template import Resources
from tests.workflow.granted import ATTRIBUTES_OF_METHOD

pytestmark = pytest.mark.xdist_group("infra")

NOW = datetime(2030, 1, 7, tzinfo=UTC)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "request_abort": (Abort(AbortSource.GUARD, "fired", NOW),),
    "ask": (Ask("hash", NOW, NOW + timedelta(hours=1), 1),),
    "vote": (Vote("user:AIDA", "arn", Decision.APPROVE, NOW, plan="hash"),),
    "confirm": (["digest"],),
    "store_token": ("token",),
    "clear_token": (1,),
    "append": ([Event(NOW, EventName.ALARM)],),
    "settle": (),
}
NESTED = {"plan", "decision", "user:AIDA", "round", "at"}
"""Names inside of attributes."""


def named_by(method: str) -> set[str]:
    """The attributes that the adapter names in the request."""
    client = Scripted("dynamodb", update_item=[{"Attributes": {"token_generation": {"N": "1"}}}] * 2)
    options = {"handled": (), "left": (), "events": [Event(NOW, EventName.ALARM)]} if method == "confirm" else {}
    getattr(DynamoRecords(client, "table"), method)("run-1", *ARGUMENTS[method], **options)
    arguments = client.arguments("update_item")[-1]
    names = set(arguments.get("ExpressionAttributeNames", {}).values())
    plain = {name for name in FIELDS if name in arguments.get("ConditionExpression", "").replace("#", " # ").split()}
    return (names | plain) - NESTED


def test_no_attribute_has_the_name_of_one_inside_of_another() -> None:
    """IAM compares every name in a request, wherever it stands: a grant that keeps `plan` from a function would keep `ask.plan` from it,
    too."""
    assert not NESTED & set(ATTRIBUTES)


@pytest.mark.parametrize("method", ATTRIBUTES_OF_METHOD)
def test_the_adapter_names_the_attributes_that_the_grants_are_made_for(method: str) -> None:
    assert named_by(method) == ATTRIBUTES_OF_METHOD[method]


@pytest.mark.parametrize("function", HOLDERS)
def test_a_function_may_name_every_attribute_that_its_source_writes(function: str) -> None:
    kept = set(attributes_kept_from(function))
    reached = {method for port, method in reachable(to_snake_case(function)) if port == "records"}
    for method in reached & ATTRIBUTES_OF_METHOD.keys():
        assert not ATTRIBUTES_OF_METHOD[method] & kept, f"records.{method}"


def test_every_attribute_that_is_bound_is_one_of_a_record_and_every_writer_a_function() -> None:
    indexes = {"open_pk", "open_sk", "period_pk", "period_sk", "experiment_pk", "experiment_sk", "summary"}
    assert set(ATTRIBUTES) <= FIELDS | indexes
    assert {writer for writers in ATTRIBUTES.values() for writer in writers} <= set(HOLDERS)


def test_every_update_of_the_table_is_bound_to_items_and_of_records_to_attributes(stack: Resources) -> None:
    functions = {stack.role_of(to_snake_case(name)): name for name in HOLDERS}
    observed = set()
    for statement in stack.statements():
        if "dynamodb:UpdateItem" not in statement.actions:
            continue
        keys = statement.conditions["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        if fnmatch("EXECUTION#run-1", keys[0]):
            refused = statement.conditions["ForAllValues:StringNotEquals"]["dynamodb:Attributes"]
            assert tuple(refused) == attributes_kept_from(functions[statement.owner])
            observed.add(functions[statement.owner])
    assert observed == {name for name, held in HOLDERS.items() if "record" in held}


@pytest.mark.parametrize(
    ("item", "action", "writers"),
    [
        ("HALT", "dynamodb:UpdateItem", {"halt", "resume"}),
        ("SWEEP", "dynamodb:UpdateItem", {"pulse"}),
        ("LOCK#web", "dynamodb:UpdateItem", set()),
        ("SLOTS", "dynamodb:UpdateItem", set()),
        ("HALT", "dynamodb:PutItem", set()),
        ("HALT", "dynamodb:DeleteItem", set()),
        ("EXECUTION#run-1", "dynamodb:DeleteItem", set()),
        ("EXECUTION#run-1", "dynamodb:PutItem", {"admit", "watchdog"}),
    ],
)
def test_an_item_is_written_by_those_whose_business_it_is(stack: Resources, item: str, action: str, writers: set[str]) -> None:
    def may_write(name: str) -> bool:
        granted = (statement for statement in stack.statements(stack.role_of(name)) if action in statement.actions)
        return any(fnmatch(item, key) for result in granted for key in result.conditions["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])

    assert {name for name in stack.functions() if may_write(name)} == writers


def test_no_new_record_says_what_only_later_states_may_say(stack: Resources) -> None:
    """A whole record is put by Admit, and by the watchdog for an execution that Admit never saw."""
    admitted = ("admitted_hash", "definition_hash", "promotion_hash")
    for name, more in (("admit", ()), ("watchdog", admitted)):
        (putting,) = (
            statement
            for statement in stack.statements(stack.role_of(name))
            if "dynamodb:PutItem" in statement.actions
            and "EXECUTION#*" in statement.conditions["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        )
        refused = set(putting.conditions["ForAllValues:StringNotEquals"]["dynamodb:Attributes"])
        assert {"ask", "votes", "abort", "verdict", "hypothesis_validated", "template_id", "fis_experiment_id", *more} <= refused
