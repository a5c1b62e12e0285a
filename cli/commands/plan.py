"""`squall plan`: runs everything except the fault, and shows what would have run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.arguments import durations
from cli.commands.campaigns.regions import look_up, plan_file, plan_regions
from cli.commands.run import follow_to_end, show_ending, start_execution
from cli.render import make_guards_table, make_table
from cli.text import clean_block, format_number, safe_text
from squall.domain.regions.definition import list_regions

if TYPE_CHECKING:
    from rich.console import Console

    from cli.arguments.request import Request
    from cli.aws.stack import Deployment
    from cli.following.follow import Ending
    from cli.session import Options

QUOTAS = {"actions in a template": 20, "stop conditions": 5, "target ARNs of one target": 5, "active FIS experiments": 5}
"""The limits of AWS FIS."""


def plan_experiment(options: Options, request: Request, wait_timeout: str | None) -> int:
    """Returns the exit code of the plan: 0 if the experiment could have run."""
    timeout = durations.parse_seconds(wait_timeout) if wait_timeout else None
    if list_regions(request.definition):
        return plan_file(options, request)
    deployment = session.find_deployment(options)
    if regional := look_up(deployment, request):
        return plan_regions(options, regional, request, wait_timeout)
    started = start_execution(deployment, request)
    output.write_note(f"Planning {request.title} as {started.execution_id} in {deployment.region}; nothing is injected.")
    ending = follow_to_end(deployment, request.title, started.execution_id, timeout, as_json=options.json)
    template = (deployment.document(started.execution_id, "template") or {}).get("body")
    quota = count_quota_use(deployment, template)
    if options.json:
        output.write_json(_make_document(ending, template, quota))
        return ending.exit_code
    console = output.make_console()
    _show_targets(console, ending)
    if ending.last.safety and ending.last.safety.false_aborts:
        console.print(make_guards_table(ending.last.safety.false_aborts))
    _show_template(console, template)
    _show_quota(console, quota)
    show_ending(deployment, ending, as_json=False)
    return ending.exit_code


def count_quota_use(deployment: Deployment, template: Any) -> dict[str, tuple[int | None, int]]:
    """Maps each FIS limit to what the plan would use of it, and its value; None if FIS could not be asked."""
    body = template or {}
    arns = [len(target.get("resourceArns", ())) for target in body.get("targets", {}).values()]
    active = deployment.active_faults()
    used = {
        "actions in a template": len(body.get("actions", {})),
        "stop conditions": len(body.get("stopConditions", ())),
        "target ARNs of one target": max(arns, default=0),
        "active FIS experiments": None if active is None else active + 1,
    }
    return {name: (used[name], limit) for name, limit in QUOTAS.items()}


def _make_document(ending: Ending, template: Any, quota: dict[str, tuple[int | None, int]]) -> dict[str, Any]:
    last = ending.last
    return {
        "execution_id": ending.record.id,
        "status": ending.record.status.value,
        "reason": ending.record.reason,
        "targets": [resource.model_dump(mode="json") for resource in last.discovery.pinned] if last.discovery else [],
        "touched": [resource.model_dump(mode="json") for resource in last.discovery.touched] if last.discovery else [],
        "safety_checks": [check.model_dump(mode="json") for check in last.safety.checks] if last.safety else [],
        "guards": [forecast.model_dump(mode="json") for forecast in last.safety.false_aborts] if last.safety else [],
        "template": template,
        "cost": (ending.result or {}).get("cost", {}),
        "quota": {name: {"used": used, "limit": limit} for name, (used, limit) in quota.items()},
    }


def _show_targets(console: Console, ending: Ending) -> None:
    discovery = ending.last.discovery
    if discovery is None:
        return
    table = make_table("Targets pinned", "Resource", "Zone", "Group", "ARN")
    for target in discovery.pinned:
        table.add_row(*(safe_text(value) for value in (target.id, target.zone or "—", target.belongs_to or "—", target.arn)))
    console.print(table)
    if discovery.touched:
        felt = make_table("Felt by, too", "Resource", "Zone", "Group", "ARN")
        for touched in discovery.touched:
            felt.add_row(*(safe_text(value) for value in (touched.id, touched.zone or "—", touched.belongs_to or "—", touched.arn)))
        console.print(felt)
    console.print(safe_text(f"Locked meanwhile: {', '.join(discovery.failure_domains) or 'nothing'}"), soft_wrap=True)


def _show_template(console: Console, template: Any) -> None:
    if template is None:
        return
    console.print(safe_text("FIS template", "bold"))
    console.print(clean_block(json.dumps(template, indent=2), 100_000), soft_wrap=True)


def _show_quota(console: Console, quota: dict[str, tuple[int | None, int]]) -> None:
    table = make_table("Quota with this run", "FIS limit", "Used", "Of")
    for name, (used, limit) in quota.items():
        table.add_row(name, safe_text(format_number(used), "bold red" if used is not None and used > limit else ""), str(limit))
    console.print(table)
