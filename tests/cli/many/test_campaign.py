"""`squall campaign` and `squall validate` on campaigns: files on a disk, and campaigns of a stack."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from cli.aws.stack import Machine
from cli.ci.findings import FINGERPRINT
from cli.commands.campaigns import runs
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.record import CampaignRecord, StepRun
from squall.domain.campaign.result import build_campaign_result
from squall.domain.result.limit_comparison import compare_answers
from tests.cli.fakes import START
from tests.unit.domain.result.test_limit_comparison import answer

if TYPE_CHECKING:
    from tests.cli.conftest import Squall
    from tests.cli.fakes import FakeDeployment

ROOT = Path(__file__).parents[3]
LIMIT = str(ROOT / "campaigns" / "network-latency-limit.yaml")


def write_bad(folder: Path) -> str:
    for name in ("experiments", "environments"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "campaigns").mkdir()
    file = folder / "campaigns" / "bad.yaml"
    file.write_text("name: B\ndescription: d\nkind: suite\nsteps:\n  - experiment: cpu-stres\n  - experiment: disk-fill\n")
    return str(file)


def test_the_plan_of_a_ramp_shows_its_doses_and_how_many_runs_it_takes(squall: Squall) -> None:
    done = squall("campaign", "plan", LIMIT)
    assert done.exit_code == 0
    assert "latency_ms 450" in done.stdout
    assert "17 doses; about 7 runs, more if runs disagree or say nothing, and never more than 40. Nothing was started." in done.stdout


def test_the_plan_of_a_suite_as_json(squall: Squall) -> None:
    done = squall("campaign", "plan", str(ROOT / "campaigns" / "zones.yaml"), "--json")
    document = json.loads(done.stdout)
    assert [(step["name"], step["needs"]) for step in document["steps"]] == [("subnet-cut-off", []), ("zone-loss", ["subnet-cut-off"])]


def test_a_campaign_that_can_not_run_is_refused_with_every_problem(squall: Squall, tmp_path: Path) -> None:
    file = write_bad(tmp_path)
    for command in (("campaign", "plan"), ("validate",)):
        done = squall(*command, file)
        assert done.exit_code == 3
        problem = f'{file}:5: steps[0].experiment: "cpu-stres" is not in the catalogue, did you mean "cpu-stress"?'
        assert problem in done.stdout + done.stderr


def test_validate_knows_a_campaign(squall: Squall) -> None:
    done = squall("validate", LIMIT)
    assert (done.exit_code, done.stdout) == (0, f"{LIMIT}: valid\n")


def test_a_campaign_that_is_not_there_is_refused(squall: Squall) -> None:
    done = squall("campaign", "plan", "nowhere")
    assert done.exit_code == 3
    assert "campaigns/nowhere.yaml there is no such file" in done.stderr


RUN = StepRun(1, "cpu-stress", "c-s001", START)
RUNNING = CampaignRecord("c", "arn:c", START, Status.RUNNING, campaign="web", kind="suite", runs=(RUN,))
ENDED = replace(
    RUNNING,
    status=Status.COMPLETED,
    verdict=Verdict.REFUTED,
    reason="1 step: 1 refuted",
    runs=(replace(RUN, outcome=StepOutcome.REFUTED, ended_at=START, reason="too slow"),),
)


@pytest.fixture(autouse=True)
def _waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LOOKS_EVERY_SECONDS", 0.0)


def test_run_follows_a_campaign_to_its_verdict(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.on_campaign = [ENDED]
    done = squall("campaign", "run", "web", "--name", "c")
    assert done.exit_code == 1
    assert deployment.started_campaigns == [("c", {"campaign": "web", "requested_by": deployment.caller()})]
    for words in ("refuted", "1 step: 1 refuted", "c-s001", "too slow"):
        assert words in done.stdout
    assert squall("campaign", "run", "web", "--name", "c").exit_code == 3, "the name is used"


def test_a_campaign_can_be_started_without_being_followed(squall: Squall, deployment: FakeDeployment) -> None:
    done = squall("campaign", "run", "web", "--name", "c", "--no-follow")
    assert (done.exit_code, done.stdout) == (0, "c\n")


def test_a_wait_that_is_over_says_that_the_campaign_goes_on(
    squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.on_campaign = [RUNNING]
    minutes = itertools.count(step=60)
    monkeypatch.setattr(runs, "time", SimpleNamespace(monotonic=lambda: next(minutes), sleep=lambda _: None))
    done = squall("campaign", "run", "web", "--name", "c", "--wait-timeout", "5m")
    assert done.exit_code == 4
    assert "c is not over after" in done.stderr
    assert "It goes on." in done.stderr


def test_an_execution_that_ended_without_a_record_is_a_failure(
    squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "RECORDED_WITHIN_SECONDS", 0.0)
    deployment.machines["c"] = Machine("FAILED")
    done = squall("campaign", "run", "web", "--name", "c")
    assert done.exit_code == 5
    assert "The execution of c is FAILED, and nothing was recorded." in done.stderr


def test_status_lists_campaigns_and_shows_one(squall: Squall, deployment: FakeDeployment) -> None:
    assert "There is no campaign" in squall("campaign", "status").stdout
    deployment.campaigns.items["c"] = RUNNING
    assert "running" in squall("campaign", "status").stdout
    document: dict[str, Any] = json.loads(squall("campaign", "status", "c", "--json").stdout)
    assert [step["execution_id"] for step in document["steps"]] == ["c-s001"]
    assert squall("campaign", "status", "nowhere").exit_code == 3


def test_abort_says_what_it_ended(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.campaigns.items["c"] = RUNNING
    done = squall("campaign", "abort", "c", "--reason", "slow")
    assert done.exit_code == 0
    assert deployment.aborted == [("c", "slow", deployment.caller())]
    assert "No further step of c starts; aborted c-s001." in done.stderr


def test_show_exits_with_the_verdict_and_prints_the_answer_of_a_ramp(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.campaigns.items["c"] = ENDED
    deployment.documents["c", "campaign_result"] = {"ramp": {"statement": "97.9 % confident"}}
    done = squall("campaign", "show", "c")
    assert done.exit_code == 1
    assert "97.9 % confident" in done.stdout
    assert "results/c/report.html" in done.stdout


def test_the_report_of_a_campaign_is_saved_and_printed_and_made_if_it_is_missing(
    squall: Squall, deployment: FakeDeployment, tmp_path: Path
) -> None:
    deployment.campaigns.items["c"] = ENDED
    deployment.report_made = {"report.html": "<html>", "report.md": "## c"}
    page = tmp_path / "c.html"
    done = squall("campaign", "show", "c", "--html", str(page))
    assert (done.exit_code, page.read_text()) == (0, "<html>")
    assert deployment.reported == ["c"]
    assert squall("campaign", "show", "c", "--markdown").stdout == "## c"
    assert squall("campaign", "show", "c", "--markdown", "--json").exit_code == 3


def test_the_findings_of_a_campaign_are_shown_and_written_for_issue_trackers(
    squall: Squall, deployment: FakeDeployment, tmp_path: Path
) -> None:
    compared = compare_answers(answer(1, 300, None), answer(2, 100, 200))
    result = build_campaign_result(ENDED, None, compared)
    deployment.campaigns.items["c"] = ENDED
    deployment.documents["c", "campaign_result"] = result.model_dump(mode="json")
    sarif, lines = tmp_path / "c.sarif", tmp_path / "c.jsonl"
    done = squall("campaign", "show", "c", "--sarif", str(sarif), "--findings", str(lines))
    assert done.exit_code == 1
    (finding,) = compared.findings
    for words in (compared.sentence, f"medium: {finding.title} ({finding.id})"):
        assert words in done.stdout
    (shown,) = json.loads(sarif.read_text())["runs"][0]["results"]
    assert shown["partialFingerprints"] == {FINGERPRINT: finding.id}
    assert json.loads(lines.read_text())["id"] == finding.id
    deployment.campaigns.items["c"] = RUNNING
    assert squall("campaign", "show", "c", "--sarif", str(sarif)).exit_code == 3


def test_a_campaign_that_runs_has_no_report(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.campaigns.items["c"] = RUNNING
    done = squall("campaign", "show", "c", "--html", "c.html")
    assert done.exit_code == 3
    assert "c is still running" in done.stderr


def test_a_run_over_several_regions_is_started_with_overrides_or_as_a_plan(squall: Squall, deployment: FakeDeployment) -> None:
    given = ("--set", "latency_ms=300", "--duration", "12m", "--plan", "--no-follow")
    done = squall("campaign", "run", "shop", "--name", "c", *given)
    assert done.exit_code == 0, done.stderr
    ((_, payload),) = deployment.started_campaigns
    assert payload["mode"] == "plan"
    assert payload["overrides"] == {"duration": "PT720S", "parameters": {"latency_ms": 300}}
    assert squall("campaign", "run", "shop", "--name", "d", "--set", "latency_ms", "--no-follow").exit_code == 3


def test_a_run_without_either_says_neither(squall: Squall, deployment: FakeDeployment) -> None:
    assert squall("campaign", "run", "shop", "--name", "c", "--no-follow").exit_code == 0
    ((_, payload),) = deployment.started_campaigns
    assert payload.keys() == {"campaign", "requested_by"}


def test_the_offline_plan_shows_the_part_of_each_region(squall: Squall) -> None:
    done = squall("campaign", "plan", str(ROOT / "campaigns" / "region-evacuation.yaml"), "--json")
    assert done.exit_code == 0, done.stderr
    parts = json.loads(done.stdout)["steps"]
    assert [(part["name"], part["fault_type"]) for part in parts] == [("eu-west-1", "service_unavailable"), ("eu-central-1", "no_fault")]
