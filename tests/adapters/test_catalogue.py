"""The catalogue of published experiments: the same promises from the fake and from S3."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.s3.catalogue import S3Catalogue
from squall.domain.experiment.published import MAXIMUM_BYTES, StoredVersion
from squall.errors import Refused, Unavailable
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.ports.catalogue import Catalogue
    from tests.fakes.world import FakeWorld


@pytest.fixture
def catalogue(kind: str, request: pytest.FixtureRequest) -> Catalogue:
    if kind == "fake":
        world: FakeWorld = request.getfixturevalue("world")
        return world.catalogue
    aws: Callable[[str], Any] = request.getfixturevalue("aws")
    aws("s3").create_bucket(Bucket="squall", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return S3Catalogue(aws("s3"), "squall")


def version(number: int, body: bytes = b"{}", name: str = "web") -> StoredVersion:
    return StoredVersion(name, number, body)


def test_the_greatest_number_is_the_newest(catalogue: Catalogue) -> None:
    for number in (1, 2, 10):
        assert catalogue.add(version(number, f"body {number}".encode()))
    catalogue.add(version(11, name="web-2"))
    assert catalogue.find_newest("web") == version(10, b"body 10")
    assert catalogue.read("web", 2) == version(2, b"body 2")
    assert catalogue.list_newest() == {"web": 10, "web-2": 11}


def test_a_version_is_written_once(catalogue: Catalogue) -> None:
    assert catalogue.add(version(1, b"first"))
    assert not catalogue.add(version(1, b"second"))
    assert catalogue.find_newest("web") == version(1, b"first")


def test_what_was_never_published_is_none(catalogue: Catalogue) -> None:
    catalogue.add(version(1))
    assert catalogue.find_newest("we") is None
    assert catalogue.read("web", 2) is None


def test_a_huge_object_is_read_no_further_than_decides(catalogue: Catalogue) -> None:
    catalogue.add(version(1, b" " * (3 * MAXIMUM_BYTES)))
    stored = catalogue.find_newest("web")
    assert stored is not None
    assert len(stored.body) == MAXIMUM_BYTES + 1


def test_a_version_that_somebody_else_is_writing_is_not_ours() -> None:
    client = Scripted("s3", put_object=[error("ConditionalRequestConflict", status=409)])
    assert not S3Catalogue(client, "bucket").add(version(1))
    assert client.arguments("put_object")[0]["IfNoneMatch"] == "*"


def test_more_versions_than_a_listing_holds_are_refused() -> None:
    """The newest is on a later page."""
    client = Scripted("s3", list_objects_v2=[{"IsTruncated": True, "Contents": [{"Key": "catalogue/web/000001.json"}]}])
    with pytest.raises(Refused, match="newest version is unknown"):
        S3Catalogue(client, "bucket").find_newest("web")


def test_an_older_version_never_takes_the_place_of_a_deleted_one() -> None:
    listing = {"IsTruncated": False, "Contents": [{"Key": f"catalogue/web/00000{number}.json"} for number in (1, 2)]}
    client = Scripted("s3", list_objects_v2=[listing], get_object=[error("NoSuchKey", status=404), {"Body": io.BytesIO(b"{}")}])
    with pytest.raises(Refused, match=r"000002\.json was deleted"):
        S3Catalogue(client, "bucket").find_newest("web")


def test_what_is_denied_is_not_absent() -> None:
    client = Scripted("s3", list_objects_v2=[error("AccessDenied", status=403)])
    with pytest.raises(Unavailable):
        S3Catalogue(client, "bucket").find_newest("web")
