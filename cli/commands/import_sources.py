"""`squall import`: makes catalogue files of what people have for FIS and Chaos Toolkit, and names everything that was
lost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.arguments import policies
from cli.arguments.definitions import UnreadableError
from cli.commands.new import make_file_name
from cli.commands.validate import check_file, make_document, name_policy, show_report
from cli.drafting.experiment import HINTS
from cli.drafting.files import write_draft
from cli.errors import CommandError
from cli.exits import Exit
from cli.importing.experiment import Imported, Refused, import_source
from cli.importing.reading import read_file
from cli.importing.sources import list_sources, make_source
from cli.importing.writing import render_comments
from cli.text import safe_text
from squall.domain.base.problems import InvalidInput
from squall.domain.policy.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.commands.validate import Report
    from cli.importing.values import Source
    from cli.session import Options


@dataclass(frozen=True)
class Wishes:
    """The command's own options."""

    folder: Path
    environment: str
    force: bool
    """Whether files that exist are replaced."""


@dataclass(frozen=True)
class Written:
    """An experiment in its file, and what `squall validate` says of it."""

    imported: Imported
    path: Path
    report: Report

    @property
    def whole(self) -> bool:
        return self.report.valid and not self.imported.losses


def import_sources(options: Options, files: Sequence[str], ids: Sequence[str], wishes: Wishes) -> int:
    """Returns 0 if everything was carried over and is valid, 4 if something was lost or has to be decided, 3 if nothing
    could be imported. A source that can't be read is refused before anything is written."""
    if not files and not ids:
        raise CommandError("There is nothing to import.", "Name files, or templates of FIS with --id EXT….", code=Exit.REFUSED)
    policy = _find_policy(options, wishes)
    sources = [*(source for file in files for source in _read_file(file)), *_read_templates(options, ids)]
    results = [result for source in sources for result in import_source(source, policy, options.region)]
    imported = [result for result in results if isinstance(result, Imported)]
    refused = [result for result in results if isinstance(result, Refused)]
    written = _write(imported, wishes)
    _show(options, written, refused)
    if not written:
        return Exit.REFUSED
    return Exit.INCONCLUSIVE if refused or not all(each.whole for each in written) else Exit.VALIDATED


def _find_policy(options: Options, wishes: Wishes) -> Environment:
    """The policy with which the files will be compared: that of the local account, or one that lies beside them. Without one
    nothing is listed."""
    known = policies.choose_policies(options) or policies.find_policies(str(wishes.folder / "imported.yaml"))
    if known is None or wishes.environment not in known.files:
        return Environment(name=wishes.environment)
    if (policy := known.read(wishes.environment)) is None:
        file = known.files[wishes.environment]
        raise CommandError(f"The policy {file} is not valid.", f"`squall validate {file}` shows why.", code=Exit.REFUSED)
    return policy


def _read_file(file: str) -> list[Source]:
    try:
        return list_sources(read_file(file), file)
    except UnreadableError as error:
        where = f"{file}:{error.line}" if error.line else file
        raise CommandError(f"{where} {error.message}.", "Nothing was written.", code=Exit.REFUSED) from error
    except InvalidInput as invalid:
        words = "; ".join(str(problem) for problem in invalid.problems)
        raise CommandError(f"{file}: {words}", "Nothing was written.", code=Exit.REFUSED) from invalid


def _read_templates(options: Options, ids: Sequence[str]) -> list[Source]:
    """The templates with these ids, read with the caller's own credentials."""
    if not ids:
        return []
    import boto3  # noqa: PLC0415 - it takes 200 ms

    from cli.aws.calls import explain_failures, make_client  # noqa: PLC0415
    from squall.adapters.fis.experiments import Fis  # noqa: PLC0415

    hint = session.point_at_account(options)
    sources = []
    with explain_failures(local_hint=hint, first=True):
        fis = Fis(make_client(boto3.Session(region_name=session.find_region(options)), "fis"))
        for template_id in ids:
            template = fis.template(template_id)
            if template is None:
                message = f"There is no FIS template {template_id!r} in this account and Region."
                raise CommandError(message, "Name its Region with `--region` or AWS_REGION.", code=Exit.REFUSED)
            sources.append(make_source({key: value for key, value in template.items() if not key.endswith("Time")}, template_id))
    return sources


def _write(imported: Sequence[Imported], wishes: Wishes) -> list[Written]:
    """Writes every file, or none if one exists."""
    paths = _choose_paths(imported, wishes.folder)
    if existing := [str(path) for path in paths if path.exists() and not wishes.force]:
        message = f"{', '.join(existing)} exists already, and nothing was written."
        raise CommandError(message, "Name another folder with --out, or replace the files with --force.", code=Exit.REFUSED)
    written = []
    for each, path in zip(imported, paths, strict=True):
        write_draft(path, "experiment", each.document, HINTS, comments=render_comments(each), replace=wishes.force)
        written.append(Written(each, path, check_file(str(path))))
    return written


def _choose_paths(imported: Sequence[Imported], folder: Path) -> list[Path]:
    """A file for each experiment, named after it; a number tells those of one name apart."""
    paths: list[Path] = []
    for each in imported:
        stem = make_file_name(each.name)[:60].strip("-")
        path, number = folder / f"{stem}.yaml", 2
        while path in paths:
            path, number = folder / f"{stem}-{number}.yaml", number + 1
        paths.append(path)
    return paths


def _show(options: Options, written: Sequence[Written], refused: Sequence[Refused]) -> None:
    if options.json:
        output.write_json(_make_document(written, refused))
        return
    console = output.make_console()
    for each in written:
        words = (
            f"whole{name_policy(each.report)}"
            if each.whole
            else f"{len(each.imported.losses)} lost"
            if each.imported.losses
            else "not valid yet"
        )
        style = "green" if each.whole else "yellow"
        console.print(safe_text(f"{each.path}: {words}, from {each.imported.origin}", style), soft_wrap=True)
        for loss in each.imported.losses:
            console.print(safe_text(f"  lost: {loss}"), soft_wrap=True)
        for words in each.imported.replaced:
            console.print(safe_text(f"  replaced: {words}"), soft_wrap=True)
        if not each.report.valid:
            show_report(console, each.report)
    for nothing in refused:
        console.print(safe_text(f"{nothing.origin}: refused", "bold red"), soft_wrap=True)
        for problem in nothing.problems:
            console.print(safe_text(f"  {problem}"), soft_wrap=True)
    if written:
        output.write_note("The criteria and guards are what makes a fault an experiment: read each file, and put in yours.")


def _make_document(written: Sequence[Written], refused: Sequence[Refused]) -> dict[str, Any]:
    return {
        "experiments": [
            {
                "file": str(each.path),
                "source": each.imported.origin,
                "whole": each.whole,
                "lost": [asdict(loss) for loss in each.imported.losses],
                "replaced": list(each.imported.replaced),
                "examples": list(each.imported.added),
                "validation": make_document(each.report),
            }
            for each in written
        ],
        "refused": [
            {"source": nothing.origin, "problems": [problem.model_dump(mode="json") for problem in nothing.problems]} for nothing in refused
        ],
    }
