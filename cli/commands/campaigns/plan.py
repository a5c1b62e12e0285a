"""`squall campaign plan`: shows what a campaign would run, from the files on this disk."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from cli import output
from cli.arguments import campaigns, definitions
from cli.commands.validate import check_file, show_report
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import make_table
from cli.text import format_seconds, safe_text
from squall.domain.base.problems import InvalidInput

if TYPE_CHECKING:
    from cli.session import Options
    from squall.domain.campaign.plan import CampaignPlan


def plan_campaign(options: Options, source: str) -> int:
    """Returns 0 if every step would be admitted by the definitions and policies here, otherwise 3."""
    file = campaigns.find_file(source)
    try:
        raw = definitions.read_source(file).raw
        plan = campaigns.read_beside(file).make_plan(raw)
    except definitions.UnreadableError as error:
        raise CommandError(f"{file} {error.message}.", "Name a file, or a campaign in the folder campaigns.", code=Exit.REFUSED) from error
    except InvalidInput:
        show_report(output.make_console(stderr=True), check_file(file))
        return Exit.REFUSED
    if options.json:
        output.write_json(_make_document(plan))
        return Exit.VALIDATED
    _show_plan(plan)
    return Exit.VALIDATED


def count_ramp_runs(doses: int, confirm: int, method: str) -> int:
    """The runs that a search needs when no run tells the wrong thing, at most: until the two neighbouring doses are
    found, and until each of them is confirmed."""
    found = math.ceil(math.log2(doses + 1)) if method == "bisect" else doses
    return found + 2 * (confirm - 1)


def _make_document(plan: CampaignPlan) -> dict[str, Any]:
    return {"campaign": plan.campaign.name, "kind": plan.campaign.kind, "steps": [step.model_dump(mode="json") for step in plan.steps]}


def _show_plan(plan: CampaignPlan) -> None:
    console = output.make_console()
    title = "Steps" if plan.campaign.ramp is None else "Doses"
    table = make_table(f"{title} of {plan.campaign.name}", "Step", "Experiment", "Changes", "Environment", "Fault lasts", "Needs")
    for step in plan.steps:
        if step.prompt:
            then = "then the next step" if step.goes_on else "then no further step"
            waits = f"waits {format_seconds(step.wait_seconds)}, {then}"
            table.add_row(*map(safe_text, (step.name, f"people: {step.prompt}", "—", "—", waits, "—")))
            continue
        changes = json.dumps(step.overrides) if step.overrides else "—"
        cells = (step.name, step.experiment, changes, step.environment, format_seconds(step.seconds), ", ".join(step.needs) or "—")
        table.add_row(*(safe_text(cell) for cell in cells))
    console.print(table)
    console.print(safe_text(_describe_extent(plan)), soft_wrap=True)


def _describe_extent(plan: CampaignPlan) -> str:
    ramp = plan.campaign.ramp
    if ramp is None:
        total = format_seconds(sum(step.seconds for step in plan.steps))
        runs = sum(not step.prompt for step in plan.steps)
        count = "1 run" if runs == 1 else f"{runs} runs"
        return f"{count} at most, with faults of {total} together. Nothing was started."
    runs = count_ramp_runs(len(plan.steps), ramp.confirm, ramp.method)
    return (
        f"{len(plan.steps)} doses; about {runs} runs, more if runs disagree or say nothing, and never more than {ramp.most_runs}. "
        "Nothing was started."
    )
