"""Copy synthesis: recordings through the vocoder alone, which is the best that any conversion can sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sonant import intelligibility
from sonant.audio import Clip
from sonant.conversion import cepstra, loudness
from sonant.conversion.converter import Converter
from sonant.conversion.voice_mel import log_mel
from sonant.converting import hearing
from sonant.converting.judging import Judge
from sonant.errors import AudioError

MOST: Final = 20
"""Recordings that are copied: enough for a mean, and soon done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """How near a copy is to its recording."""

    path: Path
    mcd_db: float
    stoi: float | None
    """0 to 1; None without pystoi."""
    pesq: float | None
    """Wideband, 1 to 4.6; None without the library pesq."""
    cosine: float | None
    """Between the voices of both; None where no speaker bundle listens."""
    accepted: bool | None
    """Whether the verifier takes both for one speaker; None where it cannot decide."""


def copies(
    paths: Sequence[Path],
    *,
    converter: Converter,
    judge: Judge,
    seed: int = 0,
    on_progress: Callable[[int, int], object],
) -> Iterator[Copied]:
    """Copy recordings and measure; those that are of no use have been named before, and are left out."""
    for number, path in enumerate(paths, start=1):
        try:
            clip = hearing.read(path, rate_hz=converter.rate_hz)
        except AudioError:
            continue
        yield _copied(path, clip, converter=converter, judge=judge, seed=seed)
        on_progress(number, len(paths))


def _copied(path: Path, clip: Clip, *, converter: Converter, judge: Judge, seed: int) -> Copied:
    mel = log_mel(clip.samples, converter.mel, rate_hz=clip.rate_hz)
    made = converter.sound(mel, samples=len(clip.samples), seed=seed)
    made = loudness.brought_to(made, loudness.level_db(clip))
    cosine, accepted = judge.likeness(clip, made)
    return Copied(
        path=path,
        mcd_db=cepstra.distortion_db(clip, made, mel=converter.mel),
        stoi=intelligibility.stoi(clip.samples, made.samples, rate_hz=clip.rate_hz),
        pesq=intelligibility.pesq(clip.samples, made.samples, rate_hz=clip.rate_hz),
        cosine=cosine,
        accepted=accepted,
    )


def mean(values: Sequence[float | None]) -> float | None:
    """Of those that are there; None of none."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None
