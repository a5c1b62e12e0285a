"""Last, with all other tests of this folder behind it: nothing that Squall did was denied, lost or a surprise to it."""

import re

import pytest

from tests.deployed.rig import Rig, rel12_experiment
from tests.patience import LONGEST_TEST

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

DENIED = re.compile(r"AccessDenied|not authorized to perform|UnauthorizedOperation|AuthorizationError")
SURPRISE = re.compile(r"Traceback|Task timed out|^[\w.]+(Error|Exception): ")


def test_no_call_was_denied_and_no_handler_failed(rig: Rig) -> None:
    rig.run(rel12_experiment(["i-00000000000000000"])).done()  # so that there is something to read when this test runs alone
    logged = {function: rig.logs(function) for function in rig.log_groups()}
    assert logged["Admit"]
    results = {function: [line for line in lines if DENIED.search(line) or SURPRISE.search(line)] for function, lines in logged.items()}
    assert {function: lines for function, lines in results.items() if lines} == {}
    executions = [rig.execution(arn) for arn in rig.execution_arns()]
    denied = [event for execution in executions for event in execution.timeline if DENIED.search(event.get("detail", ""))]
    assert denied == []


def test_nothing_landed_in_a_dead_letter_queue(rig: Rig) -> None:
    sqs = rig.client("sqs")
    urls = sqs.list_queues(QueueNamePrefix=f"{rig.stack}-")["QueueUrls"]
    assert urls
    for url in urls:
        assert sqs.receive_message(QueueUrl=url).get("Messages", []) == []
