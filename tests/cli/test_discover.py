"""`squall discover`: the files it writes, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from discovery.permissions import make_policy
from discovery.posture import Posture
from discovery.proposals.text import MARK
from tests.cli.conftest import Squall
from tests.discovery.answers import Session
from tests.discovery.shop import Shop, answers


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Session:
    session = Session(answers([Shop(), Shop(1, opted_in=False)]), frozenset({"elasticache.DescribeCacheClusters"}))

    def make(region_name: str | None) -> Session:
        return session

    monkeypatch.setattr(boto3, "Session", make)
    return session


def test_the_policy_is_printed_without_aws(squall: Squall, no_aws: Any) -> None:
    done = squall("discover", "--policy")
    assert (done.exit_code, json.loads(done.stdout)) == (0, make_policy())


def test_page_document_and_experiments_are_written_and_the_scan_leaves_no_trace(squall: Squall, account: Session, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "experiments").mkdir(parents=True)
    (folder / "experiments" / "of-yesterday.yaml").write_text(f"{MARK}\nname: x")
    done = squall("discover", "--output", str(folder), "--environment", "preproduction")
    assert done.exit_code == 0, done.output
    posture = Posture.model_validate_json((folder / "posture.json").read_text())
    files = {path.stem for path in (folder / "experiments").iterdir()}
    assert files == {proposal.name for proposal in posture.proposals}
    assert {yaml.safe_load((folder / "experiments" / f"{name}.yaml").read_text())["environment"] for name in files} == {
        "staging",
        "preproduction",
    }
    assert "<svg" in (folder / "posture.html").read_text()
    assert not (folder / ".scan.jsonl").exists()
    assert "not seen: elasticache:DescribeCacheClusters (AccessDeniedException)" in done.stdout
    assert "databases: 2" in done.stderr
    assert squall("validate", *[str(path) for path in (folder / "experiments").iterdir()]).exit_code == 0


def test_experiments_of_somebodys_own_are_neither_deleted_nor_overwritten(squall: Squall, account: Session, tmp_path: Path) -> None:
    """`--output .` in a repository names the folder from which experiments are deployed."""
    assert squall("discover", "--output", str(tmp_path)).exit_code == 0
    proposed = sorted((tmp_path / "experiments").iterdir())
    own = tmp_path / "experiments" / "own.yaml"
    own.write_text("name: reviewed\n")
    before = {path: path.read_text() for path in [*proposed, own, tmp_path / "posture.json"]}
    done = squall("discover", "--output", str(tmp_path))
    assert (done.exit_code, "own.yaml" in done.stderr) == (3, True), done.output
    assert {path: path.read_text() for path in before} == before


def test_json_is_the_document_and_nothing_else(squall: Squall, account: Session, tmp_path: Path) -> None:
    done = squall("discover", "--json", "--output", str(tmp_path / "out"))
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "posture.json").read_text())


def test_without_credentials_it_says_what_to_do(squall: Squall, no_aws: Any, tmp_path: Path) -> None:
    done = squall("discover", "--region", "eu-west-1", "--output", str(tmp_path))
    assert done.exit_code == 3
    assert "No usable AWS credentials were found." in done.stderr


def test_a_folder_that_can_t_be_written_is_refused(squall: Squall, account: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = squall("discover", "--output", str(tmp_path / "file"))
    assert (done.exit_code, "can't be written" in done.stderr) == (3, True)
