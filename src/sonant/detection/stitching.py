"""Long recordings with known event times, stitched from clips and background noise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sonant import audio
from sonant.alarms import Occurrence
from sonant.audio import Samples
from sonant.data.recordings import Recordings
from sonant.errors import AudioError, ManifestError
from sonant.manifest import Item

SILENCE_RMS = 1e-6
"""A background quieter than this has no level to speak of."""
LEAD_S = 2.0
"""Background before the first clip: a detector starts cold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Audio long enough to listen to, and what is said in it."""

    name: str
    samples: Samples
    """[samples], float32 in [-1, 1], at the rate it was asked for."""
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stitching:
    """How clips are laid into the background."""

    rate_hz: int
    snr_db: float = 10.0
    """Power of the clips (of the one in the middle) over that of the background."""
    gap_s: tuple[float, float] = (1.0, 4.0)
    """Least and most background between two clips."""
    minutes: float = 5.0
    """Length from which on a recording is closed."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.gap_s[0] <= self.gap_s[1] or self.minutes <= 0:
            raise ManifestError(
                f"gaps of {self.gap_s} s in recordings of {self.minutes} minutes: want "
                f"0 <= least <= most, and a length above 0"
            )


def stitch(
    items: Sequence[Item],
    *,
    keywords: Collection[str],
    background: Recordings | None,
    stitching: Stitching,
    skip_unreadable: bool = False,
) -> Iterator[Recording]:
    """Lay all clips into background noise, in random order; only `keywords` become occurrences.

    The same seed gives the same recordings. Without background the clips stand in digital silence.
    Raises `AudioError` for a clip that cannot be read, unless it is to be skipped.
    """
    draws = np.random.default_rng(stitching.seed)
    order = draws.permutation(len(items))
    rate_hz, number = stitching.rate_hz, 0
    pieces: list[Piece] = []
    length = round(LEAD_S * rate_hz)
    for place in order:
        item = items[place]
        try:
            samples = _samples(item, rate_hz)
        except AudioError:
            if skip_unreadable:
                continue
            raise
        label = item.label if item.label in keywords else ""
        pieces.append(Piece(label=label, start=length, samples=samples))
        length += len(samples) + round(draws.uniform(*stitching.gap_s) * rate_hz)
        if length >= stitching.minutes * 60 * rate_hz:
            yield _mixed(pieces, length, background, stitching, draws, number=number)
            pieces, length, number = [], round(LEAD_S * rate_hz), number + 1
    if pieces:
        yield _mixed(pieces, length, background, stitching, draws, number=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A clip and where it begins."""

    label: str
    """Empty for one that is no keyword."""
    start: int
    """In samples."""
    samples: Samples


def _samples(item: Item, rate_hz: int) -> Samples:
    clip = audio.read(item.path, start_s=item.start_s, end_s=item.end_s)
    samples: Samples = audio.resample(clip, rate_hz).samples * np.float32(item.gain)
    if not len(samples) or not np.isfinite(samples).all():
        raise AudioError(f"{item.path}: holds no samples, or some that are not numbers")
    return samples


def _mixed(
    pieces: Sequence[Piece],
    length: int,
    background: Recordings | None,
    stitching: Stitching,
    draws: np.random.Generator,
    *,
    number: int,
) -> Recording:
    mixed = np.zeros(length, np.float32)
    if background is not None:
        mixed += _bed(background, length, draws)
        wanted = np.median([_rms(piece.samples) for piece in pieces])
        # One gain for all of it: a level that jumps with every clip would announce the clip.
        mixed *= wanted * 10.0 ** (-stitching.snr_db / 20.0) / max(_rms(mixed), SILENCE_RMS)
    for piece in pieces:
        mixed[piece.start : piece.start + len(piece.samples)] += piece.samples
    rate_hz = stitching.rate_hz
    return Recording(
        name=f"stitched {number + 1} at {stitching.snr_db:g} dB",
        samples=np.clip(mixed, -1.0, 1.0),
        occurrences=tuple(
            Occurrence(
                label=piece.label,
                start_s=piece.start / rate_hz,
                end_s=(piece.start + len(piece.samples)) / rate_hz,
            )
            for piece in pieces
            if piece.label
        ),
    )


def _bed(background: Recordings, length: int, draws: np.random.Generator) -> Samples:
    """Background recordings one behind the other, each from a random place in it."""
    parts: list[Samples] = []
    missing = length
    while missing > 0:
        which = int(draws.integers(len(background.starts)))
        start, whole = int(background.starts[which]), int(background.lengths[which])
        at = int(draws.integers(whole))
        part = audio.from_pcm16(background.pcm[start + at : start + whole][:missing])
        parts.append(part)
        missing -= len(part)
    return np.concatenate(parts)


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
