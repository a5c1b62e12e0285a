"""`squall new` writes what validates: for every fault on every kind of target, and for a policy."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from cli.commands.new import make_file_name
from cli.drafting import answers
from cli.drafting.experiment import list_required_parameters
from infra.definitions import load_definitions
from infra.places import ROOT
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.policy.environment import Environment
from squall.faults import registry
from tests.cli.conftest import Squall

TARGETS = {
    ResourceType.INSTANCE: ["--target", "i-0123456789abcdef0"],
    ResourceType.DATABASE: ["--target", "arn:aws:rds:eu-west-1:123456789012:db:orders"],
    ResourceType.DATABASE_CLUSTER: ["--target", "arn:aws:rds:eu-west-1:123456789012:cluster:orders"],
    ResourceType.SUBNET: ["--target", "subnet-0123456789abcdef0"],
    ResourceType.ECS_TASK: ["--on", "aws:ecs:task", "--tag", "service=web", "--filter", "cluster=shop"],
    ResourceType.FUNCTION: ["--target", "arn:aws:lambda:eu-west-1:123456789012:function:orders"],
    ResourceType.VOLUME: ["--target", "vol-0123456789abcdef0"],
    ResourceType.SCALING_GROUP: ["--on", "aws:ec2:autoscaling-group", "--tag", "service=web"],
    ResourceType.POD: [
        "--target", "arn:aws:eks:eu-west-1:123456789012:cluster/shop", "--on", "aws:eks:pod",
        "--filter", "namespace=shop", "--filter", "deployment=web",
    ],
}  # fmt: skip
PARAMETERS = {"memory_percent": "80", "port": "8080", "scope": "s3", "latency_ms": "3000", "dependency": "payments.example.com"}
PARAMETERS |= {"process": "nginx"}
FAULTS = [(fault.type.value, fault.resource_type) for fault in registry.list_faults()]
ENOUGH = ["--name", "Cache loss", "--environment", "staging", "--type", "instance_termination", "--target", "i-0123456789abcdef0"]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=[f"{fault} {kind}" for fault, kind in FAULTS])
def test_a_draft_of_every_fault_validates(squall: Squall, fault: str, kind: ResourceType) -> None:
    settings = [word for name in list_required_parameters(FaultType(fault), kind) for word in ("--set", f"{name}={PARAMETERS[name]}")]
    written = squall(
        "new", "experiment", "--name", "Cache loss", "--type", fault, "--environment", "staging", *TARGETS[kind], *settings, "--json"
    )
    assert written.exit_code == 0, written.stderr
    document = json.loads(written.stdout)
    assert document["file"] == "experiments/cache-loss.yaml"
    assert yaml.safe_load(Path(document["file"]).read_text()) == document["experiment"]
    assert squall("validate", document["file"]).exit_code == 0


def test_the_first_line_leads_editors_to_a_schema_that_is_there(squall: Squall, folder: Path) -> None:
    assert squall("new", "experiment", "drafts/one.yaml", *ENOUGH).stdout == "drafts/one.yaml\n"
    first = (folder / "drafts" / "one.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schemas/experiment.schema.json"
    assert (folder / "schemas" / "experiment.schema.json").read_text() == (ROOT / "schemas" / "experiment.schema.json").read_text()


def test_a_file_that_exists_is_never_replaced(squall: Squall, folder: Path) -> None:
    (folder / "mine.yaml").write_text("mine")
    done = squall("new", "experiment", "mine.yaml", *ENOUGH)
    assert done.exit_code == 3
    assert "exists already" in done.stderr
    assert (folder / "mine.yaml").read_text() == "mine"


@pytest.mark.parametrize("missing", ["--name", "--environment", "--type", "--target"])
def test_without_a_terminal_a_missing_flag_is_named(squall: Squall, folder: Path, missing: str) -> None:
    at = ENOUGH.index(missing)
    done = squall("new", "experiment", *ENOUGH[:at], *ENOUGH[at + 2 :])
    assert done.exit_code == 3
    assert missing in done.stderr
    assert not list(folder.iterdir())


def test_on_a_terminal_it_asks_for_what_is_missing(squall: Squall, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replies = iter(["service_unavailable", "i-0123456789abcdef0 i-0123456789abcdef1", "staging", "No service", "8080"])
    monkeypatch.setattr(answers, "_prompt", lambda question: next(replies))
    monkeypatch.setattr(answers, "_has_terminal", lambda: True)
    done = squall("new", "experiment")
    assert done.exit_code == 0, done.stderr
    written = yaml.safe_load((folder / "experiments" / "no-service.yaml").read_text())
    assert written["target_resources"] == ["i-0123456789abcdef0", "i-0123456789abcdef1"]
    assert written["parameters"] == {"port": 8080}


def test_answers_that_no_experiment_may_have_are_refused_with_every_problem(squall: Squall, folder: Path) -> None:
    done = squall("new", "experiment", *ENOUGH, "--set", "colour=red", "--owner", "a\tb")
    assert done.exit_code == 3
    assert "colour" in done.stderr
    assert "owner" in done.stderr
    assert not list(folder.iterdir())


def test_a_policy_is_valid_and_deployable_beside_its_experiment(squall: Squall, folder: Path) -> None:
    flags = ["--name", "staging", "--description", "Where we try", "--approvers", "2", "--closed-hours", "Europe/Berlin"]
    assert squall("new", "environment", *flags).exit_code == 0
    assert squall("new", "experiment", *ENOUGH).exit_code == 0
    definitions = load_definitions(folder / "experiments", folder / "environments")
    policy: Environment = definitions.environments["staging"]
    assert policy.approval is not None
    assert policy.approval.approvers == 2
    assert policy.closed_hours is not None
    assert list(definitions.experiments) == ["cache-loss"]


@pytest.mark.parametrize(
    ("flags", "expected_text"),
    [
        (["--name", "Staging!"], "name"),
        (["--name", "staging", "other.yaml"], "staging.yaml"),
        (["--closed-hours", "Mars", "--name", "a"], "Mars"),
    ],
)
def test_a_wrong_policy_is_refused(squall: Squall, folder: Path, flags: list[str], expected_text: str) -> None:
    done = squall("new", "environment", "--description", "x", *flags)
    assert done.exit_code == 3
    assert expected_text in done.stderr
    assert not list(folder.iterdir())


def test_a_file_name_is_a_catalogue_name() -> None:
    assert [make_file_name(name) for name in ("Cache loss (EU)", "  --  ")] == ["cache-loss-eu", "experiment"]


def test_the_hook_of_pre_commit_validates_experiments_campaigns_and_environments(squall: Squall) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    chosen = [
        path
        for path in ("experiments/a.yaml", "experiments/b/c.json", "campaigns/a.yaml", "environments/a.yaml", "x/experiments/a.yaml")
        if re.search(hook["files"], path)
    ]
    assert chosen == ["experiments/a.yaml", "experiments/b/c.json", "campaigns/a.yaml", "environments/a.yaml"]
    name, *words = hook["entry"].split()
    assert name == "squall"
    assert squall(*words, str(ROOT / "experiments" / "cold-start.yaml")).exit_code == 0
    assert squall(*words, str(ROOT / "environments" / "staging.yaml")).exit_code == 0
    assert squall(*words, str(ROOT / "campaigns" / "ec2-instances.yaml")).exit_code == 0
