"""Embeddings as a speaker's place plus what differs between recordings, both Gaussian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from sonant.errors import ManifestError
from sonant.verification.checks import Floats, Numbers, matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoCovariance:
    """x = y + e with y ~ N(mean, between), one y a speaker, and e ~ N(0, within), one e a recording.

    Source: Brümmer and de Villiers, "The speaker partitioning problem", Odyssey 2010, two-covariance model.
    """

    mean: Floats
    """[size]"""
    between: Floats
    """Covariance of speakers, [size, size]."""
    within: Floats
    """Covariance of the recordings of a speaker, [size, size]."""

    @classmethod
    def fit(
        cls,
        embeddings: ArrayLike,
        speakers: Sequence[str],
        *,
        iterations: int = 20,
        shrinkage: float = 0.0,
    ) -> Self:
        """Fit by expectation maximisation, from the moments on; the likelihood never falls.

        `embeddings` are [recordings, size], `speakers` one a recording; speakers may have one or many.
        `shrinkage` draws `within` to a multiple of the identity, as if for each recording so many more had
        been seen; more than 0 is needed where recordings are few for their size. Raises `ManifestError`
        saying so.
        """
        rows = matrix("embeddings", embeddings)
        names, number = np.unique(np.asarray(speakers), return_inverse=True)
        if len(number) != len(rows):
            raise ValueError(f"{len(rows)} embeddings beside {len(number)} speakers")
        _enough(len(rows), len(names), rows.shape[1], shrinkage)
        data = _Data.of(rows, number)
        model = cls._moments(data)
        for _ in range(iterations):
            model = model._step(data, shrinkage)
        return model

    def diagonal(self) -> tuple[Floats, Floats]:
        """Coordinates (x - mean) @ transform where `within` is 1 and `between` is spread.

        Gives (transform [size, size], spread [size], falling). Source: Ioffe, "Probabilistic linear
        discriminant analysis", ECCV 2006, section 4. Raises `ManifestError` where `within` is singular.
        """
        try:
            root = np.linalg.cholesky(self.within)
        except np.linalg.LinAlgError as error:
            raise ManifestError(
                "PLDA: the embeddings of a speaker do not differ in every direction; give more recordings a "
                "speaker, or a shrinkage above 0"
            ) from error
        whitened = np.linalg.solve(root, np.linalg.solve(root, self.between).T)
        spread, axes = np.linalg.eigh((whitened + whitened.T) / 2.0)
        transform = np.linalg.solve(root.T, axes)
        return np.asarray(transform[:, ::-1]), np.maximum(spread[::-1], 0.0)

    @classmethod
    def _moments(cls, data: _Data) -> Self:
        mean = data.means.mean(axis=0)
        within = data.scatter - (data.means * data.counts[:, None]).T @ data.means
        within = within / data.counts.sum()
        # A little of the identity: a start has to have an inverse.
        within += np.eye(len(mean)) * max(1e-6 * np.trace(within), 1e-12) / len(mean)
        off = data.means - mean
        return cls(mean=mean, between=off.T @ off / len(off), within=within)

    def _step(self, data: _Data, shrinkage: float) -> Self:
        """One E step and one M step, in the coordinates where both covariances are diagonal."""
        transform, spread = self.diagonal()
        count = data.counts[:, None].astype(np.float64)
        seen = (data.means - self.mean) @ transform
        left_over = spread / (1.0 + count * spread)
        places = count * left_over * seen
        centre = places.mean(axis=0)
        off = places - centre
        between = (off.T @ off + np.diag(left_over.sum(axis=0))) / len(off)
        cross = (count * seen).T @ places
        within = transform.T @ data.scatter_about(self.mean) @ transform
        within = within - cross - cross.T + (count * places).T @ places
        within = within + np.diag((count * left_over).sum(axis=0))
        back = np.linalg.inv(transform)
        within = back.T @ within @ back
        prior = shrinkage * data.clips * data.level * np.eye(len(centre))
        return type(self)(
            mean=self.mean + centre @ back,
            between=back.T @ between @ back,
            within=(within + prior) / (data.clips * (1.0 + shrinkage)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    """What a fit needs of the embeddings."""

    counts: Numbers
    """Recordings of each speaker, [speakers]."""
    means: Floats
    """[speakers, size]"""
    scatter: Floats
    """Sum of x x', [size, size]."""
    level: float
    """Mean variance within speakers, over all coordinates."""

    @classmethod
    def of(cls, rows: Floats, number: Numbers) -> Self:
        counts = np.bincount(number)
        sums = np.zeros((len(counts), rows.shape[1]))
        np.add.at(sums, number, rows)
        means = sums / counts[:, None]
        level = float(((rows - means[number]) ** 2).mean())
        return cls(counts=counts, means=means, scatter=rows.T @ rows, level=level)

    @property
    def clips(self) -> int:
        return int(self.counts.sum())

    def scatter_about(self, mean: Floats) -> Floats:
        """Sum of (x - mean)(x - mean)', [size, size]."""
        sums = self.counts @ self.means
        cross = np.outer(sums, mean)
        return np.asarray(self.scatter - cross - cross.T + self.clips * np.outer(mean, mean))


def _enough(clips: int, speakers: int, size: int, shrinkage: float) -> None:
    if shrinkage < 0:
        raise ValueError(f"shrinkage is {shrinkage}, want 0 or more")
    if speakers < 2 or clips == speakers:
        raise ManifestError(
            f"PLDA: {clips} recordings of {speakers} speakers; want two speakers and more than one "
            "recording of some"
        )
    if clips - speakers < size and not shrinkage:
        raise ManifestError(
            f"PLDA: {clips} recordings of {speakers} speakers leave {clips - speakers} directions within "
            f"speakers, of {size}; give more recordings a speaker, or a shrinkage above 0, such as 0.1"
        )
