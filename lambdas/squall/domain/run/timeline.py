"""The names of the events on an execution's timeline.

They are stored in the table and in `result.json`, so a name never changes. No pydantic here, because the abort path
imports this module.
"""

from enum import StrEnum
from typing import NewType


class EventName(StrEnum):
    """Every event that Squall writes, roughly in the order of a run."""

    ADMITTED = "admitted"
    UNRECORDED = "unrecorded"
    """The execution died before Admit wrote its record."""
    DISCOVERED = "discovered"
    NOT_ANSWERED = "not_answered"
    """AWS could not be asked for something that a safety check needs."""
    SAFETY_CHECKED = "safety_checked"
    APPROVAL_REQUESTED = "approval_requested"
    REQUESTER_PROVEN = "requester_proven"
    APPROVAL_GIVEN = "approval_given"
    APPROVAL_REFUSED = "approval_refused"
    VOTE_NOT_CONFIRMED = "vote_not_confirmed"
    """A second function could not confirm a recorded vote, which does not count then."""
    APPROVED = "approved"
    APPROVAL_HOLDS = "approval_holds"
    """An earlier approval covers the plan as it is now."""
    LOCKING = "locking"
    LOCKED = "locked"
    QUEUED = "queued"
    SLOT_TAKEN = "slot_taken"
    SENTINEL_STARTED = "sentinel_started"
    SENTINEL_RESTARTED = "sentinel_restarted"
    BASELINE_CAPTURED = "baseline_captured"
    GUARDS_ARMED = "guards_armed"
    TEMPLATE_CREATED = "template_created"
    FINALLY_SAFE = "finally_safe"
    PLANNED = "planned"
    REJECTED = "rejected"
    INVALID = "invalid"
    FAILED = "failed"
    STATE_FAILED = "state_failed"
    """A state of the workflow failed or timed out; the run is being closed."""
    REDRIVE_REFUSED = "redrive_refused"
    PART_READY = "part_ready"
    """In a run over several Regions: it waits at the barrier from here on."""
    PEERS_TOLD = "peers_told"
    """In a run over several Regions: it ended early, and has told home and its peers."""
    STARTING = "starting"
    """Written before FIS is asked to start the fault."""
    FAULT_STARTED = "fault_started"
    PINS_PROVEN = "pins_proven"
    """FIS chose targets by tags, and has shown that they are the pinned ones."""
    LATE_START_STOPPED = "late_start_stopped"
    """The fault started while the run was being closed or halted, and was stopped at once."""
    NOT_ANNOUNCED = "not_announced"
    ACTION_STARTED = "action_started"
    FAULT_OVER = "fault_over"
    """The fault was over, and the run was still observed."""
    ALARM = "alarm"
    ABORT_REQUESTED = "abort_requested"
    STOP_REQUESTED = "stop_requested"
    TEMPLATE_DELETED = "template_deleted"
    LEFT_ALONE = "left_alone"
    """The record names something in FIS that carries another run's tag."""
    RESOLVED_TARGETS_UNKNOWN = "resolved_targets_unknown"
    """FIS could not be asked which resources it resolved."""
    FIS_COMPLETED = "fis_completed"
    FIS_STOPPED = "fis_stopped"
    FIS_FAILED = "fis_failed"
    FIS_CANCELLED = "fis_cancelled"
    NOT_STOPPED = "not_stopped"
    GUARDS_REMOVED = "guards_removed"
    GUARDS_NOT_REMOVED = "guards_not_removed"
    ROLLBACK_STARTING = "rollback_starting"
    ROLLBACK_STARTED = "rollback_started"
    ROLLBACK_OVERDUE = "rollback_overdue"
    ROLLBACK_ENDED = "rollback_ended"
    FAULT_PROVEN = "fault_proven"
    FAULT_NOT_PROVEN = "fault_not_proven"
    ROLLBACK_VERIFIED = "rollback_verified"
    INSTANCE_REPLACED = "instance_replaced"
    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    COMPARED = "compared"
    JUDGED = "judged"
    RECORDED = "recorded"
    CLOSED = "closed"
    """Somebody other than Record made the record final."""
    FINDING_NOT_REMEMBERED = "finding_not_remembered"
    NOTIFIED = "notified"
    ANNOUNCED = "announced"
    CHATS_NOT_REACHED = "chats_not_reached"
    """A message reached mails and not the topic for chats. Written once a run."""
    LEFT_BEHIND = "left_behind"
    REPORTED = "reported"
    REPORT_FAILED = "report_failed"


DECIDES: dict[EventName, str] = {
    EventName.APPROVAL_REQUESTED: "whether people still have to be told of a request for approval, or of a vote that does not count",
    EventName.VOTE_NOT_CONFIRMED: "whether people still have to be told of a vote that does not count",
    EventName.STATE_FAILED: "which state failed, in the reason of the run's end",
    EventName.FINALLY_SAFE: "since when an alarm counts as an alarm during the fault",
    EventName.STARTING: "whether a fault may have started, and how long FIS has had no free slot",
    EventName.PEERS_TOLD: "whether the other Regions still have to be told that a part ended early",
    EventName.PINS_PROVEN: "whether FIS still has to show that what it chose by tags is what was pinned",
    EventName.FAULT_OVER: "whether the workflow still looks for the end of a fault that is observed for longer than it lasts",
    EventName.ALARM: "how long Squall took to react, in the result",
    EventName.LEFT_ALONE: "whether the timeline already says what was left alone",
    EventName.RESOLVED_TARGETS_UNKNOWN: "whether the timeline already says that FIS could not be asked what it resolved",
    EventName.STOP_REQUESTED: "whether Squall itself stopped a fault that was past its time, which is not an abort",
    EventName.ROLLBACK_ENDED: "whether the rollback document still has to be run or watched",
    EventName.RECOVERED: "until when the run disturbed the metrics of its failure domains",
    EventName.NOT_RECOVERED: "until when the run disturbed the metrics of its failure domains",
    EventName.NOTIFIED: "whether people still have to be told how the run ended",
    EventName.ANNOUNCED: "whether machines still have to be told how the run ended",
    EventName.CHATS_NOT_REACHED: "whether the timeline already says that chats did not get a message",
    EventName.LEFT_BEHIND: "whether people still have to be told what is left of the run",
    EventName.REPORTED: "whether the timeline already says that there is a report",
    EventName.REPORT_FAILED: "whether the timeline already says that the report failed",
}
"""The events that Squall reads again, each with what it decides. Every other event only informs people."""

UnknownEvent = NewType("UnknownEvent", str)
"""An event that another version of Squall wrote. It is shown as it is stored, and decides nothing."""

_NAMES = {name.value: name for name in EventName}


def read_event_name(stored: str) -> EventName | UnknownEvent:
    """The event that is stored under this name."""
    return _NAMES.get(stored) or UnknownEvent(stored)


def fis_ended(status: str) -> EventName:
    """The event for a terminal status of a FIS experiment. Raises ValueError for any other status."""
    return EventName(f"fis_{status}")
