"""What a Region that carries the load of others reads of their faults, once its own watch is over."""

from squall.application.step import Step
from squall.domain.regions.part import FaultElsewhere, see_fault
from squall.domain.run.part import Part, name_part
from squall.errors import Unavailable
from squall.faults.plan import bind_plan


def list_faults_elsewhere(step: Step) -> tuple[FaultElsewhere, ...]:
    """The fault of each peer that has one; none if this Region has a fault itself.

    Raises Unavailable if a peer can't be read now: then the state is tried again. A run that is being ended waits for
    nobody; for it such a fault is not known. One that still runs then is one all the same: the peer is only just told to end it.
    """
    part = step.record.part
    if part is None or any(bound.injects for bound in bind_plan(step.definition)):
        return ()
    seen = [_see(step, part, region) for region in part.peers]
    return tuple(fault for fault in seen if fault is not None)


def _see(step: Step, part: Part, region: str) -> FaultElsewhere | None:
    try:
        record = step.w.regions.read_part(region, name_part(part.run, region))
    except Unavailable as error:
        if step.record.abort is None and not step.record.closed_by:
            raise
        return FaultElsewhere(region, doubt=f"it could not be read: {error}")
    fault = see_fault(region, part.run, record)
    if fault is not None and fault.started_at is not None and fault.ended_at is None and step.record.abort is not None:
        return FaultElsewhere(region, fault.started_at)
    return fault
