"""The commands of the tutorial's pages, and a folder in which they run as a reader's."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts import install

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial"
LONGEST_BLOCK = 3000.0
"""Seconds after which a block is taken for hung: a run on a busy machine takes minutes."""
_BLOCK = re.compile(r"(?:<!-- exit: (\d) -->\n)?```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COPIED = ("experiments",)
_NOT_LINKED = (".local", ".git", *_COPIED)


@dataclass(frozen=True)
class Block:
    """One block of commands, and the exit code with which it should end."""

    page: str
    commands: str
    exit_code: int


def list_blocks(page: str) -> list[Block]:
    """Every `sh` block of a page, in order. A comment before a block says if it ends with another code than 0."""
    text = (TUTORIAL / page).read_text(encoding="utf-8")
    blocks = [Block(page, commands, int(code or 0)) for code, commands in _BLOCK.findall(text)]
    assert len(blocks) == text.count("```sh\n"), "every block is at the margin"
    return blocks


def require_current_tools() -> None:
    """Fail if `make setup` would build .venv again: it would delete the interpreter that runs this test."""
    wanted = f"{sys.version}\n{ROOT}\n{install._hash_files(Path(install.__file__), *install.REQUIREMENTS)}"
    stamp = install.VENV / ".squall-installed"
    if not stamp.is_file() or stamp.read_text() != wanted:
        pytest.fail("the lock files have changed since .venv was made: run `make setup` first")


def make_folder(folder: Path) -> Path:
    """A folder that looks like the repository, whose local account and experiments are its own."""
    require_current_tools()
    for entry in ROOT.iterdir():
        if entry.name not in _NOT_LINKED:
            (folder / entry.name).symlink_to(entry)
    for name in _COPIED:
        (folder / name).mkdir()
        for file in (ROOT / name).iterdir():
            (folder / name / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / ".local").mkdir()
    (folder / ".local" / "account.json").write_text("{}")  # `squall` takes the account of this folder
    return folder


class Reader:
    """Types the blocks one after the other into one shell session: variables live on in the blocks that follow."""

    def __init__(self, folder: Path, environment: Mapping[str, str], replacements: Mapping[str, str] | None = None) -> None:
        self._folder, self._environment, self._replacements = folder, dict(environment), dict(replacements or {})
        self._variables = folder / ".local" / "variables.sh"
        self._variables.write_text("")
        self.outputs: list[str] = []

    def type_block(self, block: Block) -> str:
        """Run the block and return what it printed. Raises AssertionError if it ends with another code."""
        commands = block.commands
        for word, instead in self._replacements.items():
            commands = commands.replace(word, instead)
        script = f'set -e; . "{self._variables}"; set -a\n{commands}\nexport -p > "{self._variables}"'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_BLOCK,
            check=False,
        )
        self.outputs.append(done.stdout)
        assert done.returncode == block.exit_code, f"{block.page}:\n{commands}\nended with {done.returncode}:\n{done.stdout[-4000:]}"
        return done.stdout
