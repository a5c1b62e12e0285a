"""Several local accounts, or several Regions of one, that are started together and know each other.

Each is a whole local account in a folder of its own, with its own workload and ports. A file beside the folders has the
endpoints by which their processes find each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from local import up
from local.up import Account, Identity, LocalAccountError, Progress

PEERS_FILE = "peers.json"
NO_SETTINGS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Group:
    """The accounts by name, in a folder."""

    root: Path
    identities: Mapping[str, Identity]
    key: Callable[[Account], str]
    """What the processes find each other by."""

    def start_account(
        self,
        name: str,
        on_progress: Progress,
        settings: Mapping[str, str] = NO_SETTINGS,
        *,
        deploy: bool,
        workload: str | None = None,
        made_as: str | None = None,
    ) -> Account:
        """Starts one of them, if it does not run yet, and deploys Squall into it if asked to."""
        identity = replace(self.identities[name], peers=str(self.root / PEERS_FILE))
        return up.start_account(
            self.root / name,
            deploy=deploy,
            workload=workload,
            identity=identity,
            settings=settings,
            made_as=made_as,
            on_progress=lambda step: on_progress(f"{name}: {step}"),
        )

    def start_all(self, on_progress: Progress, workload: str | None = None) -> dict[str, Account]:
        """Starts all of them, still without Squall, and tells them of each other."""
        self.root.mkdir(parents=True, exist_ok=True)
        accounts = {name: self.start_account(name, on_progress, deploy=False, workload=workload) for name in self.identities}
        (self.root / PEERS_FILE).write_text(json.dumps({self.key(account): account.endpoint for account in accounts.values()}))
        return accounts

    def stop(self) -> None:
        """Stops all of them. Raises LocalAccountError if a process survives, after it has tried all."""
        with ThreadPoolExecutor() as pool:
            problems = [problem for problem in pool.map(self._stop_account, self.identities) if problem]
        if problems:
            raise LocalAccountError("; ".join(problems))

    def _stop_account(self, name: str) -> str:
        try:
            up.stop_account(self.root / name)
            up.delete_unpacked(self.root / name)
        except LocalAccountError as error:
            return str(error)
        return ""

    def read_status(self) -> dict[str, up.Status]:
        """The state of each."""
        return {name: up.read_status(self.root / name) for name in self.identities}
