"""How many people are in a pile of clips, and which clip is whose."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonant.errors import MissingExtra, StoreError
from sonant.speakers import spectral
from sonant.speakers.vectors import Vectors, units

Method = Literal["agglomerative", "spectral"]
Labels = NDArray[np.int64]
Limits = tuple[int, int]
MOST_ITEMS: Final = 8000
"""Clips that can be compared each with each: 256 MB of distances."""
UNRELATED: Final = 1.0
"""Cosine distance of voices that have nothing in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """Clips by speaker."""

    labels: Labels
    """[clips], numbers of clusters from 0, in the order of first appearance."""
    confidence: NDArray[np.float64]
    """[clips], -1 to 1: how much nearer a clip is to the middle of its own cluster than to the next one's
    (the silhouette of middles); below 0 it lies nearer to the other."""
    centres: Vectors
    """Unit vectors in the middle of clusters, [clusters, size]."""

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return len(self.centres)


def cluster(
    embeddings: ArrayLike,
    *,
    method: Method = "agglomerative",
    exactly: int | None = None,
    least: int = 1,
    most: int | None = None,
    threshold: float | None = None,
    smallest: int = 1,
) -> Clustering:
    """Group embeddings [clips, size] by speaker: `exactly` so many, or from `least` to `most`.

    Where the number is open, `agglomerative` (average linkage) stops merging below the cosine `threshold`,
    best taken from a calibration; without one it stops at the widest gap between two merges, where the last
    one counts as that of unrelated voices. `spectral` finds the number by its eigengap, without a threshold.
    Clusters of fewer than `smallest` clips go to their next neighbours, as long as `least` stay. Raises
    `StoreError` for numbers that contradict each other or embeddings without a direction, `MissingExtra`
    without SciPy.
    """
    vectors = units(embeddings)
    if method == "spectral" and threshold is not None:
        raise StoreError("threshold: spectral clustering takes none; use agglomerative")
    limits = _limits(len(vectors), exactly=exactly, least=least, most=most)
    if len(vectors) == 1 or limits == (1, 1):
        labels = np.zeros(len(vectors), np.int64)
    elif method == "spectral":
        labels = spectral.cluster(vectors, limits=limits)
    else:
        labels = _agglomerative(vectors, limits=limits, threshold=threshold)
    labels = _numbered(_without_small(vectors, _numbered(labels), smallest, least=limits[0]))
    centres = _centres(vectors, labels)
    return Clustering(
        labels=labels, confidence=_confidence(vectors, labels, centres), centres=centres
    )


def _limits(clips: int, *, exactly: int | None, least: int, most: int | None) -> Limits:
    low, high = (exactly, exactly) if exactly is not None else (least, min(most or clips, clips))
    if not 1 <= low <= high <= clips:
        raise StoreError(
            f"exactly={exactly}, least={least}, most={most}: no number of clusters of {clips} "
            f"clips; want 1 <= least <= most <= {clips}"
        )
    if clips > MOST_ITEMS:
        raise StoreError(f"{clips} clips are too many to compare; want {MOST_ITEMS} at most")
    return low, high


def _agglomerative(vectors: Vectors, *, limits: Limits, threshold: float | None) -> Labels:
    """Average linkage: the two clusters whose clips are nearest on average become one, again and again."""
    distance, hierarchy = _scipy("spatial.distance"), _scipy("cluster.hierarchy")
    tree = hierarchy.linkage(distance.pdist(vectors.astype(np.float64), "cosine"), "average")
    heights = tree[:, 2]
    if threshold is not None:
        count = 1 + int((heights > 1.0 - threshold).sum())
    else:
        # Before the k-th merge from the end there are k + 1 clusters.
        gaps = np.diff([*heights, max(UNRELATED, heights[-1])])[::-1]
        allowed = gaps[limits[0] - 1 : limits[1]]
        count = limits[0] + int(allowed.argmax()) if len(allowed) else limits[0]
    count = int(np.clip(count, *limits))
    labels: Labels = hierarchy.cut_tree(tree, n_clusters=count)[:, 0].astype(np.int64)
    return labels


def _without_small(vectors: Vectors, labels: Labels, smallest: int, *, least: int) -> Labels:
    """The smallest clusters first, each as a whole, to the cluster with the nearest middle."""
    while True:
        sizes = np.bincount(labels)
        if len(sizes) <= max(1, least) or sizes.min() >= smallest:
            return labels
        gone = int(sizes.argmin())
        near = _centres(vectors, labels) @ _centres(vectors, labels)[gone]
        near[gone] = -np.inf
        labels = _numbered(np.where(labels == gone, near.argmax(), labels))


def _numbered(labels: Labels) -> Labels:
    """The same clusters, numbered in the order of first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _centres(vectors: Vectors, labels: Labels) -> Vectors:
    sums = np.zeros((int(labels.max()) + 1, vectors.shape[1]))
    np.add.at(sums, labels, vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    centres: Vectors = (sums / np.maximum(lengths, 1e-12)).astype(np.float32)
    return centres


def _confidence(vectors: Vectors, labels: Labels, centres: Vectors) -> NDArray[np.float64]:
    distances = 1.0 - vectors.astype(np.float64) @ centres.T
    rows = np.arange(len(vectors))
    own = np.maximum(distances[rows, labels], 0.0)
    distances[rows, labels] = np.inf
    # A single cluster is held against voices that have nothing in common with it.
    other = distances.min(axis=1) if len(centres) > 1 else np.full(len(vectors), UNRELATED)
    return np.asarray((other - own) / np.maximum(np.maximum(other, own), 1e-12))


def _scipy(name: str) -> Any:
    try:
        return import_module(f"scipy.{name}")
    except ImportError as error:
        raise MissingExtra("scipy", extra="speakers", purpose="agglomerative clustering") from error
