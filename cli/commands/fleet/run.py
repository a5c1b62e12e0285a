"""`squall fleet run`: starts an experiment or a campaign in one member, as `squall run` and `squall campaign run` do there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import output
from cli.arguments.fleets import find_member
from cli.aws.versions import describe_difference
from cli.ci.files import RunFiles
from cli.commands.campaigns.runs import run_campaign
from cli.commands.fleet.places import begin_round, squall_command
from cli.commands.run import run_experiment

if TYPE_CHECKING:
    from cli.arguments.request import Request
    from cli.session import Options


def run_in_member(
    options: Options, file: str, member: str, request: Request | str, name: str | None, *, follow: bool, wait_timeout: str | None
) -> int:
    """Returns the exit code of the outcome; 0 if the execution is only started. A text as `request` is a campaign's name."""
    taken = begin_round(file, [], 0)
    place = find_member(taken.fleet, member)
    options.entered = taken.door.enter(member, "operator", taken.caller)
    if difference := describe_difference(place.stack, options.entered.version):
        output.write_note(difference)
    output.write_note(f"In {member}, account {place.account}: commands on this run need credentials there, as")
    output.write_note(f"  {squall_command(place, 'status')}")
    if isinstance(request, str):
        return run_campaign(options, request, name, {}, follow=follow, wait_timeout=wait_timeout)
    return run_experiment(options, request, RunFiles(), follow=follow, wait_timeout=wait_timeout)
