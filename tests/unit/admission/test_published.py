"""Published experiments: what may stand in an object, and which experiment a name means."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.admission.execution_input import Place, admit_input
from squall.admission.published import read_version
from squall.domain.base.problems import InvalidInput
from squall.domain.documents.definition import Definition
from squall.domain.experiment.published import (
    MAXIMUM_BYTES,
    NAME,
    PublishedVersion,
    StoredVersion,
    content_hash,
    make_version,
    parse_version_key,
    version_key,
    write_version,
)
from tests.unit.admission.test_admission import ACCOUNT, CATALOGUE, ENVIRONMENTS, NOW, REGION, REL12_NAME

REL12: dict[str, Any] = CATALOGUE[REL12_NAME]
OPEN = {**ENVIRONMENTS, "staging": {**ENVIRONMENTS["staging"], "catalogue": "published"}}
CLOSED = {**ENVIRONMENTS, "staging": {**ENVIRONMENTS["staging"], "catalogue": "deployed"}}
PIA = "arn:aws:iam::123456789012:user/pia"


def version(experiment: dict[str, Any] | None = REL12, number: int = 3, name: str = "mine") -> StoredVersion:
    return write_version(make_version(name, number, experiment, PIA, NOW))


def admit(published: StoredVersion | None, environments: dict[str, Any] = OPEN, **changes: Any) -> Definition:
    place = Place(ACCOUNT, REGION, "aws")
    return admit_input({"experiment": "mine", **changes}, "run-1", CATALOGUE, environments, published=published, place=place, now=NOW)


def refusal(published: StoredVersion | None, environments: dict[str, Any] = OPEN, **changes: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        admit(published, environments, **changes)
    return str(caught.value)


def test_a_published_experiment_is_admitted_with_its_version_and_hash() -> None:
    admitted = admit(version())
    assert (admitted.source.kind, admitted.source.name, admitted.source.version) == ("published", "mine", 3)
    assert admitted.source.hash == content_hash(REL12)
    assert str(admitted.source) == f"version 3 of mine, published by {PIA} at 2027-01-31 03:00:00 UTC"
    assert admitted.definition_hash == admit_deployed().definition_hash


def admit_deployed() -> Definition:
    return admit(None, experiment=REL12_NAME)


def test_a_deployed_experiment_says_so() -> None:
    source = admit_deployed().source
    assert (source.kind, source.name, source.version, source.hash) == ("deployed", REL12_NAME, None, content_hash(REL12))


def test_overrides_change_the_definition_and_not_the_hash_of_what_was_published() -> None:
    changed = admit(version(), overrides={"duration_minutes": 12})
    assert changed.source == admit(version()).source
    assert changed.definition_hash != admit(version()).definition_hash


def test_an_environment_for_deployed_experiments_refuses_a_published_one() -> None:
    assert "staging runs deployed experiments only; mine is published" in refusal(version(), CLOSED)


def test_the_shipped_production_policy_runs_deployed_experiments_only() -> None:
    assert ENVIRONMENTS["production"]["catalogue"] == "deployed"


def test_a_name_in_both_catalogues_is_refused() -> None:
    message = refusal(version(name=REL12_NAME), experiment=REL12_NAME)
    assert f'"{REL12_NAME}" is ambiguous: one is deployed, and version 3 is published' in message


def test_a_retired_name_is_that_of_the_deployed_experiment_again() -> None:
    assert admit(version(None, name=REL12_NAME), experiment=REL12_NAME).source.kind == "deployed"


def test_a_retired_experiment_is_refused_with_who_and_when() -> None:
    assert f'"mine" was retired at 2027-01-31 03:00:00 UTC by {PIA}' in refusal(version(None))


def test_every_rule_of_a_deployed_definition_binds_a_published_one() -> None:
    wrong = {**REL12, "success_criteria": ["it works"], "unknown": 1}
    message = refusal(version(wrong))
    assert "catalogue/mine/000003.json.success_criteria[0]" in message
    assert "catalogue/mine/000003.json.unknown" in message
    elsewhere = {**REL12, "environment": "nowhere"}
    assert 'there is no environment "nowhere"' in refusal(version(elsewhere))


def body(**changes: Any) -> bytes:
    raw = json.loads(version().body)
    return json.dumps({**raw, **changes}).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b"name: mine\n", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"format": 1, "format": 1}', "a key is given twice"),
        (b'{"version": NaN}', "NaN is no number"),
        (b"[]", "catalogue/mine/000003.json"),
        (b"{}", "catalogue/mine/000003.json.experiment"),
        (body(extra=1), "extra"),
        (body(format=2), "format"),
        (body(name="other"), "says that it is version 3 of other"),
        (body(version=4), "says that it is version 4 of mine"),
        (body(experiment={**REL12, "duration_minutes": 60}), "its hash is not the hash of its definition"),
        (body(experiment=None), "its hash is not the hash of its definition"),
        (body(at="2027-01-31T03:00:00"), "has a time without its time zone"),
        (b" " * (MAXIMUM_BYTES + 1), "is too large"),
    ],
)
def test_what_squall_publish_does_not_write_is_refused(content: bytes, words: str) -> None:
    assert words in refusal(replace(version(), body=content))


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda raw: json.dumps(raw).encode())
    )
)
def test_whatever_stands_in_an_object_is_read_or_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_version(replace(version(), body=content))


def test_a_broken_version_under_a_deployed_name_is_refused_too() -> None:
    broken = StoredVersion(REL12_NAME, 1, b"{")
    assert "is not JSON" in refusal(broken, experiment=REL12_NAME)


@pytest.mark.parametrize("name", ["mine", "A-b_9", "x" * 50])
def test_a_key_names_its_experiment_and_version(name: str) -> None:
    assert NAME.fullmatch(name)
    assert parse_version_key(version_key(name, 12)) == (name, 12)


@pytest.mark.parametrize(
    "key",
    [
        "catalogue/mine/1.json",
        "catalogue/mine/000001.yaml",
        "catalogue/a/b/000001.json",
        "catalogue/../x/000001.json",
        "catalogue/é/000001.json",
    ],
)
def test_other_keys_name_no_version(key: str) -> None:
    assert parse_version_key(key) is None


def test_a_version_is_read_as_it_was_written() -> None:
    published = make_version("mine", 3, REL12, PIA, NOW)
    assert read_version(write_version(published)) == published
    assert PublishedVersion.model_validate_json(write_version(published).body) == published
