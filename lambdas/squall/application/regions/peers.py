"""What a part reads of its peers and of home, and what it tells them when it ends early. Imports no pydantic."""

from squall.domain.regions.barrier import Decision, PartState, Sight
from squall.domain.regions.part import see_part
from squall.domain.run.part import Part, name_part
from squall.domain.run.record import Event
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring


def see_peers(w: Wiring, part: Part) -> list[Sight]:
    """What the records of the other parts say now. A record that can't be read is a sight without a state."""
    return [see_region(w, part.run, region) for region in part.peers]


def see_region(w: Wiring, run: str, region: str) -> Sight:
    """What the record of the run's part in that Region says now."""
    try:
        return see_part(region, run, w.regions.read_part(region, name_part(run, region)))
    except Unavailable as error:
        return Sight(region, None, str(error))


def find_decision(w: Wiring, part: Part) -> Decision | None:
    """Home's decision; None if there is none yet, or if it can't be read. Neither starts anything."""
    try:
        return w.regions.read_decision(part.home, part.run)
    except Unavailable:
        w.logger.exception("home's decision could not be read", extra={"run": part.run, "home": part.home})
        return None


def tell_peers(w: Wiring, execution_id: str, *, over: bool) -> None:
    """Tell home and the peers of a part that it ended early, once. `over`: the part injects nothing any more, so that it
    has ended early unless its fault ended as planned.

    Before home's decision only home is told, and decides that nobody starts. After it, or if it can't be read, the peers'
    faults are aborted. A part writes how it ended, then reads the decision; a part that starts has read the decision, then
    this record. Whatever the order, at least one of the two sees the other. What gets lost here is found by the peers'
    pulses, which read this record.
    """
    record = w.records.get(execution_id)
    part = record.part if record else None
    if record is None or part is None or record.happened(EventName.PEERS_TOLD):
        return
    own = see_part(part.region, part.run, record)
    if own.state is PartState.DONE or not (over or own.state is PartState.ENDED):
        return
    reason = own.reason or record.reason or "it ended without its fault"
    lost = [*_tell_home(w, part), *(_abort_peers(w, part, reason) if _may_start(w, part) else ())]
    detail = reason + (f"; not told: {', '.join(lost)}" if lost else "")
    w.records.append(execution_id, [Event(w.clock.now(), EventName.PEERS_TOLD, detail)])


def _may_start(w: Wiring, part: Part) -> bool:
    """Whether a peer may start its fault, or have started it: home has decided so, or can't be asked."""
    try:
        decision = w.regions.read_decision(part.home, part.run)
    except Unavailable:
        return True
    return decision is not None and decision.start


def _tell_home(w: Wiring, part: Part) -> list[str]:
    try:
        w.regions.ask_to_decide(part.home, part.run)
    except (Unavailable, Refused) as error:
        return [f"home ({error})"]
    return []


def _abort_peers(w: Wiring, part: Part, reason: str) -> list[str]:
    """Abort the parts of the other Regions. Returns those that could not be told."""
    lost = []
    for region in part.peers:
        try:
            w.regions.abort_part(region, name_part(part.run, region), reason, f"squall in {part.region}")
        except (Unavailable, Refused) as error:
            lost.append(f"{region} ({error})")
    return lost
