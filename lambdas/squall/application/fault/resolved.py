"""Asks FIS which resources it resolved for a fault, and compares them with those the run pinned.

The targets are compiled from the definition, which only Admit writes, and the discovery, which only Discover writes.
`template.json` is written by the state that creates the template, so it can lie in the same way as the template.
"""

from squall.application.admission.definitions import find_definition
from squall.domain.base.problems import InvalidInput
from squall.domain.documents.discovery import Discovery
from squall.domain.run.record import ExecutionRecord
from squall.domain.safety.resolved_targets import find_unpinned
from squall.errors import Refused
from squall.faults.plan import compile_faults
from squall.wiring import Wiring


def list_unpinned(w: Wiring, record: ExecutionRecord, experiment_id: str) -> tuple[str, ...]:
    """A sentence for each resource that FIS resolved beyond the run's pinned targets; empty while FIS has not resolved
    anything.

    Raises Unavailable if FIS or the run's documents can't be read, and Refused if it can't be told what was pinned.
    """
    definition, discovery = find_definition(w, record), w.documents.get(record.id, Discovery)
    if definition is None or discovery is None:
        raise Refused("squall", "CompareResolvedTargets", "NoSuchDocument", "the documents that name the pinned targets are gone from S3")
    try:
        targets, _ = compile_faults(definition, discovery)
    except InvalidInput as error:
        raise Refused("squall", "CompareResolvedTargets", "NotCompiled", str(error)) from error
    return find_unpinned(targets, w.faults.resolved_targets(experiment_id))
