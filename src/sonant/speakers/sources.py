"""What a clip may be given as: a file, the bytes of one, samples, or an item of a manifest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.errors import AudioError
from sonant.manifest import Item

Source = Path | str | bytes | Samples | Clip | Item
"""A file, the bytes of one, samples [samples] in [-1, 1], or a clip of a manifest."""


def read(source: Source, *, rate_hz: int) -> Clip:
    """Read a source, of which bare samples have `rate_hz`; raises `AudioError` where that cannot be done."""
    if isinstance(source, Clip):
        return source
    if isinstance(source, np.ndarray):
        if source.ndim != 1:
            raise AudioError(f"samples {list(source.shape)}: want one channel, [samples]")
        return Clip(source.astype(np.float32, copy=False), rate_hz)
    if isinstance(source, Item):
        clip = audio.read(source.path, start_s=source.start_s, end_s=source.end_s)
        return Clip(clip.samples * np.float32(source.gain), clip.rate_hz)
    return audio.read(source)


def name_of(source: Source) -> str:
    """What messages and the store call a clip."""
    if isinstance(source, Item):
        return str(source.path)
    return str(source) if isinstance(source, Path | str) else ""
