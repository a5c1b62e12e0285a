"""`squall show --html`, `--open` and `--markdown`: the report is fetched, made where it is missing, and said where it is."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path

import pytest

from cli import reports
from cli.errors import CommandError
from squall.domain.base.vocabulary import Status, Verdict
from tests.cli.conftest import Squall
from tests.cli.fakes import FakeDeployment, record, result

PAGE = "<!doctype html><title>ok</title>"


@pytest.fixture
def over(deployment: FakeDeployment) -> FakeDeployment:
    deployment.scripts["run-1"] = [record(status=Status.COMPLETED, verdict=Verdict.VALIDATED)]
    deployment.documents["run-1", "result"] = result(Status.COMPLETED, Verdict.VALIDATED)
    deployment.files["run-1", "report.html"] = PAGE
    deployment.files["run-1", "report.md"] = "## ok\n\x1b[31mred @\u200bhere\n"
    return deployment


def test_the_page_is_saved_where_it_is_wanted(squall: Squall, over: FakeDeployment, tmp_path: Path) -> None:
    wanted = tmp_path / "new folder" / "report.html"
    done = squall("show", "run-1", "--html", str(wanted))
    assert (done.exit_code, done.stdout) == (0, f"{wanted}\n")
    assert wanted.read_text() == PAGE
    assert over.reported == []


def test_a_page_that_is_not_there_is_made(squall: Squall, over: FakeDeployment, tmp_path: Path) -> None:
    over.files.clear()
    over.report_made = {"report.html": PAGE}
    assert squall("show", "run-1", "--html", str(tmp_path / "r.html")).exit_code == 0
    assert over.reported == ["run-1"]


def test_a_page_that_is_still_missing_is_an_error_with_the_way_to_the_result(squall: Squall, over: FakeDeployment) -> None:
    over.files.clear()
    done = squall("show", "run-1", "--html", "r.html")
    assert done.exit_code == 5
    assert "squall show run-1" in done.stderr


def test_what_is_about_to_be_made_is_waited_for(over: FakeDeployment) -> None:
    over.files.clear()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        over.files["run-1", "report.html"] = PAGE

    assert reports.fetch_report(over, "run-1", "report.html", patience=30, sleep=sleep) == PAGE
    assert slept == [reports.LOOK_SECONDS]
    assert over.reported == []


def test_open_shows_it_in_the_browser(squall: Squall, over: FakeDeployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown: list[str] = []

    def shown_nowhere(url: str) -> bool:
        shown.append(url)
        return False

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(webbrowser, "open", shown_nowhere)
    done = squall("show", "run-1", "--open")
    assert shown == [(tmp_path / "squall-run-1.html").as_uri()]
    assert (tmp_path / "squall-run-1.html").read_text() == PAGE
    assert "No browser" in done.stderr


def test_markdown_is_printed_without_what_steers_a_terminal(squall: Squall, over: FakeDeployment) -> None:
    assert squall("show", "run-1", "--markdown").stdout == "## ok\n[31mred @\u200bhere\n"


def test_one_form_at_a_time(squall: Squall, over: FakeDeployment) -> None:
    assert squall("show", "run-1", "--markdown", "--json").exit_code == 3


def test_a_file_that_cannot_be_written_is_said(over: FakeDeployment, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be written"):
        reports.save_report(PAGE, str(tmp_path))


@pytest.mark.parametrize("command", [("show", "run-1"), ("run", "seed", "--name", "run-2")])
def test_where_the_report_is_stands_with_the_result(squall: Squall, over: FakeDeployment, command: tuple[str, ...]) -> None:
    over.on_start = [record(status=Status.COMPLETED, verdict=Verdict.VALIDATED)]
    done = squall(*command)
    name = "run-2" if "run-2" in command else "run-1"
    assert f"s3://bucket/results/{name}/report.html" in done.stdout
    assert f"squall show {name} --open" in done.stderr
    assert not json.dumps(done.stdout).count("\\u001b")
