"""Live streams from a process of its own: stream_load.py PORT FOLDER STREAMS SECONDS.

Every stream is one WebSocket and sends one hop of 16-bit PCM when it is due; streams are spread evenly over
the hop. Some of them, the probes, ask for scores at every step: latency is from the moment the
last byte of a step was handed to the system until its scores were there. Prints one line of JSON.

Frames are masked beforehand and sent by plain sockets, so that one core can drive more streams than one
core can serve.
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

PROBES = 32
LEAD_S = 0.2
"""From the last handshake to the first step."""
LAST_WORDS_S = 1.0
"""How long answers are waited for after the last step."""
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


@dataclass(slots=True)
class Stream:
    """One WebSocket, from the client's side."""

    sock: socket.socket
    probe: bool
    sent: list[float] = field(default_factory=list)
    """When each step went out."""
    times: list[float] = field(default_factory=list)
    """Seconds from a step to its scores."""
    rest: bytes = b""
    closed: str = ""
    """Why the server ended it."""

    def hear(self, data: bytes, now: float) -> None:
        """Take messages apart."""
        data = self.rest + data
        at = 0
        while (end := frame_end(data, at)) is not None and end <= len(data):
            kind, payload = data[at] & 15, data[payload_start(data, at) : end]
            at = end
            if kind == TEXT:
                self._told(json.loads(payload), now)
            elif kind == CLOSE:
                self.closed = f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode()}"
        self.rest = data[at:]

    def _told(self, message: dict[str, Any], now: float) -> None:
        if message["type"] == "scores" and len(self.times) < len(self.sent):
            # Every step has one answer, in the order of the steps.
            self.times.append(now - self.sent[len(self.times)])
        elif message["type"] == "error":
            self.closed = str(message["data"])


def payload_start(data: bytes, at: int) -> int:
    """Where the payload of the frame begins; servers do not mask."""
    return at + {126: 4, 127: 10}.get(data[at + 1] & 127, 2)


def frame_end(data: bytes, at: int) -> int | None:
    """Where the frame ends; None where its head is not there yet."""
    if len(data) < at + 2 or len(data) < (start := payload_start(data, at)):
        return None
    length = data[at + 1] & 127
    return start + (length if length < 126 else int.from_bytes(data[at + 2 : start], "big"))


def frame(kind: int, payload: bytes) -> bytes:
    """A whole masked frame, as clients send it."""
    mask = os.urandom(4)
    length = len(payload)
    size = bytes([128 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    key = np.resize(np.frombuffer(mask, np.uint8), length)
    masked = np.frombuffer(payload, np.uint8) ^ key
    return bytes([128 | kind]) + size + mask + masked.tobytes()


def text(kind: str, **data: Any) -> bytes:
    """A text frame."""
    return frame(TEXT, json.dumps({"type": kind, "data": data}).encode())


def open_stream(port: int, facts: dict[str, Any], *, probe: bool) -> Stream:
    """Shake hands and say what will come."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET /v1/models/{facts['name']}/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    sock.sendall(head.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = sock.recv(65536)
        if not part:
            break
        answer += part
    if b" 101 " not in answer.partition(b"\r\n")[0]:
        raise SystemExit(f"no stream: {answer[:200].decode(errors='replace')}")
    stream = Stream(sock=sock, probe=probe)
    # Nothing is certain enough to be a detection; a probe wants every score.
    asked = {"threshold": 1.0, **({"partials": 1 / facts["hop_s"]} if probe else {})}
    sock.sendall(text("detect", **asked))
    sock.sendall(text("audio-start", rate=facts["rate_hz"], width=2, channels=1))
    sock.setblocking(False)
    stream.rest = answer.partition(b"\r\n\r\n")[2]
    return stream


def drive(
    streams: list[Stream], frames: list[bytes], *, seconds: float, step_s: float
) -> dict[str, Any]:
    """Send every step when it is due; returns what was seen."""
    poll = select.epoll()
    known = {stream.sock.fileno(): stream for stream in streams}
    for number in known:
        poll.register(number, select.EPOLLIN)
    count, steps = len(streams), round(seconds / step_s)
    begin, total, done, stalled, late = time.perf_counter() + LEAD_S, steps * count, 0, 0, []
    end = begin + steps * step_s + LAST_WORDS_S
    while (now := time.perf_counter()) < end:
        due = begin + done / count * step_s
        while done < total and due <= now:
            stream = streams[done % count]
            late.append(now - due)
            stalled += not _sent(stream, frames[(done // count + done) % len(frames)])
            done += 1
            due, now = begin + done / count * step_s, time.perf_counter()
            if not done % 32:
                break
        wait = max(0.0, due - now) if done < total else 0.05
        _hear_all(poll, known, wait)
        if done == total and all(len(one.times) == len(one.sent) for one in streams if one.probe):
            break
    return _summed(streams, stalled=stalled, late=late)


def _sent(stream: Stream, data: bytes) -> bool:
    """Whether the server takes what is sent; if not it is far behind."""
    if stream.closed:
        return False
    try:
        taken = stream.sock.send(data) == len(data)
    except OSError as error:
        stream.closed = stream.closed or str(error)
        return False
    stream.sent.append(time.perf_counter())
    return taken


def _hear_all(poll: select.epoll, known: dict[int, Stream], wait: float) -> None:
    for number, _ in poll.poll(wait):
        stream = known[number]
        try:
            data = stream.sock.recv(65536)
        except OSError as error:
            data, stream.closed = b"", stream.closed or str(error)
        if not data:
            stream.closed = stream.closed or "ended"
            poll.unregister(number)
            continue
        stream.hear(data, time.perf_counter())


def _summed(streams: list[Stream], *, stalled: int, late: list[float]) -> dict[str, Any]:
    times = [taken for stream in streams for taken in stream.times]
    owed = sum(len(stream.sent) for stream in streams if stream.probe)
    parts = statistics.quantiles(times, n=100) if len(times) > 1 else [float("inf")] * 99
    return {
        "streams": len(streams),
        "steps": sum(len(stream.sent) for stream in streams),
        "p50_ms": 1000 * parts[49],
        "p99_ms": 1000 * parts[98],
        "worst_ms": 1000 * max(times, default=float("inf")),
        "unanswered": owed - len(times),
        "stalled": stalled,
        "closed": [stream.closed for stream in streams if stream.closed][:3],
        "driver_late_p99_ms": 1000 * statistics.quantiles(late, n=100)[98],
    }


def main(port: str, folder: str, count: str, seconds: str) -> None:
    """Open, drive, print."""
    facts = json.loads((Path(folder) / "facts.json").read_text(encoding="utf-8"))
    pcm = np.load(Path(folder) / "clips.npy").astype("<i2").reshape(-1)
    size = round(facts["hop_s"] * facts["rate_hz"])
    chunks = pcm[: len(pcm) // size * size].reshape(-1, size)
    frames = [frame(BINARY, chunk.tobytes()) for chunk in chunks]
    every = max(1, int(count) // PROBES)
    streams = [
        open_stream(int(port), facts, probe=number % every == 0) for number in range(int(count))
    ]
    found = drive(streams, frames, seconds=float(seconds), step_s=facts["hop_s"])
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
