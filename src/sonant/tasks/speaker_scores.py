"""How well held-out speakers are told apart: pieces of their recordings, every pair of them a trial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.audio import PCM16_SCALE
from sonant.data.speaker_batches import SpeakerSplit
from sonant.data.speaker_config import SpeakerConfig
from sonant.recipe import Recipe
from sonant.tasks.collapse import spread
from sonant.verification import rates

MOST_PIECES: Final = 2000
"""Two million pairs; more tell nothing new and cost minutes."""
BATCH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Stretches of recordings, each embedded as one."""

    clips: NDArray[np.int64]
    """[pieces], the recording."""
    starts: NDArray[np.int64]
    """[pieces], samples into it."""
    lengths: NDArray[np.int64]
    """[pieces], samples."""
    speakers: NDArray[np.int64]
    """[pieces], whose it is."""

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def halved(self) -> int:
        """Recordings of which there are two pieces: a trial of the two is of one session."""
        return len(self.clips) - len(np.unique(self.clips))

    @property
    def has_both(self) -> bool:
        """Whether there are pairs of one speaker and pairs of two."""
        counts = np.bincount(self.speakers)
        return bool((counts > 1).any()) and int((counts > 0).sum()) > 1


def pieces_of(split: SpeakerSplit, *, longest: int, shortest: int) -> Pieces:
    """The middle of every recording, `longest` samples at most; of a speaker's only one both ends.

    An end is at least `shortest`, else there is but one piece. Above `MOST_PIECES` every speaker keeps
    equally many.
    """
    counts = np.bincount(split.speakers)
    most = max(2, MOST_PIECES // max(1, int((counts > 0).sum())))
    taken = np.zeros(len(counts), np.int64)
    rows: list[tuple[int, int, int, int]] = []
    for clip, speaker in enumerate(split.speakers.tolist()):
        if taken[speaker] >= most:
            continue
        least = shortest if counts[speaker] == 1 else None
        for start, length in _cuts(int(split.store.lengths[clip]), least, longest):
            rows.append((clip, start, length, speaker))
            taken[speaker] += 1
    clips, starts, lengths, speakers = np.array(rows, np.int64).reshape(-1, 4).T
    return Pieces(clips=clips, starts=starts, lengths=lengths, speakers=speakers)


def _cuts(samples: int, least: int | None, longest: int) -> Iterator[tuple[int, int]]:
    """Start and length of each piece of a recording; two where both have `least` samples."""
    if least is not None and samples >= 2 * least:
        length = min(samples // 2, longest)
        # As far apart as they can be, and never the same samples twice.
        yield 0, length
        yield samples - length, length
    elif samples:
        length = min(samples, longest)
        yield (samples - length) // 2, length


@final
class HeldOut:
    """The recordings of a split and what of them is embedded: `data.duration_s` of each at most."""

    def __init__(self, recipe: Recipe, split: SpeakerSplit) -> None:
        settings, longest = recipe.speaker or SpeakerConfig(), recipe.data.samples
        shortest = min(longest, round(settings.crop_s[0] * recipe.data.rate_hz))
        self.split = split
        self.pieces = pieces_of(split, longest=longest, shortest=shortest)

    def describe(self) -> str:
        """What is compared, in a line."""
        if not self.pieces.has_both:
            return "no pairs of held-out speakers to compare"
        line = f"compared are {len(self.pieces)} pieces of {self.split.count} held-out speakers"
        halves = self.pieces.halved
        return (
            f"{line}, {halves} recordings of them in two pieces (one session)" if halves else line
        )

    @torch.no_grad()
    def embeddings(
        self, model: nn.Module, *, device: torch.device, precision: torch.dtype = torch.float32
    ) -> Tensor:
        """Embeddings of the pieces, [pieces, size] float32, on the device."""
        found: dict[int, Tensor] = {}
        # Like lengths go together, so that little is filled up.
        order = np.argsort(self.pieces.lengths, kind="stable")
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            lengths = torch.from_numpy(self.pieces.lengths[rows]).to(device)
            samples = torch.from_numpy(self._samples(rows)).to(device)
            with torch.autocast(device.type, dtype=precision, enabled=precision != torch.float32):
                answers = model(samples, lengths).float()
            found |= zip(rows.tolist(), answers, strict=True)
        self.split.store.release()
        return torch.stack([found[row] for row in range(len(self.pieces))])

    def _samples(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """[rows, 1, samples], silence behind the shorter ones."""
        pieces = self.pieces
        samples = np.zeros((len(rows), 1, int(pieces.lengths[rows].max())), np.float32)
        for place, row in enumerate(rows):
            start, length = pieces.starts[row], pieces.lengths[row]
            pcm = self.split.store.clip(int(pieces.clips[row]))[start : start + length]
            samples[place, 0, :length] = pcm
        return samples * np.float32(1.0 / PCM16_SCALE)

    def figures(self, embeddings: Tensor) -> dict[str, float]:
        """Equal error rate over all pairs of pieces, and the mean cosine between speakers."""
        whose = torch.from_numpy(self.pieces.speakers).to(embeddings.device)
        scores, same = self.trials(embeddings)
        return {"eer": rates.eer(scores, same), "cosine": spread(embeddings, whose).cosine}

    def trials(self, embeddings: Tensor) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The cosine of every pair of pieces, and whether it is one speaker, [pairs]."""
        cosines = (embeddings @ embeddings.T).cpu().numpy().astype(np.float64)
        left, right = np.triu_indices(len(self.pieces), k=1)
        return cosines[left, right], self.pieces.speakers[left] == self.pieces.speakers[right]
