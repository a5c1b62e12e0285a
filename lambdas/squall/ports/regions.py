"""The stacks of Squall in the Regions of a run over several Regions.

Every method but `decide` takes the name of a Region, which may be the caller's own: then the same is done in this stack.
Unlike elsewhere, whatever keeps a caller from the answer raises `Unavailable`: a Region that answers late or not at all, a
denied permission, a stack that does not say its names, a Region that the setting `peer_regions` does not name, an item that
can't be read as a record or a decision. A caller has one rule for all of these: what can't be read protects nobody.

A call takes a few seconds at most, because a fault may be running.

| function | calls |
|---|---|
| Notify | `ask_to_decide`, when the part is over |
| FinalCheck | `read_part`, `read_decision`, `ask_to_decide` |
| AwaitPeers | `read_decision` |
| StartFault | `read_part`, `read_decision` |
| VerifyRollback | `read_part`, in a Region that has no fault and carries the load of the others |
| StopFault, Watchdog | `read_decision`, `ask_to_decide`, `abort_part` |
| Pulse | all but `start_part`: it looks after the parts of its Region, and decides for the runs whose home it is |
| Decide | `read_part`, `read_decision`, `decide`, `wake_part` |
| ChooseSteps | `start_part`, `read_part`, `decide` |
| Report | `read_document` |
| Abort | `abort_part` |
| FinishCampaign | `read_part` |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # the abort path loads no pydantic
    from collections.abc import Mapping

    from squall.domain.regions.barrier import Decision
    from squall.domain.run.record import ExecutionRecord


@dataclass(frozen=True)
class PartDocument:
    """A document of a run in another Region."""

    bucket: str
    """The bucket of that Region's stack, which also has the run's report."""
    body: bytes


class Regions(Protocol):
    """The stacks in other Regions, and this one."""

    def read_part(self, region: str, execution_id: str) -> ExecutionRecord | None:
        """The record of an execution in that Region's table, read consistently; None if there is none.

        Who was asked for approval, who voted, the proofs and the timeline are not read, and empty in the answer."""

    def start_part(self, region: str, name: str, payload: Mapping[str, Any]) -> bool:
        """Start an execution of that Region's experiment machine with this name and input. True also if it was started
        before with the same input; False if the name belongs to another execution, or to one that has ended."""

    def abort_part(self, region: str, execution_id: str, reason: str, requested_by: str) -> None:
        """Invoke that Region's Abort function, asynchronously (`InvocationType=Event`), with
        `{"execution_id", "reason", "requested_by", "peer": <the caller's Region>}`."""

    def ask_to_decide(self, home: str, run: str) -> None:
        """Invoke home's Decide function, asynchronously, with `{"campaign_id": run}`."""

    def wake_part(self, region: str, task_token: str) -> bool:
        """Complete the task that waits with this token in that Region (SendTaskSuccess, output `{}`). False if the token
        was used already, or if the task timed out."""

    def read_decision(self, home: str, run: str) -> Decision | None:
        """Home's decision about the run, read consistently from home's table; None if there is none yet."""

    def decide(self, run: str, decision: Decision) -> Decision:
        """Write the decision into the table of this stack, which is home, unless there is one. Returns the one that stands.

        Its item is `REGIONS#<run>`, `DECISION`, with the attributes `start` (BOOL), `reason` and `until`.
        """

    def read_document(self, region: str, execution_id: str, name: str) -> PartDocument | None:
        """A document of an execution, one of `names.READ_DOCUMENTS`, from the bucket of another Region's stack; None if it has none."""
