"""What the wheel holds, under which names, and that it works where there is no clone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from infra.places import ROOT
from scripts import wheel
from squall.version import VERSION

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OWN = {"squall", "squall_cdk", "squall_cli", "squall_discovery", "squall_local"}
HOW_TO = ROOT / "docs" / "how-to" / "cdk-app.md"


@pytest.mark.parametrize(
    ("code", "renamed"),
    [
        ("from cli.app import app\n", "from squall_cli.app import app\n"),
        ("    from local import up as launcher\n", "    from squall_local import up as launcher\n"),
        ("import infra.places\n", "import squall_cdk.places\n"),
        ("from scripts.bytecode import x\n", "from squall_cdk.scripts.bytecode import x\n"),
        ('[sys.executable, "-m", "local.account.server"]', '[sys.executable, "-m", "squall_local.account.server"]'),
        ("from client import cli\nlocal = 1\n", "from client import cli\nlocal = 1\n"),
        ('("discovery.json", "discovery.scan")', '("discovery.json", "squall_discovery.scan")'),
        ('key = "local"\nname = "local.json-like name"\n', 'key = "local"\nname = "local.json-like name"\n'),
    ],
)
def test_only_imports_and_names_of_modules_change(code: str, renamed: str) -> None:
    assert wheel.rename_packages(code) == renamed


def test_every_package_is_renamed_everywhere(tmp_path: Path) -> None:
    wheel.stage_packages(ROOT, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == OWN
    old_import = re.compile(r"^\s*(from|import) (cli|discovery|infra|local|scripts)[. ]", re.MULTILINE)
    assert [path for path in tmp_path.rglob("*.py") if old_import.search(path.read_text())] == []


def test_a_clone_without_nodes_packages_makes_a_wheel_of_the_command(tmp_path: Path) -> None:
    clone, staging = tmp_path / "clone", tmp_path / "wheel"
    clone.mkdir()
    for path in ROOT.iterdir():
        if path.name != "node_modules":
            (clone / path.name).symlink_to(path)
    wheel.stage_packages(clone, staging)
    assert (staging / "squall_cli" / "main.py").is_file()
    assert not (staging / wheel.SHIPPED / "node_modules").exists()


def test_the_wheel_asks_for_versions_that_are_locked() -> None:
    locked = wheel.read_locked_versions(ROOT)
    lines = [line for name in (*wheel.REQUIREMENTS, *wheel.EXTRAS["local"]) for line in wheel.read_requirements(ROOT / name, locked)]
    assert f"pydantic>={locked['pydantic']}" in lines
    versions = {re.split(r"[\[><=]", line)[0].lower(): re.split(r"[><=]+", line)[-1] for line in lines}
    assert versions == {name: locked[name] for name in versions}


def test_the_backend_is_the_locked_one() -> None:
    assert PYPROJECT["build-system"]["requires"] == [f"hatchling=={wheel.read_locked_versions(ROOT)['hatchling']}"]


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, wheel_file: Path) -> Path:
    """The `bin` folder of a fresh environment with the wheel and its extra `cdk`, outside of the clone."""
    folder = tmp_path_factory.mktemp("machine")
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin" / "pip", "install", "-qq", f"{wheel_file}[cdk]"], check=True)
    return folder / "bin"


def run(command: list[str | Path], folder: Path) -> str:
    """What a command writes to stdout, in a folder, with nothing of this clone in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SQUALL", "AWS", "VIRTUAL"))}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.soak
def test_the_wheel_holds_its_packages_and_nothing_else(wheel_file: Path) -> None:
    with zipfile.ZipFile(wheel_file) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    assert top == OWN | {f"squall-{VERSION}.dist-info"}


@pytest.mark.soak
def test_the_command_works_without_a_clone(machine: Path, tmp_path: Path) -> None:
    squall = machine / "squall"
    assert run([squall, "--version"], tmp_path) == f"squall {VERSION}\n"
    assert "Usage: squall [OPTIONS]" in run([squall, "--help"], tmp_path)
    definition = tmp_path / "experiment.yaml"
    definition.write_text((ROOT / "experiments" / "cold-start.yaml").read_text())
    validated = run([squall, "validate", "experiment.yaml"], tmp_path)
    assert validated == "experiment.yaml: valid, and no policy of environment staging lies beside it, so none judged it\n"
    assert "complete -o default -F _squall_completion squall" in run([squall, "--show-completion", "bash"], tmp_path)


@pytest.mark.soak
def test_without_the_extra_the_local_account_says_what_is_missing(machine: Path, tmp_path: Path) -> None:
    done = subprocess.run([machine / "squall", "local", "up"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "squall[local]" in done.stderr


@pytest.mark.soak
def test_the_app_of_the_how_to_synthesizes_from_the_wheel(machine: Path, tmp_path: Path) -> None:
    """Another CDK app, with a package of its own that is called infra."""
    (code,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    (tmp_path / "app.py").write_text(code)
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "__init__.py").write_text("THEIRS = True\n")
    for kind, name in (("environments", "staging"), ("experiments", "cold-start")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.yaml").write_text((ROOT / kind / f"{name}.yaml").read_text())
    script = (
        f"import os; os.environ['PATH'] = {str(ROOT / '.venv' / 'bin')!r} + os.pathsep + os.environ['PATH']\n"
        "os.environ['CDK_OUTDIR'] = 'cdk.out'\n"
        "import runpy; runpy.run_path('app.py', run_name='__main__')\n"
        "import infra; assert infra.THEIRS\n"
    )
    run([machine / "python", "-c", script], tmp_path)
    (template,) = (tmp_path / "cdk.out").rglob("Chaos.template.json")
    resources = json.loads(template.read_text())
    assert resources["Outputs"]["SquallVersion"]["Value"] == VERSION
    functions = [value for value in resources["Resources"].values() if value["Type"] == "AWS::Lambda::Function"]
    assert {"squall.handlers.abort.handler", "squall.handlers.admit.handler"} <= {
        function["Properties"]["Handler"] for function in functions
    }
