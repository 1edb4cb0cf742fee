"""Several systems as one: of their scores, of their embeddings, of their log-likelihood ratios.

Systems have names, the same ones when fitting and when fusing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sonant.errors import ManifestError
from sonant.json_tree import JsonTree
from sonant.verification import logistic
from sonant.verification.checks import Floats, scored
from sonant.verification.norms import unit


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanScore:
    """Mean of scores that were brought to mean 0 and deviation 1 on other trials.

    Source: Li et al., "Deep Speaker", arXiv:1705.02304, where normalised scores of two networks are averaged.
    """

    means: Mapping[str, float]
    deviations: Mapping[str, float]
    """Standard deviations, above 0."""

    @classmethod
    def fit(cls, scores: Mapping[str, ArrayLike], same: ArrayLike) -> Self:
        """Take mean and deviation of each system's scores [trials], both kinds of trials weighing alike.

        Raises `ManifestError` where trials of one kind are missing, or all scores of a system are equal.
        """
        means, deviations = {}, {}
        for name, column in scores.items():
            values, truth, _ = scored(column, same)
            weights = np.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum())
            means[name] = float(weights @ values)
            deviations[name] = float(np.sqrt(weights @ (values - means[name]) ** 2))
            if not deviations[name] > 1e-12 * (1.0 + abs(means[name])):
                raise ManifestError(f"fusion: all scores of {name} are alike; leave it out")
        return cls(means=means, deviations=deviations)

    def fuse(self, scores: Mapping[str, ArrayLike]) -> Floats:
        """Mean of the normalised scores, [trials]; raises `ValueError` for other systems."""
        count = len(self.means)
        weights = {name: 1.0 / (count * deviation) for name, deviation in self.deviations.items()}
        offset = -sum(self.means[name] * weight for name, weight in weights.items())
        return logistic.apply(weights, offset, scores, what="this mean of scores")


def mean_embedding(embeddings: Sequence[ArrayLike]) -> Floats:
    """Mean of embeddings [recordings, size] of length 1, brought to length 1 again.

    Only for systems trained to share a space, or recordings of one system; raises `ValueError` for sizes
    that differ, and where embeddings cancel. Source: Li et al., arXiv:1705.02304, where embeddings of two
    networks are averaged.
    """
    rows = [unit(part) for part in embeddings]
    if len({part.shape for part in rows}) != 1:
        raise ValueError(
            f"embeddings of {[part.shape for part in rows]} have no mean; want one shape"
        )
    return unit(np.mean(rows, axis=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenation:
    """Embeddings of length 1 side by side, each times the root of its system's weight.

    The cosine of two such rows is the weighted mean of the systems' cosines, sum of weight * cosine:
    learning the weights of a concatenation is learning those of a mean of cosines.
    """

    weights: Mapping[str, float]
    """0 or more each; they sum to 1."""

    def __post_init__(self) -> None:
        total = sum(self.weights.values())
        if not self.weights or min(self.weights.values()) < 0 or not abs(total - 1.0) < 1e-9:
            raise ValueError(f"weights {dict(self.weights)} have to be 0 or more and sum to 1")

    @classmethod
    def equal(cls, systems: Sequence[str]) -> Self:
        """Every system weighs alike."""
        return cls(weights={name: 1.0 / len(systems) for name in systems})

    @classmethod
    def fit(cls, cosines: Mapping[str, ArrayLike], same: ArrayLike) -> Self:
        """Learn weights from the systems' cosines of the same trials, [trials] each, by logistic regression.

        A system that would weigh less than nothing is left out and the others fitted anew. Raises
        `ManifestError` where trials of one kind are missing, or no system scores the same speaker higher.
        """
        left = dict(cosines)
        while left:
            found = logistic.fit(left, same, prior=0.5).weights
            worst = min(found, key=found.__getitem__)
            if found[worst] > 0:
                total = sum(found.values())
                return cls(weights={name: found.get(name, 0.0) / total for name in cosines})
            del left[worst]
        raise ManifestError(
            "fusion: no system scores the same speaker higher; look at each by itself"
        )

    def join(self, embeddings: Mapping[str, ArrayLike]) -> Floats:
        """One embedding of length 1 a recording, [recordings, sum of sizes], in the order of the weights."""
        if embeddings.keys() != self.weights.keys():
            raise ValueError(
                f"embeddings are of {list(embeddings)}, the weights of {list(self.weights)}"
            )
        parts = [np.sqrt(weight) * unit(embeddings[name]) for name, weight in self.weights.items()]
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticFusion:
    """LLR = offset + sum of weight * system's LLR + sum of weight * quality, in nats.

    Source: Brümmer et al. (2007), as in `logistic.fit`; the quality terms: `quality.of_pairs`.
    """

    systems: Mapping[str, float]
    """Weight of each system's calibrated LLR."""
    offset: float
    """Nats."""
    quality: Mapping[str, float] = field(default_factory=dict)
    """Nats a unit of each measure, by its name; empty without."""
    prior: float
    """P(same speaker) at which it was fitted."""

    @classmethod
    def fit(
        cls,
        llrs: Mapping[str, ArrayLike],
        same: ArrayLike,
        *,
        quality: Mapping[str, ArrayLike] | None = None,
        prior: float = 0.5,
    ) -> Self:
        """Fit to LLRs [trials] of each system on the same trials; raises as `logistic.fit`.

        A system may weigh less than nothing: it can correct another. On the trials of the fit the Cllr is
        no higher than that of the best system, but for the pull of `logistic.DEVIATION`.
        """
        extra = _unlike(llrs, quality or {})
        found = logistic.fit({**llrs, **extra}, same, prior=prior)
        return cls(
            systems={name: found.weights[name] for name in llrs},
            offset=found.offset,
            quality={name: found.weights[name] for name in extra},
            prior=prior,
        )

    def llr(
        self, llrs: Mapping[str, ArrayLike], quality: Mapping[str, ArrayLike] | None = None
    ) -> Floats:
        """Fused LLRs, in nats, [trials] or one; raises `ValueError` for other systems or measures."""
        columns = {**llrs, **_unlike(llrs, quality or {})}
        weights = {**self.systems, **self.quality}
        return logistic.apply(weights, self.offset, columns, what="this fusion")

    def to_dict(self) -> dict[str, Any]:
        """The tree of numbers that `from_dict` reads."""
        return {
            "systems": dict(self.systems),
            "offset": self.offset,
            "quality": dict(self.quality),
            "prior": self.prior,
        }

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, file: Path = Path("fusion"), where: str = "fusion."
    ) -> Self:
        """Read what `to_dict` gives; raises `BundleError` naming the key that is wrong."""
        tree = JsonTree(file=file, where=where, values=values)
        tree.only("systems", "offset", "quality", "prior")
        prior = tree.number("prior")
        if not 0.0 < prior < 1.0:
            raise tree.error("prior", f"{prior} is not between 0 and 1")
        return cls(
            systems=tree.table("systems").numbers(),
            offset=tree.number("offset"),
            quality=tree.table("quality").numbers(),
            prior=prior,
        )


def _unlike(
    systems: Mapping[str, ArrayLike], quality: Mapping[str, ArrayLike]
) -> Mapping[str, ArrayLike]:
    """Quality columns, none of which has the name of a system; raises `ValueError`."""
    shared = sorted(systems.keys() & quality.keys())
    if shared:
        raise ValueError(
            f"fusion: {shared[0]!r} names a system and a measure of quality; rename the system"
        )
    return quality
