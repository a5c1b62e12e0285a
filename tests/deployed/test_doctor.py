"""The doctor on the deployed stack: every way to stop a fault, alone, on experiments that do nothing."""

from collections.abc import Callable

import pytest

from cli.doctor.checks import check_fis_roles, check_quota, list_fis_roles
from cli.doctor.finding import Outcome
from cli.doctor.paths import PATHS, examine_path
from cli.doctor.setting import Setting
from cli.doctor.trial import Path, Trial
from tests.deployed.rig import Rig
from tests.patience import LONGEST_TEST

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

Property = Callable[[str, object], None]
QUICK = [path for path in PATHS if path.name != "pulse"]


def setting(rig: Rig) -> Setting:
    found = list(check_fis_roles(rig.client("iam"), list_fis_roles(rig.client("cloudformation"), rig.stack)))
    assert {finding.outcome for finding, _ in found} == {Outcome.OK}, found
    outputs = rig.account.outputs
    abort = rig.client("lambda").get_function_configuration(FunctionName=outputs["AbortFunctionName"])["FunctionArn"]
    arns = tuple(arn for _, arn in found)
    machine, table, bucket = outputs["ExperimentStateMachineArn"], outputs["ResultsTableName"], outputs["ResultsBucketName"]
    return Setting(rig.client, rig.stack, arns, abort, machine, table, bucket)


def examined(rig: Rig, path: Path, record_property: Property) -> None:
    name = f"doctor-{path.name}-{len(rig.faults())}"
    found = examine_path(Trial(setting(rig), path, name))
    record_property(f"{path.name}_measured", found.measured)
    assert found.outcome in {Outcome.OK, Outcome.SLOW}, found  # how fast is this machine's business, that it stops is ours
    assert found.detail == "stopped by this path alone"
    assert rig.left() == []
    assert rig.items(f"EXECUTION#{name}") == []


@pytest.mark.parametrize("path", QUICK, ids=lambda path: path.name)
def test_each_way_stops_an_experiment_alone(rig: Rig, path: Path, record_property: Property) -> None:
    examined(rig, path, record_property)


@pytest.mark.soak
def test_the_schedule_ticks_and_the_pulse_closes_a_dead_run(rig: Rig, record_property: Property) -> None:
    (pulse,) = (path for path in PATHS if path.name == "pulse")
    examined(rig, pulse, record_property)


def test_the_quota_is_told(rig: Rig) -> None:
    found = check_quota(rig.client)
    assert (found.outcome, found.measured) == (Outcome.OK, "5 at a time")
    assert "the account's quota" in found.detail
