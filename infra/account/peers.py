"""Which Regions a stack may act with in a run over several Regions."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.session import get_session

from squall.domain.base.problems import suggest_name
from squall.domain.regions.definition import MOST

LONGEST_STACK_NAME = 24
"""CloudFormation begins the name of a function with that of its stack. Where both together are too long for Lambda it
shortens them, and the peers' permissions, which name functions by their beginning, would fit none."""


def find_peer_problems(peers: tuple[str, ...], settings: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a setting that names peers, by the other settings of the stack that are valid."""
    if len(peers) >= MOST:
        yield f"names {len(peers)} Regions, and a run has at most {MOST}: name {MOST - 1} at most beside the stack's own"
    own: str | None = settings.get("region")
    if own is None and "region" in settings:
        yield "needs the setting region: without it, nobody can tell the own Region from a peer"
    if own in peers:
        yield f"{own} is the stack's own Region: name the others"
    partitions = _read_partitions()
    for region in dict.fromkeys(peers):
        if region not in partitions:
            yield f"{region} is no Region of AWS{suggest_name(region, partitions)}"
        elif own is not None and partitions[region] != partitions.get(own, partitions[region]):
            yield f"{region} is in the partition {partitions[region]}, and {own} in {partitions[own]}, where other accounts are"
        if peers.count(region) > 1:
            yield f"{region} is named twice"
    stack = settings.get("stack_name", "")
    if len(stack) > LONGEST_STACK_NAME:
        yield f"needs a stack_name of at most {LONGEST_STACK_NAME} characters, and {stack} has {len(stack)}"
    key = settings.get("kms_key_arn")
    if key is not None and ":key/mrk-" not in key:
        yield f"needs a multi-Region key, whose id is the same in every Region, and the kms_key_arn {key} is none"


@cache
def _read_partitions() -> Mapping[str, str]:
    """The partition of each Region. Every Region has DynamoDB; one that the locked botocore does not know yet, no function
    could call either."""
    session = get_session()
    partitions = session.get_available_partitions()
    return {region: name for name in partitions for region in session.get_available_regions("dynamodb", partition_name=name)}
