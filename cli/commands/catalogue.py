"""`squall catalogue`: lists, shows and retires the experiments that a stack can run by name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import yaml

from cli import output, session
from cli.aws.publishing import add_version, align_schedules, check_name, parse_version
from cli.commands.publish import make_document
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import make_table
from cli.text import clean_line, safe_text
from squall.admission.published import read_version
from squall.domain.base.problems import InvalidInput

if TYPE_CHECKING:
    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.experiment.published import PublishedVersion

_SHOWN_HASH = 12


def list_experiments(options: Options) -> int:
    """Returns 0 after listing deployed and published experiments; retired and unreadable ones are among them."""
    deployment = session.find_deployment(options)
    rows = _list_rows(deployment)
    if options.json:
        output.write_json({"experiments": rows})
        return Exit.VALIDATED
    table = make_table("Catalogue", "Name", "Source", "Version", "State", "Environment", "Hash", "By", "At")
    for row in rows:
        values = (
            row["name"],
            row["source"],
            row["version"] or "",
            row["state"],
            row["environment"],
            row["hash"][:_SHOWN_HASH],
            row["by"],
            row["at"],
        )
        table.add_row(*(safe_text(clean_line(value, 200)) for value in values))
    output.make_console().print(table)
    return Exit.VALIDATED


def _list_rows(deployment: Deployment) -> list[dict[str, Any]]:
    deployed = deployment.deployed()
    if deployed is None:
        output.write_note("The deployed experiments can't be listed: these credentials may not invoke the report function.")
    names = deployed.experiments if deployed else ()
    campaigns = (deployed.campaigns if deployed else None) or ()
    blank: dict[str, Any] = {"version": None, "environment": "", "hash": "", "by": "", "at": ""}
    rows = [{"name": name, "source": "deployed", "state": "active", **blank} for name in names]
    for name, number in sorted(deployment.published.list_newest().items()):
        version = parse_version(deployment.published.read(name, number))
        taken = campaigns if version and version.is_campaign else names
        rows.append({"name": name, "source": "published", **blank, "version": number, **_describe(version, ambiguous=name in taken)})
    return rows


def _describe(version: PublishedVersion | None, *, ambiguous: bool) -> dict[str, Any]:
    if version is None:
        return {"state": "unreadable: runs nothing"}
    facts = {"hash": version.hash, "by": version.by, "at": f"{version.at:%Y-%m-%d %H:%M:%S}"}
    if version.content is None:
        return {"state": "retired", **facts}
    state = "ambiguous: also deployed, runs nothing" if ambiguous else "active"
    if version.experiment is None:
        return {"state": state if ambiguous else "active: a campaign", **facts}
    return {"state": state, "environment": str(version.experiment.get("environment", "")), **facts}


def show_experiment(options: Options, name: str, number: int | None) -> int:
    """Returns 0 after showing a published version, by default the newest. Raises CommandError if there is none."""
    check_name(name)
    deployment = session.find_deployment(options)
    stored = deployment.published.find_newest(name) if number is None else deployment.published.read(name, number)
    if stored is None:
        which = name if number is None else f"version {number} of {name}"
        raise CommandError(f"{which} is not published.", "`squall catalogue list` shows what is.", code=Exit.REFUSED)
    try:
        version = read_version(stored)
    except InvalidInput as invalid:
        message = f"Version {stored.version} of {name} runs nothing: {clean_line(invalid, 500)}"
        raise CommandError(message, f"Publish {name} again, or retire it.", code=Exit.REFUSED) from invalid
    if options.json:
        output.write_json(version.model_dump(mode="json"))
        return Exit.VALIDATED
    console = output.make_console()
    written = f"version {version.version}, {version.at:%Y-%m-%d %H:%M:%S} UTC, by {clean_line(version.by, 256)}"
    if version.content is None:
        console.print(safe_text(f"# {name}: retired: {written}"), soft_wrap=True)
        return Exit.VALIDATED
    console.print(safe_text(f"# {name}: {written}, hash {version.hash}"), soft_wrap=True)
    # In ASCII with escapes: nothing in the definition can control a terminal, and the text is still the same YAML.
    sys.stdout.write(yaml.safe_dump(version.content, sort_keys=False, width=120))
    return Exit.VALIDATED


def retire_experiment(options: Options, name: str) -> int:
    """Returns 0 if the experiment is retired and has no schedule; 5 if the schedule may still be there: it starts nothing
    more. Raises CommandError if nothing is published under the name."""
    check_name(name)
    deployment = session.find_deployment(options)
    if deployment.published.find_newest(name) is None:
        raise CommandError(f"{name} is not published.", "A deployed experiment is removed by a deployment without it.", code=Exit.REFUSED)
    outcome = add_version(deployment, name, None)
    version = outcome.version
    if not options.json:
        done = "retired" if outcome.written else "was retired already"
        output.make_console().print(
            safe_text(f"{name}: {done}, version {version.version}. Runs that have had no fault are rejected."), soft_wrap=True
        )
    schedules, code = align_schedules(deployment, {name})
    if options.json:
        output.write_json({"retired": make_document(outcome), "schedules": schedules})
    return code
