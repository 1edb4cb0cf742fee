"""Clips made alike in what must not tell a forgery: silence at the ends, level, rate, length, format.

And the counterpart: clips of pauses alone, on which the same detector has to fail.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.errors import AudioError, ManifestError
from sonant.manifest import Item, Manifest, key_of
from sonant.spoofing import conditions as known
from sonant.spoofing.conditions import Conditions
from sonant.spoofing.detector import opened
from sonant.spoofing.nuisance import FRAME, HOP, RATE_HZ, silence, spectra
from sonant.spoofing.scoring import Progress

Keep: TypeAlias = Literal["speech", "pauses"]
TABLE: Final = "manifest.csv"
PEAK: Final = 0.99
"""A louder clip is made softer than asked, so that nothing is clipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equal:
    """What clips are brought to."""

    keep: Keep = "speech"
    """From the first sound to the last, or what lies between sounds, put together."""
    rate_hz: int = RATE_HZ
    length_s: float = 3.0
    """Of every clip; a longer one gives its middle, a shorter one is left out."""
    level_db: float = -26.0
    """Root mean square over full scale, of where it sounds."""

    def __post_init__(self) -> None:
        if self.rate_hz <= 0 or not 0 < self.length_s < math.inf:
            raise ManifestError(
                f"rate_hz, length_s: {self.rate_hz} and {self.length_s} have to be above 0"
            )
        if not -90.0 <= self.level_db <= 0.0:
            raise ManifestError(f"level_db: {self.level_db} is not between -90 and 0 decibels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Equalised:
    """What became of a manifest."""

    table: Path
    """The table of the new clips, with the conditions of the old ones."""
    manifest: Manifest
    left_out: tuple[str, ...]
    """Why clips were left out, a message each."""


def equalise(
    manifest: Manifest,
    folder: Path,
    *,
    equal: Equal | None = None,
    conditions: Conditions | None = None,
    on_progress: Progress | None = None,
) -> Equalised:
    """Write every clip of a manifest anew, alike in all of `equal`, and a table of them, to `folder`.

    Labels, speakers, splits and `conditions` stay. Raises `ManifestError` where the folder holds a table
    already, or no clip is long enough.
    """
    wanted = equal or Equal()
    table = folder / TABLE
    if table.exists():
        raise ManifestError(f"{table}: is there already; give another folder")
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Item] = []
    kept: dict[str, Mapping[str, str]] = {}
    left_out = []
    for number, item in enumerate(manifest, start=1):
        try:
            samples = equalised(opened(item, rate_hz=wanted.rate_hz), wanted)
        except AudioError as error:
            left_out.append(f"{item.path}: {error}")
        else:
            # Two clips of one name in two folders, or two parts of one file, stay apart.
            tag = hashlib.sha256(key_of(item, manifest.root).encode()).hexdigest()[:12]
            path = audio.write(
                folder / f"{item.path.stem}-{tag}.wav", Clip(samples, wanted.rate_hz)
            )
            new = replace(item, path=path.absolute(), start_s=None, end_s=None, gain=1.0)
            made.append(new)
            kept[known.place_of(new)] = known.of(item, conditions or {})
        if on_progress:
            on_progress(number, len(manifest))
    if not made:
        raise ManifestError(f"{manifest.name}: no clip could be equalised, as {left_out[0]}")
    new_clips = Manifest(items=tuple(made), name=folder.name, origin=manifest.origin)
    known.write(table, new_clips, kept)
    return Equalised(table=table, manifest=new_clips, left_out=tuple(left_out))


def equalised(clip: Clip, equal: Equal) -> Samples:
    """[samples] of exactly the length, at the rate and the level; `AudioError` for too short a clip."""
    samples = audio.resample(clip, RATE_HZ).samples.astype(np.float64)
    if len(samples) < FRAME:
        raise AudioError(f"{clip.duration_s:.2f} s are too short")
    silent = silence(spectra(samples))
    if equal.keep == "speech":
        sounding = np.flatnonzero(~silent)
        first, last = (sounding[0], sounding[-1]) if len(sounding) else (0, -1)
        kept = samples[first * HOP : last * HOP + FRAME] if len(sounding) else samples[:0]
    else:
        # A frame's hop around its middle: neighbours never bring the same sample twice.
        starts = np.flatnonzero(silent) * HOP + (FRAME - HOP) // 2
        kept = samples[(starts[:, None] + np.arange(HOP)).ravel()]
    found = audio.resample(Clip(kept.astype(np.float32), RATE_HZ), equal.rate_hz).samples
    count = round(equal.length_s * equal.rate_hz)
    if len(found) < count:
        raise AudioError(
            f"{len(found) / equal.rate_hz:.2f} s of {equal.keep} are left, want {equal.length_s:g} s"
        )
    return _levelled(audio.fit_length(found, count, crop="centre"), equal.level_db)


def _levelled(samples: Samples, level_db: float) -> Samples:
    """The same without an offset, as loud as asked where it sounds: pauses must not make speech louder."""
    centred = samples - samples.mean()
    peak = float(np.abs(centred).max())
    if not peak:
        raise AudioError("is digital silence, which has no level")
    gain = min(10 ** (level_db / 20) / _sounding_rms(centred), PEAK / peak)
    return np.asarray(centred * gain, np.float32)


def _sounding_rms(samples: Samples) -> float:
    """Root mean square of the frames of [samples] that are not silence; of all, where none is."""
    exact = samples.astype(np.float64)
    frames = exact[None]
    if len(exact) >= FRAME:
        silent = silence(spectra(exact))
        frames = np.lib.stride_tricks.sliding_window_view(exact, FRAME)[::HOP]
        frames = frames if silent.all() else frames[~silent]
    return float(np.sqrt(np.mean(frames**2)))
