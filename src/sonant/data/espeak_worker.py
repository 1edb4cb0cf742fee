"""Speaks words with espeak-ng in a process of its own; a script that sonant starts and never imports.

    python -I -S espeak_worker.py LIBRARY DATA_FOLDER

espeak-ng is GPL-3.0-or-later. This file is sonant's own; only the process it runs in loads the library,
and only requests and sound pass between the two. It uses the standard library alone.

In, one JSON object a line: `text`, `voice`, `pitch`, `range`, `rate`, `seed`. Out, one reply for each and
one before the first: a kind (`H` hello as JSON, `P` sound as 16-bit samples, `E` error as text), the
payload's length as four bytes, big end first, and the payload.

espeak-ng carries state from word to word (phases, flutter, noise), so a word sounds otherwise after
another. Where the system can fork, each word is spoken by a fork of a process that never spoke, with
both of the library's random generators seeded: the same request then gives the same samples, always.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import BinaryIO, TypedDict

SYNCHRONOUS, DONT_EXIT, UTF8 = 2, 0x8000, 1
RATE, VOLUME, PITCH, RANGE = 1, 2, 3, 4
QUIET = 50
"""Percent of espeak-ng's ordinary volume, at which some of its voices clip."""

CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Request(TypedDict):
    """What to say and how, in espeak-ng's own units."""

    text: str
    voice: str
    pitch: int
    range: int
    rate: int
    seed: int


class Espeak:
    """The library, loaded and ready."""

    def __init__(self, library: str, data: str) -> None:
        self.library = ctypes.CDLL(library)
        self.data = data
        self.heard: list[bytes] = []
        self.callback = CALLBACK(self._hear)
        self._declare()
        # The library keeps 160 bytes for this path, too few for many an environment's folder.
        os.chdir(os.path.dirname(data))
        folder = os.fsencode(os.path.basename(data))
        self.rate_hz = self.library.espeak_Initialize(SYNCHRONOUS, 0, folder, DONT_EXIT)
        if self.rate_hz <= 0:
            raise OSError(f"espeak-ng cannot use its data in {data}")
        self.library.espeak_SetSynthCallback(self.callback)

    def _declare(self) -> None:
        text, number, size = ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
        unsigned, pointer = ctypes.c_uint, ctypes.c_void_p
        self.library.espeak_Initialize.argtypes = [number, number, text, number]
        self.library.espeak_SetVoiceByName.argtypes = [text]
        self.library.espeak_Info.restype = text
        self.library.espeak_Info.argtypes = [pointer]
        self.library.espeak_Synth.argtypes = [
            *(text, size, unsigned, number, unsigned, unsigned, pointer, pointer)
        ]

    def _hear(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: int) -> int:
        if samples and count > 0:
            self.heard.append(ctypes.string_at(samples, 2 * count))
        return 0

    @property
    def version(self) -> str:
        """espeak-ng's own version."""
        return str(self.library.espeak_Info(None).decode())

    def speak(self, request: Request) -> bytes:
        """16-bit samples in this machine's byte order."""
        self._choose_voice(request["voice"])
        self._seed(request["seed"])
        for parameter, value in (
            (VOLUME, QUIET),
            (RATE, request["rate"]),
            (PITCH, request["pitch"]),
            (RANGE, request["range"]),
        ):
            self.library.espeak_SetParameter(parameter, value, 0)
        text = request["text"].encode()
        self.heard.clear()
        if self.library.espeak_Synth(text, len(text) + 1, 0, 0, 0, UTF8, None, None):
            raise RuntimeError(f"espeak-ng refused to say {request['text']!r}")
        self.library.espeak_Synchronize()
        return b"".join(self.heard)

    def _choose_voice(self, voice: str) -> None:
        # An unknown variant is answered with the plain voice and no error, so it is looked up here.
        variant = voice.partition("+")[2]
        known = not variant or os.path.isfile(os.path.join(self.data, "voices", "!v", variant))
        if not known or self.library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"espeak-ng {self.version} has no voice {voice!r}")

    def _seed(self, seed: int) -> None:
        if hasattr(self.library, "espeak_ng_SetRandSeed"):
            self.library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        if hasattr(os, "fork"):
            ctypes.CDLL(None).srand(ctypes.c_uint(seed))


def frame(kind: bytes, payload: bytes) -> bytes:
    """One reply."""
    return kind + len(payload).to_bytes(4, "big") + payload


def answer(espeak: Espeak, request: Request) -> bytes:
    """The reply to one request."""
    try:
        return frame(b"P", espeak.speak(request))
    except (RuntimeError, ValueError) as error:
        return frame(b"E", str(error).encode())


def answer_from_fork(espeak: Espeak, request: Request, out: BinaryIO) -> None:
    """Let a fork answer; say so if it dies of it."""
    child = os.fork()
    if child == 0:
        out.write(answer(espeak, request))
        out.flush()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        out.write(frame(b"E", f"espeak-ng ended with {status} at {request}".encode()))
        out.flush()


def main(library: str, data: str) -> None:
    """Answer requests until there are no more."""
    out = os.fdopen(os.dup(1), "wb")
    # What the library itself prints must not stand among the replies.
    os.dup2(2, 1)
    try:
        espeak = Espeak(library, data)
    except (OSError, AttributeError) as error:
        out.write(frame(b"E", str(error).encode()))
        return
    hello = {"rate_hz": espeak.rate_hz, "version": espeak.version}
    out.write(frame(b"H", json.dumps(hello).encode()))
    out.flush()
    for line in sys.stdin.buffer:
        if hasattr(os, "fork"):
            answer_from_fork(espeak, json.loads(line), out)
        else:
            out.write(answer(espeak, json.loads(line)))
            out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
