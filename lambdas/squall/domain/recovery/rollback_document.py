"""The rollback document: an Automation of the user's own, from the environment's allowlist, run after every fault that was injected."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from squall.domain.documents.definition import Definition
from squall.domain.documents.rollback import AutomationRun, RollbackReport
from squall.domain.run.aws_state import AutomationState
from squall.domain.run.commands import shell_command
from squall.domain.vocabulary import RollbackOutcome

ROLE_PARAMETER = "AutomationAssumeRole"
"""How a document is told as whom to act; set from the policy alone."""
TARGETS, EXECUTION = "$targets", "$execution"
"""What an experiment writes for a parameter's value that is known only when it runs: the ids of the pinned targets; the execution's id."""


def intended(definition: Definition, target_ids: Sequence[str], execution_id: str) -> AutomationRun | None:
    """What is to be run after the fault; None: the experiment declares nothing."""
    declared = definition.experiment.rollback
    if declared is None:
        return None
    allowed = definition.environment.rollback_documents[declared.document]
    known = {TARGETS: tuple(target_ids), EXECUTION: (execution_id,)}
    given = {name: known.get(value) or (value,) if isinstance(value, str) else value for name, value in declared.parameters.items()}
    return AutomationRun(
        rollback=declared.document,
        document=allowed.document,
        version=allowed.version,
        parameters={**given, ROLE_PARAMETER: (allowed.assume_role,)},
        timeout_seconds=allowed.timeout_seconds,
    )


def client_token(unique: str) -> str:
    """One per execution, in the UUID's form that Systems Manager wants: a start that is repeated starts nothing new."""
    digest = hashlib.sha256(f"rollback {unique}".encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def by_hand(run: AutomationRun, region: str) -> str:
    """The command that runs it."""
    parameters = json.dumps({name: list(values) for name, values in sorted(run.parameters.items())}, separators=(",", ":"))
    document = ("--document-name", run.document, "--document-version", run.version)
    return shell_command("aws", "ssm", "start-automation-execution", "--region", region, *document, "--parameters", parameters)


def begun(run: AutomationRun, execution_id: str, now: datetime) -> AutomationRun:
    """With the id Systems Manager gave it."""
    return run.model_copy(update={"execution_id": execution_id, "status": "Pending", "started_at": now})


def refused(run: AutomationRun, why: str, now: datetime) -> AutomationRun:
    """Systems Manager understood and said no: it never ran."""
    return run.model_copy(update={"status": "Refused", "detail": why, "started_at": now, "ended_at": now})


def seen(run: AutomationRun, state: AutomationState | None, now: datetime) -> AutomationRun:
    """As Systems Manager tells it now; None: it has forgotten it."""
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


def said(run: AutomationRun) -> str:
    """How it stands, as a sentence for people."""
    named = f"rollback document {run.rollback}" + (f" ({run.execution_id})" if run.execution_id else "")
    return f"{named}: {run.status}" + (f": {run.detail}" if run.detail else "")


def with_automation(report: RollbackReport, run: AutomationRun | None, declared: AutomationRun | None) -> RollbackReport:
    """The report with what became of the rollback document; one that did not run or succeed leaves the workload not restored."""
    run = run or declared
    if run is None:
        return report
    if run.succeeded:
        return report.model_copy(update={"automation": run})
    return report.model_copy(
        update={"automation": run, "outcome": RollbackOutcome.NOT_RESTORED, "differences": (*report.differences, said(run))}
    )


def check_values(parameters: Mapping[str, str | tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Name to the values that stand in the definition: what is only known when it runs is left out."""
    listed = {name: (value,) if isinstance(value, str) else value for name, value in parameters.items()}
    return {name: tuple(value for value in values if value not in {TARGETS, EXECUTION}) for name, values in listed.items()}
