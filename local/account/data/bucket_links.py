"""The links over which buckets are replicated, and what FIS pauses of them."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is read here

from dataclasses import dataclass

from ministack.services import s3

from local.account.fis.injected import Injected


@dataclass(frozen=True)
class Link:
    """From a bucket to one of its destinations, by a rule."""

    account: str
    source: str
    destination: str
    rule: str
    """Its ID."""
    prefix: str
    """The keys that the rule covers."""


@dataclass(frozen=True)
class Pause:
    """What one action pauses."""

    buckets: frozenset[str]
    """Sources, by name."""
    region: str
    """Of the destinations."""
    destinations: frozenset[str]
    """Their names; empty: all in the Region."""
    prefixes: frozenset[str]
    """Of the rules; empty: all rules."""

    def holds(self, link: Link) -> bool:
        return (
            link.source in self.buckets
            and find_region(link.destination) == self.region
            and (not self.destinations or link.destination in self.destinations)
            and (not self.prefixes or link.prefix in self.prefixes)
        )


paused: Injected[Pause] = Injected()


def find_region(bucket: str) -> str | None:
    """The Region of a bucket, whoever owns it; None if there is no such bucket."""
    owner = s3._bucket_owner_account(bucket)
    record = s3._buckets.get_scoped(owner, None, bucket) if owner else None
    return str(record.get("region") or "us-east-1") if record else None
