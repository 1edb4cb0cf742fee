"""Speakers of three tones each: a voice is which tones, a recording how they rise and fall in noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from sonant.manifest import Item, Manifest

RATE_HZ = 4000
SPEAKERS_RECIPE = Path(__file__).parent / "speaker_tones.toml"
"""A recipe for them that trains in a moment."""
SPLITS = ("train",) * 6 + ("validation",) * 2 + ("test",) * 2


def tone_speakers(
    folder: Path, *, speakers: int = 20, each: int = 3, seconds: float = 0.6
) -> Manifest:
    """`each` recordings of every speaker, each speaker in one split."""
    items = []
    for number in range(speakers):
        rng = np.random.default_rng(number)
        hz = rng.uniform(150, 1800, 3)
        for take in range(each):
            path = folder / f"s{number:02}" / f"{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, _recording(hz, rng, seconds=seconds), RATE_HZ)
            name = path.parent.name
            split = SPLITS[number % len(SPLITS)]
            items.append(Item(path=path, label=name, speaker=name, split=split))
    return Manifest(items=tuple(items), name="tone speakers", origin="made by the test")


def _recording(hz: np.ndarray, rng: np.random.Generator, *, seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * RATE_HZ * rng.uniform(0.8, 1.2)))[:, None] / RATE_HZ
    swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(2, 5, 3) * time + rng.uniform(0, 6, 3))
    tones = np.sin(2 * np.pi * hz * time + rng.uniform(0, 6, 3)) * swell
    return 0.1 * tones.sum(1) + rng.normal(0, 0.01, len(time))
