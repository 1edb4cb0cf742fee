"""PLDA: the log-likelihood ratio of two embeddings under a Gaussian model of speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from sonant.errors import BundleError
from sonant.verification.checks import Floats, matrix
from sonant.verification.norms import unit
from sonant.verification.two_covariance import TwoCovariance


@dataclass(frozen=True, slots=True, kw_only=True)
class Plda:
    """A two-covariance model in the coordinates where recordings of a speaker vary by 1.

    On well-trained cosine embeddings it is often worse than the cosine: measure before you use it.
    """

    centre: Floats
    """Taken from embeddings before they get the length sqrt(size), [size]."""
    mean: Floats
    """Taken from them after that, [size]."""
    transform: Floats
    """To coordinates, [size, rank]."""
    spread: Floats
    """Variance of speakers in each, [rank], falling."""

    @classmethod
    def fit(
        cls,
        embeddings: ArrayLike,
        speakers: Sequence[str],
        *,
        rank: int | None = None,
        iterations: int = 20,
        shrinkage: float = 0.0,
    ) -> Self:
        """Fit to embeddings [recordings, size] of known speakers; `rank` coordinates of most spread are kept.

        Embeddings are centred and brought to one length first: Garcia-Romero and Espy-Wilson, "Analysis of
        i-vector length normalization in speaker recognition systems", Interspeech 2011. The fit, its
        `shrinkage` and what it raises: `TwoCovariance.fit`.
        """
        rows = matrix("embeddings", embeddings)
        if rank is not None and not 1 <= rank <= rows.shape[1]:
            raise ValueError(f"rank is {rank}, want 1 to {rows.shape[1]}, the size of an embedding")
        centre = rows.mean(axis=0)
        model = TwoCovariance.fit(
            _to_length(rows, centre), speakers, iterations=iterations, shrinkage=shrinkage
        )
        transform, spread = model.diagonal()
        return cls(
            centre=centre, mean=model.mean, transform=transform[:, :rank], spread=spread[:rank]
        )

    def project(self, embeddings: ArrayLike) -> Floats:
        """Embeddings [recordings, size] in the coordinates of the model, [recordings, rank]."""
        rows = matrix("embeddings", embeddings)
        if rows.shape[1] != len(self.centre):
            raise ValueError(
                f"embeddings have {rows.shape[1]} numbers, the model {len(self.centre)}"
            )
        return np.asarray((_to_length(rows, self.centre) - self.mean) @ self.transform)

    def score(self, left: ArrayLike, right: ArrayLike) -> Floats:
        """LLRs, in nats, of rows of `left` with rows of `right`, [trials, size] both; as [trials]."""
        return self.compare(self.project(left), self.project(right))

    def compare(self, enrolled: Floats, probe: Floats, *, counts: ArrayLike = 1) -> Floats:
        """LLRs, in nats, of projected rows; `enrolled` are means of `counts` recordings, [trials, rank].

        A probe x against the mean m of n recordings: ln N(x; n s m / (n s + 1), 1 + s / (n s + 1)) - ln
        N(x; 0, 1 + s) in each coordinate, where s is its spread. Source: Ioffe (2006), section 4
        (recognition).
        """
        count = np.asarray(counts, dtype=np.float64).reshape(-1, 1)
        place = count * self.spread / (1.0 + count * self.spread)
        known = 1.0 + self.spread / (1.0 + count * self.spread)
        alone = 1.0 + self.spread
        apart = (probe - place * enrolled) ** 2 / known - probe**2 / alone
        return np.asarray(-0.5 * (np.log(known / alone) + apart).sum(axis=1))

    def table(self, left: Floats, right: Floats) -> Floats:
        """LLRs, in nats, of all projected rows of `left` with all of `right`, [left, right], as `compare`."""
        both, alone = 1.0 + 2.0 * self.spread, 1.0 + self.spread
        own = -0.5 * self.spread**2 / (alone * both)
        constant = float((np.log(alone) - 0.5 * np.log(both)).sum())
        cross = (left * (self.spread / both)) @ right.T
        return np.asarray(cross + (left**2 @ own)[:, None] + right**2 @ own + constant)

    def arrays(self) -> dict[str, Floats]:
        """The arrays that `from_arrays` reads, by name."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike]) -> Self:
        """Read what `arrays` gives; raises `BundleError` for names and shapes that do not fit."""
        names = [part.name for part in fields(cls)]
        if sorted(arrays) != sorted(names):
            raise BundleError(f"PLDA: holds {', '.join(sorted(arrays))}; want {', '.join(names)}")
        found = {name: np.asarray(value, dtype=np.float64) for name, value in arrays.items()}
        size, rank = found["centre"].size, found["spread"].size
        shapes = {"centre": (size,), "mean": (size,), "transform": (size, rank), "spread": (rank,)}
        for name, shape in shapes.items():
            if found[name].shape != shape or not np.isfinite(found[name]).all():
                raise BundleError(
                    f"PLDA: {name} has the shape {found[name].shape}, want {shape}, finite"
                )
        return cls(**found)


def _to_length(rows: Floats, centre: Floats) -> Floats:
    """Rows about the centre, with the length that white noise of their size would have."""
    return np.asarray(unit(rows - centre) * np.sqrt(rows.shape[1]))
