"""Brings the schedules of published experiments and campaigns in line with the catalogue. Whoever publishes or retires one has
no access to schedules, and a command that dies halfway leaves the rest to the next pass."""

from collections.abc import Mapping
from typing import Any

from squall.application.admission.deployed import load_deployed
from squall.application.admission.startable import PROBLEM_CHARACTERS, check_campaigns, read_startable
from squall.domain.base.printable import one_line
from squall.domain.experiment.experiment import Schedule
from squall.domain.experiment.scheduling import Kind
from squall.errors import Refused
from squall.wiring import Wiring

MOST_PASSES = 5


def align_schedules(w: Wiring) -> dict[str, Any]:
    """Make, change and remove schedules until each published experiment and campaign that could start has the schedule it
    declares, and nothing else has one.

    Returns `{"scheduled": [name, …], "removed": [name, …], "problems": {name: sentence}}`. Somebody may publish or
    retire meanwhile, so the catalogue is read again after each pass. Raises Unavailable if AWS can't be asked.
    """
    removed: set[str] = set()
    versions = w.catalogue.list_newest()
    for _ in range(MOST_PASSES):
        wanted, problems = _find_schedules(w, versions)
        for name in w.schedules.list_names():
            if name not in wanted:
                w.schedules.remove(name)
                removed.add(name)
        problems |= _put_schedules(w, wanted)
        before, versions = versions, w.catalogue.list_newest()
        if versions == before:
            break
    answer = {"scheduled": sorted(wanted.keys() - problems.keys()), "removed": sorted(removed - wanted.keys()), "problems": problems}
    w.logger.info("schedules", extra=answer)
    return answer


def _find_schedules(w: Wiring, versions: Mapping[str, int]) -> tuple[dict[str, tuple[Kind, Schedule]], dict[str, str]]:
    """The schedule of each experiment and campaign that declares one and could start, and why others could not."""
    deployed = load_deployed()
    startable = read_startable(w, versions, deployed)
    campaigns, problems = check_campaigns(startable, deployed)
    declared: dict[str, tuple[Kind, Schedule | None]] = {
        **{name: ("experiment", experiment.schedule) for name, experiment in startable.experiments.items()},
        **{name: ("campaign", campaign.schedule) for name, campaign in campaigns.items()},
    }
    wanted = {name: (kind, schedule) for name, (kind, schedule) in declared.items() if schedule is not None}
    return wanted, {**startable.problems, **problems}


def _put_schedules(w: Wiring, wanted: Mapping[str, tuple[Kind, Schedule]]) -> dict[str, str]:
    problems: dict[str, str] = {}
    for name, (kind, schedule) in wanted.items():
        try:
            w.schedules.put(name, kind, schedule)
        except Refused as refusal:  # one that Scheduler does not take keeps no other from its schedule
            problems[name] = one_line(f"Scheduler refused its schedule: {refusal.message}", PROBLEM_CHARACTERS)
    return problems
