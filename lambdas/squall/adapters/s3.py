"""The documents of a run, as JSON in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import asking, call

if TYPE_CHECKING:
    from squall.domain.model import Model
    from squall.ports import M


class S3Documents:
    def __init__(self, client: Any, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def put(self, execution_id: str, name: str, document: Model) -> None:
        self.write(execution_id, f"{name}.json", document.model_dump_json(indent=2), "application/json")

    def write(self, execution_id: str, file_name: str, body: str, content_type: str) -> str:
        return self.publish(_key(execution_id, file_name), body, content_type)

    def publish(self, key: str, body: str, content_type: str) -> str:
        call(self._client, "put_object", Bucket=self._bucket, Key=key, Body=body.encode(), ContentType=content_type)
        return key

    def get(self, execution_id: str, name: str, model: type[M]) -> M | None:
        # Without s3:ListBucket S3 answers AccessDenied for an absent key: that must not pass as "never written".
        answer = call(self._client, "get_object", absent={"NoSuchKey"}, Bucket=self._bucket, Key=_key(execution_id, f"{name}.json"))
        if answer is None:
            return None
        with asking("s3", "GetObject"):
            body = answer["Body"].read()
        return model.model_validate_json(body)


def _key(execution_id: str, file_name: str) -> str:
    return f"results/{execution_id}/{file_name}"
