"""A picture of embeddings: near points sound alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonant.plots import canvas
from sonant.plots.canvas import LIGHT, Theme
from sonant.speakers.vectors import units

COLOURS: Final = (
    "#2f6f8f", "#c2571a", "#4c8c4a", "#8e4585", "#b8860b", "#c23b4e", "#3d5a99", "#6b8e23",
    "#008b8b", "#7a5c3e",
)  # fmt: skip
MARKERS: Final = "osD^vPX*"
"""With the colours, 80 clusters that can be told apart."""
MOST_NAMED: Final = 40
"""Clusters up to which the picture has room for names."""


def embedding_map(
    embeddings: ArrayLike,
    labels: Sequence[int],
    *,
    names: Sequence[str] = (),
    confidence: Sequence[float] = (),
    theme: Theme = LIGHT,
) -> bytes:
    """Draw embeddings [clips, size] on the two axes along which they differ most, a colour a label.

    `labels` are numbers of clusters or speakers, [clips]; `names` are those of the labels, and `confidence`
    [clips] below 0 draws a clip hollow. Returns a PNG. Raises `MissingExtra` without matplotlib,
    `StoreError` for embeddings without a direction, `ValueError` for lists of other lengths.
    """
    vectors = units(embeddings)
    if len(labels) != len(vectors) or (confidence and len(confidence) != len(vectors)):
        raise ValueError(
            f"{len(labels)} labels and {len(confidence)} confidences, {len(vectors)} embeddings"
        )
    places, shares = principal_axes(vectors)
    figure = canvas.figure(7.2, 5.4, theme=theme)
    axes = figure.subplots()
    canvas.style(axes, theme)
    axes.set(
        xlabel=f"first axis, {shares[0]:.0%} of the spread",
        ylabel=f"second axis, {shares[1]:.0%} of the spread",
    )
    axes.set_aspect("equal", adjustable="datalim")
    sure = np.asarray(confidence) >= 0 if confidence else np.ones(len(vectors), np.bool_)
    for label in sorted(set(labels)):
        _points(axes, places, np.asarray(labels) == label, sure, label=label, theme=theme)
    _names(axes, places, labels, names, theme=theme)
    return canvas.png(figure)


def principal_axes(
    vectors: NDArray[np.floating[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Vectors [clips, size] on their two principal axes, [clips, 2], and each one's share of the spread, [2].

    The sign of an axis is such that its largest value is positive, so that the same vectors give one picture.
    """
    around = vectors - vectors.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(around.astype(np.float64), full_matrices=False)
    filled = np.zeros((len(vectors), 2))
    found = left[:, :2] * values[:2]
    if len(found):
        found = found * np.where(
            found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])] < 0, -1, 1
        )
    filled[:, : found.shape[1]] = found
    shares = np.zeros(2)
    shares[: len(values[:2])] = values[:2] ** 2 / max(float((values**2).sum()), 1e-12)
    return filled, shares


def _points(
    axes: Any,
    places: NDArray[np.float64],
    mine: NDArray[np.bool_],
    sure: NDArray[np.bool_],
    *,
    label: int,
    theme: Theme,
) -> None:
    colour = COLOURS[label % len(COLOURS)]
    marker = MARKERS[label // len(COLOURS) % len(MARKERS)]
    for chosen, face in ((mine & sure, colour), (mine & ~sure, theme.ground)):
        if chosen.any():
            axes.scatter(
                *places[chosen].T, s=26, marker=marker, facecolors=face, edgecolors=colour,
                linewidths=0.9, zorder=3,
            )  # fmt: skip


def _names(
    axes: Any,
    places: NDArray[np.float64],
    labels: Sequence[int],
    names: Sequence[str],
    *,
    theme: Theme,
) -> None:
    """The name of each label at the middle of its points."""
    if not names or len(set(labels)) > MOST_NAMED:
        return
    for label, name in zip(sorted(set(labels)), canvas.drawable(list(names)), strict=True):
        middle = places[np.asarray(labels) == label].mean(axis=0)
        axes.annotate(
            name, middle, xytext=(0, 8), textcoords="offset points", ha="center", fontsize=8,
            color=theme.ink, family=list(canvas.fonts()),
        )  # fmt: skip
