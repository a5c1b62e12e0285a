"""The local account as a real server process on a free port."""

import json
import os
import subprocess
import sys
import threading
import urllib.error
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local import processes
from tests.local.account_rig import IDEAL, ROOT, Account, Agent, free_port
from tests.patience import PATIENCE, until


@pytest.fixture(scope="session")
def agent() -> Iterator[Agent]:
    known = Agent(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.path.endswith("/reboot"):
                known.rebooted.append(self.path.split("/")[2])
                self._answer(200)
                return
            if self.path.startswith("/tasks/"):
                known.stopped.append(self.path.split("/")[2])
                self._answer(200, {"desired": "STOPPED", "stop_code": "UserInitiated", "reason": body["reason"], "stopping": 1.7e9})
                return
            if not known.refuses:
                known.begun[body["command_id"]] = {**body, "path": self.path}
            self._answer(503 if known.refuses else 200)

        def do_DELETE(self) -> None:
            known.ended.append(self.path.rpartition("/")[2])
            self._answer(200)

        def _answer(self, status: int, answer: object = None) -> None:
            data = json.dumps(answer or {}).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield known
    server.shutdown()


@pytest.fixture(scope="session")
def running_account(agent: Agent, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    state = tmp_path_factory.mktemp("account")
    port = free_port()
    account = Account(f"http://127.0.0.1:{port}")
    arguments = ["--port", str(port), "--state-dir", str(state), "--workload-url", f"http://127.0.0.1:{agent.port}"]
    processes.end_with_caller(state)
    marked = {**os.environ, processes.MARKER: str(state)}
    with (state / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "local.account.server", *arguments]
        server = subprocess.Popen(command, cwd=ROOT, env=marked, stdout=log, stderr=log)
        try:

            def ready() -> bool:
                assert server.poll() is None, (state / "server.log").read_text()
                try:
                    return bool(account.health()["status"] == "ok")
                except (urllib.error.URLError, ConnectionError):
                    return False

            until(ready, "the local account")
            yield account
        finally:
            server.terminate()
            try:
                server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture
def account(running_account: Account, agent: Agent) -> Iterator[Account]:
    """The account with the ideal profile; tests change switches freely."""
    running_account.profile(**IDEAL)
    agent.refuses = False
    yield running_account
    running_account.profile(**IDEAL)


@pytest.fixture
def unique() -> str:
    return uuid.uuid4().hex[:8]
