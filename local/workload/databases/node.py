"""One database node: real state behind a socket, asked in lines of JSON, replicated from the primary to its standby.

`{"op": "get", "key"}` and `{"op": "put", "key", "value"}` are answered with `{"value", "seq"}` or `{"error"}`. A
standby reads and refuses to write. `{"op": "follow", "since"}` is what a standby sends to its primary: rows come back,
and each is acknowledged; a write is answered once the standby has it, so a failover loses nothing that was answered.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

from local.workload.processes.lifeline import die_with_parent, receive_commands, send_event

ACKNOWLEDGE_SECONDS = 1.0
"""A standby that takes longer is left behind: the primary goes on alone."""
RECONNECT_SECONDS = 0.2
REPORT_SECONDS = 0.5

Row = dict[str, Any]


class Table:
    """Rows by key, each with the sequence number of the write that made it, in a file that survives a killed
    process."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("pragma synchronous = off")  # processes are killed here, machines are not
        self._connection.execute("create table if not exists rows (key text primary key, value text, seq integer)")

    @property
    def seq(self) -> int:
        return int(self._connection.execute("select coalesce(max(seq), 0) from rows").fetchone()[0])

    def get(self, key: str) -> str | None:
        row = self._connection.execute("select value from rows where key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, key: str, value: str, seq: int) -> None:
        self._connection.execute("insert or replace into rows values (?, ?, ?)", (key, value, seq))

    def since(self, seq: int) -> list[Row]:
        rows = self._connection.execute("select key, value, seq from rows where seq > ? order by seq", (seq,))
        return [{"key": key, "value": value, "seq": number, "at": time.time()} for key, value, number in rows]

    def clear(self) -> None:
        self._connection.execute("delete from rows")


class Follower:
    """A standby's connection, seen from the primary."""

    def __init__(self) -> None:
        self.rows: asyncio.Queue[tuple[Row, asyncio.Future[None]]] = asyncio.Queue()

    def send(self, row: Row) -> asyncio.Future[None]:
        """Send a row. Returns when the standby has it."""
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rows.put_nowait((row, arrived))
        return arrived


class Database:
    """A database node: a primary (`lead`) or a standby (`follow`), as the manager orders."""

    def __init__(self, folder: Path) -> None:
        self._table = Table(folder / "data.sqlite")
        self._seq = self._table.seq
        self._leads = False
        self._following: asyncio.Task[None] | None = None
        self._followers: set[Follower] = set()
        self._totals: Counter[str] = Counter()
        self._connections = 0
        self._lag_ms = 0.0

    async def run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        send_event(event="ready", port=server.sockets[0].getsockname()[1])
        await asyncio.gather(self._report(), receive_commands(self._obey))

    def _obey(self, order: dict[str, Any]) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None
        self._leads = order["op"] == "lead"
        if not self._leads:
            self._following = asyncio.create_task(self._follow(order["port"]))

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            send_event(event="totals", totals=dict(self._totals), connections=self._connections, lag_ms=self._lag_ms, seq=self._seq)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                question = json.loads(line)
                if question["op"] == "follow":
                    await self._feed(reader, writer, question["since"])
                    break
                began = time.perf_counter()
                answer = await self._answer(question)
                kind = "read" if question["op"] == "get" else "write"
                self._totals[f"{kind}s"] += 1
                self._totals[f"{kind}s_us"] += int(1e6 * (time.perf_counter() - began))
                writer.write(_encode_line(answer))
                await writer.drain()
        self._connections -= 1
        writer.close()

    async def _answer(self, question: dict[str, Any]) -> Row:
        key = question["key"]
        if question["op"] == "get":
            return {"value": self._table.get(key), "seq": self._seq}
        if not self._leads:
            return {"error": "cannot write: this node is read-only"}
        self._seq += 1
        row = {"key": key, "value": question["value"], "seq": self._seq, "at": time.time()}
        self._table.put(key, row["value"], self._seq)
        arrivals = [follower.send(row) for follower in self._followers]
        if arrivals:
            await asyncio.wait(arrivals, timeout=ACKNOWLEDGE_SECONDS)
        return {"value": row["value"], "seq": row["seq"]}

    async def _feed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, since: int) -> None:
        """Send a standby the rows that it lacks, then every write."""
        follower = Follower()
        for row in [*self._table.since(since), {"whole": True}]:
            follower.send(row)
        self._followers.add(follower)
        try:
            while True:
                row, arrived = await follower.rows.get()
                writer.write(_encode_line(row))
                await writer.drain()
                if not await asyncio.wait_for(reader.readline(), ACKNOWLEDGE_SECONDS):
                    break
                if not arrived.done():
                    arrived.set_result(None)
        except TimeoutError:
            pass
        finally:
            self._followers.discard(follower)

    async def _follow(self, port: int) -> None:
        """Copy everything from the primary. Rows that only this node had are lost, as on a re-cloned standby."""
        self._table.clear()
        self._seq = 0
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(_encode_line({"op": "follow", "since": self._seq}))
                while line := await reader.readline():
                    self._take(json.loads(line))
                    writer.write(b"{}\n")
                    await writer.drain()
                writer.close()
            await asyncio.sleep(RECONNECT_SECONDS)

    def _take(self, row: Row) -> None:
        if row.get("whole"):
            send_event(event="whole")
            return
        self._table.put(row["key"], row["value"], row["seq"])
        self._seq = row["seq"]
        self._lag_ms = 1000 * max(0.0, time.time() - row["at"])


def _encode_line(value: Row) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def main() -> None:
    """Run until the manager is gone."""
    die_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(Database(folder).run())


if __name__ == "__main__":
    main()
