"""Admit: what may run, from whatever the execution was started with."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from squall.admission.adopted_template import adopt_template
from squall.admission.environment import parse_environment
from squall.admission.execution_input import Place, admit_input
from squall.admission.experiment import parse_experiment
from squall.admission.trigger import make_trigger_key
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import Mode
from squall.domain.documents.definition import Definition
from squall.domain.experiment.execution_input import Trigger

ROOT = Path(__file__).parents[3]
NOW = datetime(2027, 1, 31, 3, 0, tzinfo=UTC)
ACCOUNT, REGION = "123456789012", "eu-central-1"


def read(folder: str) -> dict[str, Any]:
    return {file.stem: yaml.safe_load(file.read_text()) for file in sorted((ROOT / folder).glob("*.yaml"))}


CATALOGUE, ENVIRONMENTS = read("experiments"), read("environments")
LOCAL_CATALOGUE, LOCAL = read("local/experiments"), read("local/environments")
REL12: dict[str, Any] = json.loads((ROOT / "tests/data/seed-experiment.json").read_text())
REL12_NAME = "ec2-instance-termination"
INLINE = {**ENVIRONMENTS, "staging": {**ENVIRONMENTS["staging"], "inline_definitions": True}}


def run(raw: object, *, name: str = "run-1", catalogue: dict[str, Any] = CATALOGUE, environments: dict[str, Any] = INLINE) -> Definition:
    return admit_input(raw, name, catalogue, environments, place=Place(ACCOUNT, REGION, "aws"), now=NOW)


def refusals(raw: object, **inputs: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        run(raw, **inputs)
    assert caught.value.problems
    return {problem.path: str(problem) for problem in caught.value.problems}


def test_an_experiment_of_the_catalogue_is_admitted() -> None:
    result = run({"experiment": REL12_NAME, "mode": "plan", "requested_by": "ann"})
    assert result.experiment == parse_experiment(CATALOGUE[REL12_NAME])
    assert (result.environment.name, result.mode, result.requested_by, result.trigger) == ("staging", Mode.PLAN, "ann", None)
    assert (result.account, result.region, result.partition) == (ACCOUNT, REGION, "aws")
    assert Definition.model_validate_json(result.model_dump_json()) == result


FORGED = "x\n\nsquall: run-1 is over\x1b[2J\u202e\u2028"

ADOPTS = {key: value for key, value in {**REL12, "fis_template_id": "EXT1"}.items() if key != "target_resources"}


@pytest.mark.parametrize(
    "raw",
    [
        {"experiment": REL12_NAME, FORGED: 1},
        {"experiment": FORGED},
        {"experiment": REL12_NAME, "overrides": {"parameters": {FORGED: 1}}},
        {"experiment": REL12_NAME, "overrides": {FORGED: FORGED}},
        {"definition": {**REL12, FORGED: 1}},
        {"definition": {**REL12, "environment": FORGED}},
    ],
)
def test_a_foreign_word_in_an_input_forges_no_line_of_a_problem(raw: dict[str, Any]) -> None:
    for problem in refusals(raw).values():
        assert problem.isprintable(), problem


def test_the_label_of_whoever_asks_is_one_line() -> None:
    assert run({"experiment": REL12_NAME, "requested_by": FORGED}).requested_by == "x squall: run-1 is over[2J"


def test_rel12_bp05_runs_unchanged_at_the_pace_of_aws() -> None:
    assert run({"definition": REL12}).experiment.length == timedelta(minutes=10)


DEPLOYMENT = (ROOT / "docs" / "how-to" / "deploy-under-fault.md").read_text().split("```yaml\n")
"""The page's blocks: two documents, and the entries of the policy that name them."""
NOT_SHIPPED = {
    # the name of a bucket, of an account or of a role is nobody's to ship
    "lambda_fault_configuration": "arn:aws:s3:::chaos/staging/",
    "eks_service_account": "fis",
    **yaml.safe_load(DEPLOYMENT[-1].partition("```")[0]),
}


@pytest.mark.parametrize("name", sorted(name for name, experiment in CATALOGUE.items() if "regions" not in experiment))
def test_everything_that_ships_for_aws_is_admitted(name: str) -> None:
    run({"experiment": name}, environments={**ENVIRONMENTS, "staging": {**ENVIRONMENTS["staging"], **NOT_SHIPPED}})


@pytest.mark.parametrize("name", sorted(LOCAL_CATALOGUE))
def test_everything_that_ships_for_the_local_account_is_admitted(name: str) -> None:
    run({"experiment": name}, catalogue=LOCAL_CATALOGUE, environments=LOCAL)


def test_45_seconds_are_enough_at_the_local_pace_and_not_on_aws() -> None:
    short = {"definition": REL12, "overrides": {"duration": "PT45S"}}
    assert run(short, environments=LOCAL).experiment.length == timedelta(seconds=45)
    result = refusals(short)
    assert list(result) == ["definition.duration"]
    assert "at least 8 min" in result["definition.duration"]


@pytest.mark.parametrize("raw", [5, 5.5, [], None, "seed", True, [{"experiment": REL12_NAME}]])
def test_an_input_that_is_no_object_is_refused_by_a_sentence(raw: object) -> None:
    result = refusals(raw)
    assert list(result) == ["$"]
    assert "is an object" in result["$"]


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ({}, "experiment", "exactly one of"),
        ({"experiment": REL12_NAME, "definition": REL12}, "experiment", "exactly one of"),
        ({"experiment": "ec2-instance-terminatoin"}, "experiment", f'did you mean "{REL12_NAME}"?'),
        ({"experiment": 5}, "experiment", "5 is not accepted"),
        ({"experiment": REL12_NAME, "modus": "plan"}, "modus", 'did you mean "mode"?'),
        ({"experiment": REL12_NAME, "mode": "dry"}, "mode", '"dry" is unknown'),
        ({"experiment": REL12_NAME, "overrides": {"environment": "production"}}, "overrides.environment", "unknown key"),
        ({"experiment": REL12_NAME, "overrides": {"success_criteria": []}}, "overrides.success_criteria", "unknown key"),
        ({"experiment": REL12_NAME, "overrides": {"duration_minutes": -5}}, "overrides.duration_minutes", "-5 is not accepted"),
        ({"experiment": REL12_NAME, "overrides": {"duration": "PT9H"}}, "overrides.duration", "at most 4 h"),
        ({"experiment": REL12_NAME, "overrides": {"parameters": {"x": 1}}}, "overrides.parameters.x", "parameter"),
        ({"experiment": "network-latency", "overrides": {"parameters": {"latency_ms": -1}}}, "overrides.parameters.latency_ms", "-1"),
        ({"experiment": REL12_NAME, "requested_by": 5}, "requested_by", "string"),
        ({"experiment": REL12_NAME, "trigger": {"schedule_arn": "arn:s"}}, "trigger.scheduled_time", "is missing"),
        ({"definition": {**REL12, "environment": "stagin"}}, "definition.environment", "development, production, staging"),
        (
            {"definition": {**REL12, "blast_radius": "multiple_region"}},
            "definition.blast_radius",
            "is multiple_region, and the experiment names no regions",
        ),
        (
            {"definition": {**REL12, "regions": {"eu-west-1": None}}},
            "definition.regions",
            "runs in no other way than as a campaign",
        ),
        ({"definition": {**REL12, "ramp": {"steps": []}}}, "definition.ramp", "a ramp is a campaign"),
        ({"definition": {**REL12, "rollback": "My-Document"}}, "definition.rollback", "its policy lists no rollback_documents"),
        ({"definition": {**REL12, "rollback": {"parameters": {}}}}, "definition.rollback.document", "is missing"),
        ({"definition": ADOPTS}, "definition.fis_template_id", "its policy lists no fis_templates"),
        ({"definition": {**REL12, "fis_template_id": "tpl"}}, "definition.fis_template_id", "EXT"),
        ({"definition": {**REL12, "success_criteria": ["All good"]}}, "definition.success_criteria[0]", "All good\n"),
        ({"definition": []}, "definition", "an object"),
        ({"experiment": REL12_NAME, "overrides": {"parameters": deep(40)}}, "$", "nested too deeply"),
        ({"experiment": "x" * 70_000}, "$", "at most 65536"),
        ({"experiment": "\ud800"}, "$", "not Unicode"),
        ({"experiment": REL12_NAME, "\ud800": 1}, "$", "not Unicode"),
    ],
)
def test_bad_input_is_refused_at_its_path(raw: object, path: str, words: str) -> None:
    result = refusals(raw)
    assert list(result) == [path]
    assert words in result[path]


def test_nesting_beyond_pythons_own_limit_is_refused_too() -> None:
    assert "nested too deeply" in refusals({"definition": deep(100_000)})["$"]


@pytest.mark.parametrize("name", ["", "a.b", "a=b", "a b", "..", "ä", "x" * 81, "a\n", "\ud800"])
def test_execution_names_that_would_be_no_key_or_path_are_refused(name: str) -> None:
    assert list(refusals({"experiment": REL12_NAME}, name=name)) == ["execution.name"]


def test_problems_of_input_experiment_environment_and_name_come_together() -> None:
    raw = {"definition": {**REL12, "type": "flood", "environment": "stagin", "ramp": {}}, "modus": 1}
    expected = {"execution.name", "modus", "definition.type", "definition.ramp", "definition.environment"}
    assert set(refusals(raw, name="a b")) == expected


def test_definitions_in_the_input_only_where_the_policy_says_so() -> None:
    result = refusals({"definition": REL12}, environments=ENVIRONMENTS)
    assert list(result) == ["definition"]
    assert "catalogue only" in result["definition"]


def test_a_definition_that_is_forbidden_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred metrics and thousands of sentences cost no more than the look at the policy."""
    parsed: list[object] = []
    monkeypatch.setattr("squall.admission.candidate.parse_experiment", lambda *inputs: parsed.append(inputs))
    huge = {**REL12, "success_criteria": ["System availability > 99%"] * 1500}
    assert list(refusals({"definition": huge}, environments=ENVIRONMENTS)) == ["definition"]
    assert parsed == []


TOO_MANY = {
    "success_criteria": ["System availability > 99%"] * 21,
    "abort_conditions": ["System availability < 95%"] * 6,
    "steady_state": ["System availability > 99%"] * 21,
    "metrics": {f"m{number}": {"namespace": "n", "metric_name": "m"} for number in range(51)},
    "parameters": {f"p{number}": number for number in range(51)},
}


@pytest.mark.parametrize("field", TOO_MANY)
def test_more_entries_than_an_experiment_needs_are_refused_before_any_is_parsed(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for parser in ("parse_condition", "parse_criterion"):
        monkeypatch.setattr(f"squall.admission.sentences.{parser}", lambda *_: pytest.fail("a sentence was parsed"))
    result = refusals({"definition": {**REL12, field: TOO_MANY[field]}})
    assert list(result) == [f"definition.{field}"]
    assert f"has {len(TOO_MANY[field])} entries" in result[f"definition.{field}"]


def test_a_fis_template_that_is_nested_too_deeply_is_refused() -> None:
    admitted = run({"experiment": REL12_NAME})
    with pytest.raises(InvalidInput, match="nested deeper than 32 levels"):
        adopt_template(admitted, {"id": "EXT1", "actions": {"a": {"parameters": deep(40)}}})


@pytest.mark.parametrize(("policy", "words"), [({"accounts": ["999999999999"]}, ACCOUNT), ({"regions": ["us-east-1"]}, REGION)])
def test_an_environment_of_another_account_or_region_is_refused(policy: dict[str, Any], words: str) -> None:
    elsewhere = {"staging": {**ENVIRONMENTS["staging"], **policy}}
    result = refusals({"experiment": REL12_NAME}, environments=elsewhere)
    assert words in result[f"catalogue.{REL12_NAME}.environment"]
    run({"experiment": REL12_NAME}, environments={"staging": {**ENVIRONMENTS["staging"], "accounts": [ACCOUNT], "regions": [REGION]}})


def test_a_broken_policy_is_a_problem_of_the_policy() -> None:
    assert list(refusals({"experiment": REL12_NAME}, environments={"staging": {"name": "staging", "x": 1}})) == ["environments.staging.x"]
    assert list(refusals({"experiment": REL12_NAME}, environments={"staging": {"name": "prod"}})) == ["environments.staging.name"]


def test_a_broken_experiment_of_the_catalogue_is_named() -> None:
    result = refusals({"experiment": "mine"}, catalogue={"mine": {**REL12, "type": "flood"}})
    assert list(result) == ["catalogue.mine.type"]


def test_the_environments_own_range_of_a_parameter_binds_definition_and_override() -> None:
    narrow = {"staging": {**ENVIRONMENTS["staging"], "parameter_ranges": {"latency_ms": [1, 200]}}}
    raw: dict[str, Any] = {"experiment": "network-latency"}
    assert "1 to 200" in refusals(raw, environments=narrow)["catalogue.network-latency.parameters.latency_ms"]
    wide = {"staging": {**ENVIRONMENTS["staging"], "parameter_ranges": {"latency_ms": [1, 300]}}}
    for answer, text in ((301, "1 to 300"), ("300", "not a value that the experiment lists for overrides")):
        raw = {"experiment": "network-latency", "overrides": {"parameters": {"latency_ms": answer}}}
        assert text in refusals(raw, environments=wide)["overrides.parameters.latency_ms"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"dependency": "10.1.2.3"},
        {"dependency": "10.1.0.0/16"},
        {"dependency": "52.94.240.11"},
        {"dependency": None, "port": 5432},
        {"port": 5432},
        {"interface": "ens6"},
    ],
)
def test_an_override_does_not_aim_the_fault_elsewhere(parameters: dict[str, Any]) -> None:
    result = refusals({"experiment": "dependency-timeout", "overrides": {"parameters": parameters}})
    for name in parameters:
        assert "does not let this parameter be overridden (expected no parameter" in result[f"overrides.parameters.{name}"]


def test_a_parameter_is_overridden_only_within_what_the_experiment_lists() -> None:
    listed = {"override_values": {"dependency": ["ledger.example.com"]}, "override_ranges": {"jitter_ms": [1, 20]}}
    catalogue = {"x": {**CATALOGUE["dependency-timeout"], **listed}}
    changed = run(
        {"experiment": "x", "overrides": {"parameters": {"dependency": "ledger.example.com", "jitter_ms": 20}}}, catalogue=catalogue
    )
    assert changed.experiment.parameters == {"dependency": "ledger.example.com", "jitter_ms": 20}
    for name, value, expected in (
        ("dependency", "10.1.0.0/16", '"ledger.example.com"'),
        ("jitter_ms", 21, "1 to 20"),
        ("jitter_ms", True, "1 to 20"),
        ("latency_ms", 5, "dependency, jitter_ms"),
    ):
        result = refusals({"experiment": "x", "overrides": {"parameters": {name: value}}}, catalogue=catalogue)
        assert f"(expected {expected})" in result[f"overrides.parameters.{name}"]


def test_what_may_be_overridden_is_no_part_of_what_is_promoted() -> None:
    plain = {**CATALOGUE["dependency-timeout"]}
    listed = {**plain, "override_values": {"dependency": ["ledger.example.com"]}}
    before, after = (run({"experiment": "x"}, catalogue={"x": entry}) for entry in (plain, listed))
    assert before.promotion_hash == after.promotion_hash
    assert before.definition_hash != after.definition_hash


def test_an_empty_range_of_overrides_is_refused() -> None:
    catalogue = {"x": {**CATALOGUE["network-latency"], "override_ranges": {"latency_ms": [500, 50]}}}
    assert "is empty" in refusals({"experiment": "x"}, catalogue=catalogue)["catalogue.x.override_ranges"]


def test_overrides_change_what_runs_and_its_hash() -> None:
    plain = run({"experiment": "network-latency"})
    changed = run({"experiment": "network-latency", "overrides": {"duration_minutes": 20, "parameters": {"latency_ms": 300}}})
    assert changed.experiment.length == timedelta(minutes=20)
    assert changed.experiment.duration is None
    assert changed.experiment.parameters == {"latency_ms": 300, "jitter_ms": 50}
    assert changed.definition_hash != plain.definition_hash


@pytest.mark.parametrize(("age", "refused"), [(0, False), (899, False), (-60, False), (901, True), (-901, True)])
def test_a_firing_that_is_stale_is_refused(age: int, refused: bool) -> None:
    due = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    raw = {"experiment": REL12_NAME, "trigger": {"schedule_arn": "arn:aws:scheduler:::schedule/x", "scheduled_time": due}}
    if refused:
        assert "stale" in refusals(raw)["trigger.scheduled_time"]
    else:
        assert run(raw).trigger is not None


def test_a_firing_has_one_key_however_its_time_is_written() -> None:
    keys = {
        make_trigger_key(Trigger(schedule_arn="arn:s", scheduled_time=t)) for t in ("2027-01-31T03:00:00Z", "2027-01-31T04:00:00+01:00")
    }
    assert keys == {"arn:s#2027-01-31T03:00:00+00:00"}
    raw = {"experiment": REL12_NAME, "trigger": {"schedule_arn": "arn:s", "scheduled_time": "yesterday"}}
    assert '"yesterday" is not a time' in refusals(raw)["trigger.scheduled_time"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from([*REL12, "target", "parameters", "metrics", "steady_state", "schedule", "recovery", "ramp", "duration", "tags"])
sentences = st.lists(st.sampled_from([*REL12["success_criteria"], *REL12["abort_conditions"]]) | json_values, max_size=6)
definitions = st.dictionaries(keys, json_values | sentences, max_size=6).map(lambda changes: {**REL12, **changes})
asked = st.fixed_dictionaries(
    {},
    optional={
        "experiment": st.sampled_from(sorted(CATALOGUE)) | json_values,
        "definition": definitions | json_values,
        "mode": st.sampled_from(["run", "plan"]) | json_values,
        "overrides": st.dictionaries(st.sampled_from(["duration", "duration_minutes", "parameters", "x"]), json_values) | json_values,
        "trigger": st.dictionaries(st.sampled_from(["schedule_arn", "scheduled_time"]), st.just("arn:x") | json_values) | json_values,
        "requested_by": json_values,
    },
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(json_values | asked, st.text(max_size=90))
def test_any_input_is_admitted_or_refused_with_problems(raw: object, name: str) -> None:
    try:
        result = run(raw, name=name)
    except InvalidInput as invalid:
        assert invalid.problems  # noqa: PT017 - either end is right
        assert all(problem.path and problem.message for problem in invalid.problems)  # noqa: PT017
    else:
        assert Definition.model_validate_json(result.model_dump_json()) == result


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(json_values | st.dictionaries(keys, json_values), json_values)
def test_so_is_any_catalogue_and_policy(experiment: object, policy: object) -> None:
    for environments in ({"staging": policy}, INLINE):
        try:
            run({"experiment": "mine"}, catalogue={"mine": experiment}, environments=environments)
        except InvalidInput as invalid:
            assert invalid.problems  # noqa: PT017 - either end is right


def test_a_range_binds_the_faults_defaults_too() -> None:
    raw = {"experiment": "network-latency"}
    narrow = {"staging": {**ENVIRONMENTS["staging"], "parameter_ranges": {"jitter_ms": [20, 100], "flows_percent": [1, 50]}}}
    overridable = {"jitter_ms": [1, 100], "flows_percent": [1, 100]}
    changed = {**CATALOGUE["network-latency"], "parameters": {"latency_ms": 200}, "override_ranges": overridable}
    catalogue = {**CATALOGUE, "network-latency": changed}
    result = refusals(raw, catalogue=catalogue, environments=narrow)
    assert "20 to 100" in result["catalogue.network-latency.parameters.jitter_ms"]
    assert "1 to 50" in result["catalogue.network-latency.parameters.flows_percent"]
    inside = {**raw, "overrides": {"parameters": {"jitter_ms": 50, "flows_percent": 10}}}
    assert run(inside, catalogue=catalogue, environments=narrow).experiment.parameters["jitter_ms"] == 50, "an override may bring it inside"


def test_more_stop_conditions_than_fis_takes_are_refused_with_both_numbers() -> None:
    inputs = {**CATALOGUE[REL12_NAME], "stop_alarms": ["pager", "checkout", "login", "cart"]}
    result = refusals({"experiment": "many"}, catalogue={"many": inputs})
    assert "2 abort conditions and 4 stop alarms are 6 stop conditions" in result["catalogue.many.stop_alarms"]
    assert "at most 5" in result["catalogue.many.stop_alarms"]
    run({"experiment": "many"}, catalogue={"many": {**inputs, "stop_alarms": ["pager", "checkout", "login"]}})


@pytest.mark.parametrize(("age", "refused"), [(900 + 3600, False), (900 + 3601, True), (-900, False), (-901, True)])
def test_a_schedule_with_a_flexible_window_is_not_stale_inside_it(age: int, refused: bool) -> None:
    schedule = {"expression": "rate(1 day)", "flexible_minutes": 60}
    catalogue = {"nightly": {**CATALOGUE[REL12_NAME], "schedule": schedule}}
    due = (NOW - timedelta(seconds=age)).isoformat()
    raw = {"experiment": "nightly", "trigger": {"schedule_arn": "arn:aws:scheduler:::schedule/x", "scheduled_time": due}}
    if refused:
        assert "its window of 60 min" in refusals(raw, catalogue=catalogue)["trigger.scheduled_time"]
    else:
        assert run(raw, catalogue=catalogue).trigger is not None


def test_a_delay_so_long_that_the_agent_might_not_be_reached_needs_a_policy_that_says_so() -> None:
    raw = {"experiment": "network-latency", "overrides": {"parameters": {"latency_ms": 2001}}}
    catalogue = {"network-latency": {**CATALOGUE["network-latency"], "override_ranges": {"latency_ms": [1, 3000]}}}
    assert "1 to 2000" in refusals(raw, catalogue=catalogue)["overrides.parameters.latency_ms"]
    other = {"staging": {**ENVIRONMENTS["staging"], "parameter_ranges": {"flows_percent": [1, 100]}}}
    assert "1 to 2000" in refusals(raw, catalogue=catalogue, environments=other)["overrides.parameters.latency_ms"]
    willing = {"staging": {**ENVIRONMENTS["staging"], "parameter_ranges": {"latency_ms": [1, 5000]}}}
    assert run(raw, catalogue=catalogue, environments=willing).experiment.parameters["latency_ms"] == 2001


def test_memory_the_agent_might_be_killed_for_needs_a_policy_that_says_so() -> None:
    inputs = {**REL12, "type": "memory_stress", "parameters": {"memory_percent": 96}}
    raw, catalogue = {"experiment": "leak"}, {"leak": inputs}
    assert "1 to 95" in refusals(raw, catalogue=catalogue)["catalogue.leak.parameters.memory_percent"]
    willing = {"staging": {**ENVIRONMENTS["staging"], "parameter_ranges": {"memory_percent": [1, 98]}}}
    assert run(raw, catalogue=catalogue, environments=willing).experiment.parameters == {"memory_percent": 96}


ROLLBACK = {
    "document": "Restore-Web",
    "assume_role": "arn:aws:iam::123456789012:role/restore",
    "parameters": {"Service": "(web|api)", "InstanceIds": "i-[0-9a-f]+"},
}
WITH_ROLLBACK = {**ENVIRONMENTS, "staging": {**ENVIRONMENTS["staging"], "rollback_documents": {"restore-web": ROLLBACK}}}


@pytest.mark.parametrize(
    ("rollback", "path", "words"),
    [
        ("restore-wep", "rollback", 'did you mean "restore-web"?'),
        ({"document": "restore-web", "parameters": {"Servise": "web"}}, "rollback.parameters.Servise", 'did you mean "Service"?'),
        ({"document": "restore-web", "parameters": {"Service": "web; reboot"}}, "rollback.parameters.Service", "(web|api)"),
        ({"document": "restore-web", "parameters": {"Service": ["web", "$(reboot)"]}}, "rollback.parameters.Service", "(web|api)"),
        (
            {"document": "restore-web", "parameters": {"AutomationAssumeRole": "$targets"}},
            "rollback.parameters.AutomationAssumeRole",
            "may not",
        ),
    ],
)
def test_a_rollback_runs_only_what_the_policy_lists_with_values_it_allows(rollback: object, path: str, words: str) -> None:
    result = refusals({"experiment": "mine"}, catalogue={"mine": {**REL12, "rollback": rollback}}, environments=WITH_ROLLBACK)
    assert list(result) == [f"catalogue.mine.{path}"]
    assert words in result[f"catalogue.mine.{path}"]


@pytest.mark.parametrize(
    "rollback", ["restore-web", {"document": "restore-web", "parameters": {"Service": "web", "InstanceIds": "$targets"}}]
)
def test_an_allowed_rollback_is_admitted(rollback: object) -> None:
    admitted = run({"experiment": "mine"}, catalogue={"mine": {**REL12, "rollback": rollback}}, environments=WITH_ROLLBACK)
    assert admitted.experiment.rollback is not None
    assert admitted.experiment.rollback.document == "restore-web"


@pytest.mark.parametrize(
    ("changes", "expected_text"),
    [
        ({"assume_role": "admin"}, "the ARN of a role"),
        ({"assume_role": None}, "assume_role"),
        ({"document": "Restore Web"}, "Automation document"),
        ({"version": "latest"}, "$LATEST"),
        ({"parameters": {"Service": "("}}, "no regular expression"),
        ({"parameters": {"AutomationAssumeRole": ".*"}}, "the policy sets the role"),
        ({"timeout_seconds": 86400}, "3600"),
    ],
)
def test_a_policy_that_lists_a_wrong_rollback_document_is_refused(changes: dict[str, Any], expected_text: str) -> None:
    policy = {**ENVIRONMENTS["staging"], "rollback_documents": {"restore-web": {**ROLLBACK, **changes}}}
    with pytest.raises(InvalidInput, match=re.escape(expected_text)):
        parse_environment(policy)


def test_ports_the_agent_needs_are_a_dependency_only_where_the_policy_says_so() -> None:
    catalogue = {"names": {**REL12, "type": "dependency_timeout", "parameters": {"port": 443}}}
    assert "444 to 65535" in refusals({"experiment": "names"}, catalogue=catalogue)["catalogue.names.parameters.port"]
    willing = {"staging": {**ENVIRONMENTS["staging"], "parameter_ranges": {"port": [1, 65535]}}}
    assert run({"experiment": "names"}, catalogue=catalogue, environments=willing).experiment.parameters == {"port": 443}
