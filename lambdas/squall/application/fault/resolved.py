"""Asks FIS which resources it resolved for a fault, and compares them with those the run pinned.

The targets are compiled from the definition, which only Admit writes, and the discovery, which only Discover writes.
`template.json` is written by the state that creates the template, so it can lie in the same way as the template.

FIS chooses the targets of some actions by tags. Then the run is allowed to go on only if FIS has shown, within the wait before its
faults, that it chose each of the pins and nothing else: `PINS_PROVEN` is on the timeline. ObserveFault asks until then, the pulse asks
in its turn, and StopFault asks a last time. Each of them aborts what is not proven in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from squall.application.admission.definitions import find_definition
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import AbortSource
from squall.domain.documents.discovery import Discovery
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.record import Abort, Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.domain.safety.resolved_targets import PROVEN_WITHIN, find_unpinned, find_unproven
from squall.errors import Refused, Unavailable
from squall.faults.plan import bind_plan, compile_faults
from squall.wiring import Wiring


@dataclass(frozen=True)
class _Expected:
    """What FIS has to resolve."""

    targets: Mapping[str, Mapping[str, Any]]
    """The targets of the template, with the ARNs of the pins also where FIS chooses by tags."""
    chosen: Mapping[str, tuple[str, ...]]
    """Those of the targets that FIS chooses by tags, with the ARNs of their pins."""


def compare_resolved(w: Wiring, record: ExecutionRecord, fis: FisExperiment, by: str) -> Abort | None:
    """The reason to abort because FIS hits something other than what was pinned, or because it chooses targets by tags and has not
    shown in time that they are the pins. None if there is none, or if there still is time.

    If FIS can't be asked, the timeline says so. What is named by ARN was compared in the template before the start. Raises
    Unavailable and Refused if it can't be told what was pinned.
    """
    expected = _read_expected(w, record)
    proven = not expected.chosen or record.happened(EventName.PINS_PROVEN)
    try:
        resolved = w.faults.resolved_targets(fis.id)
    except (Unavailable, Refused) as error:
        if not record.happened(EventName.RESOLVED_TARGETS_UNKNOWN):
            w.records.append(record.id, [Event(w.clock.now(), EventName.RESOLVED_TARGETS_UNKNOWN, str(error))])
        return None if proven else _abort_late(w, fis, by, f"which targets FIS chose by tags could not be read: {error}")
    if strange := find_unpinned(expected.targets, resolved):
        return Abort(AbortSource.OUTSIDE, "; ".join(strange), w.clock.now(), by)
    if proven:
        return None
    if unproven := find_unproven(expected.chosen, resolved):
        return _abort_late(w, fis, by, f"FIS did not show that it chose the pinned targets: {'; '.join(unproven)}")
    arns = ", ".join(dict.fromkeys(arn for pins in expected.chosen.values() for arn in pins))
    w.records.append(record.id, [Event(w.clock.now(), EventName.PINS_PROVEN, arns)])
    return None


def _abort_late(w: Wiring, fis: FisExperiment, by: str, reason: str) -> Abort | None:
    """The abort once the time is over in which FIS has to have shown what it chose. None if it ended before any fault."""
    now, began = w.clock.now(), fis.started_at or fis.created_at
    if fis.terminal:
        over = any(action.injects and action.started_at for action in fis.actions)
    else:
        over = began is None or now >= began + PROVEN_WITHIN
    return Abort(AbortSource.OUTSIDE, reason, now, by) if over else None


def _read_expected(w: Wiring, record: ExecutionRecord) -> _Expected:
    """Raises Unavailable if the run's documents can't be read, and Refused if it can't be told what was pinned."""
    definition, discovery = find_definition(w, record), w.documents.get(record.id, Discovery)
    if definition is None or discovery is None:
        raise Refused("squall", "CompareResolvedTargets", "NoSuchDocument", "the documents that name the pinned targets are gone from S3")
    try:
        targets, _ = compile_faults(definition, discovery)
    except InvalidInput as error:
        raise Refused("squall", "CompareResolvedTargets", "NotCompiled", str(error)) from error
    chosen = {
        name: tuple(target.arn for target in discovery.targets_of(bound.name))
        for bound in bind_plan(definition)
        for name in targets
        if bound.planned.chosen_by_tags and bound.owns(name)
    }
    named = {name: {**target, "resourceArns": list(chosen[name])} if name in chosen else target for name, target in targets.items()}
    return _Expected(named, chosen)
