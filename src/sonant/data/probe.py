"""One look at the samples of every clip: what can be measured without knowing what it is for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from sonant.audio import PCM16_SCALE, Samples, to_pcm16
from sonant.data.containers import shortfall
from sonant.manifest import Item

Fault = Literal["", "missing", "unreadable", "empty", "not_finite"]

BLOCK_S = 60
"""Seconds decoded at a time, so that a file of hours needs no more memory than one of minutes."""
FLAT_RUN = 4
"""Equal samples in a row at the highest or lowest value of the clip that count as clipped: speech
at 16 kHz hardly ever rests there for longer by itself."""
FLAT_LEVEL = 0.25
"""Below this peak equal samples come from coarse steps of a quiet signal, not from clipping."""
SKETCH_SLICES = 64
"""Parts of equal length whose levels make the sketch of a clip."""
MP3_SLACK = 2400
"""Samples an MP3 may lack against its header: about two of its frames, lost to encoder delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one clip is like; without a reading all numbers are 0 and `fault` says why."""

    fault: Fault = ""
    reason: str = ""
    """The fault in words."""
    rate_hz: int = 0
    """Hertz, as in the file."""
    samples: int = 0
    """Number of samples, mono."""
    peak: float = 0.0
    """Half the way from the lowest to the highest sample, in [0, 1]: an offset is no sound."""
    rms: float = 0.0
    """Root mean square about the mean, in [0, 1]."""
    clipped: float = 0.0
    """Share of the samples in flat runs at the extremes."""
    muted: bool = False
    """The manifest itself asks for zeros."""
    digest: bytes = field(default=b"", repr=False)
    """Of the decoded 16-bit mono samples, whatever the file format was."""
    sketch: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    """[2 * SKETCH_SLICES], length 1: the course of the level, of the samples and of their steps."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate_hz if self.rate_hz else 0.0


def probe_file(path: Path, items: Sequence[Item]) -> list[Probe]:
    """Decode one file once and measure each of the clips that lie in it, in the order given.

    Never raises for a bad file: that is a finding.
    """
    if not path.exists():
        return [Probe(fault="missing", reason="no such file")] * len(items)
    try:
        if path.is_file() and path.stat().st_size == 0:
            return [Probe(fault="empty", reason="the file has 0 bytes")] * len(items)
        cut = shortfall(path)
        return [Probe(fault="unreadable", reason=cut)] * len(items) if cut else _decode(path, items)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".") or "the decoder gave up before the end"
    except (OSError, RuntimeError) as error:
        reason = str(error)
    return [Probe(fault="unreadable", reason=reason)] * len(items)


def _decode(path: Path, items: Sequence[Item]) -> list[Probe]:
    """Feed the file block by block to one meter for each clip."""
    with soundfile.SoundFile(str(path)) as sound:
        rate_hz, promised = int(sound.samplerate), int(sound.frames)
        slack = MP3_SLACK if sound.format == "MP3" else 0
        meters = [_Meter(item, rate_hz) for item in items]
        decoded = 0
        while len(block := sound.read(BLOCK_S * rate_hz, dtype="float32", always_2d=True)):
            mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
            for meter in meters:
                meter.add(decoded, mono)
            decoded += len(mono)
    if decoded + slack < promised:
        reason = f"cut off: {decoded} of {promised} samples could be decoded"
        return [Probe(fault="unreadable", reason=reason)] * len(items)
    return [meter.probe(decoded) for meter in meters]


class _Meter:
    """Measures one clip from the blocks of its file."""

    def __init__(self, item: Item, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.gain = np.float32(item.gain)
        self.start = round((item.start_s or 0.0) * rate_hz)
        self.stop = None if item.end_s is None else round(item.end_s * rate_hz)
        self.samples = 0
        self.flat = 0
        self.finite = True
        self.low, self.high = PCM16_SCALE, -PCM16_SCALE
        self.total = self.squares = 0.0
        self.hash = hashlib.blake2b(digest_size=16)
        self.sketch: NDArray[np.float32] | None = None

    def add(self, first: int, mono: Samples) -> None:
        """Take the block that begins at sample `first` of the file."""
        stop = len(mono) if self.stop is None else max(self.stop - first, 0)
        part = mono[max(self.start - first, 0) : stop]
        if not len(part):
            return
        part = part if self.gain == 1 else part * self.gain
        self.samples += len(part)
        if not np.isfinite(part).all():
            self.finite = False
            return
        if self.sketch is None:
            self.sketch = _sketch(part)
        self._measure(to_pcm16(part))

    def _measure(self, pcm: NDArray[np.int16]) -> None:
        """Levels and digest of finite samples."""
        self.hash.update(pcm.tobytes())
        low, high = int(pcm.min()), int(pcm.max())
        self.low, self.high = min(low, self.low), max(high, self.high)
        self.flat += sum(_flat(pcm, level) for level in {low, high})
        exact = pcm.astype(np.float64)
        self.total += float(exact.sum())
        self.squares += float(exact @ exact)

    def probe(self, decoded: int) -> Probe:
        """The result, once the `decoded` samples of the file have gone by."""
        if not decoded:
            return Probe(fault="empty", reason="the file holds no samples")
        if not self.samples:
            length_s = decoded / self.rate_hz
            reason = f"its segment lies outside the file, which lasts {length_s:.3f} s"
            return Probe(fault="unreadable", reason=reason)
        if not self.finite:
            return Probe(fault="not_finite", reason="some samples are NaN or infinite")
        mean = self.total / self.samples
        return Probe(
            rate_hz=self.rate_hz,
            samples=self.samples,
            peak=(self.high - self.low) / 2 / PCM16_SCALE,
            rms=max(self.squares / self.samples - mean**2, 0.0) ** 0.5 / PCM16_SCALE,
            clipped=self.flat / self.samples,
            muted=bool(self.gain == 0),
            digest=self.hash.digest(),
            sketch=self.sketch,
        )


def _flat(pcm: NDArray[np.int16], level: int) -> int:
    """Samples that rest at an extreme for FLAT_RUN samples or longer."""
    if abs(level) < FLAT_LEVEL * PCM16_SCALE:
        return 0
    edges = np.flatnonzero(np.diff(pcm == level, prepend=False, append=False))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= FLAT_RUN].sum())


def _sketch(samples: Samples) -> NDArray[np.float32] | None:
    """The shape of a clip, unmoved by volume, rate and codec; None when it has no shape."""
    if len(samples) < 2 * SKETCH_SLICES:
        return None
    shape = np.concatenate((_course(samples), _course(np.diff(samples)))) * np.sqrt(0.5)
    return shape.astype(np.float32) if shape.any() else None


def _course(samples: Samples) -> NDArray[np.float64]:
    """Levels of SKETCH_SLICES parts about their mean, as a vector of length 1."""
    starts = np.arange(SKETCH_SLICES) * len(samples) // SKETCH_SLICES
    levels = np.sqrt(np.add.reduceat(np.square(samples, dtype=np.float64), starts))
    levels -= levels.mean()
    length = float(np.sqrt(levels @ levels))
    return levels / length if length > 1e-9 else np.zeros_like(levels)
