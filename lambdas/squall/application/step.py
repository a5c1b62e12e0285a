"""What every state of the workflow shares: find the run, refuse a run that must not go on, act, return one word.

A state returns `next`, `wait` (with seconds) or `end`. `end` means that the run's ending is decided and recorded. Facts
are passed in the record and in documents, not through the state machine. An exception is a technical failure, which
Step Functions retries or catches.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, wraps
from typing import Any, TypeVar

from squall.application.admission.definitions import find_definition
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.document import Document, document_key
from squall.domain.documents.run import Run
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring, get_wiring, prepare

FAILURE_CHARACTERS = 300
"""How much of a failure the timeline keeps."""

D = TypeVar("D", bound=Document)
Outcome = dict[str, Any]

NEXT: Outcome = {"outcome": "next", "seconds": 0}
END: Outcome = {"outcome": "end", "seconds": 0}


def wait_for(seconds: float) -> Outcome:
    """Come back to the same state after so many seconds. Step Functions waits whole seconds; here 1 to 3600."""
    return {"outcome": "wait", "seconds": max(1, min(int(seconds), 3600))}


class UnrecordedError(Exception):
    """The run has no record, so Admit did not run and nothing may be done."""


class MissingDocumentError(Exception):
    """A document that an earlier state wrote is not in S3."""


@dataclass
class Step:
    """One invocation of one state."""

    run: Run
    record: ExecutionRecord
    phase: str
    w: Wiring
    now: datetime
    failure: str = ""
    """The error that the workflow caught, in the closing states; empty if nothing failed."""
    task_token: str = ""

    @classmethod
    def of(cls, w: Wiring, record: ExecutionRecord) -> "Step":
        """A step outside the workflow, for a run whose execution has ended."""
        run = Run(id=record.id, execution_arn=record.execution_arn, started_at=record.started_at)
        return cls(run=run, record=record, phase=record.phase, w=w, now=w.clock.now())

    @cached_property
    def definition(self) -> Definition:
        """The definition as admitted. Raises `Refused` if the document is another one."""
        definition = find_definition(self.w, self.record)
        if definition is None:
            raise MissingDocumentError(f"results/{self.run.id}/definition.json")
        return definition

    @cached_property
    def discovery(self) -> Discovery:
        return self.need(Discovery)

    @property
    def client_token(self) -> str:
        """The idempotency token of the execution: FIS answers a repeated call with what it created the first time."""
        return hashlib.sha256(f"{self.run.execution_arn} {self.run.started_at.isoformat()}".encode()).hexdigest()

    @property
    def elapsed(self) -> timedelta:
        """How long the run has been in this state, over all visits."""
        return self.now - (self.record.phase_since or self.now)

    def need(self, model: type[D]) -> D:
        """The run's document of this kind. Raises MissingDocumentError if there is none."""
        document = self.find(model)
        if document is None:
            raise MissingDocumentError(document_key(self.run.id, model))
        return document

    def find(self, model: type[D]) -> D | None:
        """The run's document of this kind; None if it was never written."""
        return self.w.documents.get(self.run.id, model)

    def put(self, document: Document) -> None:
        """Write the document; it replaces an earlier one."""
        self.w.documents.put(self.run.id, document)

    def note(self, event: EventName, detail: str = "", **changes: Any) -> bool:
        """Change the record and its timeline. False if somebody has closed the record. Then undo what this state did,
        and end.
        """
        return self.w.records.update(self.run.id, events=[self.event(event, detail)], **changes)

    def closed_meanwhile(self) -> bool:
        """Whether somebody made the record final while this state was acting. If so, undo what this state did."""
        record = self.w.records.get(self.run.id)
        return record is None or record.final

    def announce(self, reason: str) -> None:
        """Publish a lifecycle event about a change during the run. This is best effort; only the event of the run's end
        is guaranteed.
        """
        try:
            self.w.lifecycle.emit(self.w.records.get(self.run.id) or self.record, reason)
        except (Unavailable, Refused) as error:
            self.w.records.append(self.run.id, [self.event(EventName.NOT_ANNOUNCED, f"{reason}: {error}")])

    def event(self, event: EventName, detail: str = "") -> Event:
        return Event(self.w.clock.now(), event, detail)

    def decide(self, status: Status, reason: str, verdict: Verdict | None = None, event: EventName | None = None) -> Outcome:
        """Write how the run will end. Record makes it final after everything is cleaned up."""
        self.note(event or EventName(status.value), reason, decided_status=status, decided_verdict=verdict, reason=reason)
        return END

    def reject(self, reason: str) -> Outcome:
        return self.decide(Status.REJECTED, reason)

    def invalid(self, reason: str) -> Outcome:
        """End the run as invalid before the fault, because the experiment could not be judged or guarded."""
        return self.decide(Status.COMPLETED, reason, Verdict.INVALID, event=EventName.INVALID)


Body = Callable[[Step], Outcome]
Handler = Callable[[Mapping[str, Any], object], Outcome]


def step(phase: str, *, closing: bool = False, watching: bool = False) -> Callable[[Body], Handler]:
    """Make a Lambda handler of a function that takes a Step.

    States before the fault refuse a closed record, a redriven execution, an aborted run and one whose ending is decided.
    Watching states handle an abort themselves. Closing states always run, because they only clean up.
    """

    prepare("records", "documents", "logger")

    def make_handler(body: Body) -> Handler:
        @wraps(body)
        def handler(event: Mapping[str, Any], context: object) -> Outcome:  # noqa: ARG001 - Lambda's signature
            return _run_state(phase, body, event, closing=closing, watching=watching)

        return handler

    return make_handler


def _run_state(phase: str, body: Body, event: Mapping[str, Any], *, closing: bool, watching: bool) -> Outcome:
    w = get_wiring()
    run = Run.model_validate(event["run"])
    now = w.clock.now()
    record = w.records.get(run.id)
    if record is None:
        raise UnrecordedError(run.id)
    if not closing and (why := _refuse_state(w, record, phase, event, watching=watching)):
        if token := event.get("task_token"):
            w.workflow.wake(token)  # otherwise the execution would sleep on the token for the fault's whole time
        return why
    failure = str(event.get("failure") or "")
    if record.phase != phase and not record.final:
        w.records.update(run.id, phase=phase, phase_since=now, events=_note_failure(record, failure, now))
        record = w.records.get(run.id) or record
    outcome = body(
        Step(
            run=run,
            record=record,
            phase=phase,
            w=w,
            now=now,
            failure=failure,
            task_token=str(event.get("task_token") or ""),
        )
    )
    w.logger.info(phase, extra={"execution_id": run.id, **outcome})
    return outcome


def _note_failure(record: ExecutionRecord, failure: str, now: datetime) -> list[Event]:
    """The event of a failure that the workflow caught, with the last state that had begun. Step Functions names no
    state. Empty if there is no failure, or if it is on the timeline."""
    detail = f"{record.phase}: {failure[:FAILURE_CHARACTERS]}"
    known = [event.detail.partition(": ")[2] for event in record.happened(EventName.STATE_FAILED)]
    return [Event(now, EventName.STATE_FAILED, detail)] if failure and failure[:FAILURE_CHARACTERS] not in known else []


def is_redriven(event: Mapping[str, Any]) -> bool:
    """Whether somebody redrove the execution: it goes on without the lock and the guards it had."""
    return int(event.get("redrive_count") or 0) > 0


def _refuse_state(w: Wiring, record: ExecutionRecord, phase: str, event: Mapping[str, Any], *, watching: bool) -> Outcome | None:
    """END for a run that is closed, aborted, redriven or whose ending is decided; None if the state may act.

    The workflow goes on from some states whatever they answered: the next one ends the run here.
    """
    if record.final or ((record.abort or record.decided_status) and not watching):
        return END
    if not is_redriven(event):
        return None
    reason = f"{phase}: a redriven execution is refused: it has no lock and no guards"
    known = {} if record.decided_status else {"decided_status": Status.FAILED, "reason": reason}
    w.records.update(record.id, events=[Event(w.clock.now(), EventName.REDRIVE_REFUSED, reason)], **known)
    return END
