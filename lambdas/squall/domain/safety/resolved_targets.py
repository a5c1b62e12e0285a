"""Whether FIS resolved only what the run pinned, from ListExperimentResolvedTargets. No pydantic: the pulse asks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from squall.domain.run.fis_state import ResolvedTarget

_MOST = 5


def find_unpinned(targets: Mapping[str, Mapping[str, Any]], resolved: Sequence[ResolvedTarget]) -> tuple[str, ...]:
    """What FIS resolved beyond the compiled targets of the template, a sentence each, five at most; empty: nothing.

    AWS documents no keys for what it says about a resolved target, so the values are compared: one of them must be a
    pinned ARN, or the identifier at its end. A target that selects pods by name has no ARN; there the number is
    compared.
    """
    sentences = [sentence for name in sorted({item.target for item in resolved}) for sentence in _of_target(name, targets, resolved)]
    return tuple(sentences[:_MOST])


def _of_target(name: str, targets: Mapping[str, Mapping[str, Any]], resolved: Sequence[ResolvedTarget]) -> Iterator[str]:
    items = [item for item in resolved if item.target == name]
    if name not in targets:
        yield f"FIS resolved {len(items)} for {name}, which is no target of the run"
        return
    arns = targets[name].get("resourceArns", ())
    pinned = arns or targets[name].get("parameters", {}).get("selectorValue", "").split(",")
    if len(items) > len(pinned):
        yield f"FIS resolved {len(items)} for {name}, pinned were {len(pinned)}"
    if arns:
        known = {part for arn in arns for part in (arn, _read_identifier(arn))}
        strange = [item for item in items if item.names and not {*item.names, *map(_read_identifier, item.names)} & known]
        yield from (f"FIS resolved {', '.join(sorted(item.names))} for {name}, which was not pinned" for item in strange)


def _read_identifier(name: str) -> str:
    """What stands at the end of an ARN: `i-1` of `…:instance/i-1`."""
    return re.split(r"[/:]", name)[-1]
