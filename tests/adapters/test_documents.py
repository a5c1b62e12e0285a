"""Documents of a run: the same promises from the fake and from S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squall.adapters.s3 import S3Documents
from squall.domain.documents.run import Run
from squall.domain.resources.workload import TargetGroup
from squall.errors import Unavailable
from tests.adapters.conftest import NOW
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from squall import ports

RUN = Run(id="run-1", execution_arn="arn:run-1", started_at=NOW)


def test_a_document_is_read_as_it_was_written(documents: ports.Documents) -> None:
    documents.put("run-1", "run", RUN)
    assert documents.get("run-1", "run", Run) == RUN


def test_what_was_never_written_is_none(documents: ports.Documents) -> None:
    documents.put("run-1", "run", RUN)
    assert documents.get("run-1", "other", Run) is None
    assert documents.get("run-2", "run", Run) is None


def test_a_document_of_another_shape_is_an_error(documents: ports.Documents) -> None:
    documents.put("run-1", "run", RUN)
    with pytest.raises(ValueError, match="TargetGroup"):
        documents.get("run-1", "run", TargetGroup)


def test_a_denied_read_is_not_an_absent_document() -> None:
    documents = S3Documents(Scripted("s3", get_object=[error("AccessDenied", status=403)]), "bucket")
    with pytest.raises(Unavailable) as caught:
        documents.get("run-1", "run", Run)
    assert not caught.value.retryable
