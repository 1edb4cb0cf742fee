"""How loud speech is, whatever its pauses; and a clip brought to another's loudness."""

from __future__ import annotations

from typing import Final

import numpy as np

from sonant.audio import Clip, Samples

BLOCK_MS: Final = 20
GATE_DB: Final = 30.0
"""Blocks so far below the loudest are pauses, and do not count."""
SILENCE_DB: Final = -70.0
"""Of the loudest block: a clip below it holds nothing, and is not made louder."""
PEAK: Final = 0.98
"""What no sample exceeds: a quieter clip is better than one that is cut off."""


def level_db(clip: Clip) -> float:
    """Root mean square of a clip without its pauses, in dB below full scale; -inf for digital silence."""
    power = _powers(clip)
    loudest = power.max(initial=0.0)
    if loudest == 0.0:
        return float("-inf")
    heard = power[power >= loudest * 10 ** (-GATE_DB / 10)]
    return float(10 * np.log10(heard.mean()))


def is_silent(clip: Clip) -> bool:
    """Whether even the loudest 20 ms of a clip are below `SILENCE_DB`."""
    return bool(_powers(clip).max(initial=0.0) < 10 ** (SILENCE_DB / 10))


def brought_to(clip: Clip, wanted_db: float) -> Clip:
    """The same clip as loud as `wanted_db`, or as near as `PEAK` allows; silence stays as it is."""
    has_db = level_db(clip)
    if not np.isfinite(has_db) or not np.isfinite(wanted_db):
        return clip
    gain = min(10 ** ((wanted_db - has_db) / 20), PEAK / float(np.abs(clip.samples).max()))
    return Clip(clip.samples * np.float32(gain), clip.rate_hz)


def _powers(clip: Clip) -> Samples:
    """Mean square of each block of 20 ms, [blocks]; a last block that is cut short counts as it is."""
    size = max(1, clip.rate_hz * BLOCK_MS // 1000)
    starts = np.arange(0, len(clip.samples), size)
    if not len(starts):
        return np.zeros(0, np.float32)
    sums = np.add.reduceat(np.square(clip.samples, dtype=np.float64), starts)
    return (sums / np.diff(np.append(starts, len(clip.samples)))).astype(np.float32)
