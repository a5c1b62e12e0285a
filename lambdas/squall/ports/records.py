"""Storage of Squall's runs: execution records, their history, findings, documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from squall.domain.approval.votes import Ask, Proof, Vote, VoteProof
    from squall.domain.base.vocabulary import Status
    from squall.domain.documents.document import Document
    from squall.domain.documents.finding import Finding, StoredFinding
    from squall.domain.history.summary import RunSummary
    from squall.domain.run.open_runs import OpenRuns
    from squall.domain.run.record import Abort, Event, ExecutionRecord

D = TypeVar("D", bound="Document")


class Records(Protocol):
    """Execution records. Writes are conditional: the status of a final record never changes again."""

    def create(self, record: ExecutionRecord) -> bool:
        """Create the record. False if a record of this id exists, whoever wrote it."""

    def get(self, execution_id: str) -> ExecutionRecord | None:
        """The record, read consistently; None if there is none."""

    def update(self, execution_id: str, *, events: Sequence[Event] = (), **changes: Any) -> bool:
        """Set attributes of ExecutionRecord by name, and append events. False, and nothing written, if the record is
        final.

        `phase=` does not set `phase_since`: pass both.
        """

    def request_abort(self, execution_id: str, abort: Abort) -> bool:
        """Write the first reason to abort. False if there is one already, or if the record is final."""

    def ask(self, execution_id: str, ask: Ask) -> bool:
        """Write a request for approval. The record then awaits approval.

        False, and nothing written, if the record is final, or if another request was written meanwhile.
        """

    def vote(
        self, execution_id: str, vote: Vote, events: Sequence[Event] = (), *, proof: Proof | None = None, replaces: Vote | None = None
    ) -> bool:
        """Write a person's vote, and the proof by which a second function confirms it.

        False, and nothing written, if the newest request is for another plan, if the run is decided or final, or if the
        person has voted already. A rejection replaces anything but a rejection; another vote replaces only `replaces`.
        """

    def confirm(
        self, execution_id: str, digests: Sequence[str], *, handled: Sequence[VoteProof], left: Sequence[VoteProof], events: Sequence[Event]
    ) -> bool:
        """Add the digests of confirmed votes, and keep only the proofs that are left.

        False, and nothing written, if the record is final, or if its proofs are no longer those that were handled.
        """

    def store_token(self, execution_id: str, token: str) -> int | None:
        """Store the task token of the waiting state, and return its generation; None if the record is final."""

    def clear_token(self, execution_id: str, generation: int) -> None:
        """Remove the task token if it is still of that generation."""

    def finish(self, execution_id: str, *, status: Status, events: Sequence[Event] = (), **changes: Any) -> bool:
        """Make the record final, once. False if it was final already. The record stays in the `open` index until
        `settle`."""

    def append(self, execution_id: str, events: Sequence[Event]) -> None:
        """Append to the timeline, even of a final record."""

    def settle(self, execution_id: str) -> None:
        """Take a final record out of the `open` index, once the run has left nothing in AWS."""

    def open_ids(self) -> OpenRuns:
        """The ids in the `open` index, including those of records that can't be read, so that such a record hides no
        others."""

    def waiting_ids(self, environment: str) -> Sequence[str]:
        """The executions of an environment in the `open` index that are not final and have had no fault yet."""

    def open(self) -> Sequence[ExecutionRecord]:
        """The records in the `open` index. An index is a hint: decide on `get`."""

    def validated(self, experiment: str, environment: str, since: datetime) -> Sequence[ExecutionRecord]:
        """Executions of the experiment in the environment, started since then, whose hypothesis held: newest first,
        about fifty at most.

        The index may not contain the newest yet; what it contains is final.
        """

    def faulted(self, domains: Sequence[str], since: datetime, until: datetime, *, most: int = 3) -> Sequence[ExecutionRecord]:
        """The newest executions, started in that time, that injected a fault on at least one of these failure domains;
        `most` at most.

        They are found by an index, which may lag by seconds (the locks prevent runs in that time), and then read
        consistently.
        """

    def claim_trigger(self, schedule_arn: str, scheduled_time: str, execution_id: str, expires_at: datetime) -> bool:
        """Claim one firing of a schedule. False if another execution has claimed it."""


class History(Protocol):
    """Summaries of runs, by period and by experiment. Eventually consistent: for reports and people, never for a
    decision about safety."""

    def summarise(self, summary: RunSummary) -> None:
        """Write what the record itself does not hold: workload, owner, recovery, findings. Does nothing if there is no
        such record."""

    def of_period(self, start: datetime, end: datetime) -> Iterator[RunSummary]:
        """Runs started from `start` until before `end`, the oldest first, read a page at a time."""

    def of_experiment(self, name: str, limit: int) -> Sequence[RunSummary]:
        """The newest runs of an experiment, the newest first, at most `limit` (1 to 1000)."""


class Findings(Protocol):
    """The findings of an experiment, over all its runs."""

    def of(self, experiment: str) -> Sequence[StoredFinding]:
        """Every finding that was ever stored, open or closed. Read consistently."""

    def save(self, experiment: str, finding: Finding, execution_id: str, started_at: datetime) -> bool:
        """Store the state of a finding after this execution. False if an execution that started later has stored it
        already."""


class Documents(Protocol):
    """Files in the results bucket."""

    def put(self, execution_id: str, document: Document) -> None:
        """Write the document at the key of its name; it replaces an earlier one."""

    def get(self, execution_id: str, model: type[D]) -> D | None:
        """The document of this kind; None if it was never written. Raises ValueError if the model does not accept what
        is there."""

    def publish(self, key: str, body: str, content_type: str) -> str:
        """Write a file that belongs to no single run, under `analytics/` or `reports/`; returns the key."""

    def write(self, execution_id: str, file_name: str, body: str, content_type: str) -> str:
        """Write `results/<execution_id>/<file_name>`; returns that key."""
