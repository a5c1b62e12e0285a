"""The doctor on the deployed stack: every way to stop a fault, alone, on experiments that do nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from cli.doctor.checks import check_fis_roles, check_quota, check_resume, list_fis_roles
from cli.doctor.finding import Outcome
from cli.doctor.paths import PATHS, examine_path
from cli.doctor.setting import Setting
from cli.doctor.trial import Path, Trial
from tests.deployed.rig import Rig
from tests.patience import LONGEST_TEST

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

Property = Callable[[str, object], None]
OF_THE_DOCTOR_ALONE = {"composite-stop-condition", "alarm-action"}
"""The other quick ways stop real faults in `test_aborts.py`, too, so that their trials by the doctor may wait for the soak."""
QUICK = [
    pytest.param(path, marks=[] if path.name in OF_THE_DOCTOR_ALONE else [pytest.mark.soak], id=path.name)
    for path in PATHS
    if path.name != "pulse"
]


def setting(rig: Rig) -> Setting:
    results = list(check_fis_roles(rig.client("iam"), list_fis_roles(rig.client("cloudformation"), rig.stack)))
    assert {finding.outcome for finding, _ in results} == {Outcome.OK}, results
    outputs = rig.account.outputs
    abort = rig.client("lambda").get_function_configuration(FunctionName=outputs["AbortFunctionName"])["FunctionArn"]
    arns = tuple(arn for _, arn in results)
    machine, table, bucket = outputs["ExperimentStateMachineArn"], outputs["ResultsTableName"], outputs["ResultsBucketName"]
    return Setting(rig.client, rig.stack, arns, abort, machine, table, bucket)


def examined(rig: Rig, path: Path, record_property: Property) -> None:
    name = f"doctor-{path.name}-{len(rig.faults())}"
    result = examine_path(Trial(setting(rig), path, name))
    record_property(f"{path.name}_measured", result.measured)
    assert result.outcome in {Outcome.OK, Outcome.SLOW}, result  # how fast is this machine's business, that it stops is ours
    assert result.detail == "stopped by this path alone"
    assert rig.left() == []
    assert rig.items(f"EXECUTION#{name}") == []


@pytest.mark.parametrize("path", QUICK)
def test_each_way_stops_an_experiment_alone(rig: Rig, path: Path, record_property: Property) -> None:
    examined(rig, path, record_property)


@pytest.mark.soak
def test_the_schedule_ticks_and_the_pulse_closes_a_dead_run(rig: Rig, record_property: Property) -> None:
    (pulse,) = (path for path in PATHS if path.name == "pulse")
    examined(rig, pulse, record_property)


def test_the_quota_is_told(rig: Rig) -> None:
    result = check_quota(rig.client)
    assert (result.outcome, result.measured) == (Outcome.OK, "5 at a time")
    assert "the account's quota" in result.detail


@pytest.fixture
def on_call(rig: Rig) -> Iterator[Callable[[str], Any]]:
    """Clients of somebody who may halt, and may look at the stack, and nothing else."""
    iam, statements = (
        rig.client("iam"),
        [
            {"Effect": "Allow", "Action": "cloudformation:ListStackResources", "Resource": "*"},
            {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": f"arn:aws:lambda:*:*:function:{rig.function('Halt')}"},
        ],
    )
    iam.create_user(UserName="on-call")
    iam.put_user_policy(
        UserName="on-call", PolicyName="halt", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )
    key = iam.create_access_key(UserName="on-call")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=rig.account.region)
    yield lambda service: session.client(service, endpoint_url=rig.account.endpoint)
    iam.delete_access_key(UserName="on-call", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="on-call", PolicyName="halt")
    iam.delete_user(UserName="on-call")


@pytest.mark.soak
def test_who_may_resume_is_told_and_nothing_is_resumed_by_asking(rig: Rig, on_call: Callable[[str], Any]) -> None:
    function = rig.function("Resume")
    assert rig.invoke("Halt", {"action": "halt", "reason": "drill", "requested_by": "ops"})["engaged"] is True
    try:
        result = check_resume(rig.client, rig.stack)
        assert (result.outcome, result.detail) == (Outcome.OK, f"you may invoke {function}")
        result = check_resume(on_call, rig.stack)
        assert (result.outcome, result.detail) == (Outcome.OK, f"you may not invoke {function}: somebody else has to end a halt")
        flag = rig.client("ssm").get_parameter(Name=f"/squall/{rig.stack}/halt")["Parameter"]["Value"]
        assert json.loads(flag)["engaged"] is True
    finally:
        assert rig.invoke("Resume", {"reason": "the drill is over"})["engaged"] is False
