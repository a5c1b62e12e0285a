"""The tutorial, typed as it stands: first the lessons in the local account, then the one on AWS, there too."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from local import processes, shipped
from local import up as launcher
from tests.documentation.pages import ROOT, Reader, list_blocks, make_folder

LESSONS = ("local-account.md", "first-experiment.md", "reading-a-report.md", "find-a-limit.md")

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200), pytest.mark.xdist_group("documentation")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path)


def environment(**variables: str) -> dict[str, str]:
    """The variables of a reader's shell: none points at an AWS account but these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_", "SQUALL_"))}
    return {**own, "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{own['PATH']}", **variables}


def test_the_lessons_in_the_local_account(folder: Path) -> None:
    reader = Reader(folder, environment())
    try:
        for page in LESSONS:
            for block in list_blocks(page):
                reader.type_block(block)
    finally:
        launcher.stop_account(folder / ".local")
    printed = "\n".join(reader.outputs)
    assert "validated" in printed
    assert "aborted" in printed
    assert "holds to latency_ms 250, fails from latency_ms 375" in printed
    assert "<html" in (folder / "second-run.html").read_text(encoding="utf-8")
    assert processes.list_leftovers(folder / ".local") == []


def test_the_lesson_on_aws_with_ordinary_clients_in_the_local_account(folder: Path) -> None:
    """The AWS CLI, the CDK CLI and `squall` find the local account by their variables, as they would find AWS. Settings
    give the deployment the pace and the processor of this machine, and a name replaces the reader's group."""
    install_docs_tools()
    (folder / "environments").unlink()
    (folder / "environments").symlink_to(shipped.POLICIES)
    state = folder / ".local"
    account = launcher.start_account(state, deploy=False)
    settings = {
        "synthesizer": "cli",
        "environments_dir": str(folder / "environments"),
        "experiments_dir": str(folder / "experiments"),
        "lambda_architecture": "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64",
    }
    context = " ".join(f"{name}={value}" for name, value in settings.items())
    replacements = {"your-group": "sample-web", "PT10M": "PT1M"}
    reader = Reader(folder, environment(**account.environment(), CONTEXT=context), replacements)
    try:
        for block in list_blocks("first-on-aws.md"):
            reader.type_block(block)
    finally:
        launcher.stop_account(state)
    assert "validated" in "\n".join(reader.outputs)
    assert "<html" in (folder / "first-on-aws.html").read_text(encoding="utf-8")


def install_docs_tools() -> None:
    """The AWS CLI is in requirements-docs.txt, which `make docs-tools` installs."""
    subprocess.run(["make", "docs-tools"], cwd=ROOT, check=True, capture_output=True, timeout=900)
