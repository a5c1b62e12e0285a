"""The scripts of the integrations, run as their CI systems run them, with a `squall` that writes down how it was called."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from cli.main import squall

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "integrations"
ACTION: dict[str, Any] = yaml.safe_load((FOLDER / "github" / "action.yml").read_text())
BUILD: dict[str, Any] = yaml.safe_load((FOLDER / "codebuild" / "buildspec.yml").read_text())


class Job:
    """A CI job in an empty folder; `squall` ends with the code that was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls = folder, folder / "calls"
        command = folder / "bin" / "squall"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word" >> {self.calls}; done\n'
                           f'printf "%s" "${{AWS_REGION:-}}" > {folder}/region\nexit ${{CODE:-0}}\n')  # fmt: skip
        command.chmod(0o755)

    def run(self, script: str, **variables: str) -> int:
        environment = {"PATH": f"{self.folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(self.folder), **variables}
        return subprocess.run(["sh", "-e", "-c", script], cwd=self.folder, env=environment, check=False, timeout=60).returncode

    @property
    def words(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def run_action(job: Job, *, code: int = 0, inputs: dict[str, str]) -> int:
    """Runs the steps of the action, with its inputs as GitHub fills them in."""
    values = {name: declared["default"] for name, declared in ACTION["inputs"].items()} | inputs
    runner = {"GITHUB_ACTION_PATH": str(FOLDER / "github"), "GITHUB_STEP_SUMMARY": str(job.folder / "step.md"), "CODE": str(code)}
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"], "an input in a script would be run as part of it"
        variables = {
            name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda entry: values[entry[1]], text)
            for name, text in step.get("env", {}).items()
        }
        if ended := job.run(step["run"], **runner, **variables):
            return ended
    return 0


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5])
def test_the_action_ends_as_squall_ends(job: Job, code: int) -> None:
    assert run_action(job, code=code, inputs={"experiment": "slow", "region": "eu-central-1"}) == code
    assert job.words[0] == "run"
    assert job.words[-2:] == ["--", "slow"]
    assert job.words[job.words.index("--summary") + 1] == str(job.folder / "step.md")
    assert (job.folder / "region").read_text() == "eu-central-1"


def test_the_action_s_gate(job: Job) -> None:
    assert run_action(job, inputs={"gate": "experiments/a.yaml experiments/b.yaml", "within-days": "7", "rerun": "true"}) == 0
    assert job.words == ["gate", "--within", "7", "--rerun", "--", "experiments/a.yaml", "experiments/b.yaml"]


@pytest.mark.parametrize("text", ["$(touch owned)", "; touch owned", "`touch owned`", "--help", "* "])
def test_an_input_is_never_a_command_nor_an_option(job: Job, text: str) -> None:
    run_action(job, inputs={"experiment": text})
    assert job.words[-2:] == ["--", text]
    run_action(job, inputs={"gate": text})
    assert not (job.folder / "owned").exists()
    assert job.words[-len(text.split()) - 1 :] == ["--", *text.split()]


@pytest.mark.parametrize("inputs", [{}, {"experiment": "a", "gate": "b"}])
def test_the_action_runs_one_thing(job: Job, inputs: dict[str, str]) -> None:
    assert run_action(job, inputs=inputs) == 3
    assert job.words == []


@pytest.mark.parametrize("code", [0, 2])
def test_the_build_ends_as_squall_ends_and_its_report_is_where_it_looks(job: Job, code: int) -> None:
    (job.folder / "integrations").symlink_to(FOLDER)
    commands = [command for phase in ("install", "build") for command in BUILD["phases"][phase]["commands"]]
    assert job.run("\n".join(commands), CODE=str(code), **BUILD["env"]["variables"]) == code
    report = job.words[job.words.index("--junit") + 1]
    assert report == f"{BUILD['reports']['squall']['base-directory']}/{BUILD['reports']['squall']['files'][0]}"
    assert (job.folder / "squall-reports").is_dir()


def test_squall_has_every_option_that_the_script_gives() -> None:
    commands = typer.main.get_group(squall).commands
    script = (FOLDER / "run.sh").read_text().partition("set -eu")[2]
    for name in ("run", "gate"):
        known = {option for parameter in commands[name].params for option in parameter.opts}
        lines = (
            script.partition("exec squall run")[2] if name == "run" else script.partition("exec squall run")[0].partition("set -- gate")[2]
        )
        used = set(re.findall(r"(--[a-z]+)", lines))
        assert used
        assert used <= known
