"""Home copies how the runs of each member ended, so that it knows of them when the member is gone."""

from squall.application.fleet.members import load_members
from squall.application.fleet.visits import visit_members
from squall.domain.history.collected import FIRST_LOOKBACK, MARGIN, Copying
from squall.domain.run.home import Member
from squall.wiring import Wiring


def collect_runs(w: Wiring) -> dict[str, str]:
    """Copy what is new from every member at the same time. Maps its name to what was done.

    A repeated or parallel call copies the same again. Raises ExceptionGroup at the end for all members of which not everything
    could be copied.
    """
    done: dict[str, str] = {}

    def collect(member: Member) -> None:
        done[member.name] = _collect_from(w, member)

    visit_members(load_members("results"), collect)
    return done


def _collect_from(w: Wiring, member: Member) -> str:
    now = w.clock.now()
    before = w.collected.mark(member.key)
    since = before.since - MARGIN if before else now - FIRST_LOOKBACK
    copying = Copying({run.execution_id: run for run in w.collected.of_period(member.key, since, now)}, now)
    mark = copying.read(w.members.runs(member, since, now))
    for run in copying.to_store:
        w.collected.store(member.key, run)
    w.collected.set_mark(member.key, mark)  # last: a pass that died is made again
    return f"{len(copying.to_store)} runs copied" + ("" if mark.complete else ", more are left to the next pass")
