"""What becomes of each action of FIS: a module, a custom action, or a refusal that says why; and the words for an unknown
type."""

from dataclasses import replace
from typing import Any

import pytest

from scripts import faults_page
from squall.admission.experiment import parse_experiment
from squall.domain.actions.table import ACTIONS
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.base.vocabulary import FaultType
from squall.domain.run.fis_state import WAIT
from squall.faults import registry
from squall.faults.actions.support import find_support
from tests.unit.builders import REL12


def test_what_faults_inject_is_an_action_of_the_table_with_their_targets() -> None:
    for fault in (*registry.list_faults(), *registry.list_action_faults()):
        for action in fault.actions:
            assert ACTIONS[action].resource_type == fault.fis_resource_type, action
            assert ACTIONS[action].target_key == fault.target_key, action


def test_every_action_is_injected_by_a_module_or_by_its_id_or_refused_with_a_reason() -> None:
    ways = {action_id: find_support(action) for action_id, action in ACTIONS.items()}
    assert all(support.reason for support in ways.values() if support.way == "refused")
    by_id = {action_id for action_id, support in ways.items() for fault in support.faults if fault.type.is_fis_action}
    assert by_id == {kind.value for kind in FaultType if kind.is_fis_action}
    assert all(ways[action_id].words.endswith(", if the policy allows the id") for action_id in by_id)
    stop = ["instance_termination", "aws:ec2:stop-instances"]
    assert (ways["aws:ec2:stop-instances"].way, [fault.type.value for fault in ways["aws:ec2:stop-instances"].faults]) == ("module", stop)
    assert ways[WAIT].way == "refused"
    assert [fault.type.value for fault in ways["aws:ec2:terminate-instances"].faults] == ["instance_termination"]


def test_an_action_on_targets_that_squall_cannot_read_is_refused_with_their_type() -> None:
    """AWS adds actions; none of today's is left."""
    new = replace(ACTIONS["aws:ecs:drain-container-instances"], id="aws:new:break-things", resource_type="aws:new:thing")
    assert find_support(new).reason == "Squall can't read targets of the type aws:new:thing"


def find_type_problem(experiment: dict[str, Any], path: str) -> Problem:
    with pytest.raises(InvalidInput) as caught:
        parse_experiment(experiment)
    return next(problem for problem in caught.value.problems if problem.path == path)


@pytest.mark.parametrize(
    ("fault_type", "message", "expected"),
    [
        ("aws:ec2:terminate-instances", "is instance_termination on EC2 instance", "instance_termination"),
        ("aws:rds:failover-db-cluster", "is database_failure on RDS DB cluster", "database_failure"),
        ("aws:fis:wait", "it disturbs nothing: `observation`", "custom"),
        ("aws:ec2:terminate-instance", 'is unknown, did you mean "aws:ec2:terminate-instances"?', "custom"),
        ("cpu_stres", 'is unknown, did you mean "cpu_stress"?', "custom"),
        ("aws:lambda:invoke", "is unknown", "custom"),
    ],
)
def test_an_unknown_type_is_refused_with_the_nearest_name(fault_type: str, message: str, expected: str) -> None:
    problem = find_type_problem({**REL12, "type": fault_type}, "type")
    assert message in problem.message
    assert expected in problem.expected


def test_a_type_in_a_scenario_is_refused_at_its_own_path() -> None:
    fault = {"type": "aws:ec2:terminate-instances", "target_resources": ["i-1234567890abcdef0"]}
    experiment = {name: value for name, value in REL12.items() if name not in {"type", "target_resources"}}
    problem = find_type_problem({**experiment, "faults": {"first": fault}}, "faults.first.type")
    assert "instance_termination" in problem.message


def test_the_page_has_a_row_for_every_action() -> None:
    rows = faults_page.render_actions().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(ACTIONS)
    (terminate,) = (row for row in rows if "`aws:ec2:terminate-instances`" in row)
    assert "instance_termination on EC2 instance" in terminate
    assert "real: the instance's processes end" in terminate
