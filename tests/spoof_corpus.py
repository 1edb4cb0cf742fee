"""Speakers of tones, and forgeries of them that lack every second overtone: no speech, but two kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from sonant.manifest import Item, Manifest

RATE_HZ = 4000
SPLITS = ("train",) * 6 + ("validation",) * 2 + ("test",) * 2
SPOOF_RECIPE = Path(__file__).parent / "spoof_tones.toml"
"""A recipe for them that trains in a moment."""


def spoof_corpus(folder: Path, *, speakers: int = 10, each: int = 4) -> Manifest:
    """`each` bona fide clips of every speaker and as many forgeries, each speaker in one split."""
    items = []
    for number in range(speakers):
        draw = np.random.default_rng(number)
        base_hz = draw.uniform(120, 260)
        for take in range(2 * each):
            label = ("bonafide", "spoof")[take % 2]
            path = folder / label / f"s{number:02}-{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, _sung(base_hz, draw, whole=label == "bonafide"), RATE_HZ)
            split = SPLITS[number % len(SPLITS)]
            items.append(Item(path=path, label=label, speaker=f"s{number:02}", split=split))
    return Manifest(items=tuple(items), name="tones and half of them", origin="made by the test")


def _sung(base_hz: float, draw: np.random.Generator, *, whole: bool) -> NDArray[np.float64]:
    """About half a second in a little noise, all between two pauses of a tenth."""
    time = np.arange(round(RATE_HZ * draw.uniform(0.4, 0.6)))[:, None] / RATE_HZ
    overtones = np.arange(1, 7)
    if not whole:
        overtones = overtones[::2]
    wave = np.sin(2 * np.pi * base_hz * overtones * time + draw.uniform(0, 6, len(overtones)))
    sung = wave.sum(1) / np.sqrt(len(overtones)) * 0.1
    pause = np.zeros(RATE_HZ // 10)
    clip = np.concatenate([pause, sung, pause])
    return clip + draw.normal(0, 0.0005, len(clip))
