"""The manager's side of the database: a primary and a standby in two zones, and what happens when the primary is lost.

A failover takes seconds here and is otherwise as on AWS. The primary is gone, its endpoint leads nowhere, and writes
fail. The standby is promoted, and the endpoint follows it. Later the lost node comes back as the new standby, cloned
anew. Without a standby the node has to come back by itself, which takes ten times as long (Aurora: under a minute with
a replica, up to ten minutes without one).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from local.workload.databases.metrics import Measured
from local.workload.instances import usage
from local.workload.network.peers import DATABASE_NODES, DATABASE_PORT
from local.workload.network.routes import Node
from local.workload.processes.child import Child
from local.workload.settings import Settings

CLUSTER = "sample-db"
MULTI_AZ = "sample-db-multi-az"
"""The name of the same two nodes as a Multi-AZ DB instance."""
ALONE_FACTOR = 10.0
REBOOT_SECONDS = 2.0
REJOIN_SECONDS = 4.0
_SUFFIX = "cs4mpl3db0x9"
_KEPT_EVENTS = 50


class DatabaseStateError(ValueError):
    """The database can't carry out the request in its present state."""


@dataclass
class Member:
    """One node. `serving`: it answers and, as a standby, has every row."""

    id: str
    zone: str
    child: Child | None = None
    port: int | None = None
    serving: bool = False
    absent_until: float = 0.0
    rebooting: bool = False
    generation: int = 0
    """The number of its process: late messages of earlier processes are ignored."""
    latest: dict[str, Any] = field(default_factory=dict)
    """The latest report of its process."""
    mark: dict[str, Any] = field(default_factory=dict)
    """The totals at the end of the last metric period."""

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.alive

    @property
    def node(self) -> Node | None:
        return Node(DATABASE_NODES[self.id], self.port) if self.serving and self.alive and self.port is not None else None

    @property
    def status(self) -> str:
        if self.rebooting:
            return "rebooting"
        return "available" if self.node is not None else "creating"

    def kill(self) -> None:
        self.port, self.serving, self.latest, self.mark = None, False, {}, {}
        self.generation += 1
        if self.child is not None:
            self.child.kill()


class Cluster:
    """`tick` must be called on the manager's main thread: children die with the thread that starts them."""

    def __init__(self, folder: Path, zones: list[str], region: str, changed: Callable[[], None]) -> None:
        self._folder, self._changed, self._region = folder, changed, region
        self._members = [Member(id_, zone) for id_, zone in zip(DATABASE_NODES, zones, strict=True)]
        self._writer = self._members[0]
        self._successor: Member | None = None
        self._due = 0.0
        """When the outage ends, if there is a node to take over."""
        self._asked: Callable[[Settings], None] | None = None
        self._failing_over = False
        self._standby = True
        self._events: list[dict[str, Any]] = []
        self.lock = threading.RLock()

    # --- orders, from any thread ----------------------------------------------------------------------------------

    def fail_over(self) -> None:
        """Kill the primary and promote the standby; raises DatabaseStateError if that can't be done."""
        with self.lock:
            self._refuse_while_busy()
            standby = self._other
            if standby.node is None:
                raise DatabaseStateError(f"{CLUSTER} has no available reader to promote")
            self._failing_over = True
            self._asked = lambda settings: self._lose(settings, standby)
        self._changed()

    def reboot(self, member_id: str) -> None:
        """Restart one node's process in place; raises DatabaseStateError, or LookupError for a node that is not
        there."""
        with self.lock:
            self._refuse_while_busy()
            members = [member for member in self._members if member.id == member_id and member.alive]
            if not members:
                raise LookupError(f"the database has no node {member_id}")
            members[0].rebooting = True
            self._asked = lambda _settings: self._restart(members[0])
        self._changed()

    def _refuse_while_busy(self) -> None:
        if self.busy:
            raise DatabaseStateError(f"{CLUSTER} is failing over")

    # --- the supervisor's turn ------------------------------------------------------------------------------------

    def tick(self, settings: Settings) -> None:
        with self.lock:
            self._standby = settings.standby
            if self._asked is not None:
                asked, self._asked = self._asked, None
                asked(settings)
            elif self._successor is None and not self._writer.alive:
                first = self._writer.child is None
                self._boot(self._writer) if first else self._lose(settings, self._other if self._other.node else self._writer)
            elif self._successor is not None and time.time() >= self._due:
                self._recover(self._successor)
            self._keep_standby()

    def _lose(self, settings: Settings, successor: Member) -> None:
        lost = self._writer
        lost.kill()
        lost.rebooting = True
        alone = successor is lost
        self._failing_over = not alone
        self._successor, self._due = successor, time.time() + settings.failover_seconds * (ALONE_FACTOR if alone else 1.0)
        if alone:
            self._record_of(lost, "DB instance shutdown")
        else:
            across = "same" if successor.zone == lost.zone else "cross"
            self._record("db-cluster", CLUSTER, f"Started {across} AZ failover to DB instance: {successor.id}", "failover")
            self._record("db-instance", MULTI_AZ, "Multi-AZ instance failover started.", "failover")
        self._changed()

    def _restart(self, member: Member) -> None:
        member.kill()
        self._record_of(member, "DB instance shutdown")
        if member is self._writer:
            self._successor, self._due = member, time.time() + REBOOT_SECONDS
        else:
            member.absent_until = time.time() + REBOOT_SECONDS
        self._changed()

    def _recover(self, successor: Member) -> None:
        if not successor.alive:
            self._boot(successor)
        elif successor.child is not None:
            successor.child.order(op="lead")
        if successor is not self._writer:
            self._writer.absent_until = time.time() + REJOIN_SECONDS
            self._record("db-cluster", CLUSTER, f"Completed failover to DB instance: {successor.id}", "failover")
            self._record("db-instance", MULTI_AZ, "Multi-AZ instance failover completed.", "failover")
        self._writer, self._successor, self._failing_over = successor, None, False
        self._follow(self._other)
        self._changed()

    def _keep_standby(self) -> None:
        other = self._other
        if not self._standby:
            if other.alive and self._successor is None:
                other.kill()
                self._changed()
        elif not other.alive and self._successor is None and self._writer.alive and time.time() >= other.absent_until:
            self._boot(other)

    def _boot(self, member: Member) -> None:
        leads = member is self._writer or member is self._successor
        folder = self._folder / "database" / member.id
        log = self._folder / "logs" / f"{member.id}.log"
        member.kill()
        generation = member.generation

        def on_event(event: dict[str, Any]) -> None:
            with self.lock:
                if member.generation == generation:
                    self._happened(member, event)

        member.child = Child("local.workload.databases.node", ["--folder", str(folder)], log, on_event)
        if leads:
            member.child.order(op="lead")
        else:
            self._follow(member)

    def _follow(self, member: Member) -> None:
        """Tell the standby to follow the present primary."""
        if member.alive and member.child is not None and self._writer.port is not None and member is not self._writer:
            member.serving = False
            member.child.order(op="follow", port=self._writer.port)

    def _happened(self, member: Member, event: dict[str, Any]) -> None:
        if event["event"] == "totals":
            member.latest = event
            return
        if event["event"] == "ready":
            member.port = event["port"]
            member.serving = member is self._writer
            if member is self._writer:
                self._follow(self._other)
        elif event["event"] == "whole":
            member.serving = True
        if member.serving and member.rebooting:
            member.rebooting = False
            self._record_of(member, "DB instance restarted")
        self._changed()

    def children(self) -> list[Child | None]:
        return [member.child for member in self._members]

    def kill(self) -> None:
        for member in self._members:
            member.kill()

    # --- how it stands --------------------------------------------------------------------------------------------

    @property
    def _other(self) -> Member:
        return next(member for member in self._members if member is not self._writer)

    @property
    def busy(self) -> bool:
        """Whether the database is changing from one state to another and accepts no orders."""
        return self._asked is not None or self._successor is not None or self._writer.node is None

    @property
    def whole(self) -> bool:
        return not self.busy and (self._other.node is not None or not self._standby)

    @property
    def members(self) -> list[Member]:
        """The nodes that there should be, the writer first."""
        return [self._writer, self._other] if self._standby or self._other.alive else [self._writer]

    def endpoints(self) -> dict[str, Node]:
        """The node behind each endpoint; an endpoint without a node that can answer is left out."""
        with self.lock:
            writer, reader = (None if self._successor else self._writer.node), self._other.node
            nodes = {"writer": writer, "reader": reader or writer}
        return {name: node for name, node in nodes.items() if node is not None}

    def names(self) -> dict[str, str]:
        """Every endpoint's domain name and the node it resolves to."""
        reader = self._other if self._other.node is not None else self._writer
        nodes = {"": self._writer, "-ro": reader}
        of_cluster = {self.endpoint(f"{CLUSTER}.cluster{kind}-"): member.id for kind, member in nodes.items()}
        return {**of_cluster, **{self.endpoint(f"{id_}."): id_ for id_ in DATABASE_NODES}, self.endpoint(f"{MULTI_AZ}."): self._writer.id}

    def endpoint(self, head: str) -> str:
        return f"{head}{_SUFFIX}.{self._region}.rds.amazonaws.com"

    def report(self) -> dict[str, object]:
        """The report that the RDS API repeats (`local.account.rds`)."""
        with self.lock:
            other = self._other
            multi_az = {
                "id": MULTI_AZ,
                "zone": self._writer.zone,
                "secondary_zone": other.zone if other.node else "",
                "status": "rebooting" if self.busy else "available",
                "multi_az": self._standby,
                "endpoint": self.endpoint(f"{MULTI_AZ}."),
            }
            members = [
                {"id": member.id, "zone": member.zone, "status": member.status, "endpoint": self.endpoint(f"{member.id}.")}
                for member in self.members
            ]
            return {
                "id": CLUSTER,
                "status": "failing-over" if self._failing_over else "available",
                "writer": self._writer.id,
                "members": members,
                "multi_az_instance": multi_az,
                "endpoint": self.endpoint(f"{CLUSTER}.cluster-"),
                "reader_endpoint": self.endpoint(f"{CLUSTER}.cluster-ro-"),
                "port": DATABASE_PORT,
                "events": list(self._events),
            }

    def measure(self) -> list[Measured]:
        """The measurements of every DB instance since the last call. An instance whose process is new or gone is left
        out."""
        with self.lock:
            measured = [measurement for member in self.members if (measurement := self._of_member(member))]
        whole = [
            replace(measurement, instance=MULTI_AZ, cluster=None) for measurement in measured if measurement.instance == self._writer.id
        ]
        return [*measured, *whole]

    def _of_member(self, member: Member) -> Measured | None:
        if member.node is None or member.child is None or not member.latest:
            return None
        at = time.monotonic()
        now = {**member.latest["totals"], "at": at, "busy": usage.busy_seconds(member.child.pid)}
        before, member.mark = member.mark, now
        if not before or at <= before["at"]:
            return None
        reads, writes, read_us, write_us = (now.get(name, 0) - before.get(name, 0) for name in ("reads", "writes", "reads_us", "writes_us"))
        seconds = at - before["at"]
        return Measured(
            instance=member.id,
            cluster=CLUSTER,
            connections=float(member.latest["connections"]),
            cpu_percent=min(100.0, 100 * usage.sum_growth(now["busy"], before["busy"]) / seconds),
            reads=reads / seconds,
            read_seconds=read_us / 1e6 / reads if reads else 0.0,
            writes=writes / seconds,
            write_seconds=write_us / 1e6 / writes if writes else 0.0,
            lag_ms=None if member is self._writer else float(member.latest["lag_ms"]),
        )

    def _record_of(self, member: Member, message: str) -> None:
        """An event of the availability of a node, and of the Multi-AZ instance if the node is its primary."""
        for name in (member.id, *([MULTI_AZ] if member is self._writer else [])):
            self._record("db-instance", name, message, "availability")

    def _record(self, kind: str, source: str, message: str, category: str) -> None:
        event = {"id": str(uuid.uuid4()), "type": kind, "source": source, "message": message, "category": category, "at": time.time()}
        self._events = [*self._events, event][-_KEPT_EVENTS:]

    def as_dict(self) -> dict[str, object]:
        return {
            "cluster": CLUSTER,
            "multi_az_instance": MULTI_AZ,
            "port": DATABASE_PORT,
            "whole": self.whole,
            "writer": self._writer.id,
            "endpoint": self.endpoint(f"{CLUSTER}.cluster-"),
            "nodes": {member.id: self._shown(member) for member in self._members},
        }

    @staticmethod
    def _shown(member: Member) -> Mapping[str, object]:
        return {
            "zone": member.zone,
            "address": str(DATABASE_NODES[member.id]),
            "pid": member.child.pid if member.child and member.alive else None,
            "listens": member.port,
            "status": member.status,
            "seq": member.latest.get("seq"),
        }
