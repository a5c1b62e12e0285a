"""FIS: the same promises from the fake and the adapter; refusals and odd states by script."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.fis.experiments import Fis
from squall.domain.run.fis_state import ResolvedTarget
from squall.domain.safety.fis_template import find_differences
from squall.errors import Refused, Unavailable
from tests.adapters.conftest import NOW
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from squall.ports.faults import Faults

BODY: dict[str, Any] = {
    "description": "squall-run-1",
    "targets": {},
    "actions": {"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT5M"}}},
    "stopConditions": [{"source": "none"}],
    "roleArn": "arn:aws:iam::123456789012:role/fis",
    "tags": {"squall:stack": "Squall", "squall:execution": "run-1"},
}
TAGS = {"squall:stack": "Squall", "squall:execution": "run-1"}


def test_a_template_is_created_once_per_token(faults: Faults) -> None:
    first = faults.create_template(BODY, "token")
    assert faults.create_template(BODY, "token") == first
    assert faults.create_template(BODY, "other") != first


def test_a_template_is_told_as_it_was_created_and_one_that_is_not_there_is_none(faults: Faults) -> None:
    template_id = faults.create_template(BODY, "token")
    answer = faults.template(template_id)
    assert answer is not None
    assert [(name, action["actionId"]) for name, action in answer["actions"].items()] == [("wait", "aws:fis:wait")]
    assert faults.template("EXTnothere") is None


def test_a_template_that_was_marked_has_the_tag_besides_its_own(faults: Faults) -> None:
    template_id = faults.create_template(BODY, "token")
    created = faults.template(template_id)
    assert created is not None
    faults.mark_checked(str(created.get("arn", f"arn:aws:fis:eu-west-1:123456789012:experiment-template/{template_id}")))
    marked = faults.template(template_id)
    assert marked is not None
    assert marked["tags"] == {**TAGS, "squall:checked": "true"}
    assert not [difference for difference in find_differences(BODY, marked) if "tag" in difference]


def test_templates_are_found_by_the_stack(faults: Faults) -> None:
    ours = faults.create_template(BODY, "a")
    faults.create_template({**BODY, "tags": {"squall:stack": "Other", "squall:execution": "run-2"}}, "b")
    faults.create_template({**BODY, "tags": {}}, "c")
    (template,) = faults.own_templates("Squall")
    assert (template.id, template.execution_id, template.created_at.tzinfo is not None) == (ours, "run-1", True)


def test_how_old_a_running_experiment_is_stands_in_the_list(faults: Faults) -> None:
    faults.start(faults.create_template(BODY, "token"), "start", TAGS)
    (running,) = faults.active()
    assert running.created_at is not None


def test_an_experiment_is_started_once_per_token(faults: Faults) -> None:
    template = faults.create_template(BODY, "token")
    started = faults.start(template, "start", TAGS)
    assert (started.template_id, started.terminal, started.tags) == (template, False, TAGS)
    assert started.started_at is not None
    assert [action.action_id for action in started.actions] == ["aws:fis:wait"]
    assert faults.start(template, "start", TAGS).id == started.id


def test_a_started_experiment_is_found(faults: Faults) -> None:
    template = faults.create_template(BODY, "token")
    started = faults.start(template, "start", TAGS)
    answer = faults.get(started.id)
    assert answer is not None
    assert answer.id == started.id
    assert [experiment.id for experiment in faults.active()] == [started.id]
    faults.delete_template(template)
    assert [(entry.id, entry.tags) for entry in faults.of_template(template)] == [(started.id, TAGS)]
    assert list(faults.of_template("EXTother")) == []


def test_a_deleted_template_is_a_fence(faults: Faults) -> None:
    template = faults.create_template(BODY, "token")
    assert faults.delete_template(template)
    assert not faults.delete_template(template)
    with pytest.raises(Refused) as refused:
        faults.start(template, "start", TAGS)
    assert refused.value.code == "ResourceNotFoundException"


def test_stopping_is_asked_once_or_again(faults: Faults) -> None:
    started = faults.start(faults.create_template(BODY, "token"), "start", TAGS)
    assert faults.stop(started.id)
    assert not faults.stop("EXPother")


def test_what_is_unknown_is_none(faults: Faults) -> None:
    assert faults.get("EXPother") is None
    assert list(faults.active()) == []


def _experiment(status: str) -> dict[str, Any]:
    return {"experiment": {"id": "EXP1", "experimentTemplateId": "EXT1", "state": {"status": status}, "startTime": NOW}}


@pytest.mark.parametrize("status", ["completed", "stopped", "failed", "cancelled"])
def test_stopping_what_has_ended_is_false(status: str) -> None:
    faults = Fis(Scripted("fis", stop_experiment=[error("ValidationException")], get_experiment=[_experiment(status)]))
    assert not faults.stop("EXP1")


def test_stopping_what_is_stopping_is_true() -> None:
    assert Fis(Scripted("fis", stop_experiment=[error("ValidationException")], get_experiment=[_experiment("stopping")])).stop("EXP1")
    assert Fis(Scripted("fis", stop_experiment=[_experiment("stopping")])).stop("EXP1")


def test_a_running_experiment_that_would_not_stop_is_an_error_worth_a_retry() -> None:
    faults = Fis(Scripted("fis", stop_experiment=[error("ValidationException")], get_experiment=[_experiment("running")]))
    with pytest.raises(Unavailable) as caught:
        faults.stop("EXP1")
    assert caught.value.retryable


@pytest.mark.parametrize("code", ["ValidationException", "ServiceQuotaExceededException", "AccessDeniedException", "ConflictException"])
def test_refusals_carry_the_code(code: str) -> None:
    faults = Fis(Scripted("fis", create_experiment_template=[error(code)], start_experiment=[error(code)]))
    with pytest.raises(Refused, match=code):
        faults.create_template(BODY, "token")
    with pytest.raises(Refused, match=code):
        faults.start("EXT1", "start", TAGS)


def test_a_malformed_template_is_refused_before_it_is_sent(aws: Any) -> None:
    with pytest.raises(Refused, match="ParamValidation"):
        Fis(aws("fis")).create_template({**BODY, "actions": "none"}, "token")


def test_throttling_is_no_refusal() -> None:
    faults = Fis(Scripted("fis", start_experiment=[error("ThrottlingException")]))
    with pytest.raises(Unavailable) as caught:
        faults.start("EXT1", "start", TAGS)
    assert caught.value.retryable


def test_an_experiment_is_always_started_for_real() -> None:
    client = Scripted("fis", start_experiment=[_experiment("initiating")])
    Fis(client).start("EXT1", "start", TAGS)
    assert client.arguments("start_experiment")[0]["experimentOptions"] == {"actionsMode": "run-all"}


def test_a_denial_of_a_template_that_is_gone_means_gone() -> None:
    """A grant by tag matches nothing when there is nothing."""
    denied = error("AccessDeniedException")
    assert not Fis(
        Scripted("fis", delete_experiment_template=[denied], list_experiment_templates=[{"experimentTemplates": []}])
    ).delete_template("EXT1")
    there = {"experimentTemplates": [{"id": "EXT1"}]}
    with pytest.raises(Unavailable, match="AccessDenied"):
        Fis(Scripted("fis", delete_experiment_template=[denied], list_experiment_templates=[there])).delete_template("EXT1")


def test_listings_are_paged_and_errors_told() -> None:
    summary = {
        "id": "EXP1",
        "experimentTemplateId": "EXT1",
        "state": {"status": "failed", "error": {"code": "InvalidTarget"}},
        "tags": TAGS,
    }
    faults = Fis(Scripted("fis", list_experiments=[{"experiments": [summary]}, {"experiments": [{**summary, "id": "EXP2"}]}]))
    result = faults.of_template("EXT1")
    assert [(entry.id, entry.error_code, entry.terminal) for entry in result] == [
        ("EXP1", "InvalidTarget", True),
        ("EXP2", "InvalidTarget", True),
    ]


def test_resolved_targets_are_read_page_by_page_with_all_that_fis_says_about_them() -> None:
    item = {"resourceType": "aws:ec2:instance", "targetName": "Instances", "targetInformation": {"arn": "a:i-1", "zone": "eu-west-1a"}}
    bare = {"resourceType": "aws:ec2:instance", "targetName": "Instances"}
    client = Scripted("fis", list_experiment_resolved_targets=[{"resolvedTargets": [item]}, {"resolvedTargets": [bare]}])
    results = [ResolvedTarget("Instances", frozenset({"a:i-1", "eu-west-1a"})), ResolvedTarget("Instances", frozenset())]
    assert Fis(client).resolved_targets("EXP1") == results
    assert client.arguments("list_experiment_resolved_targets")[0] == {"experimentId": "EXP1"}


def test_an_experiment_that_fis_does_not_know_resolved_nothing() -> None:
    class Gone:
        meta = Scripted("fis").meta

        def get_paginator(self, _method: str) -> Any:
            return SimpleNamespace(paginate=self.paginate)

        def paginate(self, **_: Any) -> Any:
            raise error("ResourceNotFoundException")

    assert Fis(Gone()).resolved_targets("EXP1") == []


def test_a_template_and_its_experiment_are_told_as_they_were_created(faults: Faults) -> None:
    body = {**BODY, "experimentOptions": {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"}}
    template = faults.create_template(body, "token")
    assert find_differences(body, faults.template(template)) == ()
    assert find_differences(body, faults.start(template, "start", TAGS).answer) == ()
