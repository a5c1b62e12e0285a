"""`squall discover`, `squall plan` and `squall run` as people type them, on the account of the tests."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deployed.rig import LONGEST_RUN, Json, Rig
from tests.patience import PATIENCE, until

COMMAND = Path(sys.executable).parent / "squall"
FRESH_PERIODS = 8
"""The periods of requests after which a scan knows the present level, and a baseline has enough points."""


@dataclass(frozen=True)
class Scan:
    """A scan of the account with what it wrote."""

    rig: Rig
    home: Path
    posture: Json

    @property
    def proposals(self) -> list[Json]:
        """In their order, the best first."""
        return list(self.posture["proposals"])

    def of_service(self, ending: str) -> list[Json]:
        return [proposal for proposal in self.proposals if proposal["service"].endswith(ending)]

    def file(self, proposal: Json) -> str:
        return f"squall-discovery/experiments/{proposal['name']}.yaml"

    def opt_in(self, proposal: Json) -> None:
        """Run the proposal's tag commands in a shell, with the AWS CLI."""
        for command in proposal["tag_commands"]:
            program, *words = shlex.split(command)
            where = ["--endpoint-url", self.rig.account.endpoint] if program == "aws" else []
            done = subprocess.run([program, *where, *words], env=_environment(self.rig), capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}: {done.stderr}"

    def plan(self, proposal: Json) -> str:
        """Plan the file unchanged; returns why it was refused, or nothing."""
        self.opt_in(proposal)
        code, document, error = squall(self.rig, self.home, "plan", self.file(proposal))
        return "" if code == 0 and document["status"] == "planned" else f"{document.get('status')}: {document.get('reason')} {error[-300:]}"

    def plan_all(self) -> dict[str, str]:
        """Plan every proposal: those of a service one after another, because each holds its locks. Maps names to refusals."""
        services: dict[str, list[Json]] = {}
        for proposal in self.proposals:
            services.setdefault(proposal["service"], []).append(proposal)

        def plan_in_turn(proposals: list[Json]) -> dict[str, str]:
            return {proposal["name"]: self.plan(proposal) for proposal in proposals}

        with ThreadPoolExecutor(max_workers=2) as pool:
            return {name: refusal for part in pool.map(plan_in_turn, services.values()) for name, refusal in part.items()}

    def run(self, proposal: Json) -> Json:
        """Run the file unchanged; returns its result."""
        self.opt_in(proposal)
        _, result, error = squall(self.rig, self.home, "run", self.file(proposal))
        assert "verdict" in result, error
        return result


def scan(rig: Rig, home: Path) -> Scan:
    """Scan the account as it is now, with the requests of some periods."""
    rig.forget()
    until(lambda: len(rig.response_times(FRESH_PERIODS)) == FRESH_PERIODS, "requests of the shape as it is now")
    code, posture, error = squall(rig, home, "discover", "--environment", "staging", "--fresh")
    assert code == 0, error
    return Scan(rig, home, posture)


def squall(rig: Rig, home: Path, *arguments: str) -> tuple[int, Json, str]:
    """Runs the installed command in a folder from which it finds the local account; returns exit code, JSON and errors."""
    link = home / ".local"
    if not link.exists():
        link.symlink_to(rig.state)
    done = subprocess.run(
        [COMMAND, "--local", "--stack", rig.stack, *arguments, "--json"],
        cwd=home, env=_environment(rig), capture_output=True, text=True, timeout=LONGEST_RUN + PATIENCE, check=False,
    )  # fmt: skip
    document: Any = json.loads(done.stdout) if done.stdout.strip() else {}
    return done.returncode, document, done.stderr


def _environment(rig: Rig) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**others, **rig.account.environment()}
