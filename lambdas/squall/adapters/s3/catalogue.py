"""The catalogue of published experiments in S3: one object for each version, and no object is ever replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, translate_errors
from squall.domain.experiment.published import FOLDER, MAXIMUM_BYTES, MOST_VERSIONS, StoredVersion, parse_version_key, version_key
from squall.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXISTS = {"PreconditionFailed", "ConditionalRequestConflict"}
"""What S3 answers to a conditional write if the object exists, or if another write of it is under way."""


class S3Catalogue:
    def __init__(self, client: Any, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def find_newest(self, name: str) -> StoredVersion | None:
        page = call(self._client, "list_objects_v2", Bucket=self._bucket, Prefix=f"{FOLDER}/{name}/", MaxKeys=MOST_VERSIONS)
        if page.get("IsTruncated"):
            message = f"{FOLDER}/{name}/ holds more than {MOST_VERSIONS} objects, so its newest version is unknown"
            raise Refused("s3", "ListObjectsV2", "TooManyVersions", message)
        parsed = (parse_version_key(entry["Key"]) for entry in page.get("Contents", ()))
        versions = [version for found, version in filter(None, parsed) if found == name]
        return self._read_existing(name, max(versions)) if versions else None

    def read(self, name: str, version: int) -> StoredVersion | None:
        key = version_key(name, version)
        answer = call(self._client, "get_object", absent={"NoSuchKey"}, Bucket=self._bucket, Key=key)
        if answer is None:
            return None
        with translate_errors("s3", "GetObject"):
            body = answer["Body"].read(MAXIMUM_BYTES + 1)
        return StoredVersion(name, version, body)

    def _read_existing(self, name: str, version: int) -> StoredVersion:
        stored = self.read(name, version)
        if stored is None:  # an older version must not take its place
            raise Refused("s3", "GetObject", "VersionDeleted", f"{version_key(name, version)} was deleted while it was read")
        return stored

    def list_newest(self) -> Mapping[str, int]:
        newest: dict[str, int] = {}
        for entry in list_items(self._client, "list_objects_v2", "Contents", Bucket=self._bucket, Prefix=f"{FOLDER}/"):
            if parsed := parse_version_key(entry["Key"]):
                name, version = parsed
                newest[name] = max(version, newest.get(name, 0))
        return newest

    def add(self, stored: StoredVersion) -> bool:
        key = version_key(stored.name, stored.version)
        written = call(
            self._client,
            "put_object",
            absent=_EXISTS,
            Bucket=self._bucket,
            Key=key,
            Body=stored.body,
            ContentType="application/json",
            IfNoneMatch="*",
        )
        return written is not None
