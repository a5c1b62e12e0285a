"""`squall campaign note|answer|follow|retrospective`: what people do during and after a game day."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from squall.domain.base.vocabulary import Status
from squall.domain.campaign.record import CampaignRecord, PromptRun
from tests.cli.conftest import Squall
from tests.unit.domain.campaign.test_noticing import START, at
from tests.unit.reporting.test_gameday import DAY, RECORD, RESULTS

if TYPE_CHECKING:
    from tests.cli.fakes import FakeDeployment

WAITING: CampaignRecord = replace(
    RECORD, status=Status.RUNNING, verdict=None, runs=(), notes=(), ended_at=None, prompts=(PromptRun("ready", START, at(15)),)
)


@pytest.fixture
def waiting(deployment: FakeDeployment) -> FakeDeployment:
    deployment.campaigns.items["c"] = WAITING
    return deployment


@pytest.fixture
def over(deployment: FakeDeployment) -> FakeDeployment:
    deployment.campaigns.items["c"] = RECORD
    deployment.documents["c", "campaign"] = DAY.model_dump(mode="json")
    deployment.documents["c-s001", "result"] = RESULTS["c-s001"].model_dump(mode="json")
    return deployment


def test_a_note_is_recorded_with_who_calls(squall: Squall, waiting: FakeDeployment) -> None:
    done = squall("campaign", "note", "c", "the shop is slow")
    assert (done.exit_code, done.stdout) == (0, "")
    (note,) = waiting.campaigns.items["c"].notes
    assert (note.text, note.answers, note.by) == ("the shop is slow", "", waiting.caller())


@pytest.mark.parametrize("stops", [False, True])
def test_an_answer_is_to_the_prompt_that_waits(squall: Squall, waiting: FakeDeployment, *, stops: bool) -> None:
    done = squall("campaign", "answer", "c", "all here", *(["--stop"] if stops else []), "--json")
    assert (done.exit_code, json.loads(done.stdout)["recorded"]) == (0, True)
    (note,) = waiting.campaigns.items["c"].notes
    assert (note.answers, note.stops) == ("ready", stops)


def test_an_answer_without_a_prompt_is_refused_and_says_how_to_write_a_note(squall: Squall, over: FakeDeployment) -> None:
    done = squall("campaign", "answer", "c", "yes")
    assert done.exit_code == 3
    assert "squall campaign note c" in done.stderr


def test_what_the_stack_does_not_record_is_no_success(squall: Squall, waiting: FakeDeployment) -> None:
    waiting.note_refused = "ada has answered already"
    done = squall("campaign", "answer", "c", "yes")
    assert done.exit_code == 3
    assert "Nothing was recorded: ada has answered already." in done.stderr


def test_following_says_what_people_wrote_and_keeps_a_live_page(squall: Squall, over: FakeDeployment, tmp_path: Path) -> None:
    page = tmp_path / "day.html"
    done = squall("campaign", "follow", "c", "--page", page)
    assert done.exit_code == 4, "inconclusive"
    assert "oncall: the shop is slow" in done.stderr
    assert "prompt ready: answered" in done.stderr
    assert "the shop is slow" in page.read_text()
    assert squall("campaign", "follow", "c", "--page", tmp_path / "no" / "day.html").exit_code == 3


def test_a_live_page_that_does_not_show_the_end_is_told(squall: Squall, over: FakeDeployment, tmp_path: Path) -> None:
    page = tmp_path / "day.html"
    page.write_text("as it was")
    del over.documents["c", "campaign"]
    done = squall("campaign", "follow", "c", "--page", page)
    assert (done.exit_code, page.read_text()) == (4, "as it was")
    assert "The live page does not show the end: c has no plan" in done.stderr


def test_the_retrospective_is_printed_or_saved(squall: Squall, over: FakeDeployment, tmp_path: Path) -> None:
    printed = squall("campaign", "retrospective", "c")
    assert printed.exit_code == 0
    assert "| a | person (oncall) | 5 min | 2 min | oncall | in time |" in printed.stdout
    file = tmp_path / "day.md"
    assert squall("campaign", "retrospective", "c", "--output", file).exit_code == 0
    assert file.read_text() == printed.stdout


def test_a_campaign_without_a_plan_has_no_retrospective(squall: Squall, waiting: FakeDeployment) -> None:
    assert squall("campaign", "retrospective", "c").exit_code == 3
