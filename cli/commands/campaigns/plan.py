"""`squall campaign plan`: shows what a campaign would run, from the files on this disk."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from cli import output
from cli.arguments import campaigns, definitions
from cli.commands.validate import check_file, describe_problems, show_report
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import make_table
from cli.text import format_seconds, safe_text
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import FaultType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from cli.session import Options
    from squall.domain.campaign.plan import CampaignPlan


def plan_campaign(options: Options, source: str) -> int:
    """Returns 0 if every step would be admitted by the definitions and policies here, otherwise 3."""
    file = campaigns.find_file(source)
    try:
        raw = definitions.read_source(file).raw
    except definitions.UnreadableError as error:
        raise CommandError(f"{file} {error.message}.", "Name a file, or a campaign in the folder campaigns.", code=Exit.REFUSED) from error
    return plan_document(options, file, raw)


def plan_document(options: Options, file: str, raw: Any, overrides: Mapping[str, Any] | None = None) -> Exit:
    """Shows the plan of a campaign with what lies beside the file, which is its own or that of the experiment that it runs. Returns
    0 if every step would be admitted, otherwise 3."""
    try:
        plan = campaigns.read_beside(file).make_plan(raw, overrides)
    except InvalidInput as invalid:
        report = check_file(file)
        show_report(output.make_console(stderr=True), report if report.findings else describe_problems(file, invalid.problems))
        return Exit.REFUSED
    if options.json:
        output.write_json(_make_document(plan))
    else:
        show_plan(plan)
        output.make_console().print(safe_text(f"{_describe_extent(plan)} Nothing was started."), soft_wrap=True)
    return Exit.VALIDATED


def count_ramp_runs(doses: int, confirm: int, method: str) -> int:
    """The runs that a search needs when no run tells the wrong thing, at most: until the two neighbouring doses are
    found, and until each of them is confirmed."""
    found = math.ceil(math.log2(doses + 1)) if method == "bisect" else doses
    return found + 2 * (confirm - 1)


def _make_document(plan: CampaignPlan) -> dict[str, Any]:
    return {"campaign": plan.campaign.name, "kind": plan.campaign.kind, "steps": [step.model_dump(mode="json") for step in plan.steps]}


def show_plan(plan: CampaignPlan) -> None:
    """Shows the table of the steps; of a run over several Regions, that of its parts."""
    console = output.make_console()
    if plan.campaign.kind == "regions":
        console.print(_make_parts_table(plan))
        return
    title = "Steps" if plan.campaign.ramp is None else "Doses"
    table = make_table(f"{title} of {plan.campaign.name}", "Step", "Experiment", "Changes", "Environment", "Fault lasts", "Needs")
    for step in plan.steps:
        if step.prompt:
            then = "then the next step" if step.goes_on else "then no further step"
            waits = f"waits {format_seconds(step.wait_seconds)}, {then}"
            table.add_row(*map(safe_text, (step.name, f"people: {step.prompt}", "—", "—", waits, "—")))
            continue
        changes = json.dumps(step.overrides) if step.overrides else "—"
        lasts = "as its stack says" if step.member else format_seconds(step.seconds)
        cells = (step.name, step.experiment, changes, step.environment or f"in {step.member}", lasts, ", ".join(step.needs) or "—")
        table.add_row(*(safe_text(cell) for cell in cells))
    console.print(table)


def _make_parts_table(plan: CampaignPlan) -> Table:
    table = make_table(f"Regions of {plan.campaign.name}", "Region", "Experiment", "Changes", "Environment", "Fault", "Lasts")
    for step in plan.steps:
        fault = "none: carries the load" if step.fault_type == FaultType.NO_FAULT else step.fault_type
        changes = json.dumps(step.overrides) if step.overrides else "—"
        table.add_row(*map(safe_text, (step.name, step.experiment, changes, step.environment, fault, format_seconds(step.seconds))))
    return table


def _describe_extent(plan: CampaignPlan) -> str:
    ramp = plan.campaign.ramp
    if plan.campaign.kind == "regions":
        regions = [step.name for step in plan.steps]
        return f"{len(regions)} parts, all at the same time or none. Home is the Region in which it is started: {' or '.join(regions)}."
    if ramp is None:
        total = format_seconds(sum(step.seconds for step in plan.steps))
        runs = sum(not step.prompt for step in plan.steps)
        count = "1 run" if runs == 1 else f"{runs} runs"
        here = f", with faults of {total} together" + (" in this stack" if plan.members else "")
        return f"{count} at most{here}."
    runs = count_ramp_runs(len(plan.steps), ramp.confirm, ramp.method)
    return f"{len(plan.steps)} doses; about {runs} runs, more if runs disagree or say nothing, and never more than {ramp.most_runs}."
