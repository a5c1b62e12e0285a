"""`squall validate`: every problem at once, where it stands, and no terminal is steered by a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.arguments import definitions
from cli.commands.validate import check_file
from tests.cli.conftest import Squall

ROOT = Path(__file__).parents[2]
GROUP = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:00000000-0000-0000-0000-000000000000:autoScalingGroupName/web"
REL12 = ROOT / "local" / "data" / "seed-experiment.json"
BAD = """\
name: Bad
description: x
type: instance_terminatio
hypothesis: h
blast_radius: single_instance
target_resources: [i-1234567890abcdef0]
duration_minutes: -5
rollback_plan: none
unknown_key: 1
success_criteria:
  - System availability >> 99%
abort_conditions: ["System availability < 95 bananas"]
environment: staging
"""


def _file(folder: Path, text: str, name: str = "experiment.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_rel12_bp05_is_valid_as_it_stands(squall: Squall) -> None:
    done = squall("validate", str(REL12))
    beside = REL12.parents[1] / "environments" / "staging.yaml"
    assert (done.exit_code, done.stdout) == (0, f"{REL12}: valid, also by {beside.relative_to(Path.cwd())} (environment staging)\n")


def test_every_problem_is_told_at_once_with_line_found_and_caret(squall: Squall, tmp_path: Path) -> None:
    path = _file(tmp_path, BAD)
    done = squall("validate", path)
    assert done.exit_code == 3
    for line in (3, 7, 9, 11, 12):
        assert f"{path}:{line}: " in done.stdout
    assert 'found     "instance_terminatio"' in done.stdout
    sentence, caret = done.stdout.split("      System availability < 95 bananas\n")[0], done.stdout.splitlines()
    assert sentence
    pointer = caret[caret.index("      System availability < 95 bananas") + 1]
    assert pointer.index("^") == "      System availability < 95 bananas".index("bananas")


def test_what_can_never_be_judged_or_guarded_is_refused_with_what_works(squall: Squall, tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    _file(tmp_path / "environments", "name: staging\n", "staging.yaml")
    short = {**json.loads(REL12.read_text()), "duration_minutes": 1}
    done = squall("validate", _file(tmp_path, json.dumps(short), "short.json"))
    assert done.exit_code == 3
    assert "at least 8 min, or 110 s with metrics of a `sentinel`, whose periods are 10 s" in done.stdout
    short["duration_minutes"] = 10
    assert squall("validate", _file(tmp_path, json.dumps(short), "long.json")).exit_code == 0


def test_a_custom_action_may_come_from_a_template(squall: Squall, tmp_path: Path) -> None:
    custom = {**json.loads(REL12.read_text()), "type": "custom", "fis_template_id": "EXT1"}
    del custom["target_resources"]
    done = squall("validate", _file(tmp_path, json.dumps(custom), "custom.json"))
    assert done.exit_code == 0, done.stdout


@pytest.mark.parametrize(
    ("changes", "path", "works"),
    [
        (
            {"fis_template_id": "EXT1", "type": "custom", "parameters": {"action": "nap"}},
            "parameters",
            "no such key beside fis_template_id",
        ),
        ({"fis_template_id": "EXT1", "target_resources": ["i-0a"]}, "target_resources", "no such key beside fis_template_id"),
        ({"fis_template_id": "EXT1", "target": {"tags": {"app": "web"}}}, "target", "no such key beside fis_template_id"),
        (
            {"fis_template_id": "arn:aws:fis:us-east-1:111122223333:experiment-template/EXT1"},
            "fis_template_id",
            "the id of a FIS experiment template",
        ),
        ({"target": {"tags": {"app": "web"}, "select": {"percent": 0}}}, "target.select.percent", "greater than or equal to 1"),
        ({"target": {"arns": ["i-0a", "i-0b"], "select": {"percent": 49}}}, "target.select.percent", "at least 50"),
        ({"target": {"arns": ["i-0a"], "select": {"count": 2}}}, "target.select.count", "at most 1"),
    ],
)
def test_what_is_said_twice_and_a_share_of_nothing_are_refused_with_what_works(
    squall: Squall, tmp_path: Path, changes: dict[str, object], path: str, works: str
) -> None:
    written = {**json.loads(REL12.read_text()), "blast_radius": "single_region", **changes}
    if "target_resources" not in changes:
        del written["target_resources"]
    done = squall("validate", _file(tmp_path, json.dumps(written)), "--json")
    assert done.exit_code == 3, done.output
    found = {problem["path"]: problem["expected"] for problem in json.loads(done.stdout)["files"][0]["problems"]}
    assert works in found.get(path, ""), found


def test_one_bad_file_among_good_ones_decides(squall: Squall, tmp_path: Path) -> None:
    done = squall("validate", str(REL12), _file(tmp_path, BAD), "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == 3
    assert [file["valid"] for file in document["files"]] == [True, False]
    assert {problem["path"] for problem in document["files"][1]["problems"]} >= {
        "type",
        "duration_minutes",
        "unknown_key",
        "abort_conditions[0]",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\na: 2\n", "given twice"),
        ("a: [1", "is not YAML"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("- 1\n", "expected"),
        ("", "expected"),
        ("a: !!python/object/apply:os.system [true]\n", "is not YAML"),
        ("a: " + "[" * 3000, "YAML"),
        ("a" * 70_000, "at most"),
    ],
)
def test_what_is_no_definition_is_an_error_not_a_crash(squall: Squall, tmp_path: Path, content: str, message: str) -> None:
    done = squall("validate", _file(tmp_path, content))
    assert done.exit_code == 3
    assert message in done.stdout
    assert "Traceback" not in done.output


def test_bad_json_names_its_line(squall: Squall, tmp_path: Path) -> None:
    path = _file(tmp_path, '{\n "name": \n}', "experiment.json")
    assert f"{path}:3: $: is not JSON" in squall("validate", path).stdout


def test_missing_and_binary_files(squall: Squall, tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    done = squall("validate", str(tmp_path / "none.yaml"), str(binary), str(tmp_path))
    assert done.exit_code == 3
    assert "no such file" in done.stdout
    assert "UTF-8" in done.stdout


def test_a_hostile_file_steers_no_terminal(squall: Squall, tmp_path: Path) -> None:
    text = BAD.replace("instance_terminatio", '"[red]x[/] \\u001b[31m \\u202e\\u0007"')
    done = squall("validate", _file(tmp_path, text))
    assert done.exit_code == 3
    assert "[red]x[/]" in done.stdout
    assert not set("\x1b\x07\u202e") & set(done.stdout)


def test_dates_stay_text(tmp_path: Path) -> None:
    source = definitions.read_source(_file(tmp_path, "when: 2026-01-01\n"))
    assert source.raw == {"when": "2026-01-01"}


@pytest.mark.parametrize(("path", "line"), [("a.b[1]", 4), ("a.b[1].missing", 4), ("nothing", None), ("$", None)])
def test_a_field_is_found_by_its_path(tmp_path: Path, path: str, line: int | None) -> None:
    source = definitions.read_source(_file(tmp_path, "a:\n  b:\n    - one\n    - two\n"))
    assert source.line(path) == line


def test_found_follows_a_path(tmp_path: Path) -> None:
    source = definitions.read_source(_file(tmp_path, "a:\n  b:\n    - one\n    - two\n"))
    result: Any = source.value_at("a.b[1]")
    assert (result, source.value_at("a.c"), source.value_at("a.b[7]")) == ("two", None, None)


@pytest.mark.parametrize("content", ["? [a, b]\n: c\n", "? {a: b}\n: c\n"])
def test_a_key_that_is_no_text_is_a_finding(squall: Squall, tmp_path: Path, content: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(content)
    done = squall("validate", str(file))
    assert done.exit_code == 3
    assert "a key is a list or an object" in done.output


POLICY = "name: staging\nmaximum_duration: 2h\nallowed_types: [cpu_stress]\n"


def _project(folder: Path, **policies: str) -> Path:
    """A folder with `experiments/` and `environments/`."""
    for name in ("experiments", "environments"):
        (folder / name).mkdir()
    for name, text in policies.items():
        _file(folder / "environments", text, f"{name}.yaml")
    return folder / "experiments"


def _cpu_stress(**changes: Any) -> str:
    experiment = yaml.safe_load((Path(__file__).parents[2] / "experiments" / "cpu-stress.yaml").read_text())
    return json.dumps({**experiment, **changes})


def test_a_policy_is_known_by_its_keys_and_every_problem_has_its_line(squall: Squall, tmp_path: Path) -> None:
    text = "name: staging\nmaximum_duration: 4 hours\nallowed_type: [cpu_stress]\ncalm:\n  workload_alarm: warn\n"
    done = squall("validate", _file(tmp_path, text, "staging.yaml"))
    assert done.exit_code == 3
    for line, words in (
        (2, "maximum_duration: '4 hours' is not a duration"),
        (3, 'allowed_type: unknown key "allowed_type", did you mean "allowed_types"?'),
        (5, 'calm.workload_alarm: unknown key "workload_alarm", did you mean "workload_alarms"?'),
    ):
        assert f"{tmp_path}/staging.yaml:{line}: {words}" in done.stdout


def test_a_policy_has_the_name_of_its_file(squall: Squall, tmp_path: Path) -> None:
    _project(tmp_path, staging=POLICY, production=POLICY)
    done = squall("validate", *(str(file) for file in sorted((tmp_path / "environments").iterdir())))
    assert done.exit_code == 3
    assert 'production.yaml:1: name: is "staging", and the file says "production"' in done.stdout
    assert f"{tmp_path}/environments/staging.yaml: valid\n" in done.stdout


def test_an_experiment_is_compared_with_the_policy_beside_it(squall: Squall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = _project(tmp_path, staging=POLICY)
    good = squall("validate", _file(folder, _cpu_stress(duration="10m"), "good.json"))
    assert (good.exit_code, good.stdout) == (0, f"{folder}/good.json: valid, also by environments/staging.yaml (environment staging)\n")
    unknown = squall("validate", _file(folder, _cpu_stress(environment="stagign"), "unknown.json"))
    assert unknown.exit_code == 3
    assert 'environment: there is no environment "stagign", did you mean "staging"?' in unknown.stdout
    short = squall("validate", _file(folder, _cpu_stress(duration="60s"), "short.json"), "--json")
    (report,) = json.loads(short.stdout)["files"]
    assert (short.exit_code, report["policy"]) == (3, "environments/staging.yaml")
    assert [problem["path"] for problem in report["problems"]] == ["duration"], "one cause is one problem"
    (expected,) = {problem["expected"] for problem in report["problems"]}
    assert "at least 8 min, or 110 s with metrics of a `sentinel`, whose periods are 10 s" in expected
    assert expected.endswith("or an `observation` of at least 8 min: the fault itself may be shorter")
    observed = squall("validate", _file(folder, _cpu_stress(duration="60s", observation="10m"), "observed.json"), "--json")
    (report,) = json.loads(observed.stdout)["files"]
    assert [problem["path"] for problem in report["problems"]] == ["duration"]
    assert "staging allows no such fault" in report["problems"][0]["message"]


def test_the_local_account_has_policies_of_its_own(squall: Squall, tmp_path: Path) -> None:
    """A fault of 45 seconds is long enough only where metrics have periods of seconds."""
    folder = _project(tmp_path, staging=POLICY)
    short = _file(folder, _cpu_stress(duration="45s"), "short.json")
    assert squall("validate", short).exit_code == 3
    done = squall("--local", "validate", short)
    assert done.exit_code == 0
    assert done.stdout.endswith("local/environments/staging.yaml (environment staging)\n")


@pytest.mark.parametrize(("page", "options"), [("first-experiment.md", ["--local"]), ("first-on-aws.md", [])])
def test_the_tutorials_experiments_are_valid_where_they_are_checked(
    squall: Squall, tmp_path: Path, page: str, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "environments").symlink_to(ROOT / "environments")
    text = (ROOT / "docs" / "tutorial" / page).read_text()
    ((name, content),) = re.findall(r"^cat > (\S+) <<'?END'?\n(.*?)^END$", text, re.DOTALL | re.MULTILINE)
    experiment = tmp_path / name
    experiment.parent.mkdir(exist_ok=True)
    experiment.write_text(content.replace("$ARN", GROUP))
    monkeypatch.chdir(tmp_path)
    assert " ".join(["squall", *options, "validate", name]) in text
    done = squall(*options, "validate", name)
    assert (done.exit_code, "also by" in done.stdout) == (0, True), done.stdout


def test_an_experiment_whose_policy_is_broken_is_not_called_valid(squall: Squall, tmp_path: Path) -> None:
    folder = _project(tmp_path, staging="name: [")
    done = squall("validate", _file(folder, _cpu_stress(), "one.json"))
    assert done.exit_code == 3
    assert "environment: its policy" in done.stdout


@pytest.mark.parametrize(
    ("condition", "meant"),
    [
        ("System availability > 95 %", "System availability < 95 %"),
        ("Error rate <= 5 %", "Error rate > 5 %"),
        ("p99 response time < 2 seconds", "p99 Response time > 2 seconds"),
        ("Healthy hosts >= 1", "Healthy hosts < 1 count"),
    ],
)
def test_an_abort_condition_that_good_values_meet_is_refused(squall: Squall, tmp_path: Path, condition: str, meant: str) -> None:
    done = squall("validate", _file(tmp_path, _cpu_stress(abort_conditions=[condition]), "one.json"))
    assert done.exit_code == 3
    assert "abort_conditions[0]" in done.stdout
    assert "would abort while everything is well" in done.stdout
    assert f"expected  {meant}: an abort condition says when to abort" in done.stdout


@pytest.mark.parametrize("condition", ["Request rate > 500/s", "Request rate < 5/s", "CPU utilization < 10 %", "Response time > 2 s"])
def test_either_side_of_a_metric_that_nobody_calls_good_may_abort(squall: Squall, tmp_path: Path, condition: str) -> None:
    done = squall("validate", _file(tmp_path, _cpu_stress(abort_conditions=[condition]), "one.json"))
    assert done.exit_code == 0, done.stdout


@pytest.mark.parametrize("length", ["900s", "15m", "0h15m", "PT15M"])
def test_a_length_is_written_as_on_the_command_line(squall: Squall, tmp_path: Path, length: str) -> None:
    assert squall("validate", _file(tmp_path, _cpu_stress(duration=length), "one.json")).exit_code == 0


@pytest.mark.parametrize("length", ["60", "", "s", "1.5h", "m15", "15 m", "0s", "25h", "999999h"])
def test_what_is_no_length_is_refused_with_an_example(squall: Squall, tmp_path: Path, length: str) -> None:
    done = squall("validate", _file(tmp_path, _cpu_stress(duration=length), "one.json"))
    assert done.exit_code == 3
    assert "duration" in done.stdout


def test_a_part_of_a_parameters_name_suggests_it(squall: Squall, tmp_path: Path) -> None:
    done = squall("validate", _file(tmp_path, _cpu_stress(parameters={"load": 80}), "one.json"))
    assert done.exit_code == 3
    assert 'parameters.load: there is no such parameter, did you mean "load_percent"?' in done.stdout


def test_the_way_out_of_a_relative_abort_condition_is_no_inverted_one(squall: Squall, tmp_path: Path) -> None:
    done = squall("validate", _file(tmp_path, _cpu_stress(abort_conditions=["Response time increases by > 25 %"]), "one.json"))
    assert done.exit_code == 3
    assert 'write: "response time" > 2 seconds' in done.stdout


@pytest.mark.parametrize(
    ("rule", "field", "words"),
    [
        ("maximum_duration: 5m", "duration", "allows 60 s to 5 min; the fault lasts 15 min"),
        ("allowed_blast_radius: [single_az]", "blast_radius", "allows single_az; this is single_instance"),
        ("allowed_types: [network_latency]", "type", "allows network_latency; this is cpu_stress"),
        ("owners: [payments]", "owner", "takes experiments of payments; this one's owner is nobody"),
    ],
)
def test_what_the_policy_forbids_is_not_valid(squall: Squall, tmp_path: Path, rule: str, field: str, words: str) -> None:
    folder = _project(tmp_path, staging=f"name: staging\n{rule}\n")
    done = squall("validate", _file(folder, _cpu_stress(), "one.json"))
    assert done.exit_code == 3
    assert f"{field}: staging {words}" in done.stdout


def test_a_fault_of_too_high_a_risk_is_not_valid(squall: Squall, tmp_path: Path) -> None:
    folder = _project(tmp_path, staging="name: staging\nmaximum_risk: low\n")
    done = squall("validate", _file(folder, (Path(__file__).parents[2] / "experiments" / "cold-start.yaml").read_text()))
    assert done.exit_code == 3
    assert "type: staging allows faults up to low risk; instance_termination is of " in done.stdout


def test_the_environments_of_another_tool_are_no_policies(squall: Squall, tmp_path: Path) -> None:
    folder = _project(tmp_path, prod="replicas: 3\nimage: shop\n")
    path = _file(folder, _cpu_stress(), "one.json")
    assert squall("validate", path).stdout == f"{path}: valid, and no policy of environment staging lies beside it, so none judged it\n"


def test_an_experiment_for_several_regions_is_compared_with_the_policy_in_each_of_them(squall: Squall, tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    policy = _file(tmp_path / "environments", "name: staging\n", "staging.yaml")
    raw = {**json.loads(REL12.read_text()), "blast_radius": "multiple_region", "regions": {"eu-west-1": None, "eu-central-1": None}}
    raw["target"] = {"tags": {"app": "shop"}}
    del raw["target_resources"]
    path = _file(tmp_path, json.dumps(raw), "both.json")
    assert squall("validate", path).exit_code == 0
    Path(policy).write_text("name: staging\nallowed_blast_radius: [single_region]\n")
    done = squall("validate", path)
    assert done.exit_code == 3
    assert "the run is multiple_region" in done.stdout
    raw["regions"]["eu-central-1"] = {"stop_alarms": 3}
    done = squall("validate", _file(tmp_path, json.dumps(raw), "both.json"))
    assert done.exit_code == 3
    assert "regions.eu-central-1.stop_alarms" in done.stdout


ELSEWHERE = {"rollback", "regions"}
CATALOGUE = [file for file in sorted((ROOT / "experiments").glob("*.yaml")) if not ELSEWHERE & set(yaml.safe_load(file.read_text()))]
"""The experiments of one Region that need no documents of their environment. Those of several are split first, and a problem of
each Region is told."""
ENVIRONMENT = {"lambda_fault_configuration": "arn:aws:s3:::chaos/staging/", "eks_service_account": "fis"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a policy that allows what the catalogue's experiments need."""
    policy = yaml.safe_load((ROOT / "environments" / "staging.yaml").read_text())
    return _project(tmp_path, staging=yaml.safe_dump({**policy, **ENVIRONMENT}))


def _find(folder: Path, raw: dict[str, Any]) -> list[str]:
    path = _file(folder, json.dumps(raw, default=str), "changed.json")
    return [finding.path for finding in check_file(path).findings]


@pytest.mark.parametrize("file", CATALOGUE, ids=lambda file: str(file.stem))
def test_one_slip_in_a_key_is_one_problem(file: Path, project: Path) -> None:
    raw = yaml.safe_load(file.read_text())
    assert _find(project, raw) == []
    for key in raw:
        slipped = {(name[:-1] if name == key else name): value for name, value in raw.items()}
        assert len(_find(project, slipped)) == 1, key


@pytest.mark.parametrize("file", CATALOGUE, ids=lambda file: str(file.stem))
@pytest.mark.parametrize("length", ["PT1S", "PT30S", "PT3M"])
def test_one_length_that_is_too_short_is_one_problem(file: Path, project: Path, length: str) -> None:
    raw = {key: value for key, value in yaml.safe_load(file.read_text()).items() if key not in {"duration_minutes", "observation"}}
    found = _find(project, {**raw, "duration": length})
    of_length = [path for path in found if not path.startswith(("success_criteria", "faults."))]
    assert len(of_length) <= 1, found
    assert found or length == "PT3M"


def test_without_a_target_its_type_is_not_guessed(project: Path) -> None:
    for name in ("subnet-cut-off", "no-capacity", "lambda-invocation-errors"):
        raw = yaml.safe_load((ROOT / "experiments" / f"{name}.yaml").read_text())
        for key in ("target", "target_resources"):
            raw.pop(key, None)
        assert _find(project, raw) == ["target_resources"]
