"""Which functions may write which attributes of a run's record: the conditions of the grants are made from it.

IAM compares every name in a request, also those inside of attributes (`ask.plan`): no attribute here may have such a name.
Attributes that are not listed may be written by every function that writes to records: the status, the phase, the
reason, what a state decided, and the timeline.
"""

_CLOSING = ("AcquireLock", "Pulse", "Watchdog")
"""The functions that make a run final whose execution ended early."""
_SETTLING = (*_CLOSING, "Release")
_NOBODY: tuple[str, ...] = ()

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    # What Admit puts with the record, and later states compare with: never updated.
    **dict.fromkeys(("admitted_hash", "definition_hash", "promotion_hash", "execution_arn", "started_at"), _NOBODY),
    **dict.fromkeys(("source", "source_version", "source_hash"), _NOBODY),
    **dict.fromkeys(("environment", "experiment", "fault_type", "requested_by", "trigger", "only_plans", "part"), _NOBODY),
    **dict.fromkeys(("period_pk", "period_sk", "experiment_pk", "experiment_sk"), _NOBODY),
    # A gate opens by what these say.
    "ask": ("AskApproval", "Approve"),
    "votes": ("Approve",),
    "proofs": ("Approve", "ObserveApproval"),
    "confirmed": ("ObserveApproval",),
    # What has to be stopped, deleted or released in the end, and who stopped it first.
    "abort": ("Abort", "Halt", "ObserveFault", "StartFault", "StopFault", *_CLOSING),
    "lock_keys": ("AcquireLock",),
    "slot": ("AcquireSlot",),
    "guard_names": ("ArmGuards",),
    "sentinel": ("CaptureBaseline",),
    "template_id": ("CreateTemplate",),
    "rollback_command": ("CreateTemplate",),
    "fis_experiment_id": ("StartFault", "StopFault"),
    "fault_started_at": ("StartFault", "StopFault"),
    **dict.fromkeys(("fault_seconds", "lead_seconds", "observation_seconds"), ("StartFault",)),
    "fault_ended_at": ("StopFault",),
    # What a part tells the other Regions of its run: they start their faults, or let them run, because of it.
    "ready_at": ("FinalCheck",),
    "peers_read_at": ("Pulse", "StartFault"),
    # Whom the workflow waits for.
    **dict.fromkeys(
        ("task_token", "token_generation"), ("AwaitApproval", "AwaitPeers", "ObserveApproval", "ObserveFault", "Pulse", "WatchFault")
    ),
    # The ending.
    **dict.fromkeys(("verdict", "hypothesis_validated", "ended_at"), ("Record", *_CLOSING)),
    "closed_by": _CLOSING,
    **dict.fromkeys(("open_pk", "open_sk"), _SETTLING),
    "summary": ("Report",),
}
"""Attribute to the functions that may name it in an update of a record."""


def attributes_kept_from(function: str) -> tuple[str, ...]:
    """The attributes of a record that the function may not name in an update, sorted."""
    return tuple(sorted(attribute for attribute, writers in ATTRIBUTES.items() if function not in writers))
