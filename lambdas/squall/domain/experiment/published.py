"""Published experiments and campaigns: numbered versions in the results bucket, which no deployment brings. A name is that of
an experiment or of a campaign, never of both.

`catalogue/<name>/<version>.json` holds one version. A version is written once and never replaced; the one with the
greatest number is the newest. A retired experiment has a newest version without a definition.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from squall.domain.base.model import Model, hash_document

FOLDER = "catalogue"
"""The folder of the results bucket that holds the published experiments."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}", re.ASCII)
"""The names that may be published: a part of an S3 key and, with a prefix, the name of a schedule."""
NAME_WORDS = "1 to 50 letters, digits, _ and -, a letter or digit first"
MAXIMUM_BYTES = 128 * 1024
"""The largest object that is read as a version: twice the largest definition."""
MOST_VERSIONS = 1000
"""How many versions an experiment may have: as many keys as one listing of S3 returns."""
_KEY = re.compile(rf"{FOLDER}/({NAME.pattern})/(\d{{6}})\.json", re.ASCII)


@dataclass(frozen=True)
class StoredVersion:
    """A version as it is in the bucket. Nobody has checked the body yet."""

    name: str
    version: int
    body: bytes
    """At most MAXIMUM_BYTES + 1 bytes: a longer object is cut."""


class PublishedVersion(Model):
    """One version of a published experiment or campaign: the content of its object."""

    format: Literal[1] = 1
    name: str
    version: Annotated[int, Field(ge=1, strict=True)]
    experiment: dict[str, Any] | None
    """The definition, as `catalogue.json` of the code asset has deployed ones; None: a campaign, or retired."""
    campaign: Annotated[dict[str, Any] | None, Field(exclude_if=lambda value: value is None)] = None
    """The campaign, as `campaigns.json` of the code asset has deployed ones; None: an experiment, or retired."""
    hash: str
    """`content_hash` of the definition; empty if it is retired."""
    by: Annotated[str, Field(max_length=256)]
    """Who says to have written it: an ARN, and a label. CloudTrail's data events prove who did."""
    at: datetime

    @property
    def retired(self) -> bool:
        return self.content is None

    @property
    def content(self) -> dict[str, Any] | None:
        """The definition of the experiment or of the campaign; None if it is retired."""
        return self.experiment if self.experiment is not None else self.campaign

    @property
    def is_campaign(self) -> bool:
        return self.experiment is None and self.campaign is not None


class DefinitionSource(Model):
    """Where the definition of a run comes from."""

    kind: Literal["deployed", "published", "inline"] = "deployed"
    name: str = ""
    """The name in the catalogue; empty for an inline definition."""
    version: int | None = None
    """The version of a published experiment."""
    hash: str = ""
    """`content_hash` of the definition before overrides."""
    by: str = ""
    """Who published the version, by their own word."""
    at: datetime | None = None
    """When it was published, by the publisher's clock."""

    def __str__(self) -> str:
        if self.kind != "published":
            return "deployed with the stack" if self.kind == "deployed" else "given by whoever started the execution"
        at = f" at {self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at else ""
        return f"version {self.version} of {self.name}, published by {self.by}{at}"


def content_hash(experiment: object) -> str:
    """SHA-256 of a definition as JSON; the order of its keys does not matter."""
    return hash_document(experiment)


def make_version(
    name: str, version: int, content: dict[str, Any] | None, by: str, at: datetime, *, is_campaign: bool = False
) -> PublishedVersion:
    """A version with its hash. `content` is the dumped definition of an experiment or a campaign; None retires the name."""
    digest = "" if content is None else content_hash(content)
    experiment, campaign = (None, content) if is_campaign else (content, None)
    return PublishedVersion(name=name, version=version, experiment=experiment, campaign=campaign, hash=digest, by=by, at=at)


def write_version(published: PublishedVersion) -> StoredVersion:
    """The version as it is stored."""
    return StoredVersion(published.name, published.version, published.model_dump_json(indent=2).encode())


def version_key(name: str, version: int) -> str:
    """The S3 key of a version."""
    return f"{FOLDER}/{name}/{version:06d}.json"


def parse_version_key(key: str) -> tuple[str, int] | None:
    """The name and the version of a key; None for a key of anything else."""
    match = _KEY.fullmatch(key)
    return (match[1], int(match[2])) if match else None
