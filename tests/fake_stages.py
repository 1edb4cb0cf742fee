"""Stages that write a line instead of training for an hour, and a program that is killed among them."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sonant.errors import AudioError
from sonant.events import Note
from sonant.pipeline.making import Bench, Made
from sonant.pipeline.stages import STAGES, Kind

CALLS: Final = "calls.txt"
PLAN: Final = {
    "name": "fakes",
    "stages": {
        "seed": {"kind": "fake", "word": "a"},
        "left": {"kind": "fake", "word": "l", "data": ["seed"], "round": 1},
        "right": {"kind": "fake", "word": "r", "data": ["seed"], "round": 1},
        "end": {"kind": "fake", "word": "z", "data": ["left", "right"], "round": 2},
    },
}
"""A diamond: two stages in the middle that do not know each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fake:
    """What a fake stage writes behind what it takes."""

    word: str
    data: tuple[str, ...] = ()
    same: bool = False
    """Whether it gives the same whatever its word."""


def write(settings: Fake, bench: Bench) -> Made:
    """Write a line; a stage that is to be killed leaves half of it, and goes on from there."""
    with (bench.folder.parent / CALLS).open("a") as file:
        file.write(f"{bench.name}\n")
    bench.on_event(Note(f"writing {settings.word}"))
    half, whole = bench.folder / "half.txt", bench.folder / "whole.txt"
    began = half.exists()
    half.write_text("half")
    if settings.word == "fail":
        raise AudioError("clip.wav: is broken")
    if settings.word == "stop":
        raise KeyboardInterrupt
    if settings.word == os.environ.get("KILL") and not began:
        os.kill(os.getpid(), signal.SIGKILL)
    words = [path.read_text() for path in bench.inputs["data"]]
    whole.write_text("".join([*words, "" if settings.same else settings.word]))
    return Made(
        path=whole, figures={"length": float(len(whole.read_text())), "began": float(began)}
    )


FAKE: Final = Kind(
    settings=Fake,
    make=write,
    gives="clips",
    takes={"data": ("clips",)},
    size=lambda settings: (7, 3600.0),
    resumes=True,
)


def calls(out: Path) -> list[str]:
    """Stages that were called, in their order, once for every time."""
    file = out / CALLS
    return file.read_text().split() if file.exists() else []


if __name__ == "__main__":
    from sonant import pipeline

    STAGES["fake"] = FAKE
    pipeline.run(pipeline.Plan.from_dict(PLAN), out=Path(sys.argv[1]))
