"""Denies every function of a walk the documents, and the attributes of records, that its role may not write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.permissions.attributes import attributes_kept_from
from infra.permissions.documents import DOCUMENTS
from squall.domain.safety.fis_template import CHECKED_TAG
from squall.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from squall.domain.documents.document import Document
    from squall.domain.run.fis_state import FisExperiment
    from tests.workflow.walk import Walk

ATTRIBUTES_OF_METHOD: dict[str, frozenset[str]] = {
    "request_abort": frozenset({"abort", "status"}),
    "ask": frozenset({"ask", "status"}),
    "vote": frozenset({"ask", "votes", "proofs", "status", "decided_status", "events"}),
    "confirm": frozenset({"proofs", "confirmed", "status", "events"}),
    "store_token": frozenset({"task_token", "token_generation", "status"}),
    "clear_token": frozenset({"task_token", "token_generation"}),
    "append": frozenset({"events"}),
    "settle": frozenset({"open_pk", "open_sk", "status"}),
}
"""Method of the records to the attributes that its write names, where the arguments do not say so."""


def grant_documents(walk: Walk) -> None:
    documents = walk.world.documents
    put = documents.put

    def checked(execution_id: str, document: Document) -> None:
        file = f"{document.NAME}.json"
        if walk.running and file not in DOCUMENTS.get(walk.running[-1], ()):
            raise _denied("s3", "PutObject", f"{walk.running[-1]} may not write {file}")
        if walk.running:
            walk.wrote.add((walk.running[-1], file))
        put(execution_id, document)

    documents.put = checked  # type: ignore[method-assign]


def grant_attributes(walk: Walk) -> None:
    for method in ("update", "finish", *ATTRIBUTES_OF_METHOD):
        _check_attributes(walk, method)


def _check_attributes(walk: Walk, method: str) -> None:
    write = getattr(walk.world.records, method)

    def checked(execution_id: str, *args: Any, **changes: Any) -> Any:
        if walk.running:
            named = ATTRIBUTES_OF_METHOD.get(method, frozenset(changes))
            walk.named |= {(walk.running[-1], attribute) for attribute in named}
            if refused := sorted(named & set(attributes_kept_from(walk.running[-1]))):
                raise _denied("dynamodb", "UpdateItem", f"{walk.running[-1]} may not write {', '.join(refused)}")
        return write(execution_id, *args, **changes)

    setattr(walk.world.records, method, checked)


def grant_start(walk: Walk) -> None:
    """StartFault starts no template but one that FinalCheck has marked."""
    start = walk.world.faults.start

    def checked(template_id: str, client_token: str, tags: Mapping[str, str]) -> FisExperiment:
        template = walk.world.faults.templates.get(template_id)
        if walk.running and template is not None and CHECKED_TAG not in template.get("tags", {}):
            raise Refused("fis", "StartExperiment", "AccessDeniedException", f"{walk.running[-1]} may not start {template_id}")
        return start(template_id, client_token, tags)

    walk.world.faults.start = checked  # type: ignore[method-assign]


def _denied(service: str, operation: str, message: str) -> Unavailable:
    return Unavailable(service, operation, "AccessDenied", message, retryable=False)
