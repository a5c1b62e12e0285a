"""AwaitPeers stores the task token on which a part of a run over several Regions waits for the others."""

from squall.application.regions.barrier import await_peers
from squall.application.step import Outcome, Step, step


@step("AwaitPeers")
def handler(step: Step) -> Outcome:
    return await_peers(step)
