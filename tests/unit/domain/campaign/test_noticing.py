"""What should notice a fault beside what did: nothing is compared that is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from squall.domain.base.vocabulary import Status
from squall.domain.campaign.definition import Campaign
from squall.domain.campaign.noticing import compare_sightings
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.plan import CampaignPlan, PlannedStep
from squall.domain.campaign.record import CampaignRecord, Note, StepRun
from squall.domain.documents.metrics.statistics import Times

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
EXPECTS = [{"noticed_by": "alarm", "within": "2m"}, {"noticed_by": "person", "who": "oncall", "within": "5m"}]
CAMPAIGN = Campaign.model_validate(
    {"name": "Day", "description": "d", "kind": "gameday", "steps": [{"experiment": "a", "expects": EXPECTS}, {"experiment": "b"}]}
)
PLAN = CampaignPlan(
    campaign=CAMPAIGN,
    steps=tuple(
        PlannedStep(
            name=step.label,
            experiment=step.label,
            definition_hash="h",
            environment="staging",
            fault_type="cpu_stress",
            resource_type="aws:ec2:instance",
            seconds=600,
            expects=step.expects,
        )
        for step in CAMPAIGN.steps
    ),
)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def compare(times: dict[str, Times], *notes: Note) -> list[tuple[str, str, float | None, str]]:
    runs = (
        StepRun(1, "a", "c-s001", at(0), StepOutcome.VALIDATED, at(20)),
        StepRun(2, "b", "c-s002", at(20), StepOutcome.VALIDATED, at(40)),
    )
    record = CampaignRecord("c", "arn:c", START, Status.COMPLETED, kind="gameday", runs=runs, notes=notes)
    return [(row.step, row.kind, row.seconds, row.conclusion) for row in compare_sightings(PLAN, record, times)]


EFFECT = Times(effect_at=at(5), detected_at=at(6), detected_by="availability")


@pytest.mark.parametrize(
    ("minutes", "by", "seconds", "conclusion"),
    [
        (7, "arn:aws:iam::1:user/OnCall", 120.0, "in time"),
        (10, "oncall", 300.0, "in time"),
        (10.1, "oncall", 306.0, "too late"),
        (7, "somebody else", None, "not noticed"),
        (4, "oncall", None, "not noticed"),
        (21, "oncall", None, "not noticed"),
    ],
    ids=["in time", "at the last moment", "too late", "somebody else", "before the effect", "during the next run"],
)
def test_a_person_is_their_first_note_after_the_effect(minutes: float, by: str, seconds: float | None, conclusion: str) -> None:
    rows = compare({"c-s001": EFFECT}, Note(at(minutes), by, "slow"))
    assert rows[0] == ("a", "alarm", 60.0, "in time")
    assert rows[1] == ("a", "person", seconds, conclusion)


def test_an_answer_to_a_prompt_is_no_sighting() -> None:
    assert compare({"c-s001": EFFECT}, Note(at(7), "oncall", "yes", answers="seen"))[1][3] == "not noticed"


def test_without_a_known_effect_nothing_is_compared() -> None:
    rows = compare({"c-s001": Times(detected_at=at(6))}, Note(at(7), "oncall", "slow"))
    assert {conclusion for *_, conclusion in rows} == {"can't be told: no effect of the fault is known"}
    assert {seconds for *_, seconds, _ in rows} == {None}


def test_before_a_run_has_ended_nothing_is_said_of_its_fault() -> None:
    record = CampaignRecord("c", "arn:c", START, Status.RUNNING, kind="gameday", runs=(StepRun(1, "a", "c-s001", at(0)),))
    rows = compare_sightings(PLAN, record, {})
    assert {row.conclusion for row in rows} == {"not known before the run has ended"}
    assert {row.seconds for row in rows} == {None}


def test_what_nobody_expected_is_said_as_it_was() -> None:
    rows = compare({"c-s002": EFFECT.model_copy(update={"effect_at": at(25), "detected_at": None})}, Note(at(26), "ada", "red"))
    assert rows[2:] == [("b", "alarm", None, "nothing noticed it"), ("b", "person", 60.0, "noticed, and nothing was expected")]
