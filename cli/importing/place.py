"""The account and the Region that a FIS template belongs to, as far as it says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.importing.values import Unknowns, list_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):[a-z0-9-]+:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)?:(?P<account>\d{12})?:")


@dataclass(frozen=True)
class Place:
    partition: str
    region: str
    """The Region, or a token if the template names none or several."""
    account: str


def find_place(template: Mapping[str, Any], unknowns: Unknowns, region: str | None) -> Place:
    """The place of the template. Its own ARN or its role is in its account; its Region is the one that its ARNs name.
    `region`: the one that the command line names, which wins."""
    own = _match(template.get("arn")) or _match(template.get("roleArn"))
    named = {match["region"] for text in list_texts(dict(template)) if (match := _match(text)) and match["region"]}
    only = next(iter(named)) if len(named) == 1 else None
    of_template = _match(template.get("arn"))
    found = region or (of_template["region"] if of_template else None) or only
    return Place(
        own["partition"] if own else "aws",
        found or unknowns.add("REGION"),
        (own["account"] if own else None) or unknowns.add("ACCOUNT"),
    )


def _match(text: Any) -> re.Match[str] | None:
    return _ARN.match(text) if isinstance(text, str) else None
