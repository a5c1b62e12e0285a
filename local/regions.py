"""Two Regions of one local account, with Squall in each, as runs over several Regions need it.

Both stacks are made of the same template, and name each other in `peer_regions`.
"""

from __future__ import annotations

from pathlib import Path

from local import shipped, up
from local.group import Group
from local.up import Account, Identity, LocalAccountError, Progress

FOLDER_NAME = "regions"
FOLDER = f".local/{FOLDER_NAME}"
IDENTITIES = {
    "us-east-1": Identity(up.ACCOUNT_ID, "us-east-1", "AKIASQUALLLOCALREGN0"),
    "eu-west-1": Identity(up.ACCOUNT_ID, "eu-west-1", "AKIASQUALLLOCALREGN1"),
}
"""By the names of the Regions, which are those of their folders as well."""


def start_regions(
    folder: str | Path = FOLDER,
    *,
    workload: str | None = None,
    experiments: str = str(shipped.EXPERIMENTS),
    on_progress: Progress = lambda _: None,
) -> dict[str, Account]:
    """Starts the account in both Regions and deploys Squall with the same catalogue into each. Can be repeated. If anything fails, it
    leaves nothing running. `experiments` is a folder relative to the repository's root; campaigns are in `campaigns` beside it."""
    group = _find_group(folder)
    try:
        group.start_all(on_progress, workload)
        return {region: group.start_account(region, on_progress, _make_settings(region, experiments), deploy=True) for region in IDENTITIES}
    except BaseException:
        group.stop()
        raise


def stop_regions(folder: str | Path = FOLDER) -> None:
    """Stops the account in both Regions. Raises LocalAccountError if a process survives."""
    _find_group(folder).stop()


def read_regions_status(folder: str | Path = FOLDER) -> dict[str, up.Status]:
    """The state of the account in each Region."""
    return _find_group(folder).read_status()


def list_region_variables(region: str, folder: str | Path = FOLDER) -> dict[str, str]:
    """The variables that point any AWS tool at one Region. Raises LocalAccountError if it does not run."""
    if region not in IDENTITIES:
        raise LocalAccountError(f"no local Region {region!r}; there are {', '.join(IDENTITIES)}")
    return up.list_variables(Path(folder).resolve() / region)


def _make_settings(region: str, experiments: str) -> dict[str, str]:
    return {"experiments_dir": experiments, "peer_regions": ",".join(sorted(set(IDENTITIES) - {region}))}


def _find_group(folder: str | Path) -> Group:
    return Group(Path(folder).resolve(), IDENTITIES, lambda account: f"{account.account_id}/{account.region}")
