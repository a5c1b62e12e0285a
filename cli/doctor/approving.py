"""Tries an approval: makes a request that no run waits for, and rejects it with the signature of whoever runs the
doctor.

This tries everything that a real approval needs: the signature, the deployed function, its call to STS, and the write
to the table.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.finding import Finding, Outcome, unknown_finding
from cli.errors import CommandError
from squall.adapters.dynamodb.records import DynamoRecords
from squall.domain.approval.people import Caller, identify_person
from squall.domain.approval.votes import Ask, Decision
from squall.domain.base.vocabulary import Status
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.doctor.setting import Setting

    Voter = Callable[[str, str, str, Decision, str], Any]

NAME, PROMISE, BOUND = "approval", "vote to recorded: 15 s", 15
"""The name, the promise and its bound in seconds: for the client itself, a cold start, STS and two writes."""
OPEN_FOR = timedelta(minutes=5)
COMMENT = "squall doctor tries the approval: nothing is wrong"


def examine_approval(setting: Setting, vote: Voter, name: str, clock: Callable[[], float] = time.monotonic) -> Finding:
    """Requests, rejects, and checks that the record has the caller's ARN as STS reports it; then deletes the record."""
    records, is_created = DynamoRecords(setting.client("dynamodb"), setting.table), False
    try:
        identity = setting.client("sts").get_caller_identity()
        caller = Caller(identity["Account"], identity["Arn"], identity["UserId"])
        if problem := identify_person(caller)[1]:
            return unknown_finding(NAME, problem, PROMISE)
        plan = f"nothing-to-approve-{name}"
        is_created = True
        records.create(_make_request(setting, name, plan))
        began = clock()
        answer = vote(setting.execution_arn(name), name, plan, Decision.REJECT, COMMENT)
        finding = _judge_answer(answer, records.get(name), caller, clock() - began)
    except (ClientError, BotoCoreError, CommandError, Unavailable) as error:
        finding = unknown_finding(NAME, error, PROMISE)
    finally:
        is_left = is_created and not _delete_record(setting, name)
    if is_left:
        detail = f"{finding.detail}; STILL THERE, by hand: {setting.delete_record_command(name)}"
        return Finding(NAME, Outcome.FAILED, detail, PROMISE, finding.measured)
    return finding


def _make_request(setting: Setting, name: str, plan: str) -> ExecutionRecord:
    """The record of a run that starts now, with an execution that does not exist: if the doctor dies, the pulse closes
    it."""
    now = datetime.now(UTC)
    return ExecutionRecord(
        id=name,
        execution_arn=setting.execution_arn(name),
        started_at=now,
        status=Status.AWAITING_APPROVAL,
        phase="AwaitApproval",
        phase_since=now,
        experiment="squall doctor",
        requested_by="squall doctor",
        ask=Ask(plan, now, now + OPEN_FOR, 1),
    )


def _judge_answer(answer: Any, record: ExecutionRecord | None, caller: Caller, seconds: float) -> Finding:
    measured = f"{seconds:.1f} s"
    if not (isinstance(answer, dict) and answer.get("recorded")):
        message = answer.get("message", answer) if isinstance(answer, dict) else answer
        return Finding(NAME, Outcome.FAILED, f"the vote was not recorded: {message}"[:400], PROMISE, measured)
    votes = [(vote.arn, vote.decision) for vote in record.votes] if record else []
    if votes != [(caller.arn, Decision.REJECT)]:
        return Finding(NAME, Outcome.FAILED, f"{caller.arn} rejected, but the record has {votes}", PROMISE, measured)
    outcome = Outcome.OK if seconds <= BOUND else Outcome.SLOW
    return Finding(NAME, outcome, f"AWS confirmed {caller.arn} to the approve function", PROMISE, measured)


def _delete_record(setting: Setting, name: str) -> bool:
    try:
        setting.delete_record(name)
    except (ClientError, BotoCoreError):
        return False
    return True
