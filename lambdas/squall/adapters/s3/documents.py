"""Documents and files in S3: those of a run, and those that belong to no single run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, translate_errors
from squall.domain.documents.document import document_key, file_key

if TYPE_CHECKING:
    from squall.domain.documents.document import Document
    from squall.ports.records import D


class S3Documents:
    def __init__(self, client: Any, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def put(self, execution_id: str, document: Document) -> None:
        self.publish(document_key(execution_id, document), document.model_dump_json(indent=2), "application/json")

    def write(self, execution_id: str, file_name: str, body: str, content_type: str) -> str:
        return self.publish(file_key(execution_id, file_name), body, content_type)

    def publish(self, key: str, body: str, content_type: str) -> str:
        call(self._client, "put_object", Bucket=self._bucket, Key=key, Body=body.encode(), ContentType=content_type)
        return key

    def get(self, execution_id: str, model: type[D]) -> D | None:
        # Without s3:ListBucket, S3 answers AccessDenied for an absent key. `call` raises that, because it does not show
        # whether the document exists.
        answer = call(self._client, "get_object", absent={"NoSuchKey"}, Bucket=self._bucket, Key=document_key(execution_id, model))
        if answer is None:
            return None
        with translate_errors("s3", "GetObject"):
            body = answer["Body"].read()
        return model.model_validate_json(body)
