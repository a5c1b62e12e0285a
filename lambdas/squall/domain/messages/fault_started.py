"""The message that a fault has started: for whoever is on call, what is disturbed, how long, and how to end it."""

from collections.abc import Sequence
from datetime import timedelta

from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.messages.console import Console
from squall.domain.messages.message import Link, Message, Section, facts_of
from squall.domain.messages.scenario import describe_faults
from squall.domain.metrics.periods import format_length
from squall.domain.run.commands import shell_command
from squall.domain.run.record import ExecutionRecord


def make_message(record: ExecutionRecord, definition: Definition, discovery: Discovery, *, stack: str, bucket: str) -> Message:
    """What happens to which targets until when. Sent once, after FIS started the fault."""
    experiment, environment, console = definition.experiment, definition.environment, Console(record, bucket)
    abort = shell_command("squall", "abort", record.id, "--stack", stack, "--region", definition.region)
    return Message(
        subject=f"Squall: {_describe_fault(record, definition)}: {experiment.name} in {environment.name}",
        facts=facts_of(
            [
                f"{experiment.name}: {experiment.words} in {environment.name}{_describe_length(record)}",
                f"Hypothesis: {experiment.hypothesis}",
                f"execution {record.id}, started by {record.requested_by or 'not said'} (a label)",
            ]
        ),
        sections=(
            *([Section("Faults", facts_of(faults))] if (faults := describe_faults(experiment, discovery)) else []),
            Section("Targets", facts_of(pinned.arn for pinned in discovery.pinned)),
            *([Section("Felt by", facts_of(touched.arn for touched in discovery.touched))] if discovery.touched else []),
            Section("It ends early if", facts_of(_list_stops(experiment.abort_conditions, experiment.stop_alarms))),
            Section("To end it now", facts_of([abort])),
        ),
        links=tuple(Link(label, url) for label, url in (("execution", console.execution), ("fault", console.fault)) if url),
        attributes={"status": record.status.value, "verdict": "none", "environment": environment.name, "experiment": experiment.name},
        thread=record.id,
        commands=(abort,),
    )


def _describe_fault(record: ExecutionRecord, definition: Definition) -> str:
    """Whether the fault runs here, or in other Regions whose load this one has to carry."""
    if record.part is None or definition.experiment.type is not FaultType.NO_FAULT:
        return "fault running"
    return f"{record.part.region} has to carry the load of other Regions"


def _describe_length(record: ExecutionRecord) -> str:
    began = record.begins_at
    if began is None:
        return ""
    length = timedelta(seconds=record.fault_seconds)
    end = began + length
    since = "from" if record.lead_seconds else "since"
    said = f", {since} {began:%Y-%m-%d %H:%M:%S} UTC, for {format_length(length)}, until {end:%H:%M:%S} UTC at most"
    if not record.observation_seconds:
        return said
    observed = timedelta(seconds=record.observation_seconds)
    return f"{said}; observed for {format_length(observed)}, until {began + observed:%H:%M:%S} UTC"


def _list_stops(conditions: Sequence[str], alarms: Sequence[str]) -> list[str]:
    return [*conditions, *(f"alarm {name} fires" for name in alarms)]
