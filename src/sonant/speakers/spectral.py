"""Spectral clustering that takes the number of clusters from the widest gap between eigenvalues.

Source: Ng, Jordan, Weiss, On spectral clustering (2001), for the algorithm; Zelnik-Manor, Perona, Self-tuning
spectral clustering (2004), for a scale of each clip's own; von Luxburg, A tutorial on spectral clustering
(2007), section 8.3, for the gap.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant.speakers.vectors import Vectors

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
NEIGHBOUR: Final = 3
"""Which of a clip's neighbours is at the distance that counts as near."""
STEEPNESS: Final = 2
"""Power of the scaled squared distance: voices lie in many dimensions, where all distances are alike."""
ROUNDS: Final = 100


def cluster(vectors: Vectors, *, limits: tuple[int, int]) -> Labels:
    """Cluster unit vectors [clips, size] into a number within `limits`; [clips], numbers from 0."""
    affinity = _affinity(vectors)
    root = np.sqrt(affinity.sum(axis=1))
    values, axes = np.linalg.eigh(np.eye(len(vectors)) - affinity / np.outer(root, root))
    # The gap behind the k-th eigenvalue speaks for k clusters; behind the last there is none.
    gaps = np.diff(values)[limits[0] - 1 : limits[1]]
    count = limits[0] + (int(gaps.argmax()) if len(gaps) else 0)
    places = axes[:, :count]
    return k_means(places / np.linalg.norm(places, axis=1, keepdims=True), count)


def k_means(points: Floats, count: int) -> Labels:
    """Lloyd's algorithm on [points, axes], begun with points far from each other: no draws at all."""
    middle = points.mean(axis=0)
    chosen = [int(np.square(points - middle).sum(axis=1).argmax())]
    nearest = np.square(points - points[chosen[0]]).sum(axis=1)
    for _ in range(1, count):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.square(points - points[chosen[-1]]).sum(axis=1))
    centres = points[chosen]
    labels = np.full(len(points), -1, np.int64)
    for _ in range(ROUNDS):
        # |p - c|² but for |p|², which is the same for every centre.
        distances = np.square(centres).sum(axis=1) - 2 * points @ centres.T
        found = distances.argmin(axis=1)
        if np.array_equal(found, labels):
            break
        labels = found
        for number in set(labels.tolist()):
            centres[number] = points[labels == number].mean(axis=0)
    return labels


def _affinity(vectors: Vectors) -> Floats:
    """How near clips are to each other, 0 to 1, each at its own scale; [clips, clips]."""
    squares = np.maximum(0.0, 2.0 - 2.0 * vectors.astype(np.float64) @ vectors.T)
    rank = min(NEIGHBOUR, len(vectors) - 1)
    scale = np.sqrt(np.partition(squares, rank, axis=1)[:, rank])
    affinity: Floats = np.exp(-((squares / np.maximum(np.outer(scale, scale), 1e-12)) ** STEEPNESS))
    return affinity
