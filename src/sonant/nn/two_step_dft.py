"""The Fourier transform of windows as two small matrix products, for graphs: few runtimes have a fast one.

Cooley and Tukey 1965, "An algorithm for the machine calculation of complex Fourier series", with the length
split once, into `outer` x `inner` near its root: 1024 points take a tenth of the products of one matrix.
Time is the last axis throughout, so that every product is over all frames and nothing is shuffled within a
row. Sound is real, so of the outer transform only half is computed; windows and twiddles lie in its matrices.
"""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

Doubles = NDArray[np.float64]


class Split(NamedTuple):
    """How the points of a transform are numbered: sample `inner` x a + b, bin p + `outer` x q."""

    outer: int
    """How many a there are, and p."""
    inner: int
    """How many b there are, and q: the largest divisor of the hop up to the root of the points."""

    @staticmethod
    def of(window_length: int, hop_length: int) -> Split:
        """That of a window, which the hop divides."""
        most = isqrt(window_length)
        inner = max(size for size in range(1, most + 1) if hop_length % size == 0)
        return Split(window_length // inner, inner)

    @property
    def half(self) -> int:
        """Of the p so many are computed; the others mirror them."""
        return self.outer // 2 + 1

    def there(self, weights: Doubles) -> Doubles:
        """[inner, 2 x half, outer]: for every b, windowed samples to real and imaginary parts of the p."""
        angles = self._angles(weights)
        return np.concatenate([np.cos(angles), -np.sin(angles)], 1) * self._of_rows(weights)

    def back(self, weights: Doubles) -> Doubles:
        """[inner, outer, 2 x half]: for every b, real and imaginary parts of the p to windowed samples."""
        angles = self._angles(weights)
        # What is not computed is the mirror image of what is.
        twice = np.full(self.half, 2.0)
        twice[0] = 1.0
        twice[-1] = 2.0 if self.outer % 2 else 1.0
        waves = np.concatenate(
            [np.cos(angles) * twice[:, None], -np.sin(angles) * twice[:, None]], 1
        )
        found: Doubles = (waves * self._of_rows(weights)).transpose(0, 2, 1) / weights.size
        return found

    def among(self, *, sign: int) -> Doubles:
        """[2 x inner, 2 x inner]: the complex transform over b to q, or back; real parts first."""
        turns = np.outer(np.arange(self.inner), np.arange(self.inner)) / self.inner
        cosine, sine = np.cos(2 * np.pi * turns), sign * np.sin(2 * np.pi * turns)
        return np.block([[cosine, -sine], [sine, cosine]])

    def places(self) -> tuple[NDArray[np.int64], Doubles]:
        """Where bins 0 to outer x inner / 2 lie among [2, half, inner], parts p q, and their signs."""
        bins = np.arange(self.outer * self.inner // 2 + 1)
        mirrored = bins % self.outer >= self.half
        from_bin = np.where(mirrored, self.outer * self.inner - bins, bins)
        at = (from_bin % self.outer) * self.inner + from_bin // self.outer
        signs = np.where(mirrored, -1.0, 1.0)
        return self._both(at, self.half * self.inner), np.concatenate([np.ones(len(bins)), signs])

    def sources(self) -> tuple[NDArray[np.int64], Doubles]:
        """Which of the bins is at [2, half, inner], and its sign: `places` the other way."""
        points = self.outer * self.inner
        wanted = (np.arange(self.half)[:, None] + self.outer * np.arange(self.inner)).reshape(-1)
        mirrored = wanted > points // 2
        at = np.where(mirrored, points - wanted, wanted)
        signs = np.where(mirrored, -1.0, 1.0)
        return self._both(at, points // 2 + 1), np.concatenate([np.ones(len(at)), signs])

    def _angles(self, weights: Doubles) -> Doubles:
        """[inner, half, outer], radians of sample `inner` x a + b at p."""
        samples = np.arange(weights.size).reshape(self.outer, self.inner)
        turns = np.einsum("ab,p->bpa", samples, np.arange(self.half)) % weights.size
        angles: Doubles = 2 * np.pi * turns / weights.size
        return angles

    def _of_rows(self, weights: Doubles) -> Doubles:
        return weights.reshape(self.outer, self.inner).T[:, None]

    @staticmethod
    def _both(at: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        return np.concatenate([at, count + at])


@final
class There(nn.Module):
    """Sound to spectra of its windows: [batch, 1, samples] -> [batch, 2 x bins, frames], real parts first.

    Windows lie whole in the sound, a hop apart, and the hops fill it.
    """

    outer_matrix: Tensor
    inner_matrix: Tensor
    places: Tensor
    signs: Tensor

    def __init__(self, weights: Doubles, hop_length: int) -> None:
        super().__init__()
        self.split, self.hop_length = Split.of(weights.size, hop_length), hop_length
        self.parts = weights.size // hop_length
        places, signs = self.split.places()
        _keep(self, outer_matrix=self.split.there(weights), inner_matrix=self.split.among(sign=-1),
              signs=signs[:, None])  # fmt: skip
        self.register_buffer("places", torch.from_numpy(places), persistent=False)

    def forward(self, sound: Tensor) -> Tensor:
        """All windows together."""
        inner = self.split.inner
        rows = torch.unflatten(sound[:, 0], 1, (-1, self.hop_length // inner, inner))
        rows = rows.permute(0, 3, 2, 1)
        frames = rows.shape[-1] - self.parts + 1
        cut = torch.cat([rows[..., part : part + frames] for part in range(self.parts)], 2)
        found = torch.unflatten(torch.matmul(self.outer_matrix, cut), 2, (2, self.split.half))
        found = torch.matmul(self.inner_matrix, found.permute(0, 3, 2, 1, 4).flatten(2, 3))
        found = torch.unflatten(found, 2, (2, inner)).transpose(1, 2).flatten(1, 3)
        return torch.index_select(found, 1, self.places) * self.signs


@final
class Back(nn.Module):
    """Spectra to sound: [batch, 2 x bins, frames], real parts first, -> [batch, 1, samples].

    Windows overlap and are added, so the sound is longer than its hops by what the last window reaches over.
    """

    outer_matrix: Tensor
    inner_matrix: Tensor
    sources: Tensor
    signs: Tensor

    def __init__(self, weights: Doubles, hop_length: int) -> None:
        super().__init__()
        self.split, self.hop_length = Split.of(weights.size, hop_length), hop_length
        self.parts = weights.size // hop_length
        sources, signs = self.split.sources()
        _keep(self, outer_matrix=self.split.back(weights), inner_matrix=self.split.among(sign=1),
              signs=signs[:, None])  # fmt: skip
        self.register_buffer("sources", torch.from_numpy(sources), persistent=False)

    def forward(self, spectra: Tensor) -> Tensor:
        """All windows together."""
        half, inner = self.split.half, self.split.inner
        given = torch.index_select(spectra, 1, self.sources) * self.signs
        given = torch.unflatten(given, 1, (2, half, inner)).transpose(1, 2).flatten(2, 3)
        found = torch.unflatten(torch.matmul(self.inner_matrix, given), 2, (2, inner))
        windows = torch.matmul(self.outer_matrix, found.permute(0, 3, 2, 1, 4).flatten(2, 3))
        cut = torch.unflatten(windows, 2, (self.parts, self.hop_length // inner))
        rest = self.parts - 1
        # One on top of the other: a stack of all would be written and read once more.
        rows = F.pad(cut[:, :, 0], (0, rest))
        for part in range(1, self.parts):
            rows = rows + F.pad(cut[:, :, part], (part, rest - part))
        return rows.permute(0, 3, 2, 1).flatten(1).unsqueeze(1)


def _keep(module: nn.Module, **matrices: Doubles) -> None:
    """Buffers in float32 that no file of weights holds."""
    for name, matrix in matrices.items():
        module.register_buffer(name, torch.from_numpy(matrix.copy()).float(), persistent=False)
