"""`squall plan`, `run`, `show`, `history` and `report` of experiments for several Regions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.commands.campaigns import runs
from squall.admission.campaign import parse_campaign
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.record import CampaignRecord
from squall.domain.experiment.published import make_version, write_version
from squall.domain.history.period import Period
from squall.domain.run.part import Part
from squall.domain.run.record import ExecutionRecord
from tests.cli.conftest import Squall
from tests.cli.fakes import START, FakeDeployment, record, result
from tests.cli.test_history import run

ROOT = Path(__file__).parents[3]
EVACUATION = ROOT / "experiments" / "region-evacuation.yaml"
HOME, AWAY = "us-east-1", "eu-west-1"
ARN = f"arn:aws:states:{HOME}:123456789012:execution:Campaigns:whole"
RUNNING = CampaignRecord("whole", ARN, START, Status.RUNNING, campaign="both", kind="regions")
ENDED = replace(
    RUNNING,
    status=Status.COMPLETED,
    verdict=Verdict.VALIDATED,
    reason="2 Regions: all validated",
    runs=tuple(replace(part, outcome=StepOutcome.VALIDATED) for part in RUNNING.begin_parts((HOME, AWAY), START)),
)


@pytest.fixture(autouse=True)
def _waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LOOKS_EVERY_SECONDS", 0.0)


@pytest.fixture
def shop(deployment: FakeDeployment) -> FakeDeployment:
    """A stack with an experiment for two Regions, and the campaign that runs it."""
    deployment.deployed_names, deployment.deployed_campaigns = ["shop", "slow"], ["both", "web"]
    deployment.deployed_regions, deployment.region_campaigns = {"shop": (HOME, AWAY)}, {"both": "shop"}
    deployment.policies = {"staging": "deployed"}
    deployment.on_campaign = [ENDED]
    return deployment


def add_part(deployment: FakeDeployment, region: str) -> ExecutionRecord:
    """The part of the run in the Region of this stack."""
    part = Part("whole", region, HOME, (HOME, AWAY), START + timedelta(minutes=30))
    found = record(f"whole-{region}", status=Status.COMPLETED, verdict=Verdict.VALIDATED, part=part)
    deployment.scripts[found.id] = [found]
    deployment.documents[found.id, "result"] = result(Status.COMPLETED, Verdict.VALIDATED)
    return found


def publish(deployment: FakeDeployment, name: str, content: dict[str, Any], *, is_campaign: bool) -> None:
    deployment.published.add(write_version(make_version(name, 1, content, "ada", START, is_campaign=is_campaign)))


def test_run_starts_the_only_campaign_that_runs_the_experiment(squall: Squall, shop: FakeDeployment) -> None:
    done = squall("run", "shop", "--name", "whole", "--set", "latency_ms=300", "--duration", "10m")
    assert (done.exit_code, shop.started) == (0, [])
    overrides = {"duration": "PT600S", "parameters": {"latency_ms": 300}}
    assert shop.started_campaigns == [("whole", {"campaign": "both", "overrides": overrides, "requested_by": shop.caller()})]
    assert "shop runs in us-east-1 and eu-west-1 as the campaign both." in done.stderr
    assert f"`squall show whole-{AWAY} --region {AWAY}` shows the part in {AWAY}." in done.stderr


def test_an_ordinary_experiment_is_run_as_before(squall: Squall, shop: FakeDeployment) -> None:
    assert squall("run", "slow", "--name", "one", "--no-follow").exit_code == 0
    assert ([name for name, _ in shop.started], shop.started_campaigns) == (["one"], [])


def test_without_a_campaign_it_says_which_one_to_write_and_that_one_is_valid(squall: Squall, shop: FakeDeployment) -> None:
    shop.region_campaigns = {"other": "another"}
    done = squall("run", "shop", "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, shop.started_campaigns) == (3, [])
    assert "shop runs in us-east-1 and eu-west-1, and no campaign here runs it." in error["message"]
    campaign = parse_campaign(yaml.safe_load(error["text"]))
    assert (campaign.kind, campaign.experiment) == ("regions", "shop")
    assert "    kind: regions\n    experiment: shop\n" in done.stderr


def test_of_several_campaigns_none_is_chosen(squall: Squall, shop: FakeDeployment) -> None:
    shop.region_campaigns = {"both": "shop", "nightly": "shop"}
    done = squall("run", "shop")
    assert (done.exit_code, shop.started_campaigns) == (3, [])
    assert "`squall campaign run both` or `squall campaign run nightly`" in done.stderr


def test_published_campaigns_count_where_a_policy_lets_them_run(squall: Squall, shop: FakeDeployment) -> None:
    publish(shop, "nightly", {"name": "N", "description": "d", "kind": "regions", "experiment": "shop"}, is_campaign=True)
    assert squall("run", "shop", "--no-follow").exit_code == 0
    shop.policies = {"staging": "published"}
    done = squall("run", "shop")
    assert (done.exit_code, len(shop.started_campaigns)) == (3, 1)
    assert "shop is run by several campaigns: both, nightly." in done.stderr


def test_a_published_experiment_is_run_by_its_published_campaign(squall: Squall, shop: FakeDeployment) -> None:
    shop.policies = {"staging": "published"}
    publish(shop, "cart", yaml.safe_load(EVACUATION.read_text()), is_campaign=False)
    publish(shop, "cart-both", {"name": "C", "description": "d", "kind": "regions", "experiment": "cart"}, is_campaign=True)
    assert squall("run", "cart", "--name", "whole", "--no-follow").exit_code == 0
    assert [payload["campaign"] for _, payload in shop.started_campaigns] == ["cart-both"]


def test_a_file_for_several_regions_is_refused_with_what_works(squall: Squall, shop: FakeDeployment) -> None:
    done = squall("run", str(EVACUATION))
    assert (done.exit_code, shop.started, shop.started_campaigns) == (3, [], [])
    assert "`squall run region-evacuation`" in done.stderr


def test_the_name_of_a_campaign_is_told_apart_from_a_name_that_nobody_knows(squall: Squall, shop: FakeDeployment) -> None:
    done = squall("run", "web")
    assert (done.exit_code, shop.started) == (3, [])
    assert "It is a campaign: `squall campaign run web`." in done.stderr


@pytest.mark.parametrize("option", ["--junit", "--summary"])
def test_formats_of_one_run_are_refused_before_anything_starts(squall: Squall, shop: FakeDeployment, tmp_path: Path, option: str) -> None:
    done = squall("run", "shop", option, str(tmp_path / "out"))
    assert (done.exit_code, shop.started_campaigns) == (3, [])
    assert "--sarif and --findings work" in done.stderr


def test_plan_has_every_region_check_its_part_and_shows_the_parts(squall: Squall, shop: FakeDeployment) -> None:
    planned = json.loads(squall("campaign", "plan", "region-evacuation", "--json").stdout)
    campaign = {"name": "E", "description": "d", "kind": "regions", "experiment": "region-evacuation"}
    shop.documents["whole", "campaign"] = {"campaign": campaign, "steps": planned["steps"], "mode": "plan"}
    done = squall("plan", "shop", "--name", "whole")
    assert done.exit_code == 0
    assert [payload["mode"] for _, payload in shop.started_campaigns] == ["plan"]
    assert "none: carries the load" in done.stdout


def test_plan_of_a_file_shows_the_parts_and_where_home_can_be(squall: Squall) -> None:
    done = squall("plan", str(EVACUATION), "--duration", "18m")
    assert done.exit_code == 0
    for words in ("eu-west-1", "service_unavailable", "eu-central-1", "none: carries the load", "18 min", "PT18M"):
        assert words in done.stdout
    assert "Home is the Region in which it is started: eu-west-1 or eu-central-1. Nothing was started." in done.stdout
    assert "`squall campaign run region-evacuation --plan`" in done.stderr
    assert squall("campaign", "plan", str(ROOT / "campaigns" / "region-evacuation.yaml")).stdout.count("Home is the Region") == 1


def test_plan_of_a_file_says_what_no_region_would_admit(squall: Squall) -> None:
    done = squall("plan", str(EVACUATION), "--duration", "40h")
    assert done.exit_code == 3
    assert "overrides.duration" in done.stderr


def test_show_finds_the_whole_run_by_its_id(squall: Squall, shop: FakeDeployment) -> None:
    shop.campaigns.items["whole"] = replace(ENDED, verdict=Verdict.REFUTED)
    done = squall("show", "whole")
    assert done.exit_code == 0, "as for a run"
    assert "2 Regions: all validated" in done.stdout
    assert f"`squall show whole-{AWAY} --region {AWAY}`" in done.stderr
    assert "`squall campaign status whole`" in squall("status", "whole").stderr


def test_show_and_status_of_a_part_name_the_whole_run(squall: Squall, shop: FakeDeployment) -> None:
    add_part(shop, AWAY)
    assert f"`squall show whole --region {HOME}` shows the whole run." in squall("show", f"whole-{AWAY}").stderr
    assert f"whole, over {HOME}, {AWAY}; home is {HOME}" in squall("status", f"whole-{AWAY}").stdout


def test_history_tells_which_runs_are_parts_and_how_the_whole_run_ended(squall: Squall, shop: FakeDeployment) -> None:
    add_part(shop, HOME)
    shop.runs = [run(1), run(2, execution_id=f"whole-{HOME}", summarised=False)]
    elsewhere = squall("history", "Instance termination").stdout
    assert f"`squall show whole --region {HOME}` knows" in elsewhere
    shop.campaigns.items["whole"] = ENDED
    at_home = squall("history", "Instance termination").stdout
    assert f"whole-{HOME}, whole-{AWAY}" in at_home
    assert [entry["whole"] for entry in json.loads(squall("history", "Instance termination", "--json").stdout)] == ["whole", ""]


def test_history_without_parts_has_no_such_table(squall: Squall, shop: FakeDeployment) -> None:
    shop.runs = [run(1)]
    assert "several Regions" not in squall("history", "Instance termination").stdout


def test_the_report_of_a_period_names_the_runs_over_several_regions(squall: Squall, shop: FakeDeployment) -> None:
    period = Period(START, START + timedelta(days=10))
    period.add(run(1, execution_id=f"whole-{HOME}", whole="whole", home=HOME))
    shop.period = {"report": period.report().model_dump(mode="json"), "files": ["x.json", "x.html"]}
    done = squall("report")
    assert f"home knows: {HOME}" in done.stdout
    assert f"whole-{HOME}: validated" in done.stdout


def test_a_gate_says_that_it_looks_at_one_region(squall: Squall, shop: FakeDeployment) -> None:
    done = squall("gate", str(EVACUATION))
    assert done.exit_code == 3
    assert "runs in eu-west-1, eu-central-1 at the same time, and a gate looks at runs in one Region." in done.stderr
