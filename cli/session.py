"""The stack, Region and credentials of a command, from its options and the environment."""

# ruff: noqa: PLC0415 - imports inside functions keep `squall --help` quick

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import LOCAL_HINT, CommandError
from cli.output import write_note
from infra.places import IS_INSTALLED, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.aws.stack import Deployment

DEFAULT_STACK = "Squall"
_POINTERS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


@dataclass
class Options:
    """The global options, and whether the command writes JSON."""

    stack: str = DEFAULT_STACK
    region: str | None = None
    local: bool = False
    json: bool = False
    entered: Deployment | None = None
    """The stack that the command has entered already: that of a fleet's member."""


def state_folder() -> Path:
    """The local account's folder: under the working directory if there is one or the command is installed, otherwise in the
    project."""
    here = Path(".local")
    return here if IS_INSTALLED or (here / "account.json").exists() else ROOT / ".local"


def is_local_account_unused() -> bool:
    """Whether a local account was started here and the environment points at no account at all."""
    return (state_folder() / "account.json").exists() and not any(os.environ.get(name) for name in _POINTERS)


def find_deployment(options: Options) -> Deployment:
    """Finds the deployed stack that the options name. Raises CommandError."""
    from cli.aws.stack import Deployment
    from cli.aws.versions import describe_difference

    if options.entered is not None:
        return options.entered
    hint = is_local_account_unused() and not options.local
    if options.local:
        _use_local_account()
    elif hint:
        write_note(LOCAL_HINT)
    deployment = Deployment.find(options.stack, region=options.region, local_hint=hint)
    if difference := describe_difference(deployment.stack, deployment.version):
        write_note(difference)
    return deployment


def _use_local_account() -> None:
    from local.up import LocalAccountError, load_account

    try:
        set_aws_variables(load_account(state_folder()).environment())
    except LocalAccountError as error:
        raise CommandError("No local account is up.", "Start one with `squall local up`.") from error


def set_aws_variables(variables: Mapping[str, str]) -> None:
    """Sets this process's AWS environment variables, and removes those that would take precedence over them."""
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")] + ["AWS_PROFILE", "AWS_SESSION_TOKEN"]:
        os.environ.pop(name, None)
    os.environ.update(variables)


def find_region(options: Options) -> str | None:
    """The Region of the command line or of AWS_REGION, which boto3 does not read; None: that of the AWS files."""
    return options.region or os.environ.get("AWS_REGION")


def point_at_account(options: Options) -> bool:
    """Points this process at the account that the options mean, without a stack; returns whether to hint at the local account.
    Raises CommandError."""
    hint = is_local_account_unused() and not options.local
    if options.local:
        _use_local_account()
    elif hint:
        write_note(LOCAL_HINT)
    return hint
