"""The rollback document: the user's own Automation document from the environment's list, run after every fault that was
injected."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from squall.domain.base.vocabulary import RollbackOutcome
from squall.domain.documents.definition import Definition
from squall.domain.documents.rollback import AutomationRun, RollbackReport
from squall.domain.run.commands import shell_command
from squall.domain.run.ssm_state import AutomationState

ROLE_PARAMETER = "AutomationAssumeRole"
"""The document's parameter for the role as which it acts; only the policy sets it."""
TARGETS, EXECUTION = "$targets", "$execution"
"""What an experiment writes for values that are known only when it runs: the ids of the pinned targets, and the
execution's id."""


def plan_run(definition: Definition, target_ids: Sequence[str], execution_id: str) -> AutomationRun | None:
    """The run of the document that follows the fault; None if the experiment declares none."""
    declared = definition.experiment.rollback
    if declared is None:
        return None
    allowed = definition.environment.rollback_documents[declared.document]
    known = {TARGETS: tuple(target_ids), EXECUTION: (execution_id,)}
    values = {name: known.get(value) or (value,) if isinstance(value, str) else value for name, value in declared.parameters.items()}
    return AutomationRun(
        rollback=declared.document,
        document=allowed.document,
        version=allowed.version,
        parameters={**values, ROLE_PARAMETER: (allowed.assume_role,)},
        timeout_seconds=allowed.timeout_seconds,
    )


def client_token(unique: str) -> str:
    """One token for each execution, so that a repeated start starts nothing new. Systems Manager requires a UUID."""
    digest = hashlib.sha256(f"rollback {unique}".encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def start_command(run: AutomationRun, region: str) -> str:
    """The AWS CLI command that runs the document."""
    parameters = json.dumps({name: list(values) for name, values in sorted(run.parameters.items())}, separators=(",", ":"))
    document = ("--document-name", run.document, "--document-version", run.version)
    return shell_command("aws", "ssm", "start-automation-execution", "--region", region, *document, "--parameters", parameters)


def mark_started(run: AutomationRun, execution_id: str, now: datetime) -> AutomationRun:
    """The run marked as started, with the id that Systems Manager gave it."""
    return run.model_copy(update={"execution_id": execution_id, "status": "Pending", "started_at": now})


def mark_refused(run: AutomationRun, why: str, now: datetime) -> AutomationRun:
    """The run marked as refused by Systems Manager: it never ran."""
    return run.model_copy(update={"status": "Refused", "detail": why, "started_at": now, "ended_at": now})


def update_run(run: AutomationRun, state: AutomationState | None, now: datetime) -> AutomationRun:
    """The run with the state that Systems Manager reports. `state` is None if Systems Manager no longer knows it."""
    if state is None:
        return run.model_copy(update={"status": "Unknown", "detail": "Systems Manager does not know it any more", "ended_at": now})
    return run.model_copy(
        update={
            "status": state.status,
            "detail": state.detail,
            "started_at": state.started_at or run.started_at,
            "ended_at": (state.ended_at or now) if state.over else None,
        }
    )


def describe_run(run: AutomationRun) -> str:
    """The state of the run, as a sentence for people."""
    named = f"rollback document {run.rollback}" + (f" ({run.execution_id})" if run.execution_id else "")
    return f"{named}: {run.status}" + (f": {run.detail}" if run.detail else "")


def with_automation(report: RollbackReport, run: AutomationRun | None, declared: AutomationRun | None) -> RollbackReport:
    """The report with the outcome of the rollback document. If it did not run or did not succeed, the workload is not
    restored."""
    run = run or declared
    if run is None:
        return report
    if run.succeeded:
        return report.model_copy(update={"automation": run})
    return report.model_copy(
        update={"automation": run, "outcome": RollbackOutcome.NOT_RESTORED, "differences": (*report.differences, describe_run(run))}
    )


def list_fixed_values(parameters: Mapping[str, str | tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The values that the definition gives to each parameter, by its name. Values that are known only when the document
    runs are left out."""
    listed = {name: (value,) if isinstance(value, str) else value for name, value in parameters.items()}
    return {name: tuple(value for value in values if value not in {TARGETS, EXECUTION}) for name, values in listed.items()}
