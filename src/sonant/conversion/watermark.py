"""A faint mark in the sound itself, which says that speech is synthetic and which model made it.

Each stretch of 64 ms holds two numbers (`lattice`). Embedding moves each towards the nearest point of a
lattice, whose place a key chooses; one number is for finding the mark, the other carries a bit. What is
added follows the levels of the sound itself, so it is faint where the sound is. To find the mark, every place
of the 64 ms grid and of the key's period is tried: numbers of a marked sound lie near their lattices, those
of others anywhere.

The key that comes with the package is no secret: the mark labels honest work, it does not stop a forger.

Source: spread-transform dither modulation with distortion compensation, Chen and Wornell, "Quantization index
modulation", IEEE Transactions on Information Theory 47 (2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant import audio
from sonant.audio import Clip
from sonant.conversion import lattice, payload
from sonant.conversion.lattice import BAND, EXPONENT, FIND, PERIOD, SAY, STEP, WINDOW, Floats
from sonant.conversion.payload import BITS, Payload
from sonant.errors import AudioError

KEY: Final = "sonant"
RATE_HZ: Final = 16_000
"""Of the sound that the mark is made for and looked for in."""
ROUNDS: Final = 8
"""Of moving the numbers: each move disturbs a little what was reached."""
LARGEST: Final = 0.35
"""Change of one level in nepers, about 3 dB; few stretches need so much."""
QUIETEST: Final = 10 ** (-70 / 20)
"""Stretches below it are left alone: 16 bits would leave nothing of the mark."""
FAINT: Final = 10 ** (-40 / 20)
"""Of the loudest stretch: below it nothing is looked for."""
NEARER: Final = 0.6
"""Of the way to the lattice that a number goes: half of what is added would be for the last third."""
TAPER: Final = 64
"""Samples over which a change begins and ends, so that it does not click."""
SHIFT: Final = 64
"""Samples between places of the grid that are tried first; beside the best, finer ones are."""
BLOCK_S: Final = 32.0
"""A longer sound is looked at in pieces, and the strongest evidence counts."""
THRESHOLD: Final = 5.5
"""Of the score; docs/voices.md says how often sounds without a mark reach it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of looking for the mark."""

    score: float
    """How far numbers lie nearer to their lattices than chance has it, in standard deviations."""
    says: Payload | None
    """None without a mark, and where too little of it is left to be read."""
    start_s: float
    """Where the piece with the strongest evidence begins."""

    @property
    def marked(self) -> bool:
        """Whether the mark is there."""
        return self.score >= THRESHOLD


def embed(clip: Clip, says: Payload, *, key: str = KEY) -> Clip:
    """The same clip with the mark in it, of the same rate and length.

    Raises `AudioError` for samples that are not finite.
    """
    _finite(clip)
    host = audio.resample(clip, RATE_HZ).samples.astype(np.float64)
    change = Clip(_change(host, payload.to_bits(says), key).astype(np.float32), RATE_HZ)
    added = audio.resample(change, clip.rate_hz).samples
    # There and back, a clip may end a sample early or late.
    samples = clip.samples + audio.fit_length(added, len(clip.samples))
    return Clip(np.clip(samples, -1.0, 1.0).astype(np.float32), clip.rate_hz)


def find(clip: Clip, *, key: str = KEY) -> Found:
    """Look for the mark in a clip of any rate and length.

    Raises `AudioError` for samples that are not finite.
    """
    _finite(clip)
    samples = audio.resample(clip, RATE_HZ).samples.astype(np.float64)
    length = round(BLOCK_S * RATE_HZ)
    # The last piece takes what is left, so that none is too short to say anything.
    starts = [*range(0, max(len(samples) - length // 2, 1), length)]
    ends = [*starts[1:], len(samples)]
    pieces = [_find(samples[start:end], key) for start, end in zip(starts, ends, strict=True)]
    best = int(np.argmax([score for score, _ in pieces]))
    score, says = pieces[best]
    says = says if score >= THRESHOLD else None
    return Found(score=score, says=says, start_s=starts[best] / RATE_HZ)


def _finite(clip: Clip) -> None:
    if not np.isfinite(clip.samples).all():
        raise AudioError("samples that are not numbers (NaN or infinite) can carry no mark")


def _change(host: Floats, bits: NDArray[np.int64], key: str) -> Floats:
    """What has to be added to `host`, [samples] at `RATE_HZ`, for its numbers to lie on their lattices."""
    frames, signs = lattice.stretches(host), lattice.signs(key)
    spectra = lattice.spectra(frames)
    has = lattice.numbers(spectra, signs)
    points = lattice.nearest(has, lattice.marked_lattices(len(frames), bits, key))
    wanted = has + NEARER * (points - has)
    push, change = np.zeros_like(has), np.zeros_like(frames)
    for _ in range(ROUNDS):
        push += (wanted - has) / EXPONENT
        moved = np.zeros_like(spectra)
        moved[:, BAND] = spectra[:, BAND] * np.expm1(np.clip(push @ signs.T, -LARGEST, LARGEST))
        change = np.fft.irfft(moved, WINDOW, axis=1) * _taper()
        has = lattice.numbers(lattice.spectra(frames + change), signs)
    change[_levels(frames) < QUIETEST] = 0.0
    return change.reshape(-1)[: len(host)]


def _taper() -> Floats:
    edge = np.sin(np.linspace(0.0, np.pi / 2, TAPER)) ** 2
    return np.concatenate([edge, np.ones(WINDOW - 2 * TAPER), edge[::-1]])


def _find(samples: Floats, key: str) -> tuple[float, Payload | None]:
    """The score of one piece, and what is said there."""
    tried = {shift: _scores(samples[shift:], key) for shift in range(0, WINDOW, SHIFT)}
    # At places without a mark, a steady sound strays further than chance has it.
    spread = max(1.0, float(np.sqrt(np.mean([np.square(found) for found in tried.values()]))))
    best = max(tried, key=lambda shift: tried[shift].max())
    for finer in (SHIFT // 2, SHIFT // 4):
        beside = [shift for shift in (best - finer, best + finer) if shift >= 0]
        tried |= {shift: _scores(samples[shift:], key) for shift in beside}
        best = max(tried, key=lambda shift: tried[shift].max())
    turn = int(tried[best].argmax())
    return float(tried[best][turn]) / spread, _read(samples[best:], turn, key)


def _scores(samples: Floats, key: str) -> Floats:
    """For each place of the period, [PERIOD], how well the first stretch fits there, in deviations."""
    phases = _phases(samples, key)[:, FIND]
    folded = np.zeros(PERIOD, np.complex128)
    np.add.at(folded, np.arange(len(phases)) % PERIOD, phases)
    heard = max(int(np.count_nonzero(phases)), 1)
    found: Floats = (lattice.turns(key) @ folded).real / np.sqrt(heard / 2)
    return found


def _read(samples: Floats, turn: int, key: str) -> Payload | None:
    """What is said in a piece that begins at place `turn` of the period."""
    phases = _phases(samples, key)[:, SAY]
    place = (np.arange(len(phases)) + turn) % PERIOD
    votes = (phases * np.exp(-2j * np.pi / STEP * lattice.places(key)[place, SAY])).real
    sums = np.bincount(place % BITS, weights=votes, minlength=BITS)
    return payload.from_bits((sums < 0).astype(np.int64)) if sums.all() else None


def _phases(samples: Floats, key: str) -> NDArray[np.complex128]:
    """Where both numbers of each whole stretch lie between points, [stretches, 2], on the unit circle.

    Zero for a stretch with nothing to hear.
    """
    frames = lattice.stretches(samples, whole=True)
    numbers = lattice.numbers(lattice.spectra(frames), lattice.signs(key))
    levels = _levels(frames)
    heard = levels > max(QUIETEST, FAINT * levels.max(initial=0.0))
    phases: NDArray[np.complex128] = np.exp(2j * np.pi / STEP * numbers) * heard[:, None]
    return phases


def _levels(frames: Floats) -> Floats:
    """Root mean square of each stretch."""
    levels: Floats = np.sqrt(np.mean(np.square(frames), axis=1))
    return levels
