"""Sound from magnitudes by the fast Griffin-Lim algorithm: the vocoder that needs no training.

Phases are found by turns: make a sound of the spectra, take its spectra again, keep their phases.
Perraudin et al. 2013, "A fast Griffin-Lim algorithm": each turn goes a little further than it was led.
One pass over a few frames at a time does a whole turn while they lie in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from sonant.conversion.transforms import Transforms, fastest
from sonant.conversion.voice_mel import hann, magnitudes_of
from sonant.errors import ModelError
from sonant.nn.voice_mel_config import VoiceMel

Floats = NDArray[np.float32]

ITERATIONS: Final = 64
MOMENTUM: Final = 0.99
BLOCK: Final = 96
"""Frames that go through a turn together: more leave the cache, fewer are all calls."""
TOGETHER: Final = 2048
"""Frames of clips that are worked on side by side."""
TINY: Final = np.float32(1e-8)
"""A bin under it has no phase worth keeping."""
LEAST_SUM: Final = np.float32(1e-2)
"""Of squared windows: only sparse windows leave less, at the ends of a clip."""


def griffin_lim(
    magnitudes: Sequence[Floats],
    *,
    hop_length: int,
    lengths: Sequence[int] | None = None,
    iterations: int = ITERATIONS,
    momentum: float = MOMENTUM,
    seed: int = 0,
    threads: int = 1,
) -> list[Floats]:
    """Magnitudes [bins, frames] of clips of any length -> samples [frames x hop] of each.

    Frames lie around their hops, as those of `log_mel`; `lengths` are the samples of the clips where they
    are known. `momentum` 0 is the algorithm of 1984. First phases come from `seed` alone, so a clip sounds
    the same whatever it is worked on with. Raises `ModelError` for shapes that do not fit.
    """
    if iterations < 0 or not 0 <= momentum < 2 or threads < 1:
        raise ModelError(
            f"{iterations} iterations with momentum {momentum:g} on {threads} threads: want 0 or more, "
            f"a momentum in [0, 2), and a thread at least"
        )
    clips = _clips(magnitudes, hop_length, lengths)
    pull = momentum / (1 + momentum)
    # Each group is seen to its end before the next, while it is near; threads take turns.
    groups, transforms = list(_grouped(clips)), fastest()
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(
            lambda group: _Turns(group, hop_length, transforms, seed=seed).sound(iterations, pull),
            groups,
        )
        return [sound for sounds in found for sound in sounds]


def sound_of(
    mels: Sequence[Floats],
    config: VoiceMel,
    *,
    rate_hz: int,
    iterations: int = ITERATIONS,
    seed: int = 0,
    threads: int = 1,
) -> list[Floats]:
    """Log magnitudes [mels, frames] of clips -> samples [frames x hop] of each."""
    return griffin_lim(
        [magnitudes_of(mel, config, rate_hz=rate_hz) for mel in mels],
        hop_length=config.hop_length,
        iterations=iterations,
        seed=seed,
        threads=threads,
    )


class _Clip(NamedTuple):
    """What is asked for one clip."""

    magnitudes: Floats
    """[bins, frames]"""
    length: int
    """Samples."""


@final
class _Turns:
    """Clips side by side, and the arrays that every turn uses again.

    Row r of the sound is its samples from r x hop on; frame r begins there. Between clips lie frames of
    nothing, as many as keep windows of one from reaching into the next.
    """

    def __init__(
        self, clips: Sequence[_Clip], hop: int, transforms: Transforms, *, seed: int
    ) -> None:
        self.transforms = transforms
        bins = clips[0].magnitudes.shape[0]
        self.window, self.hop = 2 * (bins - 1), hop
        self.parts = self.window // hop
        gap = self.parts - 1
        self.ends = np.cumsum([clip.magnitudes.shape[1] + gap for clip in clips])
        self.lengths = [clip.length for clip in clips]
        rows = int(self.ends[-1])
        self.wanted = np.zeros((rows, bins), np.float32)
        self.past = [
            np.zeros((part.stop - part.start, bins), np.complex64) for part in self._blocks()
        ]
        self.begun = np.zeros((rows, bins), np.complex64)
        for clip, start in zip(clips, self.starts, strict=True):
            stop = start + clip.magnitudes.shape[1]
            self.wanted[start:stop] = clip.magnitudes.T
            # The same phases for a clip alone as among others.
            turns = np.random.default_rng(seed).random((stop - start, bins), np.float32)
            self.begun[start:stop] = self.wanted[start:stop] * np.exp(2j * np.pi * turns)
        self.taper = hann(self.window)
        self.old = np.zeros((rows + gap, hop), np.float32)
        self.new = np.zeros_like(self.old)
        self.windows, self.next_windows = self._windows(self.old), self._windows(self.new)
        self.share = self._share(rows)
        self.cut = np.empty((BLOCK, self.window), np.float32)
        self.gain = np.empty((BLOCK, bins), np.float32)

    @property
    def starts(self) -> list[int]:
        """The first row of each clip."""
        return [0, *self.ends[:-1].tolist()]

    def sound(self, iterations: int, pull: float) -> list[Floats]:
        """The clips after so many turns, [samples] each."""
        for rows in self._blocks():
            self._add(rows, self.begun[rows])
        self._close()
        for _ in range(iterations):
            for block, rows in enumerate(self._blocks()):
                self._add(rows, self._turned(block, rows, np.float32(pull)))
            self._close()
        flat, lead = self.old.reshape(-1), self.window // 2
        begins = (start * self.hop + lead for start in self.starts)
        return [flat[a : a + n].copy() for a, n in zip(begins, self.lengths, strict=True)]

    def _blocks(self) -> Iterator[slice]:
        rows = len(self.wanted)
        return (slice(a, min(a + BLOCK, rows)) for a in range(0, rows, BLOCK))

    def _turned(self, block: int, rows: slice, pull: np.float32) -> NDArray[np.complex64]:
        """The wanted magnitudes in the direction that the spectra of the sound take from where they were."""
        count = rows.stop - rows.start
        cut, gain = self.cut[:count], self.gain[:count]
        np.multiply(self.windows[rows], self.taper, out=cut)
        now = self.transforms.there(cut)
        # Where they were is needed no more: its memory holds where they go.
        ahead, self.past[block] = self.past[block], now
        ahead *= pull
        np.subtract(now, ahead, out=ahead)
        np.abs(ahead, out=gain)
        gain += TINY
        np.divide(self.wanted[rows], gain, out=gain)
        ahead *= gain
        return ahead

    def _add(self, rows: slice, spectra: NDArray[np.complex64]) -> None:
        """Overlap and add, always from the earliest frame on, so that no sum depends on the blocks."""
        frames = self.transforms.back(spectra, self.cut[: len(spectra)])
        frames *= self.taper
        for part in reversed(range(self.parts)):
            at = slice(part * self.hop, (part + 1) * self.hop)
            self.new[rows.start + part : rows.stop + part] += frames[:, at]

    def _close(self) -> None:
        """A whole sound: take out what windows add up to, and silence what lies outside of clips."""
        self.new *= self.share
        self.old, self.new = self.new, self.old
        self.windows, self.next_windows = self.next_windows, self.windows
        self.new[:] = 0

    def _windows(self, sound: Floats) -> Floats:
        """Every frame of the rows of a sound, [frames, window], without a copy."""
        flat = sound.reshape(-1)
        return np.lib.stride_tricks.sliding_window_view(flat, self.window)[:: self.hop]

    def _share(self, rows: int) -> Floats:
        """One over what squared windows add up to where there is a clip, 0 elsewhere; as rows."""
        total = np.zeros_like(self.old)
        squares = (self.taper**2).reshape(self.parts, self.hop)
        for start, end in zip(self.starts, self.ends, strict=True):
            for part in range(self.parts):
                total[start + part : end - self.parts + 1 + part] += squares[part]
        share, flat = np.zeros_like(total), total.reshape(-1)
        for start, length in zip(self.starts, self.lengths, strict=True):
            here = slice(start * self.hop + self.window // 2, None)
            share.reshape(-1)[here][:length] = 1 / np.maximum(flat[here][:length], LEAST_SUM)
        return share


def _clips(magnitudes: Sequence[Floats], hop: int, lengths: Sequence[int] | None) -> list[_Clip]:
    if lengths is not None and len(lengths) != len(magnitudes):
        raise ModelError(f"{len(lengths)} lengths for {len(magnitudes)} clips; give one for each")
    clips = []
    for number, magnitude in enumerate(magnitudes):
        bins, frames = magnitude.shape if magnitude.ndim == 2 else (0, 0)
        window = 2 * (bins - 1)
        if bins < 2 or not frames or window % hop or window < 2 * hop:
            raise ModelError(
                f"clip {number}: magnitudes {list(magnitude.shape)} with a hop of {hop}; want [bins, "
                f"frames] of a transform of 2 x (bins - 1) samples, which the hop divides"
            )
        if bins != magnitudes[0].shape[0]:
            raise ModelError(
                f"clip {number}: has {bins} bins, the first has {magnitudes[0].shape[0]}; work on "
                f"clips of one transform together"
            )
        length = frames * hop if lengths is None else lengths[number]
        if not 0 <= length <= frames * hop:
            raise ModelError(
                f"clip {number}: {length} samples are not in {frames} frames of {hop} each"
            )
        clips.append(_Clip(magnitude, length))
    return clips


def _grouped(clips: Sequence[_Clip]) -> Iterator[list[_Clip]]:
    """Neighbours, up to `TOGETHER` frames of them."""
    group: list[_Clip] = []
    frames = 0
    for clip in clips:
        count = clip.magnitudes.shape[1]
        if group and frames + count > TOGETHER:
            yield group
            group, frames = [], 0
        group.append(clip)
        frames += count
    if group:
        yield group
