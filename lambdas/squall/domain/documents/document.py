"""What a document of a run is: a model that knows its own name, and with it its key."""

from typing import ClassVar

from squall.domain.base.model import Model


class Document(Model):
    """A JSON document that a state writes for later ones. Each kind of document has its own `NAME`."""

    NAME: ClassVar[str]


def file_key(execution_id: str, file_name: str) -> str:
    """The S3 key of a file of a run."""
    return f"results/{execution_id}/{file_name}"


def document_key(execution_id: str, document: type[Document] | Document) -> str:
    """The S3 key of a document of a run."""
    return file_key(execution_id, f"{document.NAME}.json")
