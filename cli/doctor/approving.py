"""An approval round trip: a request that no run waits for, rejected by whoever runs the doctor, with their own signature.

What is tried is what a real approval needs: the signature, the deployed function, its way to STS, and the write to the table.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.finding import Finding, Outcome, unknown
from cli.errors import CommandError
from squall.adapters.dynamodb.records import DynamoRecords
from squall.domain.approval.votes import Ask, Caller, Decision, identify_person
from squall.domain.run.record import ExecutionRecord
from squall.domain.vocabulary import Status
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.doctor.setting import Setting

    Voter = Callable[[str, str, str, Decision, str], Any]

NAME, PROMISE, BOUND = "approval", "vote to recorded: 15 s", 15
"""Seconds: the client's own, a cold start, STS, two writes."""
OPEN_FOR = timedelta(minutes=5)
COMMENT = "squall doctor tries the approval: nothing is wrong"


def examine(setting: Setting, vote: Voter, name: str, clock: Callable[[], float] = time.monotonic) -> Finding:
    """Ask, reject, look whether AWS's word for who rejected stands on the record; nothing of it stays."""
    records, made = DynamoRecords(setting.client("dynamodb"), setting.table), False
    try:
        who = setting.client("sts").get_caller_identity()
        caller = Caller(who["Account"], who["Arn"], who["UserId"])
        if why := identify_person(caller)[1]:
            return unknown(NAME, why, PROMISE)
        plan = f"nothing-to-approve-{name}"
        made = True
        records.create(_request(setting, name, plan))
        began = clock()
        answer = vote(setting.execution_arn(name), name, plan, Decision.REJECT, COMMENT)
        found = _judged(answer, records.get(name), caller, clock() - began)
    except (ClientError, BotoCoreError, CommandError, Unavailable) as error:
        found = unknown(NAME, error, PROMISE)
    finally:
        left = made and not _deleted(setting, name)
    if left:
        by_hand = f"{found.detail}; STILL THERE, by hand: {setting.delete_record_command(name)}"
        return Finding(NAME, Outcome.FAILED, by_hand, PROMISE, found.measured)
    return found


def _request(setting: Setting, name: str, plan: str) -> ExecutionRecord:
    """Started now, by an execution nobody knows: the pulse closes it after ten minutes if the doctor dies here."""
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


def _judged(answer: Any, record: ExecutionRecord | None, caller: Caller, took: float) -> Finding:
    measured = f"{took:.1f} s"
    if not (isinstance(answer, dict) and answer.get("recorded")):
        said = answer.get("message", answer) if isinstance(answer, dict) else answer
        return Finding(NAME, Outcome.FAILED, f"the vote was not recorded: {said}"[:400], PROMISE, measured)
    votes = [(vote.arn, vote.decision) for vote in record.votes] if record else []
    if votes != [(caller.arn, Decision.REJECT)]:
        return Finding(NAME, Outcome.FAILED, f"{caller.arn} rejected, and on the record stands {votes}", PROMISE, measured)
    outcome = Outcome.OK if took <= BOUND else Outcome.SLOW
    return Finding(NAME, outcome, f"AWS confirmed {caller.arn} to the approve function", PROMISE, measured)


def _deleted(setting: Setting, name: str) -> bool:
    try:
        setting.delete_record(name)
    except (ClientError, BotoCoreError):
        return False
    return True
