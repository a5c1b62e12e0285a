"""`squall doctor`: whether a deployment keeps its promises, measured on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli import output, session
from cli.doctor import approving
from cli.doctor.finding import Finding, Outcome
from cli.doctor.paths import PATHS, Path, Trial, examine
from cli.doctor.setting import linked_role, quota
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import table, word
from cli.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.aws import Deployment
    from cli.doctor.setting import Setting
    from cli.session import Options


def run(options: Options, only: Sequence[str]) -> int:
    """0 if everything is as promised, 5 if something is not, 4 if something could not be examined."""
    _check_names(only)
    deployment = session.deployment(options)
    findings = list(_examinations(deployment, only))
    if options.json:
        output.write_json([finding.as_json() for finding in findings])
    else:
        _show(findings, deployment)
    outcomes = {finding.outcome for finding in findings}
    if outcomes & {Outcome.FAILED, Outcome.SLOW}:
        return Exit.FAILED
    return Exit.INCONCLUSIVE if Outcome.UNKNOWN in outcomes else Exit.VALIDATED


def _check_names(only: Sequence[str]) -> None:
    known = [*(path.name for path in PATHS), approving.NAME]
    if wrong := [name for name in only if name not in known]:
        raise CommandError(f"There is no path {', '.join(wrong)}.", f"Known are {', '.join(known)}.", code=Exit.REFUSED)


def _examinations(deployment: Deployment, only: Sequence[str]) -> Iterator[Finding]:
    paths = [path for path in PATHS if not only or path.name in only]
    with output.waiting("Looking at roles and quotas …"):
        setting, findings = deployment.setting()
    yield from findings
    yield quota(deployment.client)
    halted = deployment.halted()
    if not setting.role_arns or halted is None or halted.engaged:
        why = (
            "there is no FIS role to run an experiment with"
            if not setting.role_arns
            else "the stack is halted, or can't tell: resume first"
        )
        yield from (Finding(path.name, Outcome.UNKNOWN, f"not examined: {why}", path.promise) for path in paths)
    else:
        yield from _paths(setting, paths)
    if not only or approving.NAME in only:
        with output.waiting(f"{approving.NAME}: {approving.PROMISE} …"):
            yield approving.examine(setting, deployment.vote, f"doctor-{approving.NAME}-{_stamp()}")
    yield linked_role(deployment.client("iam"))


def _paths(setting: Setting, paths: Sequence[Path]) -> Iterator[Finding]:
    """One after the other: FIS runs five experiments at a time, and others want to."""
    stamp = _stamp()
    for number, path in enumerate(paths, 1):
        with output.waiting(f"{number} of {len(paths)}: {path.name}: {path.promise} …"):
            yield examine(Trial(setting, path, f"doctor-{path.name}-{stamp}"))


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S")


def _show(findings: Sequence[Finding], deployment: Deployment) -> None:
    made = table(f"{deployment.stack} in {deployment.region}", "Examined", "Outcome", "Promised", "Measured", "Detail")
    for one in findings:
        made.add_row(safe(one.name), word(one.outcome.value), safe(one.promised), safe(one.measured), safe(one.detail))
    console = output.console()
    console.print(made)
    wrong = [one.name for one in findings if one.outcome is not Outcome.OK]
    console.print(
        f"Not as promised: {', '.join(wrong)}." if wrong else "Everything is as promised. What no deployment can promise: docs/promises.md"
    )
