"""Records of campaigns: the same promises from the fake and from DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from squall.adapters.dynamodb.campaigns import DynamoCampaigns
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.campaign.outcome import PromptOutcome, StepOutcome
from squall.domain.campaign.record import CampaignRecord, Claim, Note, PromptRun, StepRun, cut_reason
from squall.domain.run.record import Abort
from tests.adapters.conftest import MINUTES, NOW, client_of
from tests.fakes.campaigns import FakeCampaigns

if TYPE_CHECKING:
    from squall.ports.campaigns import Campaigns

RECORD = CampaignRecord("c", "arn:c", NOW, Status.RUNNING, campaign="web", kind="suite", plan_hash="f" * 64, planned=2)
ABORT = Abort(AbortSource.OPERATOR, "aborted by ada: slow", NOW, "ada")
RUN = StepRun(1, "cpu-stress", "c-s001", NOW)
FULL = replace(
    RECORD,
    requested_by="ada",
    previous="b",
    trigger="arn:schedule#2026-11-30T03:00:00+00:00",
    runs=(replace(RUN, outcome=StepOutcome.REFUTED, ended_at=NOW + MINUTES, reason="why"), replace(RUN, number=2, execution_id="c-s002")),
    resume_at=NOW + MINUTES,
    waiting_since=NOW,
    verdict=Verdict.REFUTED,
    reason="2 steps",
    ended_at=NOW + MINUTES,
    notes=(Note(NOW, "ada", "slow"), Note(NOW, "ada", "no", "ready", stops=True)),
    prompts=(
        PromptRun("ready", NOW, NOW + MINUTES, PromptOutcome.STOPPED, NOW, told_at=NOW, reminded_at=NOW + MINUTES),
        PromptRun("seen", NOW, NOW + MINUTES),
    ),
    task_token="token",
)


@pytest.fixture
def campaigns(kind: str, request: pytest.FixtureRequest) -> Campaigns:
    return FakeCampaigns() if kind == "fake" else DynamoCampaigns(client_of("dynamodb"), request.getfixturevalue("table"))


def test_a_record_is_created_once_and_read_back_whole(campaigns: Campaigns) -> None:
    assert campaigns.get("c") is None
    assert campaigns.create(FULL)
    assert not campaigns.create(RECORD)
    assert campaigns.get("c") == FULL


def test_only_the_version_that_was_read_is_replaced(campaigns: Campaigns) -> None:
    campaigns.create(RECORD)
    assert campaigns.save(RECORD.with_runs(RUN))
    assert not campaigns.save(RECORD), "somebody has written since"
    stored = campaigns.get("c")
    assert stored
    assert (stored.runs, stored.version) == ((RUN,), 1)


def test_an_abort_is_recorded_once_and_wins_over_a_writer_who_has_not_seen_it(campaigns: Campaigns) -> None:
    assert not campaigns.request_abort("c", ABORT)
    campaigns.create(RECORD)
    assert campaigns.request_abort("c", ABORT)
    assert not campaigns.request_abort("c", replace(ABORT, reason="later"))
    assert not campaigns.save(RECORD.with_runs(RUN))
    stored = campaigns.get("c")
    assert stored
    assert (stored.abort, stored.runs) == (ABORT, ())


def test_a_final_record_is_only_marked_as_told(campaigns: Campaigns) -> None:
    campaigns.create(RECORD)
    final = replace(RECORD, status=Status.COMPLETED, verdict=Verdict.VALIDATED)
    assert campaigns.save(final)
    assert not campaigns.save(replace(final, version=1))
    assert not campaigns.request_abort("c", ABORT)
    campaigns.mark_told("c")
    stored = campaigns.get("c")
    assert stored
    assert (stored.status, stored.told, stored.abort) == (Status.COMPLETED, True, None)


def test_a_campaign_is_listed_as_open_until_people_have_been_told(campaigns: Campaigns) -> None:
    campaigns.create(RECORD)
    campaigns.create(replace(RECORD, id="d"))
    assert sorted(campaigns.list_open()) == ["c", "d"]
    campaigns.save(replace(RECORD, status=Status.COMPLETED, verdict=Verdict.VALIDATED))
    assert sorted(campaigns.list_open()) == ["c", "d"]
    campaigns.mark_told("c")
    assert campaigns.list_open() == ["d"]


def test_the_newest_campaigns_come_first(campaigns: Campaigns) -> None:
    for minutes, name in enumerate(("a", "b", "c")):
        campaigns.create(replace(RECORD, id=name, started_at=NOW + minutes * MINUTES))
    assert [record.id for record in campaigns.list_newest(2)] == ["c", "b"]


def test_a_name_is_claimed_by_one_campaign_until_that_is_over(campaigns: Campaigns) -> None:
    assert campaigns.claim_name("web", "first") == Claim("first")
    assert campaigns.claim_name("web", "first") == Claim("first"), "a retry"
    assert campaigns.claim_name("web", "second") == Claim("first")
    assert campaigns.claim_name("web", "second", instead_of="other") == Claim("first")
    assert campaigns.claim_name("web", "second", instead_of="first") == Claim("second", before="first")
    assert campaigns.claim_name("web", "second") == Claim("second", before="first"), "a retry knows who was before"
    assert campaigns.claim_name("web", "second", instead_of="first") == Claim("second", before="first"), "and so does this one"


def test_five_hundred_steps_fit_into_an_item(table: str) -> None:
    runs = tuple(
        replace(FULL.runs[0], number=number, execution_id=f"{'x' * 75}-s{number:03}", reason=cut_reason("\u6f22" * 200))
        for number in range(500)
    )
    campaigns = DynamoCampaigns(client_of("dynamodb"), table)
    assert campaigns.create(replace(FULL, runs=runs))
    stored = campaigns.get("c")
    assert stored
    assert len(stored.runs) == 500


def test_five_hundred_steps_in_members_fit_into_an_item(table: str) -> None:
    """All over, and five that wait with the longest token."""
    name = "x" * 75
    machine = f"arn:aws-us-gov:states:ap-southeast-1:444455556666:execution:{'S' * 40}-Experiment"
    runs = tuple(
        StepRun(
            number=number,
            step="s" * 60 + f"{number:03}",
            execution_id=f"{name}-s{number:03}",
            begun_at=NOW,
            outcome=None if number > 495 else StepOutcome.INCONCLUSIVE,
            ended_at=None if number > 495 else NOW,
            reason=cut_reason("\u6f22" * 200),
            member="m" * 32,
            arn=f"{machine}:{name}-s{number:03}",
            token="t" * 1024 if number > 495 else "",
            fault_type="aws:eks:terminate-nodegroup-instances",
        )
        for number in range(1, 501)
    )
    campaigns = DynamoCampaigns(client_of("dynamodb"), table)
    assert campaigns.create(replace(FULL, runs=runs))
    stored = campaigns.get("c")
    assert stored
    assert stored.runs == runs
