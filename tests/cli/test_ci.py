"""What CI systems and issue trackers get: JUnit, a summary, findings, and the gate."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from cli.ci.findings import FINGERPRINT, Found, render_lines, render_sarif
from cli.ci.junit import render_junit
from cli.ci.summary import render_summary
from cli.exits import exit_code
from infra.places import ROOT
from squall.admission.experiment import parse_experiment
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.result import Result
from squall.domain.experiment.hashes import definition_hash
from squall.domain.history.summary import RunSummary
from tests.cli.conftest import Squall
from tests.cli.fakes import HOSTILE, FakeDeployment, record, result
from tests.cli.test_run import CONTROL, OUTCOMES, _ends

FINDING: dict[str, Any] = {
    "id": "f-1", "kind": "slow_recovery", "title": "Recovery is slow", "detail": "It took 9 minutes", "severity": "high",
    "practice": "REL11-BP03", "improvements": ["Scale out earlier"],
}  # fmt: skip
CLOSED = FINDING | {"id": "f-2", "status": "closed", "closed_by": "run-1"}


def make_result(status: Status = Status.COMPLETED, verdict: Verdict | None = Verdict.VALIDATED, **changes: Any) -> Result:
    return Result.model_validate(result(status, verdict, **changes))


@pytest.mark.parametrize(("status", "verdict", "code"), OUTCOMES)
def test_junit_passes_exactly_where_the_exit_code_does(status: Status, verdict: Verdict | None, code: int) -> None:
    suite = ET.fromstring(render_junit(make_result(status, verdict))).find("testsuite")
    assert suite is not None
    broken = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    assert (broken == 0) is (code == 0)
    assert int(suite.attrib["failures"]) == (code == 1)
    assert exit_code(status, verdict) == code


@pytest.mark.parametrize(("outcome", "kind"), [("met", None), ("not_met", "failure"), ("cannot_tell", "error")])
def test_a_criterion_is_a_test_and_what_nobody_can_tell_is_no_pass(outcome: str, kind: str | None) -> None:
    document = result(Status.COMPLETED, Verdict.INCONCLUSIVE)
    document["criteria"][0]["outcome"] = outcome
    cases = ET.fromstring(render_junit(Result.model_validate(document))).findall("testsuite/testcase")
    assert [case.attrib["name"] for case in cases] == ["verdict", "System availability > 99%"]
    assert [child.tag for child in cases[1]] == ([kind] if kind else [])


def test_texts_from_outside_are_no_markup() -> None:
    hostile = make_result(
        reason=HOSTILE + "</testcase>\x00|", experiment_name=HOSTILE + "<a>", findings=[FINDING | {"title": "[x](http://e)"}]
    )
    assert ET.fromstring(render_junit(hostile)).tag == "testsuites"
    summary = render_summary(hostile, "s3://bucket/report.html")
    assert not CONTROL.search(summary)
    assert "<" not in summary
    assert "[x](" not in summary


def test_sarif_has_the_open_findings_with_ids_that_stay() -> None:
    log = json.loads(render_sarif(Found.of_run(make_result(findings=[FINDING, CLOSED])), "experiments/a.yaml"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (outcome,) = run["results"]
    assert outcome["partialFingerprints"] == {FINGERPRINT: "f-1"}
    assert outcome["level"] == "error"
    assert outcome["ruleId"] in {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert outcome["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "experiments/a.yaml"


def test_lines_have_every_finding_with_its_run() -> None:
    lines = [json.loads(line) for line in render_lines(Found.of_run(make_result(findings=[FINDING, CLOSED]))).splitlines()]
    assert [(line["id"], line["status"], line["execution_id"]) for line in lines] == [("f-1", "open", "run-1"), ("f-2", "closed", "run-1")]


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    return {name: tmp_path / f"{name}.out" for name in ("junit", "summary", "sarif", "findings")}


def list_flags(paths: dict[str, Path]) -> list[str]:
    return [word for name, path in paths.items() for word in (f"--{name}", str(path))]


def test_a_run_writes_its_files_whatever_its_outcome(squall: Squall, deployment: FakeDeployment, paths: dict[str, Path]) -> None:
    _ends(deployment, Status.COMPLETED, Verdict.REFUTED)
    deployment.documents["run-1", "result"]["findings"] = [FINDING]
    assert squall("run", "slow", *list_flags(paths)).exit_code == 1
    assert squall("run", "slow", *list_flags(paths)).exit_code == 1
    assert ET.parse(paths["junit"]).find("testsuite/testcase/failure") is not None
    assert len(paths["findings"].read_text().splitlines()) == 2, "appended"
    assert paths["summary"].read_text().count("## Squall") == 2
    assert json.loads(paths["sarif"].read_text())["runs"][0]["results"][0]["partialFingerprints"][FINGERPRINT] == "f-1"


def test_a_run_without_a_result_is_an_error_in_junit(squall: Squall, deployment: FakeDeployment, paths: dict[str, Path]) -> None:
    _ends(deployment, Status.FAILED, None, reason="the state machine died")
    deployment.documents.clear()
    assert squall("run", "slow", *list_flags(paths)).exit_code == 5
    error = ET.parse(paths["junit"]).find("testsuite/testcase/error")
    assert error is not None
    assert "the state machine died" in error.attrib["message"]


def test_an_old_file_does_not_pass_for_a_run_that_never_ended(squall: Squall, deployment: FakeDeployment, paths: dict[str, Path]) -> None:
    paths["junit"].write_text("<old/>")
    deployment.on_start = [record(phase="WatchFault")]
    assert squall("run", "slow", "--wait-timeout", "0s", *list_flags(paths)).exit_code != 0
    assert not paths["junit"].exists()


def test_files_that_cannot_be_written_are_refused_before_the_run(squall: Squall, deployment: FakeDeployment, tmp_path: Path) -> None:
    assert squall("run", "slow", "--junit", str(tmp_path / "no" / "x.xml")).exit_code == 3
    assert squall("run", "slow", "--no-follow", "--junit", str(tmp_path / "x.xml")).exit_code == 3
    assert deployment.started == []


FILE = str(ROOT / "experiments" / "ec2-instance-termination.yaml")


@pytest.fixture
def gated(deployment: FakeDeployment) -> Any:
    """Adds runs of the experiment in FILE: `add(id, days ago, verdict, same definition)`."""
    experiment = parse_experiment(yaml.safe_load(Path(FILE).read_text()))

    def add(name: str, days: float, verdict: Verdict, *, same: bool = True, environment: str = experiment.environment) -> None:
        at = datetime.now(UTC) - timedelta(days=days)
        held = {Verdict.VALIDATED: True, Verdict.REFUTED: False}.get(verdict)
        deployment.runs.append(
            RunSummary(name, at, Status.COMPLETED, experiment.name, environment, verdict=verdict, hypothesis_validated=held)
        )
        deployment.scripts[name] = [
            record(name, status=Status.COMPLETED, verdict=verdict, definition_hash=definition_hash(experiment) if same else "other")
        ]

    return add


V, R, I = Verdict.VALIDATED, Verdict.REFUTED, Verdict.INCONCLUSIVE  # noqa: E741


@pytest.mark.parametrize(
    ("runs", "code", "expected_text"),
    [
        ([], 3, "no validated run in staging"),
        ([("a", 3, V)], 0, "validated 3 days ago"),
        ([("a", 40, V)], 3, "validated 40 days ago, more than 30"),
        ([("a", 3, V, False)], 3, "the definition has changed"),
        ([("a", 9, V), ("b", 3, R)], 1, "refuted"),
        ([("a", 9, R), ("b", 3, V)], 0, "validated 3 days ago"),
        ([("a", 9, V), ("b", 3, I)], 0, "validated 9 days ago"),
        ([("a", 9, V), ("b", 3, R, False)], 0, "validated 9 days ago"),
    ],
)
def test_the_newest_decisive_run_of_this_definition_counts(
    squall: Squall, deployment: FakeDeployment, gated: Any, runs: list[tuple[Any, ...]], code: int, expected_text: str
) -> None:
    for name, days, verdict, *same in runs:
        gated(name, days, verdict, same=same[0] if same else True)
    done = squall("gate", FILE)
    assert done.exit_code == code
    assert expected_text in done.stdout
    document = json.loads(squall("gate", FILE, "--json").stdout)
    assert document["passed"] is (code == 0)


def test_a_run_in_another_environment_proves_nothing(squall: Squall, deployment: FakeDeployment, gated: Any) -> None:
    gated("a", 3, V, environment="elsewhere")
    assert squall("gate", FILE).exit_code == 3


def test_a_decisive_run_whose_record_is_gone_may_have_refuted_the_definition(
    squall: Squall, deployment: FakeDeployment, gated: Any
) -> None:
    gated("older", 2, V)
    gated("newest", 1, R)
    del deployment.scripts["newest"]
    done = squall("gate", FILE)
    assert done.exit_code == 3
    assert "the record of a decisive run is gone" in done.stdout
    assert "newest" in done.stdout


def test_rerun_passes_only_by_the_run_that_it_made(
    squall: Squall, deployment: FakeDeployment, gated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated("old", 40, V)
    start = deployment.start

    def start_and_validate(name: str, payload: Any) -> Any:
        started = start(name, payload)
        gated(name, 0, V)
        return started

    monkeypatch.setattr(deployment, "start", start_and_validate)
    _ends(deployment, Status.COMPLETED, Verdict.VALIDATED)
    assert squall("gate", FILE, "--rerun").exit_code == 0
    assert [payload["experiment"] for _, payload in deployment.started] == ["ec2-instance-termination"]
    assert squall("gate", FILE, "--rerun").exit_code == 0
    assert len(deployment.started) == 1, "it passes: nothing is run"


def test_rerun_of_another_definition_than_the_file_s_does_not_pass(squall: Squall, deployment: FakeDeployment, gated: Any) -> None:
    gated("old", 40, V)
    _ends(deployment, Status.COMPLETED, Verdict.VALIDATED)
    assert squall("gate", FILE, "--rerun").exit_code == 3


@pytest.mark.parametrize("arguments", [["nowhere.yaml"], [str(ROOT / "environments" / "staging.yaml")], [FILE, "--within", "0"]])
def test_a_gate_that_nobody_can_judge_is_refused(squall: Squall, deployment: FakeDeployment, arguments: list[str]) -> None:
    assert squall("gate", *arguments).exit_code == 3
