"""The load balancer: round robin over healthy targets, with the failure semantics and the counts of an ALB.

Like an ALB it does not retry a request on another target: a refused connection is the caller's 502, a timeout a 504, no
target a 503. One thing is deliberately faster than on AWS: a refused connection takes the target out immediately
instead of after the next two health checks, so that a kill costs a handful of requests instead of seconds of them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

from local.workload.load_balancer.counts import Counts
from local.workload.processes import http1
from local.workload.processes.lifeline import die_with_parent, receive_commands, send_event
from local.workload.settings import PERIOD_SECONDS

CHECK_INTERVAL_SECONDS = 1.0
CHECK_TIMEOUT_SECONDS = 3.0
UNHEALTHY_AFTER = 2
HEALTHY_AFTER = 2
TARGET_TIMEOUT_SECONDS = 6.0


@dataclass
class Target:
    """One registered instance, and the result of its health checks."""

    id: str
    port: int
    state: str = "initial"
    reason: str = "Elb.RegistrationInProgress"
    streak: int = 0
    pool: http1.Pool = field(init=False)

    def __post_init__(self) -> None:
        self.pool = http1.Pool(self.port)

    def succeeded(self) -> bool:
        """Count a passed check; returns whether the state changed. A new target needs one, an unhealthy one
        HEALTHY_AFTER."""
        self.streak = max(1, self.streak + 1)
        if self.state == "healthy" or (self.state == "unhealthy" and self.streak < HEALTHY_AFTER):
            return False
        self.state, self.reason = "healthy", ""
        return True

    def failed(self, reason: str, at_once: bool = False) -> bool:
        """Count a failed check; returns whether the state changed."""
        self.streak = min(-1, self.streak - 1)
        if self.state == "unhealthy" or (self.streak > -UNHEALTHY_AFTER and not at_once):
            return False
        self.state, self.reason = "unhealthy", reason
        self.pool.close()
        return True


PORT = 8480
"""The port it listens at unless that is taken: experiments that name a URL need one that stays."""


class Balancer:
    """Forwards requests, checks targets, counts, and tells the manager."""

    def __init__(self) -> None:
        self._targets: dict[str, Target] = {}
        self._turn = 0
        self._served = False
        self._ejects = True
        self._counts = Counts()
        self._checks: set[asyncio.Task[None]] = set()

    async def run(self, port: int) -> None:
        try:
            server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        except OSError:  # taken by another account, where the sentinel of its experiments looks
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        send_event(event="ready", port=server.sockets[0].getsockname()[1])
        await asyncio.gather(self._check_all(), self._report(), receive_commands(self._obey))

    def _obey(self, order: dict[str, Any]) -> None:
        self._ejects = order.get("eject", self._ejects)
        if "targets" not in order:
            return
        wanted = {target["id"]: target for target in order["targets"]}
        for gone in self._targets.keys() - wanted.keys():
            self._targets.pop(gone).pool.close()
        for instance_id, target in wanted.items():
            known = self._targets.get(instance_id)
            if known is None or known.port != target["port"]:
                known = self._targets[instance_id] = Target(instance_id, target["port"])
                self._start_check(known)
        self._tell_health()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(http1.GoneError, ConnectionError):
            while True:
                message = await http1.read_message(reader)
                status, body = await self._forward(message.second)
                writer.write(http1.format_response(status, body))
                await writer.drain()
        writer.close()

    async def _forward(self, path: str) -> tuple[int, bytes]:
        target = self._choose()
        if target is None:
            self._counts.unrouted(503)
            return 503, b"no target"
        started = time.monotonic()
        try:
            async with asyncio.timeout(TARGET_TIMEOUT_SECONDS):
                answer = await target.pool.get(path)
        except TimeoutError:
            self._counts.unanswered(504)
            return 504, b"target timed out"
        except OSError:
            self._counts.unanswered(502, connection_error=True)
            if target.failed("Target.FailedHealthChecks", at_once=True):
                self._tell_health()
            return 502, b"target refused"
        self._counts.answered(int(answer.second), time.monotonic() - started)
        return int(answer.second), answer.body

    def _choose(self) -> Target | None:
        """The next healthy target. Any registered target if none is healthy, as an ALB fails open, or if none is to be
        taken out."""
        registered = list(self._targets.values())
        usable = [target for target in registered if target.state == "healthy" or not self._ejects] or registered
        if not usable:
            return None
        self._turn += 1
        return usable[self._turn % len(usable)]

    async def _check_all(self) -> None:
        while True:
            for target in list(self._targets.values()):
                self._start_check(target)
            states = [target.state for target in self._targets.values()]
            self._served = self._served or "healthy" in states
            if self._served:
                self._counts.hosts(states.count("healthy"), states.count("unhealthy"))
            await asyncio.sleep(CHECK_INTERVAL_SECONDS)

    def _start_check(self, target: Target) -> None:
        task = asyncio.create_task(self._check(target))
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    async def _check(self, target: Target) -> None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                stream = await asyncio.open_connection("127.0.0.1", target.port)
                try:
                    answer = await http1.exchange_messages(stream, "/health")
                finally:
                    stream[1].close()
        except TimeoutError:
            changed = target.failed("Target.Timeout")
        except OSError:
            changed = target.failed("Target.FailedHealthChecks", at_once=target.state == "healthy")
        else:
            ok = answer.second == "200"
            changed = target.succeeded() if ok else target.failed("Target.ResponseCodeMismatch")
        if changed:
            self._tell_health()

    def _tell_health(self) -> None:
        states = {target.id: [target.state, target.reason] for target in self._targets.values()}
        send_event(event="health", targets=states)

    async def _report(self) -> None:
        while True:
            now = time.time()
            start = now - now % PERIOD_SECONDS
            await asyncio.sleep(start + PERIOD_SECONDS - now + 0.005)
            counts, self._counts = self._counts, Counts()
            send_event(event="period", start=start, counts=counts.as_dict())


def main() -> None:
    """Run until the manager is gone."""
    die_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=PORT)
    asyncio.run(Balancer().run(parser.parse_args().port))


if __name__ == "__main__":
    main()
