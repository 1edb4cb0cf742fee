"""What a stage is given and what it gives: the two sides of every row of `stages.STAGES`. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sonant.events import OnEvent, silent

Port = Literal[
    "clips", "verifier", "converter", "vocoder", "forgeries", "corpus", "detector", "figures"
]
"""What flows from one stage to another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where a stage works, and with what."""

    name: str
    """Of the stage."""
    folder: Path
    """The stage's own; what an earlier try left is there where the stage goes on with it."""
    inputs: Mapping[str, tuple[Path, ...]]
    """By setting, what the stages it names have made; nothing where it is empty."""
    device: str = "auto"
    on_event: OnEvent = silent

    def one(self, setting: str) -> Path:
        """The one thing that a setting names."""
        (found,) = self.inputs[setting]
        return found

    def perhaps(self, setting: str) -> Path | None:
        """The same, or None where the setting is empty."""
        return self.one(setting) if self.inputs[setting] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """An example for the report."""

    title: str
    path: Path
    words: str = ""
    """What came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a stage has made, all of it in its folder."""

    path: Path
    """A bundle, a table or a page: what later stages take."""
    beside: tuple[Path, ...] = ()
    """Files and folders that it is nothing without, as the sounds of a table."""
    report: Path | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    sounds: tuple[Sound, ...] = ()
    clips: int = 0
    seconds: float = 0.0
    """Of sound, where it is sound."""
