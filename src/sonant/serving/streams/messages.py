"""What is said on a live connection: Wyoming's vocabulary, before any transport.

    client                                       server
    describe                                     info
    detect {names, threshold, partials, ...}     detection {name, timestamp, score, start, end, speaker}
    audio-start {rate, width, channels}          scores {timestamp, scores, level_db}, where asked for
    audio-chunk, with samples                    voice-started, voice-stopped {timestamp}, where asked for
    audio-stop                                   not-detected, where nothing was
                                                 speaker {name, timestamp, speaker, reason}, where late
    ping {text}                                  pong {text}
                                                 error {text, code}

Times are milliseconds of the stream, from its beginning or from the first `timestamp` of a client
that sends one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sonant.serving.status import Code, Refusal, invalid

DESCRIBE: Final = "describe"
INFO: Final = "info"
DETECT: Final = "detect"
DETECTION: Final = "detection"
NOT_DETECTED: Final = "not-detected"
SPEAKER: Final = "speaker"
AUDIO_START: Final = "audio-start"
AUDIO_CHUNK: Final = "audio-chunk"
AUDIO_STOP: Final = "audio-stop"
VOICE_STARTED: Final = "voice-started"
VOICE_STOPPED: Final = "voice-stopped"
SCORES: Final = "scores"
PING: Final = "ping"
PONG: Final = "pong"
ERROR: Final = "error"
FROM_CLIENTS: Final = frozenset({DESCRIBE, DETECT, AUDIO_START, AUDIO_CHUNK, AUDIO_STOP, PING})

LONGEST_MESSAGE: Final = 2**20
"""Bytes of samples, or of a text, in one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event, in or out."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes = b""
    """Samples."""


def error_of(refusal: Refusal) -> Message:
    """How a client is told."""
    data = {"text": refusal.message, "code": refusal.code.name.lower().replace("_", "-")}
    return Message(type=ERROR, data=data)


def too_big(what: str, size: int, *, most: int) -> Refusal:
    """What is longer than it may be; the connection cannot go on."""
    return Refusal(Code.OUT_OF_RANGE, f"{what} has {size} bytes; at most {most} are taken")


def whole(data: Mapping[str, Any], key: str, default: int) -> int:
    """A whole number that may be left out; raises `Refusal` for anything else."""
    value = data.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(f"{key}: {value!r:.50} is not a whole number")
    return value


def number(data: Mapping[str, Any], key: str, default: float) -> float:
    """A number that may be left out; raises `Refusal` for anything else."""
    value = data.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise invalid(f"{key}: {value!r:.50} is not a number")
    return float(value)


def names(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of names that may be left out, which is an empty one; raises `Refusal` for anything else."""
    value = data.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise invalid(f"{key}: {value!r:.50} is not a list of names")
    return tuple(value)
