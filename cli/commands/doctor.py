"""`squall doctor`: measures whether a deployment keeps its promises."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli import output, session
from cli.doctor import approving
from cli.doctor.checks import check_concurrency, check_linked_role, check_quota, check_resume
from cli.doctor.finding import Finding, Outcome
from cli.doctor.paths import PATHS, examine_path
from cli.doctor.trial import Path, Trial
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import make_table, style_word
from cli.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.aws.stack import Deployment
    from cli.doctor.setting import Setting
    from cli.session import Options


def examine_stop_paths(options: Options, only: Sequence[str]) -> int:
    """Returns 0 if everything is as promised, 5 if something is not, 4 if something could not be examined."""
    _check_names(only)
    deployment = session.find_deployment(options)
    findings = list(_examine_deployment(deployment, only))
    if options.json:
        output.write_json([finding.as_json() for finding in findings])
    else:
        _show_findings(findings, deployment)
    outcomes = {finding.outcome for finding in findings}
    if outcomes & {Outcome.FAILED, Outcome.SLOW}:
        return Exit.FAILED
    return Exit.INCONCLUSIVE if Outcome.UNKNOWN in outcomes else Exit.VALIDATED


def _check_names(only: Sequence[str]) -> None:
    known = [*(path.name for path in PATHS), approving.NAME]
    if unknown := [name for name in only if name not in known]:
        raise CommandError(f"There is no path {', '.join(unknown)}.", f"The paths are {', '.join(known)}.", code=Exit.REFUSED)


def _examine_deployment(deployment: Deployment, only: Sequence[str]) -> Iterator[Finding]:
    paths = [path for path in PATHS if not only or path.name in only]
    with output.show_waiting("Checking roles and quotas …"):
        setting, findings = deployment.setting()
    yield from findings
    yield check_quota(deployment.client)
    yield check_concurrency(deployment.client, deployment.stack_id)
    yield check_resume(deployment.client, deployment.stack)
    halted = deployment.halted()
    if not setting.role_arns or halted is None or halted.engaged:
        reason = (
            "there is no FIS role to run an experiment with"
            if not setting.role_arns
            else "the stack is halted, or its halt flag cannot be read: resume first"
        )
        yield from (Finding(path.name, Outcome.UNKNOWN, f"not examined: {reason}", path.promise) for path in paths)
    else:
        yield from _examine_paths(setting, paths)
    if not only or approving.NAME in only:
        with output.show_waiting(f"{approving.NAME}: {approving.PROMISE} …"):
            yield approving.examine_approval(setting, deployment.vote, f"doctor-{approving.NAME}-{_make_stamp()}")
    yield check_linked_role(deployment.client("iam"))


def _examine_paths(setting: Setting, paths: Sequence[Path]) -> Iterator[Finding]:
    """Examines one path after the other: FIS runs only five experiments at a time, and real runs need them too."""
    stamp = _make_stamp()
    for number, path in enumerate(paths, 1):
        with output.show_waiting(f"{number} of {len(paths)}: {path.name}: {path.promise} …"):
            yield examine_path(Trial(setting, path, f"doctor-{path.name}-{stamp}"))


def _make_stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S")


def _show_findings(findings: Sequence[Finding], deployment: Deployment) -> None:
    table = make_table(f"{deployment.stack} in {deployment.region}", "Examined", "Outcome", "Promised", "Measured", "Detail")
    for finding in findings:
        cells = (safe_text(text) for text in (finding.promised, finding.measured, finding.detail))
        table.add_row(safe_text(finding.name), style_word(finding.outcome.value), *cells)
    console = output.make_console()
    console.print(table)
    broken = [finding.name for finding in findings if finding.outcome in {Outcome.FAILED, Outcome.SLOW}]
    unknown = [finding.name for finding in findings if finding.outcome is Outcome.UNKNOWN]
    if broken:
        console.print(f"Not as promised: {', '.join(broken)}.")
    if unknown:
        console.print(f"Not known, because it could not be examined: {', '.join(unknown)}.")
    if not broken and not unknown:
        console.print("Everything is as promised. docs/promises.md says what no deployment can promise.")
