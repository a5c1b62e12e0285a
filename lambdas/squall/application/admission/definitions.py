"""Reads the definition of a run, and refuses it if it is not the one that was admitted.

The record has the hash of the document in an attribute that only Admit may write. So somebody who overwrites the
document in S3 can end the run, but can't change what it does.
"""

from contextlib import suppress

from squall.domain.documents.definition import Definition
from squall.domain.run.record import ExecutionRecord
from squall.errors import Refused
from squall.wiring import Wiring


def find_definition(w: Wiring, record: ExecutionRecord) -> Definition | None:
    """The run's definition; None if Admit wrote none. Raises `Refused` if it is not the one that Admit wrote."""
    definition = w.documents.get(record.id, Definition)
    if definition is not None and not _is_admitted(definition, record):
        message = f"results/{record.id}/definition.json is not the definition that was admitted"
        raise Refused("squall", "ReadDefinition", "NotAsAdmitted", message)
    return definition


def find_definition_if_admitted(w: Wiring, record: ExecutionRecord) -> Definition | None:
    """The run's definition; None if Admit wrote none, or if it is not the one that Admit wrote. For callers that can go
    on without it."""
    with suppress(Refused):
        return find_definition(w, record)
    return None


def _is_admitted(definition: Definition, record: ExecutionRecord) -> bool:
    if not record.admitted_hash:  # admitted by an earlier version
        return record.definition_hash in ("", definition.definition_hash)
    return definition.admitted_hash == record.admitted_hash
