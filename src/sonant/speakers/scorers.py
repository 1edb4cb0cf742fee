"""How alike two embeddings are, as one number: cosine, cosine against a cohort, or PLDA."""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, final, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonant.errors import BundleError, ManifestError
from sonant.verification.checks import Floats
from sonant.verification.norms import cosine_table, cosines, moments, normalise, unit
from sonant.verification.plda import Plda

Kind = Literal["cosine", "as-norm", "plda"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TOP: Final = 50
"""Speakers of a cohort, the nearest ones, that a score is normalised by; all where there are fewer."""
FEWEST: Final = 10
"""Speakers that a cohort has to have."""
SHRINKAGE: Final = 1.0
"""For each recording PLDA takes so many more to be spread alike in all directions: cohorts are small."""


class Scorer(ABC):
    """A score of two embeddings, higher for the same speaker."""

    kind: ClassVar[Kind]

    @abstractmethod
    def scores(self, left: ArrayLike, right: ArrayLike) -> Floats:
        """Scores of rows of length 1 of `left` with those of `right`, [trials, size] both, as [trials]."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What it was made of, as `read` takes it; nothing where it needs nothing."""


@final
class Cosine(Scorer):
    """The angle between both, and nothing else."""

    kind = "cosine"

    def scores(self, left: ArrayLike, right: ArrayLike) -> Floats:
        """Cosines, as a verdict has them."""
        one, two = (np.asarray(side, np.float64) for side in (left, right))
        return np.asarray((one * two).sum(axis=1))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Nothing."""
        return {}


COSINE: Final = Cosine()
"""There is only one."""


@final
class AsNorm(Scorer):
    """Cosines in deviations from what each side scores with the nearest of a cohort.

    Source: Matějka et al. (2017), as in `norms.as_norm`.
    """

    kind = "as-norm"

    def __init__(self, cohort: ArrayLike, *, top: int) -> None:
        """`cohort` is [speakers, size], one row each; the `top` nearest count, 2 or more."""
        self._cohort: Final = unit(cohort)
        self._top: Final = top

    def scores(self, left: ArrayLike, right: ArrayLike) -> Floats:
        """Deviations, about 0 for strangers."""
        sides = [moments(cosine_table(side, self._cohort), top=self._top) for side in (left, right)]
        return normalise(cosines(left, right), left=sides[0], right=sides[1])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The cohort and how many of it count."""
        return {"cohort": self._cohort.astype(np.float32), "top": np.array(self._top)}


@final
class PldaScore(Scorer):
    """The log-likelihood ratio of a Gaussian model of speakers, in nats; see `Plda`."""

    kind = "plda"

    def __init__(self, plda: Plda) -> None:
        self._plda: Final = plda

    def scores(self, left: ArrayLike, right: ArrayLike) -> Floats:
        """LLRs of the model, in nats; only as calibrated as the model is true."""
        return self._plda.score(left, right)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The arrays of `Plda`."""
        return dict(self._plda.arrays())


def fit(kind: Kind, embeddings: ArrayLike, speakers: Sequence[str], *, top: int = TOP) -> Scorer:
    """Make a scorer of embeddings [recordings, size] of speakers whom no trial is about.

    Raises `ManifestError` where they are too few, or for PLDA no speaker has two recordings.
    """
    if kind == "cosine":
        return COSINE
    rows, names = np.asarray(embeddings, np.float64), np.asarray(speakers)
    known = sorted(set(speakers))
    if len(known) < FEWEST:
        raise ManifestError(
            f"the cohort has {len(known)} speakers that no trial is about; {kind} takes {FEWEST} or more. "
            "Name other data with --cohort"
        )
    if kind == "plda":
        if len(known) == len(names):
            raise ManifestError(
                f"the cohort has one clip of each of its {len(known)} speakers; PLDA learns from two or more "
                "of some. Name other data with --cohort, or take --score as-norm"
            )
        return PldaScore(Plda.fit(unit(rows), list(speakers), shrinkage=SHRINKAGE))
    middles = np.stack([rows[names == name].mean(axis=0) for name in known])
    return AsNorm(middles, top=min(top, len(known)))


def read(kind: str, arrays: Mapping[str, ArrayLike], *, file: Path) -> Scorer:
    """The scorer whose `arrays` these are; raises `BundleError` naming the file for others."""
    try:
        if kind == "plda":
            return PldaScore(Plda.from_arrays(arrays))
        if kind == "as-norm":
            return AsNorm(arrays["cohort"], top=int(np.asarray(arrays["top"])))
    except (BundleError, KeyError, ValueError, TypeError) as error:
        raise BundleError(f"{file}: is no {kind} scorer ({error}); calibrate again") from error
    raise BundleError(f"{file}: knows no scorer {kind!r}; want one of {', '.join(KINDS[1:])}")


def load(kind: str, file: Path) -> Scorer:
    """The scorer kept in an .npz file; raises `BundleError` where it cannot be read."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            arrays: dict[str, Any] = {name: kept[name] for name in kept.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(f"{file}: cannot be read ({error}); the bundle is damaged") from error
    return read(kind, arrays, file=file)
