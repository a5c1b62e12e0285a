"""`squall campaign plan` and `squall validate` on campaigns, from the files on a disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Squall

ROOT = Path(__file__).parents[2]
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
