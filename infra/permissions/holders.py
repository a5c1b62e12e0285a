"""Who may do what: which function holds which capability. This is the one place to review."""

from collections.abc import Iterable

from aws_cdk.aws_iam import PolicyStatement

from infra.permissions.capabilities import make_capabilities
from infra.permissions.fleet import RUN_IN_MEMBERS
from infra.permissions.names import Names
from infra.permissions.regions import OVER_REGIONS

CONTROL_FUNCTIONS = ("Abort", "Approve", "Decide", "Halt", "Note", "Pulse", "Resume", "Schedule", "Sentinel", "Watchdog")
OUTSIDE_FUNCTIONS = (*CONTROL_FUNCTIONS, "Report")
"""The functions that no state of the workflow runs: they control it, or report on runs that are over."""

CAMPAIGN_FUNCTIONS = ("AdmitCampaign", "ChooseSteps", "FinishCampaign")
"""The functions of the campaign machine. They touch no fault: they choose executions, and read how those ended."""

EVERY_FUNCTION = ("record", "encryption_key")
WORKFLOW_STEP = (*EVERY_FUNCTION, "read_documents", "write_documents")
# Needed to close a run whose execution is dead or was taken over: find and end whatever it may have left, and notify
# people.
CLOSING = (
    "list_experiments",
    "read_experiment",
    "stop_experiment",
    "find_templates",
    "delete_template",
    "delete_guards",
    "unlock",
    "release_slots",
    "read_slots",
    "commands",
    "inventory",
    "notify",
    "roll_back",
    "findings",
)
# What the gates of an environment's policy read.
SURROUNDINGS = ("calendars", "deployments", "past_faults", "past_proofs", "proofs_elsewhere")

# What a part of a run over several Regions asks before its fault, and does when it ends early.
ASKING_PEERS = ("read_parts", "read_decisions")
TELLING_PEERS = ("read_decisions", "ask_home", "abort_parts")
DECIDING = ("wake_parts", "write_decisions")

HOLDERS: dict[str, tuple[str, ...]] = {
    "Admit": (
        *EVERY_FUNCTION,
        "write_documents",
        "emit_events",
        "create_record",
        "open_records",
        "read_templates",
        "read_catalogue",
    ),
    "Discover": (*WORKFLOW_STEP, "inventory", "find_targets"),
    "CheckSafety": (*WORKFLOW_STEP, "metrics", "list_experiments", "read_guards", "read_halt", "read_home", *SURROUNDINGS),
    "AskApproval": (*WORKFLOW_STEP, "emit_events", "notify"),
    "AwaitApproval": (*EVERY_FUNCTION, "wake"),
    "ObserveApproval": (*EVERY_FUNCTION, "emit_events"),
    "AcquireLock": (*WORKFLOW_STEP, *CLOSING, *TELLING_PEERS, "read_guards", "locks", "emit_events", "wake"),
    "AcquireSlot": (
        *WORKFLOW_STEP,
        "locks",
        "slots",
        "release_slots",
        "read_slots",
        "emit_events",
        "list_experiments",
        "read_guards",
        "read_halt",
        "read_home",
        *SURROUNDINGS,
    ),
    "CaptureBaseline": (*WORKFLOW_STEP, "metrics", "metric_statistics", "past_faults", "start_sentinel"),
    "ArmGuards": (*WORKFLOW_STEP, "read_guards", "put_guards", "delete_guards"),
    "CreateTemplate": (
        *WORKFLOW_STEP,
        "inventory",
        "create_template",
        "delete_template",
        "find_templates",
        "read_guards",
        "put_guards",
        "delete_guards",
    ),
    "FinalCheck": (
        *WORKFLOW_STEP,
        "inventory",
        "find_tagged",
        "read_own_template",
        "mark_checked",
        "read_guards",
        "list_experiments",
        "locks",
        "read_halt",
        "read_home",
        "read_catalogue",
        *SURROUNDINGS,
        *ASKING_PEERS,
        "ask_home",
    ),
    "AwaitPeers": (*EVERY_FUNCTION, "wake", "read_decisions"),
    "StartFault": (
        *EVERY_FUNCTION,
        *ASKING_PEERS,
        "read_documents",
        "emit_events",
        "notify",
        "read_own_template",
        "start_experiment",
        "read_experiment",
        "stop_experiment",
        "read_halt",
        "read_guards",
    ),
    "WatchFault": (*EVERY_FUNCTION, "read_documents", "read_experiment", "commands", "wake"),
    "ObserveFault": (*EVERY_FUNCTION, "read_documents", "read_experiment", "read_resolved_targets", "commands", "emit_events"),
    "StopFault": (
        *WORKFLOW_STEP,
        *TELLING_PEERS,
        "list_experiments",
        "read_experiment",
        "read_resolved_targets",
        "stop_experiment",
        "delete_template",
        "find_templates",
        "read_guards",
        "guard_history",
        "delete_guards",
        "release_slots",
    ),
    "RunRollback": (*WORKFLOW_STEP, "roll_back"),
    "VerifyRollback": (*WORKFLOW_STEP, "read_parts", "read_experiment", "inventory", "commands"),
    "WatchRecovery": (*WORKFLOW_STEP, "read_experiment", "inventory", "commands", "metrics", "read_guards"),
    "Compare": (*WORKFLOW_STEP, "read_experiment", "metrics", "metric_statistics", "past_faults"),
    "Judge": (*WORKFLOW_STEP, "read_experiment", "metrics", "metric_statistics", "metric_names", "read_guards", "guard_history"),
    "Record": (*WORKFLOW_STEP, "findings"),
    "Notify": (*WORKFLOW_STEP, "emit_events", "notify", "findings", "ask_home"),
    "Release": (*WORKFLOW_STEP, *CLOSING),
    "Abort": (
        *EVERY_FUNCTION,
        "list_experiments",
        "read_experiment",
        "stop_experiment",
        "wake",
        "abort_campaigns",
        "abort_parts",
        RUN_IN_MEMBERS,
        "dead_letters",
    ),
    # STS identifies the approver, for ObserveApproval again: GetCallerIdentity needs no permission, and the approver has
    # signed the request.
    "Approve": (*EVERY_FUNCTION, "wake"),
    "Decide": ("read_record", "encryption_key", "read_parts", *DECIDING, "wake"),
    "Note": ("read_record", "encryption_key", "note_campaigns", "wake"),
    "Halt": (
        *EVERY_FUNCTION,
        "halt_copy",
        "write_halt",
        "move_lever",
        "open_records",
        "list_experiments",
        "read_experiment",
        "stop_experiment",
        "find_templates",
        "wake",
        "notify",
    ),
    "Pulse": (
        *WORKFLOW_STEP,
        *CLOSING,
        *ASKING_PEERS,
        *TELLING_PEERS,
        *DECIDING,
        "sightings",
        "locks",
        "slots",
        "emit_events",
        "open_records",
        "read_executions",
        "read_halt",
        RUN_IN_MEMBERS,
        "read_guards",
        "guard_history",
        "read_guard_tags",
        "read_resolved_targets",
        "metrics",
        "start_sentinel",
        "wake",
        "write_campaigns",
        "abort_campaigns",
        "tell_campaigns",
        "dead_letters",
    ),
    # Apart from Halt, so that a person may be allowed to halt and not to resume.
    "Resume": (*EVERY_FUNCTION, "halt_copy", "read_halt", "write_halt", "move_lever", "read_lever", "notify"),
    "Schedule": ("read_catalogue", "align_schedules", "encryption_key"),
    # The sentinel probes URLs. In the table and bucket it only reads the record and the definition and writes its own
    # lease.
    "Sentinel": ("read_record", "read_definition", "read_runs", "sentinel", "encryption_key"),
    "Watchdog": (
        *WORKFLOW_STEP,
        *CLOSING,
        *TELLING_PEERS,
        "read_parts",
        "read_guards",
        "emit_events",
        "wake",
        "create_lost_record",
        RUN_IN_MEMBERS,
        "write_campaigns",
        "abort_campaigns",
        "tell_campaigns",
        "dead_letters",
    ),
    "AdmitCampaign": (
        "read_record",
        "encryption_key",
        "write_campaigns",
        "claim_campaigns",
        "write_documents",
        "emit_events",
        "read_templates",
        "read_catalogue",
    ),
    "ChooseSteps": (
        "read_record",
        "encryption_key",
        "write_campaigns",
        "abort_campaigns",
        "read_documents",
        "read_halt",
        "emit_events",
        "notify",
        "wake",
        "read_parts",
        *DECIDING,
        "start_parts",
        RUN_IN_MEMBERS,
    ),
    "FinishCampaign": (
        "read_record",
        "encryption_key",
        "write_campaigns",
        "tell_campaigns",
        "read_parts",
        RUN_IN_MEMBERS,
        "read_documents",
        "write_documents",
        "emit_events",
        "notify",
    ),
    "Report": (*WORKFLOW_STEP, "read_results", "read_catalogue", "findings", "publish", "history", "notify", "dead_letters"),
}
WORKFLOW_FUNCTIONS = tuple(name for name in HOLDERS if name not in (*OUTSIDE_FUNCTIONS, *CAMPAIGN_FUNCTIONS))
FLEET_HOLDERS: dict[str, tuple[str, ...]] = {"Heartbeat": ("heartbeat",), "Collect": ("read_members", "collected", "encryption_key")}
"""The functions that only the home of a fleet has."""
FLEET_FUNCTIONS = tuple(FLEET_HOLDERS)


ELSEWHERE = (*OVER_REGIONS, RUN_IN_MEMBERS)
"""The capabilities about other stacks."""


def statements_for(function: str, names: Names) -> list[PolicyStatement]:
    """What a function may do in its own stack, besides writing its own log and traces."""
    return _list_statements(function, names, [held for held in (HOLDERS | FLEET_HOLDERS)[function] if held not in ELSEWHERE])


def statements_elsewhere(function: str, names: Names) -> list[PolicyStatement]:
    """What a function may do about runs over several Regions, and about steps of campaigns in members of the fleet; nothing if the
    stack acts with no other one."""
    return _list_statements(function, names, [held for held in (HOLDERS | FLEET_HOLDERS)[function] if held in ELSEWHERE])


def _list_statements(function: str, names: Names, capabilities: Iterable[str]) -> list[PolicyStatement]:
    statements_of = make_capabilities(names, function)
    return [statement for capability in dict.fromkeys(capabilities) for statement in statements_of[capability]]
