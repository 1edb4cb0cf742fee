"""Scores as log-likelihood ratios: an affine map, and what quality adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from numpy.typing import ArrayLike

from sonant.errors import ManifestError
from sonant.json_tree import JsonTree
from sonant.verification import logistic
from sonant.verification.checks import Floats

SCORE: Final = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """LLR = slope * score + offset + sum of weight * quality, in nats.

    Without quality measures the order of scores stays as it is, and so do EER, minDCF and minCllr.
    """

    slope: float
    """Nats a unit of score; above 0."""
    offset: float
    """Nats."""
    quality: Mapping[str, float] = field(default_factory=dict)
    """Nats a unit of each measure of `quality.MEASURES`, by its name; empty without."""
    prior: float
    """P(same speaker) at which it was fitted: where it is most exact."""
    same: int
    """Trials of one speaker that it was fitted to."""
    different: int
    """Trials of two."""
    trials: str = ""
    """Digest of the list of trials; empty when unknown."""

    @classmethod
    def fit(
        cls,
        scores: ArrayLike,
        same: ArrayLike,
        *,
        quality: Mapping[str, ArrayLike] | None = None,
        prior: float = 0.5,
        trials: str = "",
    ) -> Self:
        """Fit to scores [trials], their truth, and columns of quality [trials] (`quality.of_pairs`).

        At the prior 0.5 what is made least is Cllr itself; see `logistic.fit`, also for its source. Raises
        `ManifestError` where trials of one kind are missing or scores are not higher for the same speaker,
        and `ValueError` for scores that are not finite.
        """
        found = logistic.fit({SCORE: scores, **(quality or {})}, same, prior=prior)
        weights = dict(found.weights)
        slope = weights.pop(SCORE)
        if slope <= 0:
            raise ManifestError(
                f"calibration: on {found.same} + {found.different} trials the score is not "
                f"higher for the same speaker (slope {slope:.3g}); it may be a distance, to be negated, "
                "or the model tells nobody apart"
            )
        return cls(
            slope=slope,
            offset=found.offset,
            quality=weights,
            prior=prior,
            same=found.same,
            different=found.different,
            trials=trials,
        )

    def llr(self, scores: ArrayLike, quality: Mapping[str, ArrayLike] | None = None) -> Floats:
        """LLRs, in nats, of scores [trials] or of one; `quality` has the measures it was fitted with.

        Raises `ValueError` where one is missing or not finite.
        """
        columns = {SCORE: scores, **(quality or {})}
        weights = {SCORE: self.slope, **self.quality}
        return logistic.apply(weights, self.offset, columns, what="this calibration")

    @staticmethod
    def probability(llr: ArrayLike, prior: float) -> Floats:
        """P(same speaker) by LLRs [trials], or one, where the same speaker has this prior."""
        return logistic.posterior(llr, prior=prior)

    def to_dict(self) -> dict[str, Any]:
        """The tree of numbers and strings that `from_dict` reads."""
        return {
            "slope": self.slope,
            "offset": self.offset,
            "quality": dict(self.quality),
            "prior": self.prior,
            "same": self.same,
            "different": self.different,
            "trials": self.trials,
        }

    @classmethod
    def from_dict(
        cls,
        values: Mapping[str, Any],
        *,
        file: Path = Path("calibration"),
        where: str = "calibration.",
    ) -> Self:
        """Read what `to_dict` gives; `file` and `where` are for messages.

        Raises `BundleError` naming the key that is unknown, missing, of another type or out of its range.
        """
        tree = JsonTree(file=file, where=where, values=values)
        tree.only("slope", "offset", "quality", "prior", "same", "different", "trials")
        found = cls(
            slope=tree.number("slope"),
            offset=tree.number("offset"),
            quality=tree.table("quality").numbers(),
            prior=tree.number("prior"),
            same=tree.count("same"),
            different=tree.count("different"),
            trials=tree.text("trials"),
        )
        if found.slope <= 0:
            raise tree.error("slope", f"{found.slope} is not above 0")
        if not 0.0 < found.prior < 1.0:
            raise tree.error("prior", f"{found.prior} is not between 0 and 1")
        return found
