"""What the stack of a Region says about itself to the stacks of its peers: the names that CloudFormation has chosen there.

Each stack with the setting `peer_regions` has them in a parameter, whose name is the same in every Region. A peer is asked
for them, because nobody can derive them. Plain dataclasses, not pydantic, because the abort path must start fast.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields

_OPTIONAL = ("decide_function", "bucket")


@dataclass(frozen=True)
class StackNames:
    """The names of one stack. Those of functions are names, not ARNs."""

    region: str
    version: str
    """The version of Squall that is deployed there."""
    peers: str
    """The Regions of its `peer_regions`, separated by commas. It reads and aborts nobody else's parts."""
    table: str
    abort_function: str
    state_machine_arn: str
    """The state machine that runs experiments there."""
    decide_function: str = ""
    """The function that takes home's decision, for the runs whose home it is. A stack without one is nobody's home."""
    bucket: str = ""
    """Where the results of its runs are, for the report of a run over several Regions. A stack of an earlier version says none."""

    @property
    def peer_regions(self) -> tuple[str, ...]:
        """The Regions that the stack acts with."""
        return tuple(region for region in self.peers.split(",") if region)


READ_DOCUMENTS = ("definition", "discovery", "result", "series")
"""The documents of a part that home's report reads in the other Regions: how it ended, and what is drawn of it."""


class UnreadableNamesError(ValueError):
    """The parameter does not hold the names of a stack; the message says what is wrong."""


def parameter_name(stack: str) -> str:
    """The name of the parameter, in every Region."""
    return f"/squall/{stack}/names"


def parse_names(text: str) -> StackNames:
    """The names in the text of a parameter. Names that this version does not know are ignored. Raises UnreadableNamesError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UnreadableNamesError(f"it is not JSON: {error}") from error
    if not isinstance(document, Mapping):
        raise UnreadableNamesError("it is not an object")
    given = {field.name: document.get(field.name, field.default) for field in fields(StackNames)}
    wrong = [name for name, value in given.items() if not (isinstance(value, str) and (value or name in _OPTIONAL))]
    if wrong:
        raise UnreadableNamesError(f"no text as {', '.join(wrong)}")
    return StackNames(**given)
