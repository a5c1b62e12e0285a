"""`python -m local.workload`: starts the manager and its HTTP interface, and runs them until SIGTERM."""

from __future__ import annotations

import argparse
import json
import logging
import signal
from pathlib import Path

from local.workload.api import serve_api
from local.workload.manager import Manager
from local.workload.processes.child import ROOT
from local.workload.processes.lifeline import send_event
from local.workload.settings import RESILIENT, WORKLOADS


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workload", choices=list(WORKLOADS), default=RESILIENT, help="the settings to begin with")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    folder = arguments.state_dir.resolve() / "workload"
    folder.mkdir(parents=True, exist_ok=True)
    manager = Manager(arguments.endpoint, arguments.region, folder, arguments.seed, WORKLOADS[arguments.workload])
    manager.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: manager.stop())
    try:
        port = serve_api(manager, arguments.port)
        (folder / "workload.json").write_text(json.dumps({"url": f"http://127.0.0.1:{port}", "root": str(ROOT)}))
        send_event(event="ready", port=port)
    except BaseException:
        manager.kill()
        raise
    manager.run()


if __name__ == "__main__":
    main()
