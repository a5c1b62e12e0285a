"""`squall publish` and `squall catalogue`: every file is good or nothing is written, and nobody overwrites another's version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from squall.domain.experiment.published import StoredVersion, content_hash
from tests.cli.conftest import Squall
from tests.cli.fakes import HOSTILE, FakeDeployment

ROOT = Path(__file__).parents[2]
REL12 = json.loads((Path(__file__).parents[2] / "tests" / "data" / "seed-experiment.json").read_text())
ADA = "arn:aws:iam::123456789012:user/ada"


@pytest.fixture
def stack(deployment: FakeDeployment) -> FakeDeployment:
    """A stack whose staging lets published experiments run."""
    deployment.deployed_names = ["nightly"]
    deployment.policies = {"staging": "published", "production": "deployed"}
    return deployment


def write(folder: Path, name: str = "web", **changes: Any) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**REL12, **changes}))
    return str(path)


def objects(stack: FakeDeployment) -> dict[tuple[str, int], dict[str, Any]]:
    return {key: json.loads(body) for key, body in stack.published.objects.items()}


def test_an_experiment_is_published_with_who_when_and_hash(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    done = squall("publish", write(tmp_path))
    assert done.exit_code == 0, done.stderr
    (stored,) = objects(stack).values()
    assert (stored["name"], stored["version"], stored["by"]) == ("web", 1, ADA)
    assert stored["hash"] == content_hash(stored["experiment"])
    assert done.stdout == f"web: published, version 1, hash {stored['hash'][:12]}\n"
    assert stack.aligned == 1


def test_publishing_the_same_again_writes_nothing(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    squall("publish", write(tmp_path))
    done = squall("publish", write(tmp_path))
    assert (done.exit_code, "web: unchanged, version 1" in done.stdout, len(stack.published.objects)) == (0, True, 1)
    squall("publish", write(tmp_path, description="another"))
    assert sorted(stack.published.objects) == [("web", 1), ("web", 2)]


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("web", {"success_criteria": ["it works"]}, "1 of 2 files are not valid"),
        ("nightly", {}, "nightly is deployed already"),
        ("web", {"environment": "moon"}, "the stack has no environment moon"),
        ("web", {"environment": "production"}, "the policy of production lets only deployed experiments run"),
        ("we b", {}, "can't be the name of a published experiment"),
        ("x" * 51, {}, "can't be the name of a published experiment"),
    ],
)
def test_one_bad_file_publishes_none(
    squall: Squall, stack: FakeDeployment, tmp_path: Path, name: str, changes: dict[str, Any], words: str
) -> None:
    done = squall("publish", write(tmp_path, "good"), write(tmp_path, name, **changes))
    assert (done.exit_code, stack.published.objects, stack.aligned) == (3, {}, 0)
    assert words in done.stderr


def test_two_files_of_one_name_are_refused(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    done = squall("publish", write(tmp_path), write(tmp_path / "other"))
    assert (done.exit_code, stack.published.objects) == (3, {})
    assert "two files are named web" in done.stderr


def test_a_policy_is_not_published(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    (tmp_path / "staging.yaml").write_text("name: staging\ncatalogue: published\n")
    done = squall("publish", str(tmp_path / "staging.yaml"))
    assert (done.exit_code, stack.published.objects) == (3, {})
    assert "is not an experiment" in done.stderr


@pytest.mark.parametrize("answer", ["nobody may ask", "an older stack"])
def test_without_the_deployed_names_nothing_is_published(squall: Squall, stack: FakeDeployment, tmp_path: Path, answer: str) -> None:
    if answer == "nobody may ask":
        stack.deployed_names = None
    else:
        stack.policies = None
    done = squall("publish", write(tmp_path))
    assert (done.exit_code, stack.published.objects) == (3, {})
    assert "can't be told" in done.stderr


def test_of_two_publishers_at_once_one_is_refused(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    add = stack.published.add

    def beaten(stored: StoredVersion) -> bool:
        add(StoredVersion(stored.name, stored.version, b"somebody else's"))
        return add(stored)

    stack.published.add = beaten  # type: ignore[method-assign]
    done = squall("publish", write(tmp_path))
    assert done.exit_code == 3
    assert "Somebody else has just published version 1 of web" in done.stderr
    assert stack.published.objects == {("web", 1): b"somebody else's"}


def test_a_write_whose_answer_was_lost_is_recognized(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    add = stack.published.add
    stack.published.add = lambda stored: add(stored) and False  # type: ignore[method-assign]
    assert squall("publish", write(tmp_path)).exit_code == 0


def test_a_good_version_follows_a_broken_one(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    stack.published.objects["web", 1] = b"{"
    assert squall("publish", write(tmp_path)).exit_code == 0
    assert json.loads(stack.published.objects["web", 2])["version"] == 2


def test_a_missing_schedule_is_told(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    stack.alignment = {"scheduled": [], "removed": [], "problems": {"web": "Scheduler refused it", "other": "is not JSON"}}
    done = squall("publish", write(tmp_path))
    assert (done.exit_code, "NOT SCHEDULED: web: Scheduler refused it" in done.stderr) == (5, True)
    stack.alignment = None
    done = squall("catalogue", "retire", "web")
    assert done.exit_code == 5
    assert "The stack tries again within 15 minutes" in done.stderr


def test_retiring_adds_a_version_and_keeps_the_others(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    squall("publish", write(tmp_path))
    done = squall("catalogue", "retire", "web", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["retired"]["version"], document["retired"]["written"]) == (0, 2, True)
    assert objects(stack)["web", 2]["experiment"] is None
    assert json.loads(squall("catalogue", "retire", "web", "--json").stdout)["retired"]["written"] is False
    assert squall("publish", write(tmp_path)).exit_code == 0
    assert sorted(stack.published.objects) == [("web", 1), ("web", 2), ("web", 3)]


def test_what_is_not_published_is_not_retired_or_shown(squall: Squall, stack: FakeDeployment) -> None:
    for command in ("retire", "show"):
        done = squall("catalogue", command, "nightly")
        assert (done.exit_code, "is not published" in done.stderr) == (3, True)
    assert stack.aligned == 0


def test_a_version_is_shown_as_a_file_that_could_be_published(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    squall("publish", write(tmp_path))
    squall("publish", write(tmp_path, description="newer"))
    shown = squall("catalogue", "show", "web", "--version", "1").stdout
    assert shown.startswith("# web: version 1, ")
    assert yaml.safe_load(shown) == objects(stack)["web", 1]["experiment"]
    document = json.loads(squall("catalogue", "show", "web", "--json").stdout)
    assert (document["version"], document["experiment"]["description"]) == (2, "newer")


def test_the_list_says_what_runs_and_what_does_not(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    squall("publish", write(tmp_path), write(tmp_path, "gone"))
    squall("catalogue", "retire", "gone")
    stack.published.objects["broken", 1] = b"{"
    stack.published.objects["nightly", 1] = stack.published.objects["web", 1].replace(b'"name": "web"', b'"name": "nightly"', 1)
    rows = json.loads(squall("catalogue", "list", "--json").stdout)["experiments"]
    states = {(row["name"], row["source"]): row["state"] for row in rows}
    assert states == {
        ("nightly", "deployed"): "active",
        ("nightly", "published"): "ambiguous: also deployed, runs nothing",
        ("web", "published"): "active",
        ("gone", "published"): "retired",
        ("broken", "published"): "unreadable: runs nothing",
    }
    assert "unreadable" in squall("catalogue", "list").stdout


def test_a_broken_version_is_said_to_run_nothing(squall: Squall, stack: FakeDeployment) -> None:
    stack.published.objects["web", 1] = b"{"
    done = squall("catalogue", "show", "web")
    assert (done.exit_code, "runs nothing" in done.stderr) == (3, True)


def test_no_text_in_the_catalogue_steers_a_terminal(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    squall("publish", write(tmp_path, description=HOSTILE))
    shown = squall("catalogue", "show", "web").stdout
    assert not set(shown) & set("\x1b\x07\u202e")


def test_run_knows_published_names(squall: Squall, stack: FakeDeployment, tmp_path: Path) -> None:
    squall("publish", write(tmp_path))
    assert squall("run", "web", "--no-follow").exit_code == 0
    done = squall("run", "wib", "--no-follow")
    assert (done.exit_code, "Did you mean web?" in done.stderr) == (3, True)


@pytest.fixture
def project(tmp_path: Path, stack: FakeDeployment) -> Path:
    """A project with the experiment `web` of staging, in a stack that has it published and knows its deployed campaigns."""
    for folder in ("campaigns", "experiments", "environments"):
        (tmp_path / folder).mkdir()
    (tmp_path / "environments" / "staging.yaml").write_text((ROOT / "environments" / "staging.yaml").read_text())
    write(tmp_path / "experiments", "web")
    stack.deployed_campaigns = ["nightly-suite"]
    return tmp_path


def write_campaign(project: Path, name: str = "suite", **changes: Any) -> str:
    path = project / "campaigns" / f"{name}.yaml"
    campaign = {"name": "Suite", "description": "d", "kind": "suite", "steps": [{"experiment": "web"}]}
    path.write_text(yaml.safe_dump({**campaign, **changes}))
    return str(path)


def test_a_campaign_is_published_with_the_experiments_that_it_names(squall: Squall, stack: FakeDeployment, project: Path) -> None:
    done = squall("publish", write_campaign(project), str(project / "experiments" / "web.yaml"))
    assert done.exit_code == 0, done.stderr
    stored = objects(stack)["suite", 1]
    assert (stored["experiment"], stored["campaign"]["steps"], stored["by"]) == (None, [{"experiment": "web"}], ADA)
    assert stored["hash"] == content_hash(stored["campaign"])
    assert "unchanged" in squall("publish", write_campaign(project)).stdout
    listed = json.loads(squall("catalogue", "list", "--json").stdout)["experiments"]
    assert next(row["state"] for row in listed if row["name"] == "suite") == "active: a campaign"
    assert "kind: suite" in squall("catalogue", "show", "suite").stdout
    assert squall("catalogue", "retire", "suite").exit_code == 0
    assert objects(stack)["suite", 2]["campaign" if "campaign" in objects(stack)["suite", 2] else "experiment"] is None


def test_the_list_says_that_a_campaign_in_both_catalogues_runs_nothing(squall: Squall, stack: FakeDeployment, project: Path) -> None:
    squall("publish", write_campaign(project), str(project / "experiments" / "web.yaml"))
    stack.deployed_campaigns = ["suite"]
    listed = json.loads(squall("catalogue", "list", "--json").stdout)["experiments"]
    assert next(row["state"] for row in listed if row["name"] == "suite") == "ambiguous: also deployed, runs nothing"


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("suite", {"steps": [{"experiment": "web"}, {"experiment": "wb"}]}, "are not valid"),
        ("nightly-suite", {}, "nightly-suite is deployed already"),
        ("nightly", {}, "nightly is deployed already"),
        ("suite", {}, "the stack has no experiment web"),
    ],
)
def test_a_campaign_that_could_not_run_is_not_published(
    squall: Squall, stack: FakeDeployment, project: Path, name: str, changes: dict[str, Any], words: str
) -> None:
    done = squall("publish", write_campaign(project, name, **changes))
    assert (done.exit_code, stack.published.objects) == (3, {})
    assert words in done.stderr


def test_a_campaign_whose_policy_takes_deployed_ones_only_is_not_published(squall: Squall, stack: FakeDeployment, project: Path) -> None:
    stack.policies = {"staging": "deployed"}
    stack.deployed_names = ["web"]
    done = squall("publish", write_campaign(project))
    assert (done.exit_code, stack.published.objects) == (3, {})
    assert "the policy of staging lets only deployed experiments run" in done.stderr


def test_an_older_stack_takes_no_campaign(squall: Squall, stack: FakeDeployment, project: Path) -> None:
    stack.deployed_campaigns = None
    done = squall("publish", write_campaign(project), str(project / "experiments" / "web.yaml"))
    assert (done.exit_code, stack.published.objects) == (3, {})
    assert "can't be told" in done.stderr


def test_a_published_name_does_not_change_its_kind(squall: Squall, stack: FakeDeployment, project: Path) -> None:
    squall("publish", write_campaign(project), str(project / "experiments" / "web.yaml"))
    done = squall("publish", write(project / "experiments", "suite"))
    assert (done.exit_code, "suite is published as a campaign" in done.stderr) == (3, True)
    squall("catalogue", "retire", "suite")
    assert squall("publish", str(project / "experiments" / "suite.yaml")).exit_code == 0


def write_regions(project: Path, *regions: str, **changes: Any) -> tuple[str, str]:
    """An experiment for these Regions, and the campaign that runs it."""
    several = {name: value for name, value in REL12.items() if name != "target_resources"}
    several |= {"blast_radius": "multiple_region", "target": {"tags": {"app": "shop"}}, "regions": dict.fromkeys(regions), **changes}
    (project / "experiments" / "shop.yaml").write_text(yaml.safe_dump(several))
    campaign = {"name": "Shop", "description": "d", "kind": "regions", "experiment": "shop"}
    (project / "campaigns" / "both.yaml").write_text(yaml.safe_dump(campaign))
    return str(project / "experiments" / "shop.yaml"), str(project / "campaigns" / "both.yaml")


def test_an_experiment_for_several_regions_is_published_as_it_was_written(squall: Squall, stack: FakeDeployment, project: Path) -> None:
    experiment, campaign = write_regions(project, "us-east-1", "eu-west-1")
    done = squall("publish", experiment, campaign)
    assert done.exit_code == 0, done.stderr
    assert objects(stack)["shop", 1]["experiment"]["regions"] == {"us-east-1": None, "eu-west-1": None}
    assert objects(stack)["both", 1]["campaign"]["kind"] == "regions"
    assert "shop: no part of it starts before it is published in eu-west-1, too, with --region." in done.stderr


def test_it_is_not_published_where_none_of_it_runs(squall: Squall, stack: FakeDeployment, project: Path) -> None:
    experiment, campaign = write_regions(project, "eu-central-1", "eu-west-1")
    for file in (experiment, campaign):
        done = squall("publish", file)
        assert (done.exit_code, stack.published.objects) == (3, {})
        assert "runs in eu-central-1, eu-west-1, and this stack is in us-east-1" in done.stderr


def test_one_that_is_wrong_in_any_region_is_not_published(squall: Squall, stack: FakeDeployment, project: Path) -> None:
    experiment, _ = write_regions(project, "us-east-1", "eu-west-1", success_criteria=["it works"])
    done = squall("publish", experiment)
    assert (done.exit_code, stack.published.objects) == (3, {})
