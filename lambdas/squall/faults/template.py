"""The FIS experiment template: exactly the arguments of CreateExperimentTemplate, without the client token."""

from collections.abc import Sequence
from typing import Any

from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.faults.plan import compile_faults

LONGEST_DESCRIPTION = 512
MAXIMUM_STOP_CONDITIONS = 5
LONGEST_TAG_VALUE = 256


def compile_template(
    definition: Definition,
    discovery: Discovery,
    *,
    stack: str,
    run_id: str,
    role_arn: str,
    alarm_arns: Sequence[str],
) -> dict[str, Any]:
    """The run's own template: pinned targets, guards and stop alarms as stop conditions, and the environment's role.

    Raises InvalidInput if there are more stop conditions than FIS takes, and for parameters that FIS would refuse.
    """
    experiment = definition.experiment
    targets, actions = compile_faults(definition, discovery)
    name = f"squall-{run_id}"
    return {
        "description": f"{name}: {experiment.name}: {experiment.hypothesis}"[:LONGEST_DESCRIPTION],
        "targets": targets,
        "actions": actions,
        "stopConditions": _stop_conditions([*alarm_arns, *(definition.alarm_arn(alarm) for alarm in experiment.stop_alarms)]),
        "roleArn": role_arn,
        "tags": {"squall:stack": stack, "squall:execution": run_id, "Name": name[:LONGEST_TAG_VALUE]},
        "experimentOptions": {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"},
    }


def _stop_conditions(arns: Sequence[str]) -> list[dict[str, str]]:
    unique = list(dict.fromkeys(arns))
    if not unique:
        raise InvalidInput([Problem(path="abort_conditions", message="no guard would stop the fault", expected="at least one")])
    if len(unique) > MAXIMUM_STOP_CONDITIONS:
        message = f"{len(unique)} abort conditions and stop alarms, FIS takes {MAXIMUM_STOP_CONDITIONS}"
        raise InvalidInput([Problem(path="stop_alarms", message=message, expected=f"at most {MAXIMUM_STOP_CONDITIONS} together")])
    return [{"source": "aws:cloudwatch:alarm", "value": arn} for arn in unique]
