"""Results of an evaluation that never ran: rows for tests, and the report of some rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sonant import audio
from sonant.audio import Clip
from sonant.scoring import Report, Scored, score

LABELS = ("go", "no", "yes")


def row(
    label: str,
    predicted: str,
    *,
    path: str = "clip.wav",
    sure: float = 0.8,
    speaker: str = "",
    labels: Sequence[str] = LABELS,
) -> Scored:
    """A clip of `label`, answered with `predicted` at `sure`; the other labels share the rest."""
    rest = (1 - sure) / max(len(labels) - 1, 1)
    shares = np.array([sure if name == predicted else rest for name in labels], np.float32)
    return Scored(
        path=path,
        label=label,
        predicted=predicted,
        probability=float(shares.max()),
        probabilities=shares,
        speaker=speaker,
    )


def unreadable(path: str, *, error: str) -> Scored:
    """A clip that could not be read."""
    return Scored(
        path=path,
        label="go",
        predicted="",
        probability=0.0,
        probabilities=np.zeros(0, np.float32),
        error=error,
    )


def report_of(rows: Sequence[Scored], *, labels: Sequence[str] = LABELS) -> Report:
    """The report of some rows, with a model that costs what is written here."""
    return score(
        rows,
        labels=labels,
        bundle="tiny/1",
        data="tones",
        split="test",
        parameters=1234,
        macs_per_second=5.6e6,
        bundle_bytes=78_900,
        ms_per_clip=0.5,
    )


def write_clip(path: Path, *, seconds: float = 0.3, rate_hz: int = 16_000, seed: int = 0) -> str:
    """Write a burst of noise over a hum, and give its path as rows have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    noise = np.random.default_rng(seed).normal(0, 0.05, len(time_s))
    samples = 0.3 * np.sin(2 * np.pi * 440 * time_s) + noise
    return str(audio.write(path, Clip(samples.astype(np.float32), rate_hz)))
