"""What `squall publish` and `squall catalogue` share: adding a version to the catalogue, and its schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli import output
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line
from squall.admission.published import read_version
from squall.domain.base.problems import InvalidInput
from squall.domain.experiment.published import MOST_VERSIONS, NAME, NAME_WORDS, content_hash, make_version, write_version

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from cli.aws.stack import Deployment
    from squall.domain.experiment.published import PublishedVersion, StoredVersion


@dataclass(frozen=True)
class Outcome:
    """A version, and whether this command has written it."""

    version: PublishedVersion
    written: bool


def check_name(name: str) -> None:
    """Raises CommandError for a name that can't be published."""
    if not NAME.fullmatch(name):
        message = f"{clean_line(name, 80)!r} can't be the name of a published experiment: it has {NAME_WORDS}."
        raise CommandError(message, "The name is that of the file, without its suffix.", code=Exit.REFUSED)


def parse_version(stored: StoredVersion | None) -> PublishedVersion | None:
    """The version; None if there is none, or if its object holds something else than a version."""
    try:
        return read_version(stored) if stored else None
    except InvalidInput:
        return None


def add_version(deployment: Deployment, name: str, content: dict[str, Any] | None, *, is_campaign: bool = False) -> Outcome:
    """Add a version after the newest one, unless that has the same content. None retires the name.

    Raises CommandError if somebody else adds a version at the same time: this one was made without knowledge of it; or if the
    name is that of a published definition of the other kind.
    """
    newest = deployment.published.find_newest(name)
    current = parse_version(newest)
    if content is not None and current is not None and not current.retired and current.is_campaign != is_campaign:
        other = "a campaign" if current.is_campaign else "an experiment"
        raise CommandError(f"{name} is published as {other}.", "Choose another name, or retire that one first.", code=Exit.REFUSED)
    if current is not None and current.hash == (content_hash(content) if content is not None else ""):
        return Outcome(current, written=False)
    number = newest.version + 1 if newest else 1
    if number > MOST_VERSIONS:
        message = f"{name} has {MOST_VERSIONS} versions, and more can't be read."
        raise CommandError(message, "Publish it under another name.", code=Exit.REFUSED)
    version = make_version(name, number, content, clean_line(deployment.caller(), 256), datetime.now(UTC), is_campaign=is_campaign)
    stored = write_version(version)
    # The SDK repeats a write whose answer was lost: then the version that exists is this one.
    if not deployment.published.add(stored) and deployment.published.read(name, number) != stored:
        message = f"Somebody else has just published version {number} of {name}."
        raise CommandError(message, f"Look at it with `squall catalogue show {name}`, then decide again.", code=Exit.REFUSED)
    return Outcome(version, written=True)


def align_schedules(deployment: Deployment, names: AbstractSet[str]) -> tuple[dict[str, Any] | None, int]:
    """Have the stack make and remove the schedules of what is published. Returns what it did, and the exit code: 5 if
    one of these names is not scheduled as it says. The stack tries again every quarter of an hour."""
    try:
        answer: dict[str, Any] = deployment.align_schedules()
    except CommandError as error:
        output.write_note(f"The schedules are not brought in line yet: {error.message} The stack tries again within 15 minutes.")
        return None, Exit.FAILED
    problems: dict[str, str] = answer.get("problems") or {}
    for name in names & problems.keys():
        output.write_note(f"NOT SCHEDULED: {name}: {problems[name]}")
    return answer, Exit.FAILED if names & problems.keys() else Exit.VALIDATED
