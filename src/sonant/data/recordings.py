"""Recordings of background noise and room impulse responses, read once, bounded in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sonant import audio
from sonant.errors import AudioError, RecipeError

NOISE_LIMIT_S = 1800.0
"""Seconds of noise kept; at 16 kHz that is 58 MB."""
NOISE_LEAST_S = 5.0
"""With very many noise files, how much is kept of each before some are left out."""
RIR_LIMIT = 400
"""Impulse responses kept; from a larger folder, every n-th."""
RIR_LIMIT_S = 1.0
"""Seconds kept of a room after the direct sound."""
RIR_LEAD_MS = 5.0
"""Milliseconds kept before the direct sound, which is the loudest sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """Noise recordings one behind the other, each a ring: behind its end it begins again."""

    pcm: NDArray[np.int16]
    """[samples of all recordings], with the repetitions."""
    starts: NDArray[np.int64]
    """[recordings], where each begins in `pcm`."""
    lengths: NDArray[np.int64]
    """[recordings], samples before the first repetition."""
    longest_window: int = 1
    """Samples that can be taken from any position of `positions` in one piece."""

    def positions(self, window: int) -> NDArray[np.int64]:
        """How many places a window can begin at, [recordings]; short recordings go round."""
        return np.where(self.lengths >= window, self.lengths - window + 1, self.lengths)

    def fitted(self, window: int) -> Recordings:
        """The same recordings, the short ones repeated so that a window fits at every position."""
        if window <= self.longest_window:
            return self
        kept = np.where(self.lengths >= window, self.lengths, self.lengths + window)
        pieces = [
            np.resize(self.pcm[start : start + length], count)
            for start, length, count in zip(self.starts, self.lengths, kept, strict=True)
        ]
        return Recordings(
            pcm=np.concatenate(pieces),
            starts=np.concatenate([[0], np.cumsum(kept)[:-1]]),
            lengths=self.lengths,
            longest_window=window,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Impulse responses laid over each other at their direct sound."""

    responses: NDArray[np.float32]
    """[rooms, samples], zeros behind the shorter ones."""
    direct: int
    """The sample of the direct sound, in every response."""


def read_noise(where: str, *, rate_hz: int) -> Recordings:
    """Read the noise of a folder or file at `rate_hz`, half an hour at most, shared by the files.

    Raises `RecipeError` when there is none, `AudioError` naming a file that cannot be read.
    """
    files = _evenly(_audio_files(where, "noise"), int(NOISE_LIMIT_S / NOISE_LEAST_S))
    share_s = NOISE_LIMIT_S / len(files)
    pieces = [audio.to_pcm16(_read(file, rate_hz=rate_hz, end_s=share_s)) for file in files]
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    return Recordings(pcm=np.concatenate(pieces), starts=starts, lengths=lengths)


def read_rooms(where: str, *, rate_hz: int) -> Rooms:
    """Read impulse responses at `rate_hz`, each from shortly before its direct sound on.

    Raises `RecipeError` when there is none, `AudioError` naming a file that cannot be read
    or holds silence.
    """
    lead = round(RIR_LEAD_MS * rate_hz / 1000)
    limit = round(RIR_LIMIT_S * rate_hz)
    files = _evenly(_audio_files(where, "rir"), RIR_LIMIT)
    tails = [_from_direct(file, rate_hz=rate_hz, lead=lead, limit=limit) for file in files]
    responses = np.zeros((len(tails), max(len(tail) for tail in tails)), np.float32)
    for response, tail in zip(responses, tails, strict=True):
        response[: len(tail)] = tail
    return Rooms(responses=responses, direct=lead)


def _from_direct(file: Path, *, rate_hz: int, lead: int, limit: int) -> audio.Samples:
    """An impulse response cut so that its loudest sample is number `lead`."""
    response = _read(file, rate_hz=rate_hz)
    direct = int(np.abs(response).argmax())
    if not response[direct]:
        raise AudioError(f"{file}: is silent; an impulse response needs a direct sound. Remove it")
    before = response[max(0, direct - lead) : direct]
    return np.concatenate(
        [np.zeros(lead - len(before), np.float32), before, response[direct : direct + limit]]
    )


def _read(file: Path, *, rate_hz: int, end_s: float | None = None) -> audio.Samples:
    """The samples of a file that must hold some."""
    samples = audio.read(file, rate_hz=rate_hz, end_s=end_s).samples
    if not len(samples):
        raise AudioError(f"{file}: holds no samples; remove it")
    return samples


def _audio_files(where: str, field: str) -> list[Path]:
    """The audio files of a folder and all below it, or the one file, sorted by name."""
    root = Path(where).expanduser()
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise RecipeError(f"{field}: there is no folder or file {where!r}")
    inside = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    # A dot in front hides a file; macOS leaves `._name.wav` beside what it copies.
    sounds = [
        path
        for path in inside
        if path.suffix.lower() in audio.SUFFIXES
        and not any(part.startswith(".") for part in path.parts)
    ]
    if not sounds:
        raise RecipeError(f"{field}: no audio files in {where!r} or below it")
    return [root / path for path in sorted(sounds, key=lambda path: path.as_posix())]


def _evenly(files: list[Path], most: int) -> list[Path]:
    """At most `most` of the files, spread over the whole list."""
    if len(files) <= most:
        return files
    return [files[number * len(files) // most] for number in range(most)]
