"""Builds the result of a run from its documents, and notifies people. Record uses this, and so does the closing of a
dead run.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from squall.application.admission.definitions import find_definition_if_admitted
from squall.application.messages import send_message
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.evidence import Evidence
from squall.domain.documents.fault import FaultReport, FaultTemplate
from squall.domain.documents.finding import StoredFinding
from squall.domain.documents.judgement import Judgement
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.refusal import Refusal
from squall.domain.documents.result import Result
from squall.domain.documents.rollback import RollbackReport
from squall.domain.documents.safety import FinalCheck, Safety
from squall.domain.documents.series import StatisticsDocument
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.judging.verdict import Decision, decide_ending, make_decision
from squall.domain.messages.run_ended import make_message
from squall.domain.result.build import build_result
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.faults.plan import traits_of
from squall.faults.registry import UnknownFaultError
from squall.wiring import Wiring


def decision_of(record: ExecutionRecord, judgement: Judgement | None, failure: str) -> Decision:
    """How the run ends.

    A failure of Squall decides first, then the judgement, then an abort before the fault, then what a state decided.
    """
    if failure:
        return make_decision(Status.FAILED, None, f"Squall failed: {_describe_failure(failure)}{_name_state(record)}")
    if judgement is not None:
        return Decision(judgement.status, judgement.verdict, judgement.hypothesis_validated, judgement.reason)
    if record.decided_status is Status.FAILED:
        return make_decision(Status.FAILED, None, record.reason)
    if record.abort is not None:
        return decide_ending(criteria=(), abort=record.abort, injected=False, proven=False)
    if record.decided_status is None:
        return make_decision(Status.FAILED, None, "the workflow ended without a decision")
    return decide_without_judgement(record)


def decide_without_judgement(record: ExecutionRecord) -> Decision:
    """The ending that a state decided without a judgement: at most `invalid`.

    Only the judgement says what the fault proved. A record that claims more was changed by somebody else.
    """
    if record.decided_status is None or record.decided_verdict not in (None, Verdict.INVALID):
        reason = f"the record says {record.decided_verdict}, and there is no judgement"
        return make_decision(Status.FAILED, None, reason, record.abort)
    return make_decision(record.decided_status, record.decided_verdict, record.reason, record.abort)


def _describe_failure(failure: str) -> str:
    """Step Functions' `Error: Cause` as a sentence.

    The cause of a Lambda error is JSON, with the message first and a stack trace after it, and may be cut anywhere.
    """
    error, _, cause = failure.partition(": ")
    _, key, rest = cause.partition('"errorMessage":')
    try:
        message, _ = json.JSONDecoder().raw_decode(rest.lstrip())
    except ValueError:
        message = cause
    return f"{error}: {message if key else cause}"[:700]


def _name_state(record: ExecutionRecord) -> str:
    """The state that failed: the last one that had begun. Empty if it is not known."""
    failed = record.happened(EventName.STATE_FAILED)
    return f" (the last state that had begun was {failed[-1].detail.partition(':')[0]})" if failed else ""


def write_result(w: Wiring, record: ExecutionRecord, decision: Decision, ended_at: datetime) -> Result:
    """Write `result.json` from the documents that exist, and store the findings of this run for later ones."""
    find = w.documents.get
    definition = find_definition_if_admitted(w, record)
    evidence = Evidence(
        definition=definition,
        refusal=find(record.id, Refusal),
        discovery=find(record.id, Discovery),
        safety=find(record.id, Safety),
        final_check=find(record.id, FinalCheck),
        baseline=find(record.id, Baseline),
        template=find(record.id, FaultTemplate),
        fault=find(record.id, FaultReport),
        rollback=find(record.id, RollbackReport),
        recovery=find(record.id, Recovery),
        statistics=find(record.id, StatisticsDocument),
        judgement=find(record.id, Judgement),
        traits=_traits_of(definition),
    )
    result = build_result(record, decision, evidence, ended_at, _known_findings(w, record))
    w.documents.put(record.id, result)
    _store_findings(w, record, result)
    return result


def _traits_of(definition: Definition | None) -> FaultTraits:
    """The traits of the run's fault; None if this version does not know the fault, so that the result is written all
    the same.
    """
    if definition is not None:
        with suppress(UnknownFaultError, InvalidInput):
            return traits_of(definition)
    return FaultTraits()


def _known_findings(w: Wiring, record: ExecutionRecord) -> Sequence[StoredFinding] | None:
    """Findings of the experiment's earlier runs; None if they can't be read, so that the result is written all the
    same.
    """
    with suppress(Unavailable, Refused):
        return w.findings.of(record.experiment)
    return None


def _store_findings(w: Wiring, record: ExecutionRecord, result: Result) -> None:
    """Store the findings, so that the next run recognises them.

    A finding without history is not stored: its history could not be read, and would be overwritten.
    """
    for finding in result.findings:
        if finding.first_seen is None:
            continue
        try:
            w.findings.save(record.experiment, finding, record.id, record.started_at)
        except (Unavailable, Refused) as error:
            with suppress(Unavailable, Refused):
                w.records.append(record.id, [Event(w.clock.now(), EventName.FINDING_NOT_REMEMBERED, f"{finding.id}: {error}")])


def announce_result(w: Wiring, record: ExecutionRecord, leftovers: Sequence[object] = ()) -> None:
    """Notify people (SNS) and machines (EventBridge) of a final record, each once.

    `leftovers` are what people may remove by hand. If one of the two fails, the other is still notified, and a later
    call notifies the one that failed. If documents can't be read or written, the message says what the record knows.
    """
    notifications: dict[EventName, Callable[[], None]] = {
        EventName.NOTIFIED: lambda: _notify_people(w, record, leftovers),
        EventName.ANNOUNCED: lambda: w.lifecycle.emit(record, record.reason),
    }
    failures: list[Exception] = []
    for event, notify in notifications.items():
        if record.happened(event):
            continue
        try:
            notify()
        except (Unavailable, Refused) as error:
            failures.append(error)
            continue
        with suppress(
            Unavailable, Refused
        ):  # no retry of this state: the pulse may notify once more, which is better than once for each retry
            w.records.append(record.id, [Event(w.clock.now(), event)])
    if failures:
        raise failures[0]


def _notify_people(w: Wiring, record: ExecutionRecord, leftovers: Sequence[object]) -> None:
    try:
        result = agreed_result(w, record)
    except (Unavailable, Refused):
        result = build_result(record, decision_on(record), Evidence(), record.ended_at or w.clock.now())
    send_message(w, make_message(result, record, w.settings.bucket, leftovers))


def agreed_result(w: Wiring, record: ExecutionRecord) -> Result:
    """The result document of a final record.

    It is written again if it is missing, or if it names another ending than the record because a late Record wrote it.
    """
    result = w.documents.get(record.id, Result)
    decision = decision_on(record)
    if result is None or Decision(result.status, result.verdict, result.hypothesis_validated, result.reason) != decision:
        result = write_result(w, record, decision, record.ended_at or w.clock.now())
    return result


def is_told(record: ExecutionRecord) -> bool:
    """Whether people and machines were told how the run ended."""
    return bool(record.happened(EventName.NOTIFIED) and record.happened(EventName.ANNOUNCED))


def decision_on(record: ExecutionRecord) -> Decision:
    """The decision that a final record holds."""
    return Decision(record.status, record.verdict, record.hypothesis_validated, record.reason)
