"""`squall discover`: looks at the account, writes the posture page, and proposes experiments."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.arguments.policies import Policies, choose_policies
from cli.aws.errors import explain_error
from cli.commands.validate import check_file
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import safe_text
from discovery.account import AwsAccount
from discovery.analysis.services import find_services
from discovery.journal import Journal
from discovery.measure import measure_services
from discovery.page.page import render_posture
from discovery.permissions import make_policy
from discovery.posture import Posture, build_posture
from discovery.proposals.text import MARK, write_yaml
from discovery.scan import Scope, scan_account

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from cli.session import Options
    from squall.domain.policy.environment import Timing

SHOWN = 10
"""Proposals that are printed; the page has all."""


@dataclass(frozen=True)
class Wishes:
    """The command's own options."""

    folder: Path
    environment: str
    fresh: bool
    """Whether to begin anew even if an interrupted scan could go on."""


def show_policy() -> int:
    """Prints the IAM policy that the command needs."""
    output.write_json(make_policy())
    return Exit.VALIDATED


def discover_account(options: Options, wishes: Wishes, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """Returns 0 with the files written, also if some calls were denied."""
    import boto3  # noqa: PLC0415 - it takes 200 ms

    hint = session.point_at_account(options)
    aws = boto3.Session(region_name=options.region)
    try:
        identity = aws.client("sts").get_caller_identity()
        scope = Scope(identity["Account"], aws.client("sts").meta.region_name, clock())
    except Exception as error:
        if explained := explain_error(error, local_hint=hint):
            raise explained from error
        raise
    policies = choose_policies(options)
    posture = _look(aws, scope, wishes, policies.read_timings() if policies else {})
    rejected = write_files(posture, wishes.folder, policies)
    if options.json:
        output.write_json(posture.model_dump(mode="json"))
    else:
        _show(output.make_console(), posture, wishes.folder)
    if rejected:
        raise CommandError(f"{len(rejected)} proposals are not valid: {', '.join(rejected)}.", "Please report it; the others were written.")
    return Exit.VALIDATED


def _look(aws: Any, scope: Scope, wishes: Wishes, timings: Mapping[str, Timing]) -> Posture:
    path = wishes.folder / ".scan.jsonl"
    if wishes.fresh:
        path.unlink(missing_ok=True)
    try:
        journal = Journal(path, f"{scope.account} {scope.region}")
    except OSError as error:
        raise CommandError(f"{wishes.folder} can't be written: {error.strerror}.", "Name another --output.", code=Exit.REFUSED) from error
    if journal.resumed:
        output.write_note("An interrupted scan goes on; --fresh would begin anew.")
    account = AwsAccount(lambda service, config: aws.client(service, config=config), journal)
    inventory = scan_account(account, journal, scope, lambda title, count: output.write_note(f"{title}: {count}"))
    output.write_note("Reading the present level of each service from CloudWatch …")
    levels = measure_services(account, inventory, find_services(inventory))
    posture = build_posture(inventory.model_copy(update={"gaps": account.gaps}), levels, wishes.environment, timings)
    journal.close()
    return posture


def write_files(posture: Posture, folder: Path, known: Policies | None = None) -> list[str]:
    """Writes the page, the JSON and the proposals that `squall validate` accepts; returns the names of the others.

    Proposals of an earlier scan are replaced. Raises CommandError, before anything is written, if the folder has
    experiments of somebody's own.
    """
    experiments = folder / "experiments"
    rejected = []
    try:
        experiments.mkdir(parents=True, exist_ok=True)
        _remove_proposals(experiments)
        (folder / "posture.html").write_text(render_posture(posture), encoding="utf-8")
        (folder / "posture.json").write_text(json.dumps(posture.model_dump(mode="json"), indent=1), encoding="utf-8")
        for proposal in posture.proposals:
            path = experiments / f"{proposal.name}.yaml"
            path.write_text(write_yaml(proposal), encoding="utf-8")
            if not check_file(str(path), known).valid:
                path.unlink()
                rejected.append(proposal.name)
    except OSError as error:
        raise CommandError(f"{folder} can't be written: {error.strerror}.", "Name another --output.", code=Exit.REFUSED) from error
    return rejected


def _remove_proposals(experiments: Path) -> None:
    """Removes the proposals of an earlier scan. The folder may also be the one from which experiments are deployed."""
    present = sorted(experiments.glob("*.yaml"))
    foreign = [path.name for path in present if not path.read_text(encoding="utf-8", errors="replace").startswith(MARK)]
    if foreign:
        message = f"{experiments} has files that `squall discover` has not written: {', '.join(foreign[:5])}."
        raise CommandError(message, "Name another --output; nothing was changed.", code=Exit.REFUSED)
    for path in present:
        path.unlink()


def _show(console: Console, posture: Posture, folder: Path) -> None:
    """Prints the proposals, best first, and what was not seen."""
    grave = sum(aspect.state == "missing" and aspect.weight == "high" for service in posture.services for aspect in service.aspects)
    console.print(safe_text(f"{len(posture.services)} services, {grave} grave risks, {len(posture.proposals)} proposals"), soft_wrap=True)
    for proposal in posture.proposals[:SHOWN]:
        console.print(safe_text(f"  {folder}/experiments/{proposal.name}.yaml ({proposal.risk} risk)", "bold"), soft_wrap=True)
        console.print(safe_text(f"    {proposal.why}"), soft_wrap=True)
    if len(posture.proposals) > SHOWN:
        console.print(safe_text(f"  … and {len(posture.proposals) - SHOWN} more"), soft_wrap=True)
    for gap in posture.gaps:
        console.print(safe_text(f"  not seen: {gap.action} ({gap.code})", "yellow"), soft_wrap=True)
    console.print(safe_text(f"The page: {folder}/posture.html, the same as JSON: {folder}/posture.json"), soft_wrap=True)
