"""`squall fleet doctor`: tries every role of every member, with the right external id and with a wrong one."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from cli import output
from cli.aws.members import list_places
from cli.aws.versions import describe_difference
from cli.aws.visits import Outcome, visit_all, visit_one
from cli.commands.fleet.places import NOT_REACHED, begin_round, make_documents
from cli.commands.fleet.status import was_seen_lately
from cli.exits import Exit
from cli.render import make_table
from cli.text import clean_line, safe_text
from infra.account.fleet import CAMPAIGN, FUNCTION_GRANTS, HOME
from squall.domain.history.collected import COLLECTED_EVERY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cli.aws.visits import Visit
    from cli.commands.fleet.places import Round
    from cli.session import Options
    from infra.account.fleet import Grant

CAMPAIGN_ROLE = "FleetCampaignRoleArn"
"""The output of a member's stack that names the role."""
_OPEN = "lets anybody of home's account in, whatever external id they name"


def examine_fleet(options: Options, file: str, only: Sequence[str], seconds: float) -> int:
    """Returns 0 if each role that the file names lets home in, asks for the external id, and finds a stack of this command's
    version; otherwise 5. Nothing is changed or started."""
    taken = begin_round(file, only, seconds)
    visits = visit_all(taken.names, lambda name: list(_examine(taken, name)), seconds)
    if options.json:
        output.write_json(make_documents(taken, visits))
    else:
        _show(taken, visits)
    well = all(visit.outcome is Outcome.ANSWERED and not any(check["problem"] for check in visit.answer) for visit in visits.values())
    return Exit.VALIDATED if well else Exit.FAILED


def _examine(taken: Round, name: str) -> Iterator[dict[str, str]]:
    """One check for each role, whatever became of the others. Home's own stack has no role."""
    place = list_places(taken.fleet)[name]
    granted: Sequence[Grant] = ("viewer",) if name == HOME else taken.fleet.members[name].grants
    for grant in granted:
        if grant in FUNCTION_GRANTS:  # no person may assume this role
            yield {"role": grant, "problem": _EXAMINERS[grant](taken, name)}
            continue
        visit = visit_one(name, partial(taken.door.enter, grant=grant, caller=taken.caller))
        if visit.outcome is not Outcome.ANSWERED:
            problem = f"{NOT_REACHED[visit.outcome]}: {visit.problem}"
        else:
            problem = describe_difference(place.stack, visit.answer.version) or ("" if name == HOME else _try_wrong_id(taken, name, grant))
        yield {"role": "own credentials" if name == HOME else grant, "problem": problem}


def _find_silence(taken: Round, name: str) -> str:
    """What is wrong with home's heartbeat in a member; empty if it arrives."""
    visit = visit_one(name, partial(taken.door.enter, grant="viewer", caller=taken.caller))
    if visit.outcome is not Outcome.ANSWERED:
        return f"whether home's heartbeat arrives could not be seen: {visit.problem}"
    seen = visit.answer.home_seen()
    return "" if was_seen_lately(seen) else f"home's last word there: {seen}"


def _find_delay(taken: Round, name: str) -> str:
    """What is wrong with home's copies of a member's runs; empty if they are made."""
    now = datetime.now(UTC)
    key = taken.fleet.members[name].joined_key
    visit = visit_one(HOME, lambda home: taken.door.enter(home, "viewer", taken.caller).collected(key, now, now)[0])
    if visit.outcome is not Outcome.ANSWERED:
        return f"whether home copies the runs could not be seen: {visit.problem}"
    if visit.answer is None:
        return "home has never copied the runs"
    late = now - visit.answer.at > 2 * COLLECTED_EVERY
    return f"home copied the runs last at {visit.answer.at:%Y-%m-%d %H:%M:%S} UTC" if late else ""


def _find_other_role(taken: Round, name: str) -> str:
    """Why home's campaigns would not enter the member; empty if its stack has the role that the file means."""
    visit = visit_one(name, partial(taken.door.enter, grant="viewer", caller=taken.caller))
    if visit.outcome is not Outcome.ANSWERED:
        return f"whether the stack has the role could not be seen: {visit.problem}"
    made, meant = visit.answer.find_output(CAMPAIGN_ROLE), taken.fleet.members[name].role_arn(CAMPAIGN)
    if made is None:
        return "the stack has no such role: deploy it with the grant campaign"
    return "" if made == meant else f"the stack has the role {made}, and the file means {meant}"


_EXAMINERS: dict[Grant, Callable[[Round, str], str]] = {"contact": _find_silence, "results": _find_delay, CAMPAIGN: _find_other_role}
"""What is examined of the roles that no person may assume."""


def _try_wrong_id(taken: Round, name: str, grant: Grant) -> str:
    """What is wrong with the role's answer to an external id that nobody knows; empty if it is denied."""
    wrong = f"squall-doctor-{uuid.uuid4()}"
    visit = visit_one(name, partial(taken.door.enter_by_role, grant=grant, caller=taken.caller, external_id=wrong))
    if visit.outcome is Outcome.DENIED:
        return ""
    return _OPEN if visit.outcome is Outcome.ANSWERED else f"a wrong external id could not be tried: {visit.problem}"


def _show(taken: Round, visits: Mapping[str, Visit]) -> None:
    table = make_table(f"Roles of the fleet {taken.fleet.name}", "Stack of", "Account", "Region", "Role", "Found")
    for name, visit in visits.items():
        place = list_places(taken.fleet)[name]
        if visit.outcome is not Outcome.ANSWERED:
            rows = [("", f"{NOT_REACHED[visit.outcome]}: {visit.problem}")]
        else:
            rows = [(check["role"], check["problem"] or "well") for check in visit.answer]
        for role, found in rows:
            table.add_row(*(safe_text(cell) for cell in (name, place.account, place.region, role, clean_line(found, 300))))
    output.make_console().print(table)
