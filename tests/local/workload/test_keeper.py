"""An account that is bound to its starter ends with it, also where the starter is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from local import processes

STARTER = """
import sys, time
from pathlib import Path
from local import processes

state = Path(sys.argv[1])
processes.end_with_caller(state)
processes.start_process("sleeper", ["sleep", "600"], state, state, {})
print("started", flush=True)
time.sleep(600)
"""


def test_a_killed_starter_leaves_no_process_of_its_account(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], cwd=processes.ROOT, stdout=subprocess.PIPE) as starter:
        try:
            assert starter.stdout is not None
            assert starter.stdout.readline() == b"started\n"
            # Popen returns as soon as the kernel closes its pipe, which is before a new process has its environment.
            assert processes.wait_until(lambda: processes.list_leftovers(tmp_path) != [], 60)
        finally:
            os.kill(starter.pid, signal.SIGKILL)
        assert processes.wait_until(lambda: not processes.list_leftovers(tmp_path), 60)
