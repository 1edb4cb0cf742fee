"""Three "words" that a small network learns at once: a high tone, a low tone, and noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from sonant.manifest import Item, Manifest

RATE_HZ = 4000
SMALL = Path(__file__).parent / "small.toml"
"""A recipe for them that trains in a moment."""
SMALL_STREAM = Path(__file__).parent / "small_stream.toml"
"""One for them that streams."""
SPLITS = ("train",) * 7 + ("validation",) * 2 + ("test",)


def spoken_words(folder: Path, *, speakers: int = 20) -> Manifest:
    """Clips of a quarter of a second by `speakers`, each in one split; files of several formats."""
    rng = np.random.default_rng(0)
    items = []
    for number in range(speakers):
        for label in ("high", "low", "noise"):
            suffix = ("wav", "flac")[number % 2]
            path = folder / label / f"s{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, _samples(label, rng), RATE_HZ)
            split = SPLITS[number % len(SPLITS)]
            items.append(Item(path=path, label=label, speaker=f"s{number}", split=split))
    return Manifest(items=tuple(items), name="three words", origin="made by the test")


def _samples(label: str, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(rng.integers(800, 1100)) / RATE_HZ
    noise = rng.normal(0, 0.02, len(time))
    if label == "noise":
        return np.clip(noise * 8, -1, 1)
    hz = {"high": 1300, "low": 350}[label] * rng.uniform(0.9, 1.1)
    return 0.3 * np.sin(2 * np.pi * hz * time) + noise
