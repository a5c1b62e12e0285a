"""Documents of a run: the same promises from the fake and from S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squall.adapters.s3.documents import S3Documents
from squall.domain.documents.document import Document
from squall.domain.documents.refusal import Refusal
from squall.domain.documents.safety import FinalCheck
from squall.errors import Unavailable
from tests.adapters.conftest import NOW
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from squall.ports.records import Documents

REFUSAL = Refusal(at=NOW, problems=())


class Other(Document):
    """Another shape under the name of a refusal."""

    NAME = "refusal"

    cause: str


def test_a_document_is_read_as_it_was_written(documents: Documents) -> None:
    documents.put("run-1", REFUSAL)
    assert documents.get("run-1", Refusal) == REFUSAL


def test_a_document_stands_at_the_key_of_its_name() -> None:
    client = Scripted("s3", put_object=[{}, {}])
    documents = S3Documents(client, "bucket")
    documents.put("run-1", REFUSAL)
    documents.put("run-1", FinalCheck(at=NOW, checks=()))
    keys = [sent["Key"] for sent in client.arguments("put_object")]
    assert keys == ["results/run-1/refusal.json", "results/run-1/final_check.json"]


def test_what_was_never_written_is_none(documents: Documents) -> None:
    documents.put("run-1", REFUSAL)
    assert documents.get("run-1", FinalCheck) is None
    assert documents.get("run-2", Refusal) is None


def test_a_document_of_another_shape_is_an_error(documents: Documents) -> None:
    documents.put("run-1", REFUSAL)
    with pytest.raises(ValueError, match="Other"):
        documents.get("run-1", Other)


def test_a_denied_read_is_not_an_absent_document() -> None:
    documents = S3Documents(Scripted("s3", get_object=[error("AccessDenied", status=403)]), "bucket")
    with pytest.raises(Unavailable) as caught:
        documents.get("run-1", Refusal)
    assert not caught.value.retryable
