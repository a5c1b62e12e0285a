"""The files that `squall run` writes for CI systems and issue trackers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.ci.findings import Found, render_lines, render_sarif
from cli.ci.junit import render_junit
from cli.ci.summary import render_summary
from cli.errors import CommandError
from cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from squall.domain.documents.result import Result


@dataclass(frozen=True)
class RunFiles:
    """Where to write each format; None for a format that is not wanted."""

    junit: Path | None = None
    summary: Path | None = None
    sarif: Path | None = None
    findings: Path | None = None

    @property
    def wanted(self) -> bool:
        return any((self.junit, self.summary, self.sarif, self.findings))

    def prepare(self) -> None:
        """Removes the files of an earlier run, which could be mistaken for those of this one. Raises CommandError for a
        folder that does not exist, before the run and not after it."""
        for path in (self.junit, self.summary, self.sarif, self.findings):
            if path is not None and not path.parent.is_dir():
                raise CommandError(f"There is no folder {path.parent} for {path.name}.", "Make it first.", code=Exit.REFUSED)
        for path in (self.junit, self.sarif):
            if path is not None:
                path.unlink(missing_ok=True)

    def write_findings(self, found: Found, source: str) -> None:
        """Writes the formats that hold findings alone."""
        if self.sarif:
            self.sarif.write_text(render_sarif(found, source), encoding="utf-8")
        if self.findings:
            with self.findings.open("a", encoding="utf-8") as file:
                file.write(render_lines(found))

    def write(self, result: Result, source: str, report: str) -> None:
        """Writes the files. The summary and the lines are appended: several runs of a job share them."""
        if self.junit:
            self.junit.write_text(render_junit(result), encoding="utf-8")
        if self.sarif:
            self.sarif.write_text(render_sarif(Found.of_run(result), source), encoding="utf-8")
        for path, text in ((self.summary, render_summary(result, report)), (self.findings, render_lines(Found.of_run(result)))):
            if path:
                with path.open("a", encoding="utf-8") as file:
                    file.write(text)
