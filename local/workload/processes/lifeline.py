"""The child's side of the connection to the manager: lines of JSON in and out, and death when the manager dies.

It takes two mechanisms. The kernel's parent-death signal works even for a child that is busy or stopped. End of file on
the pipe works even if the parent died before the signal was set up.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)


def send_event(**event: object) -> None:
    """Send one event to the manager."""
    try:
        sys.stdout.write(json.dumps(event, separators=(",", ":")) + "\n")
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        os._exit(1)


async def receive_commands(on_order: Callable[[dict[str, Any]], None]) -> None:
    """Pass every command of the manager to `on_order`; exit the process when the manager is gone."""
    reader = asyncio.StreamReader(limit=1 << 20)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        on_order(json.loads(line))
    os._exit(0)
