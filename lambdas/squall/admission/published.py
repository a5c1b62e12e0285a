"""Reads a version of a published experiment. Whoever may write to the bucket could have written anything there."""

import json
from typing import Any

from pydantic import ValidationError

from squall.domain.base.printable import one_line
from squall.domain.base.problems import InvalidInput, Problem, list_validation_problems
from squall.domain.experiment.published import MAXIMUM_BYTES, PublishedVersion, StoredVersion, content_hash, version_key


def read_version(stored: StoredVersion) -> PublishedVersion:
    """The version, if `squall publish` could have written it. Its experiment is still raw. Raises InvalidInput with
    paths below the key of the object."""
    path = version_key(stored.name, stored.version)
    if len(stored.body) > MAXIMUM_BYTES:
        raise InvalidInput([Problem(path=path, message="is too large", expected=f"at most {MAXIMUM_BYTES} bytes")])
    try:
        raw = json.loads(stored.body.decode(), object_pairs_hook=_make_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput([Problem(path=path, message=f"is not JSON: {one_line(str(error), 200)}")]) from None
    try:
        published = PublishedVersion.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(list_validation_problems(error, raw, path, PublishedVersion)) from None
    if differences := _find_differences(stored, published):
        raise InvalidInput([Problem(path=path, message=message) for message in differences])
    return published


def _find_differences(stored: StoredVersion, published: PublishedVersion) -> list[str]:
    """Where the content contradicts its key or itself."""
    differences = []
    if (published.name, published.version) != (stored.name, stored.version):
        differences.append(f"says that it is version {published.version} of {one_line(published.name, 80)}")
    if published.at.tzinfo is None:
        differences.append("has a time without its time zone")
    if published.experiment is not None and published.campaign is not None:
        differences.append("holds an experiment and a campaign")
    expected = "" if published.retired else content_hash(published.content)
    if published.hash != expected:
        differences.append("its hash is not the hash of its definition")
    return differences


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is given twice")
    return made


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
