"""Whether FIS resolved only what the run pinned, from ListExperimentResolvedTargets. No pydantic: the pulse asks.

FIS takes the targets of some actions by their tags alone. For these the list is not only looked through for what is too many: it
has to show every pin before the fault begins. FIS identifies all targets before it starts any action, and keeps them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from squall.domain.run.fis_state import ResolvedTarget

_MOST = 5
LEAD = timedelta(minutes=2)
"""How long FIS waits before the faults of a run in which it chooses targets by tags: long enough for two pulses."""
PROVEN_WITHIN = timedelta(seconds=45)
"""How long after its start FIS has to have shown which resources it chose. A pulse, one a minute, comes between this time and the
end of the wait."""


def find_unpinned(targets: Mapping[str, Mapping[str, Any]], resolved: Sequence[ResolvedTarget]) -> tuple[str, ...]:
    """What FIS resolved beyond the compiled targets of the template, a sentence each, five at most; empty: nothing.

    AWS documents no keys for what it says about a resolved target, so the values are compared: one of them must be a
    pinned ARN, or the identifier at its end. A target that selects pods by name has no ARN; there the number is
    compared.
    """
    sentences = [sentence for name in sorted({item.target for item in resolved}) for sentence in _of_target(name, targets, resolved)]
    return tuple(sentences[:_MOST])


def find_unproven(pins: Mapping[str, Sequence[str]], resolved: Sequence[ResolvedTarget]) -> tuple[str, ...]:
    """What speaks against that FIS resolved exactly the pins, a sentence each, five at most; empty: it resolved each of them,
    and nothing else. `pins`: the ARNs that each target of the template stands for."""
    return tuple([sentence for name, arns in pins.items() for sentence in _compare_target(name, arns, resolved)][:_MOST])


def _compare_target(name: str, arns: Sequence[str], resolved: Sequence[ResolvedTarget]) -> Iterator[str]:
    items = [item for item in resolved if item.target == name]
    known = [_find_pin(item, arns) for item in items]
    for item, pin in zip(items, known, strict=True):
        if pin is None:
            yield f"FIS resolved {', '.join(sorted(item.names)) or 'something that it does not name'} for {name}, which was not pinned"
    yield from (f"FIS does not say that it resolved {arn} for {name}" for arn in arns if arn not in known)
    if len(items) > len(arns):
        yield f"FIS resolved {len(items)} for {name}, pinned were {len(arns)}"


def _find_pin(item: ResolvedTarget, arns: Sequence[str]) -> str | None:
    """The pin that FIS means: by its ARN if FIS says one of that service, else by the identifier at the end of the ARN."""
    services = {arn.split(":")[2] for arn in arns}
    said = {name for name in item.names if name.startswith("arn:") and name.split(":")[2] in services}
    found = [arn for arn in arns if (arn in said if said else _read_identifier(arn) in item.names)]
    return found[0] if len(found) == 1 and said <= {*found} else None


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
