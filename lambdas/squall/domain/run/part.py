"""What makes an execution the part of a run over several Regions. Plain dataclasses: the abort path imports this module."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

LONGEST_NAME = 80
"""The most characters of an execution's name."""


@dataclass(frozen=True)
class Part:
    """Written by Admit, from what home said when it started the execution; it never changes."""

    run: str
    """The id of the whole run, which all of its parts have."""
    region: str
    home: str
    """The Region in which the run was started."""
    regions: tuple[str, ...]
    """All Regions of the run, this one included."""
    start_by: datetime
    """The deadline of the barrier, which is the same for home and every part."""

    @property
    def peers(self) -> tuple[str, ...]:
        """The Regions of the other parts."""
        return tuple(region for region in self.regions if region != self.region)


def name_part(run: str, region: str) -> str:
    """The name of the execution in this Region, and the id of its record. A long id is cut, and a hash keeps it unique."""
    name = f"{run}-{region}"
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(run.encode()).hexdigest()[:10]
    return f"{run[: LONGEST_NAME - len(region) - 12]}-{digest}-{region}"
