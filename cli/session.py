"""Where a command runs: the stack, Region and credentials chosen by options and environment."""

# ruff: noqa: PLC0415 - what a command does not need is not imported: `squall --help` must be quick

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import LOCAL_HINT, CommandError
from cli.output import note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.aws import Deployment

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_STACK = "Squall"
_POINTERS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


@dataclass
class Options:
    """The options before the command, and whether the command's output is for machines."""

    stack: str = DEFAULT_STACK
    region: str | None = None
    local: bool = False
    json: bool = False


def state_folder() -> Path:
    """The local account's folder: under the working directory if there is one, else in the project."""
    here = Path(".local")
    return here if (here / "account.json").exists() else ROOT / ".local"


def local_unused() -> bool:
    """Whether a local account was started here while nothing in the environment points at an account."""
    return (state_folder() / "account.json").exists() and not any(os.environ.get(name) for name in _POINTERS)


def deployment(options: Options) -> Deployment:
    """The deployed stack the options name; raises CommandError with what to do if it can't be found."""
    from cli.aws import Deployment

    hint = local_unused() and not options.local
    if options.local:
        _use_local()
    elif hint:
        note(LOCAL_HINT)
    return Deployment.find(options.stack, region=options.region, local_hint=hint)


def _use_local() -> None:
    from local.up import LocalAccountError, load

    try:
        point_at(load(state_folder()).environment())
    except LocalAccountError as error:
        raise CommandError("No local account is up.", "Start one with `squall local up`.") from error


def point_at(variables: Mapping[str, str]) -> None:
    """Make this process's AWS calls go where the variables say, whatever the environment said before."""
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")] + ["AWS_PROFILE", "AWS_SESSION_TOKEN"]:
        os.environ.pop(name, None)
    os.environ.update(variables)
