"""Clients that keep asking over HTTP and keep account of every request: http_load.py PORT PLAN.

PLAN is JSON: a list of {"name", "path", "folder", "count", "connections"}. Each connection asks in a closed
loop. A line on standard input says that the server is about to end: from then on a connection gives up
at its first failure. The end of standard input, or all connections having given up, ends it all; then
one line of JSON: {"answered": n, "failures": [{"id", "sent", "kind"}]}, `sent` by the machine's clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REFUSED = "refused"
"""The connection was not taken."""
TURNED_AWAY = "closed before a byte"
TORN = "closed within a reply"
PAUSE_S = 0.05
"""Before the next attempt to connect, so that a server that is gone is not hammered."""
OK = 200


@dataclass(slots=True)
class Account:
    """What became of all requests."""

    answered: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Torn(Exception):
    """The connection ended; says how."""


@dataclass(slots=True)
class Connection:
    """One keep-alive connection, opened again where the server has closed it."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body; raises `Torn`."""
        if self.writer is None:
            try:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError as error:
                raise Torn(REFUSED) from error
        assert self.reader is not None
        head = b""
        try:
            self.writer.write(request)
            await self.writer.drain()
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines[1:] if line)
            body = await self.reader.readexactly(int(fields["content-length"]))
        except asyncio.IncompleteReadError as error:
            self.close()
            raise Torn(TORN if head or error.partial else TURNED_AWAY) from error
        except OSError as error:
            self.close()
            raise Torn(TORN if head else TURNED_AWAY) from error
        if fields.get("connection") == "close":
            self.close()
        return int(lines[0].split(" ", 2)[1]), body

    def close(self) -> None:
        """Let it go; the next request opens another."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def keep_asking(
    port: int, part: dict[str, Any], bodies: list[bytes], *, name: str, account: Account
) -> None:
    """One connection, until it is over."""
    connection, number = Connection(port), 0
    while not account.over.is_set():
        which = number % len(bodies)
        body, request_id, number = bodies[which], f"{name}-{number}", number + 1
        head = f"POST {part['path']} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {request_id}\r\n"
        head += part["headers"][which] + f"Content-Length: {len(body)}\r\n\r\n"
        sent = time.monotonic()
        try:
            status, answer = await connection.ask(head.encode() + body)
        except Torn as error:
            kind = str(error)
        else:
            if status == OK and answer.startswith(b"{") and b"scores" in answer:
                account.answered += 1
                continue
            kind = f"status {status}: {answer[:200].decode(errors='replace')}"
        account.failures.append({"id": request_id, "sent": sent, "kind": kind})
        if account.ending.is_set():
            return
        await asyncio.sleep(PAUSE_S)
    connection.close()


async def listen(account: Account) -> None:
    """The two words that are said to this process."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    if await reader.readline():
        account.ending.set()
        await reader.read()
    account.over.set()


async def load(port: int, plan: list[dict[str, Any]]) -> Account:
    """All connections of the plan."""
    account = Account()
    tasks = []
    for kind, part in enumerate(plan):
        folder, numbers = Path(part["folder"]), range(part["count"])
        bodies = [(folder / f"{number}.body").read_bytes() for number in numbers]
        part["headers"] = [_headers(folder / f"{number}.headers") for number in numbers]
        for number in range(part["connections"]):
            name = f"{part['name']}-{kind}-{number}"
            asking = keep_asking(port, part, bodies, name=name, account=account)
            tasks.append(asyncio.ensure_future(asking))
    listening = asyncio.ensure_future(listen(account))
    await asyncio.gather(*tasks)
    listening.cancel()
    return account


def _headers(path: Path) -> str:
    lines = (line.partition("=") for line in path.read_text(encoding="ascii").splitlines())
    return "".join(f"{name}: {value}\r\n" for name, _, value in lines)


def main(port: str, plan: str) -> None:
    """Load, and print one line."""
    account = asyncio.run(load(int(port), json.loads(plan)))
    print(json.dumps({"answered": account.answered, "failures": account.failures}))


if __name__ == "__main__":
    main(*sys.argv[1:])
