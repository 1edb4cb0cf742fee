"""How well clusters agree with who really spoke."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Figures from 0 to 1, where 1 is without fault."""

    purity: float
    """Share of clips that are of their cluster's most frequent speaker; many small clusters are pure."""
    homogeneity: float
    """1 - H(speaker | cluster) / H(speaker): a cluster holds one speaker."""
    completeness: float
    """1 - H(cluster | speaker) / H(cluster): a speaker is in one cluster."""

    @property
    def v_measure(self) -> float:
        """Harmonic mean of homogeneity and completeness."""
        total = self.homogeneity + self.completeness
        return 2 * self.homogeneity * self.completeness / total if total else 0.0


def agreement(speakers: Sequence[Hashable], clusters: Sequence[int]) -> Agreement:
    """Compare clusters [clips] with speakers [clips].

    Raises `ValueError` for lists of different or no length. Source: Rosenberg, Hirschberg, V-measure: a
    conditional entropy-based external cluster evaluation measure (2007).
    """
    if len(speakers) != len(clusters) or not len(speakers):
        raise ValueError(f"{len(speakers)} speakers for {len(clusters)} clusters; want one each")
    counts = _counts(speakers, clusters)
    both = _entropy(counts.ravel())
    by_speaker, by_cluster = _entropy(counts.sum(axis=1)), _entropy(counts.sum(axis=0))
    return Agreement(
        purity=float(counts.max(axis=0).sum() / counts.sum()),
        homogeneity=1.0 - (both - by_cluster) / by_speaker if by_speaker else 1.0,
        completeness=1.0 - (both - by_speaker) / by_cluster if by_cluster else 1.0,
    )


def _counts(speakers: Sequence[Hashable], clusters: Sequence[int]) -> NDArray[np.int64]:
    """Clips of each speaker in each cluster, [speakers, clusters]."""
    rows = {one: number for number, one in enumerate(dict.fromkeys(speakers))}
    columns = {one: number for number, one in enumerate(dict.fromkeys(clusters))}
    found = np.zeros((len(rows), len(columns)), np.int64)
    for speaker, cluster in zip(speakers, clusters, strict=True):
        found[rows[speaker], columns[cluster]] += 1
    return found


def _entropy(counts: NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return max(0.0, float(-(shares * np.log(shares)).sum()))
