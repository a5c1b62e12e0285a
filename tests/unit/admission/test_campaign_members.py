"""Steps that a campaign runs in members of the fleet: named by the file, checked against the fleet, and not for published campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from squall.admission.campaign import RequestedCampaign as Requested
from squall.admission.campaign import find_source_problems, make_offline_check, make_offline_regions, parse_campaign, plan_campaign
from squall.domain.base.problems import InvalidInput
from squall.domain.campaign.definition import CampaignInput
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.experiment.published import DefinitionSource
from tests.unit.admission.test_campaign import DAY, DOSES, SUITE, load

AWAY = {"experiment": "theirs", "member": "payments", "overrides": {"duration": "PT5M"}}
HERE = {"experiment": "network-latency", "needs": ["theirs"]}
FLEET = {"payments": True, "search": False}


def plan(*steps: Mapping[str, Any], members: Mapping[str, bool] | None = None, **more: Any) -> CampaignPlan:
    campaign = parse_campaign({**SUITE, "steps": list(steps), **more})
    check = make_offline_check(load("experiments"), load("environments"))
    return plan_campaign(campaign, check, make_offline_regions({}), members=members)


def refusals(*steps: Mapping[str, Any], members: Mapping[str, bool] | None = None, **more: Any) -> str:
    with pytest.raises(InvalidInput) as refused:
        plan(*steps, members=members, **more)
    return "\n".join(str(problem) for problem in refused.value.problems)


def test_a_step_in_a_member_is_planned_without_knowing_its_experiment() -> None:
    made = plan(AWAY, HERE, members=FLEET)
    away, here = made.steps
    assert (away.name, away.member, away.experiment, away.overrides) == ("theirs", "payments", "theirs", {"duration": "PT5M"})
    assert (away.definition_hash, here.member, here.needs) == ("", "", ("theirs",))
    assert made.members == {"theirs": "payments"}
    assert CampaignPlan.model_validate_json(made.model_dump_json()).digest == made.digest


def test_where_nobody_knows_the_fleet_no_name_is_checked() -> None:
    assert plan(AWAY, members=None).members == {"theirs": "payments"}


@pytest.mark.parametrize(
    ("member", "members", "said"),
    [
        ("payment", FLEET, 'steps[0].member: "payment" is no member of the fleet, did you mean "payments"? (expected payments)'),
        ("search", FLEET, "steps[0].member: search does not let home's campaigns run there (expected the grant campaign, in fleet.yaml"),
        ("payments", {}, 'steps[0].member: "payments" is no member of the fleet (expected a member with the grant campaign: the stack\'s'),
        ("Payments", FLEET, "steps[0].member: "),
    ],
)
def test_a_member_that_can_t_be_entered_is_refused_with_its_place(member: str, members: dict[str, bool], said: str) -> None:
    assert said in refusals({**AWAY, "member": member}, members=members)


def test_every_problem_is_told_at_once() -> None:
    told = refusals({**AWAY, "member": "payment"}, {"experiment": "nothing"}, {**AWAY, "member": "search", "name": "b"}, members=FLEET)
    assert all(part in told for part in ("steps[0].member", "steps[1].experiment", "steps[2].member"))


@pytest.mark.parametrize(
    "steps",
    [
        [{"experiment": "theirs", "member": "payments", "expects": [{"noticed_by": "alarm", "within": "2m"}]}],
        [{"name": "ready", "prompt": "Ready?", "member": "payments"}, {"experiment": "theirs"}],
    ],
)
def test_only_an_experiment_whose_noticing_home_does_not_compare_runs_in_a_member(steps: list[dict[str, Any]]) -> None:
    assert "steps[0].member: belongs to an experiment without `expects`" in refusals(*steps, members=FLEET, kind="gameday")


def test_a_game_day_may_have_a_step_in_a_member() -> None:
    assert plan(*DAY["steps"], AWAY, kind="gameday", members=FLEET).members == {"theirs": "payments"}


def test_a_ramp_runs_at_home() -> None:
    with pytest.raises(InvalidInput, match="member"):
        parse_campaign({**DOSES, "member": "payments"})


def test_a_published_campaign_runs_nothing_in_members() -> None:
    campaign = parse_campaign({**SUITE, "steps": [AWAY]})
    source = DefinitionSource(kind="published", name="drill", version=1, hash="h", by="ada")
    request = CampaignInput(campaign="drill")
    (problem,) = find_source_problems(Requested(request, campaign, source), [])
    assert str(problem).startswith("steps[0].member: only a deployed campaign runs experiments in members, and drill is published")
    assert find_source_problems(Requested(request, campaign), []) == []
