"""Reboots: EC2 only answers that it was asked. The operating system of the workload's instance restarts."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import contextlib
from typing import Any

from ministack.services import ec2

from local.account.patching import find_original, require_names
from local.account.ssm import commands

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]


def install_patches() -> None:
    """Patch EC2."""
    require_names(ec2, "_ACTION_MAP", "_parse_member_list")
    answer = find_original(ec2, "_reboot_instances", "p")

    def reboot_instances(params: Json) -> Response:
        response: Response = answer(params)
        if response[0] == 200:
            for instance in ec2._parse_member_list(params, "InstanceId"):
                with contextlib.suppress(OSError):  # an instance without a process restarts, and nobody can tell
                    commands.tell_workload("POST", f"/instances/{instance}/reboot", {})
        return response

    ec2._ACTION_MAP["RebootInstances"] = reboot_instances
