"""Voices of a few harmonics that rise and fall, at 4 kHz: what a small vocoder learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from sonant.manifest import Item, Manifest

RATE_HZ = 4000
SMALL_VOCODER = Path(__file__).parent / "small_vocoder.toml"
"""A recipe for them that trains in a moment."""


def tone_speech(folder: Path, *, speakers: int = 10, each: int = 2) -> Manifest:
    """`each` recordings of every speaker; speaker 8 is for validation and speaker 9 for the test."""
    splits = ["train"] * (speakers - 2) + ["validation", "test"]
    items = []
    for number, split in enumerate(splits):
        rng = np.random.default_rng(number)
        for take in range(each):
            path = folder / f"s{number}" / f"{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, _voice(rng, hz=100 + 20 * number), RATE_HZ)
            items.append(Item(path=path, speaker=f"s{number}", split=split))
    return Manifest(items=tuple(items), name="tone speech", origin="made by the test")


def _voice(rng: np.random.Generator, *, hz: float) -> np.ndarray:
    time_s = np.arange(round(RATE_HZ * rng.uniform(0.3, 0.6))) / RATE_HZ
    pitch = hz * (1 + 0.2 * np.sin(2 * np.pi * rng.uniform(1, 3) * time_s))
    turns = np.cumsum(pitch) / RATE_HZ
    voiced = sum(np.sin(2 * np.pi * n * turns) / n for n in range(1, 6))
    return 0.1 * voiced + rng.normal(0, 0.003, len(time_s))
