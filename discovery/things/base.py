"""What all things in an account have in common, and the interface through which their readers read the account."""

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from squall.domain.base.model import Model

T = TypeVar("T", bound="Thing")


class Thing(Model):
    """A resource as the account describes it."""

    id: str
    """The ARN if the resource has one, else its id. Unique in the account and Region."""
    name: str
    tags: dict[str, str] = {}


class Gap(Model):
    """A call that gave no answer, or only a part of it."""

    action: str
    """The IAM action, for example `rds:DescribeDBInstances`; for Kubernetes the cluster's name."""
    code: str
    """The error code of the service."""
    message: str
    denied: bool
    """Whether the call was denied to the credentials; if not, it failed."""


class Account(Protocol):
    """The scanned account. A call that fails is recorded as a gap; the elements read before it failed are returned."""

    def items(self, service: str, method: str, key: str, **arguments: Any) -> Iterator[Any]:
        """The elements under `key` of all pages of a listing."""

    def ask(self, service: str, method: str, **arguments: Any) -> dict[str, Any]:
        """The answer of one call; empty if it failed."""

    def resumed(self, kind: type[T], id: str) -> T | None:  # noqa: A002 - the field's name
        """The thing of this id that an interrupted scan had already read; None if there is none."""

    def match(self, values: Iterator[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Ids of the things that the values name, and the host names of other URLs in them. The values are not kept."""


def list_tags(account: Account, resource_type: str) -> dict[str, dict[str, str]]:
    """ARN to tags of every tagged resource of a type (`lambda:function`), for services whose listings have no tags."""
    entries = account.items("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", ResourceTypeFilters=[resource_type])
    return {entry["ResourceARN"]: read_tags(entry.get("Tags")) for entry in entries}


def read_tags(entries: Any) -> dict[str, str]:
    """Tags from a list of pairs; services spell the keys in upper or lower case."""
    return {str(entry.get("Key", entry.get("key"))): str(entry.get("Value", entry.get("value")) or "") for entry in entries or ()}
